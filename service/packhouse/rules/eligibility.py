"""Whether an order may ship, and which units: the rules that apply to every order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from packhouse.config.sections import RuleSettings
from packhouse.model.hold import HoldCode
from packhouse.model.order import Line, Order, Units
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.rules import address
from packhouse.rules.changes import STOPPED
from packhouse.rules.decision import Decision, NeedsHold, Reason, Ship, Skip, Withdraw
from packhouse.rules.shipping_options import Choice, reason_to_hold
from packhouse.rules.units import listed, remaining

_SHIPPABLE = frozenset({"pending", "partially_fulfilled", "fulfilled"})
_OURS = frozenset({ShipmentState.FULFILLED, ShipmentState.DELIVERED})
_STILL_HERE = frozenset({ShipmentState.PLANNED, ShipmentState.HELD, ShipmentState.LABELED})


def decide(
    order: Order,
    shipments: Sequence[Shipment],
    digital: Mapping[str, bool | None],
    settings: RuleSettings,
    waived: Collection[HoldCode] = (),
    choice: Choice | None = None,
) -> Decision:
    """Decide what may be planned now.

    `digital` says for each line id whether the line is digital, None if that is not known. `waived` are the
    kinds of holds that an operator has released: they no longer hold this order. `choice` is what the buyer's
    shipping option means.
    """
    if order.status in STOPPED:
        return Withdraw(f"The order is {order.status} in the store.")
    if order.status == "fulfilled" and order.fulfillments is None:
        return Skip("The store reports every unit as fulfilled.", shipped=True)
    physical, unknown = _physical(order, shipments, digital, settings)
    units = listed(physical, order)
    reasons = [*_unclear(order, shipments, units)]
    if unknown:
        names = "; ".join(line.name or line.id for line in unknown)
        reasons.append(Reason(HoldCode.DIGITAL_UNKNOWN, names))
    if units and settings.check_address and (missing := address.faults(order.address)):
        reasons.append(Reason(HoldCode.ADDRESS_INCOMPLETE, "; ".join(missing)))
    may_leave = bool(units) or any(shipment.state in _STILL_HERE for shipment in shipments)
    if may_leave and choice and (reason := reason_to_hold(choice)):
        reasons.append(reason)
    reasons = [reason for reason in reasons if reason.code not in waived]
    if reasons:
        return NeedsHold(tuple(reasons))
    return Ship(units) if units else _nothing_left(order, shipments)


def _physical(
    order: Order, shipments: Sequence[Shipment], digital: Mapping[str, bool | None], settings: RuleSettings
) -> tuple[Counter[str], list[Line]]:
    """Units by line that need a parcel, and the lines for which that is not known."""
    left = remaining(order, shipments)
    unknown: list[Line] = []
    for line in order.lines:
        kind = digital.get(line.id)
        if left[line.id] <= 0:
            continue
        if kind is None and settings.digital_unknown == "hold":
            unknown.append(line)
        if kind or (kind is None and settings.digital_unknown == "skip"):
            del left[line.id]
    return left, unknown


def _nothing_left(order: Order, shipments: Sequence[Shipment]) -> Decision:
    """Why no unit is left to plan."""
    if any(shipment.state.reserves_units for shipment in shipments):
        if any(shipment.state is ShipmentState.VOIDING for shipment in shipments):
            return Skip("The remaining units wait for the void of a label.")
        done = all(s.state in _OURS for s in shipments if s.state.reserves_units)
        return Skip("Every unit has shipped." if done else "Every unit is in progress.", shipped=done)
    if order.fulfillments:
        return Skip("Every unit was shipped elsewhere.", shipped=True)
    if not order.lines:
        return NeedsHold((Reason(HoldCode.ORDER_UNREADABLE, "the order has no lines"),))
    return Skip("No unit needs shipping: all are digital or refunded.")


def _unclear(order: Order, shipments: Sequence[Shipment], units: Sequence[Units]) -> list[Reason]:
    """What the store reports too vaguely to count units, if some are still to ship."""
    ours = {shipment.label.tracking_number for shipment in shipments if shipment.label}
    is_posted = any(s.state in _OURS or s.post_body for s in shipments)
    reasons: list[Reason] = []
    if not units and not any(shipment.state in _STILL_HERE for shipment in shipments):
        return reasons
    if order.status not in _SHIPPABLE:
        note = repr(order.status) if order.status else "the status is missing"
        reasons.append(Reason(HoldCode.STATUS_UNKNOWN, note))
    if any(not f.units and f.tracking_number not in ours for f in order.fulfillments or ()) or (
        order.status == "partially_fulfilled" and order.fulfillments is None and not is_posted
    ):
        reasons.append(Reason(HoldCode.PARTLY_FULFILLED_UNCLEAR, ""))
    elif order.status == "fulfilled" and units:
        count = sum(some.quantity for some in units)
        units_left = "1 unit is" if count == 1 else f"{count} units are"
        note = f"the order is fulfilled in the store, and {units_left} in no fulfillment"
        reasons.append(Reason(HoldCode.PARTLY_FULFILLED_UNCLEAR, note))
    if any(not refund.units for refund in order.refunds or ()):
        reasons.append(Reason(HoldCode.REFUND_UNCLEAR, ""))
    return reasons
