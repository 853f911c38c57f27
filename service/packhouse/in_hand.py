"""Which label a person or a program is handed for an order: there is one, will be, or will not be."""

from __future__ import annotations

from collections.abc import Callable

from packhouse.api.board import LabelInHand, OrderView
from packhouse.model.hold import Hold, HoldCode
from packhouse.model.hold_kind import End
from packhouse.model.shipment import Shipment
from packhouse.model.states import MEANING, ShipmentState

_S = ShipmentState
_POSTED = (_S.FULFILLED, _S.DELIVERED)


def label_in_hand(view: OrderView, name_of: Callable[[str], str], paused: str = "") -> LabelInHand:
    """Judge an order as the ledger has it; `name_of` is what the store is told for a carrier, `paused` why
    nothing is bought now.

    While the machine has not looked since the last act, what it will say is waited for.
    """
    live = [s for s in view.shipments if s.state.reserves_units and s.state is not _S.VOIDING]
    unposted = [shipment for shipment in live if shipment.state not in _POSTED]
    asked = next((h.id for h in view.holds if h.is_active and h.code is HoldCode.EXTERNAL_POSTING), None)

    def answer(state: str, why: str, shipment: Shipment | None = None) -> LabelInHand:
        label = shipment.label if shipment else None
        carrier = name_of(label.carrier) if label else ""
        return LabelInHand(view.id, state, why, shipment, carrier, asked, len(unposted))

    if len(unposted) > 1:
        why = f"Order {view.id} leaves in {len(unposted)} parcels, each with a number of its own; "
        return answer("refused", why + "Packhouse posts them itself.")
    if not unposted and len(live) == 1:
        return answer("ready", "The store has it already.", live[0])
    if not unposted and live:
        numbers = ", ".join(s.label.tracking_number for s in live if s.label)
        return answer("refused", f"Order {view.id} left in {len(live)} parcels: {numbers}.")
    shipment = unposted[0] if unposted else None
    if holds := _holding(view, shipment):
        if shipment is not None and shipment.state is _S.LABELED:
            return answer("refused", holds[0].sentence)
        return answer("waiting" if view.working else "refused", holds[0].sentence)
    if shipment is None:
        if view.working or view.phase in ("open", "held"):
            return answer("waiting", view.last_error or "Packhouse looks at the order.")
        return answer("refused", view.reason or "Nothing of it is left to ship.")
    if shipment.state is _S.LABELED:
        return answer("ready", "", shipment)
    if paused and shipment.state not in (_S.BUYING, _S.UNKNOWN):
        return answer("refused", f"Packhouse is paused: {paused}")
    return answer("waiting", view.last_error or view.reason or MEANING[shipment.state], shipment)


def _holding(view: OrderView, shipment: Shipment | None) -> list[Hold]:
    """What keeps the order, or this shipment of it, from leaving."""
    return [
        hold
        for hold in view.holds
        if hold.is_active
        and End.NOTHING_TO_POST not in hold.kind.ends  # placed to use the label elsewhere
        and (shipment is None or hold.shipment_id in ("", shipment.id))
    ]
