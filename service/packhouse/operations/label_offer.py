"""The label of an order for a person or a program: ready, still expected, or refused with a reason."""

from __future__ import annotations

from collections.abc import Callable

from packhouse.model.hold import Hold, HoldCode
from packhouse.model.hold_kind import End
from packhouse.model.shipment import Shipment
from packhouse.model.states import MEANING, ShipmentState
from packhouse.operations.views import LabelOffer, OrderView

_S = ShipmentState
_POSTED = (_S.FULFILLED, _S.DELIVERED)


def label_offer(view: OrderView, name_of: Callable[[str], str], paused: str = "") -> LabelOffer:
    """The offer for an order. `name_of` maps a carrier to its name at the store, `paused` is why nothing is
    bought now, or "".

    While an operation has not been processed yet, the offer is "waiting": the next pass decides.
    """
    live = [s for s in view.shipments if s.state.reserves_units and s.state is not _S.VOIDING]
    unposted = [shipment for shipment in live if shipment.state not in _POSTED]
    hold_id = next((h.id for h in view.holds if h.is_active and h.code is HoldCode.EXTERNAL_POSTING), None)

    def offer(state: str, why: str, shipment: Shipment | None = None) -> LabelOffer:
        label = shipment.label if shipment else None
        carrier = name_of(label.carrier) if label else ""
        return LabelOffer(view.id, state, why, shipment, carrier, hold_id, len(unposted))

    if len(unposted) > 1:
        why = f"Order {view.id} ships in {len(unposted)} parcels, each with its own tracking number; "
        return offer("refused", why + "Packhouse posts them itself.")
    if not unposted and len(live) == 1:
        return offer("ready", "The store has the tracking number already.", live[0])
    if not unposted and live:
        numbers = ", ".join(s.label.tracking_number for s in live if s.label)
        return offer("refused", f"Order {view.id} shipped in {len(live)} parcels: {numbers}.")
    shipment = unposted[0] if unposted else None
    if holds := _holding(view, shipment):
        if shipment is not None and shipment.state is _S.LABELED:
            return offer("refused", holds[0].sentence)
        return offer("waiting" if view.working else "refused", holds[0].sentence)
    if shipment is None:
        if view.working or view.phase in ("open", "held"):
            return offer("waiting", view.last_error or "Packhouse has not processed the order yet.")
        return offer("refused", view.reason or "Nothing is left to ship.")
    if shipment.state is _S.LABELED:
        return offer("ready", "", shipment)
    if paused and shipment.state not in (_S.BUYING, _S.UNKNOWN):
        return offer("refused", f"Packhouse is paused: {paused}")
    return offer("waiting", view.last_error or view.reason or MEANING[shipment.state], shipment)


def _holding(view: OrderView, shipment: Shipment | None) -> list[Hold]:
    """The active holds that keep the order, or this shipment of it, from shipping."""
    return [
        hold
        for hold in view.holds
        if hold.is_active
        and End.NOTHING_TO_POST not in hold.kind.ends  # placed to use the label outside Packhouse
        and (shipment is None or hold.shipment_id in ("", shipment.id))
    ]
