"""Whether an order may ship, and which units: the rules that apply to every order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from packhouse.config.guard import GuardSettings
from packhouse.config.sections import RuleSettings
from packhouse.model.hold import HoldCode
from packhouse.model.line_units import ENDED, end_of, is_fulfilled_by_status, line_units
from packhouse.model.order import Line, Order, Units
from packhouse.model.product_entries import entries_to_add
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.model.tracking_number import canonical
from packhouse.model.unit_doubts import refund_doubts, shipping_doubts
from packhouse.rules import address, size
from packhouse.rules.decision import Decision, NeedsHold, Reason, Ship, Skip, Withdraw
from packhouse.rules.shipping_options import Choice, reason_to_hold
from packhouse.rules.units import Remaining, listed, remaining_units

# With any other status an operator decides. One of ENDED has its own hold.
_KNOWN = frozenset({"pending", "partially_fulfilled", "fulfilled"}) | ENDED
_OURS = frozenset({ShipmentState.FULFILLED, ShipmentState.DELIVERED})
_STILL_HERE = frozenset({ShipmentState.PLANNED, ShipmentState.HELD, ShipmentState.LABELED})


def decide(
    order: Order,
    shipments: Sequence[Shipment],
    digital: Mapping[str, bool | None],
    settings: RuleSettings,
    waived: Collection[HoldCode] = (),
    choice: Choice | None = None,
    *,
    has_site: bool = True,
    limits: GuardSettings | None = None,
) -> Decision:
    """Decide what may be planned now.

    `digital` says for each line id whether the line is digital, None if that is not known. `waived` are the
    kinds of holds that an operator has released: they no longer hold this order. `choice` is what the buyer's
    shipping option means. `has_site`: the site is known in whose catalog the products are. `limits` bound
    the size of an order that ships without a person.
    """
    limits = limits or GuardSettings()
    if end := end_of(order):
        return Withdraw(f"The order is {end} in the store.")
    if is_fulfilled_by_status(order):
        return Skip("The store reports every unit as fulfilled.", shipped=True)
    is_size_accepted = HoldCode.ORDER_TOO_LARGE in waived
    if not is_size_accepted and (why := size.too_many_lines(order, limits)):
        # Counting its units takes the longer the more lines there are.
        return NeedsHold((Reason(HoldCode.ORDER_TOO_LARGE, why),))
    left = remaining_units(order, shipments)
    physical, unknown = _physical(order, left.left, digital, settings)
    units = listed(physical, order)
    parcels = {line.id for line in order.lines if not _is_skipped(digital.get(line.id), settings)}
    reasons = _unclear(order, shipments, units, left, parcels)
    if why := size.too_many_units(order, units, limits):
        reasons.append(Reason(HoldCode.ORDER_TOO_LARGE, why))
    if unknown:
        reasons.append(Reason(HoldCode.DIGITAL_UNKNOWN, _not_said(unknown, has_site=has_site)))
    if (
        units
        and settings.check_address
        and (missing := address.faults(order.address, settings.ignored_address_fields))
    ):
        reasons.append(Reason(HoldCode.ADDRESS_INCOMPLETE, "; ".join(missing)))
    may_leave = bool(units) or any(shipment.state in _STILL_HERE for shipment in shipments)
    if may_leave and choice and (reason := reason_to_hold(choice)):
        reasons.append(reason)
    reasons = [reason for reason in reasons if reason.code not in waived]
    if reasons:
        return NeedsHold(tuple(reasons))
    return Ship(units) if units else _nothing_left(order, shipments)


def _not_said(unknown: Sequence[Line], *, has_site: bool) -> str:
    """The lines, and the settings that say what the store does not."""
    names = "; ".join(line.name or line.id for line in unknown)
    said = entries_to_add(unknown, "digital = false")
    note = f"{names}. Add {said} (or true) to packhouse.toml"
    if has_site:
        return note
    return (
        f'{note}, or site_slug = "SLUG" to its section [store]: the order names no site, and the list of all '
        "products does not say it or needs the scope read:content"
    )


def _is_skipped(is_digital: bool | None, settings: RuleSettings) -> bool:
    return bool(is_digital) or (is_digital is None and settings.digital_unknown == "skip")


def _physical(
    order: Order, left: Counter[str], digital: Mapping[str, bool | None], settings: RuleSettings
) -> tuple[Counter[str], list[Line]]:
    """Units by line that need a parcel, and the lines for which that is not known."""
    physical: Counter[str] = Counter()
    unknown: list[Line] = []
    for line in order.lines:
        kind = digital.get(line.id)
        if left[line.id] <= 0:
            continue
        if kind is None and settings.digital_unknown == "hold":
            unknown.append(line)
        if not _is_skipped(kind, settings):
            physical[line.id] = left[line.id]
    return physical, unknown


def _nothing_left(order: Order, shipments: Sequence[Shipment]) -> Decision:
    """Why no unit is left to plan."""
    if any(shipment.state.reserves_units for shipment in shipments):
        if any(shipment.state is ShipmentState.VOIDING for shipment in shipments):
            return Skip("The remaining units wait for the void of a label.")
        done = all(s.state in _OURS for s in shipments if s.state.reserves_units)
        return Skip("Every unit has shipped." if done else "Every unit is in progress.", shipped=done)
    if any(one.shipped for one in line_units(order).values()):
        return Skip("Every unit was shipped elsewhere.", shipped=True)
    if not order.lines:
        return NeedsHold((Reason(HoldCode.ORDER_UNREADABLE, "the order has no lines"),))
    return Skip("No unit needs shipping: all are digital or refunded.")


def _unclear(
    order: Order,
    shipments: Sequence[Shipment],
    units: Sequence[Units],
    left: Remaining,
    parcels: Collection[str],
) -> list[Reason]:
    """What the store reports too vaguely to count units, if some are still to ship or may be."""
    shipping = [one for one in left.doubtful_shipping if one.line.id in parcels]
    refunds = [one for one in left.doubtful_refunds if one.line.id in parcels]
    reasons: list[Reason] = []
    if not units and not shipping and not any(shipment.state in _STILL_HERE for shipment in shipments):
        return reasons
    unshipped = tuple(some for some in listed(left.unshipped, order) if some.line_id in parcels)
    if order.status not in _KNOWN:
        note = repr(order.status) if order.status else "the status is missing"
        reasons.append(Reason(HoldCode.STATUS_UNKNOWN, note))
    ours = {canonical(shipment.label.tracking_number) for shipment in shipments if shipment.label}
    is_posted = any(s.state in _OURS or s.post_body for s in shipments)
    if doubts := shipping_doubts(order, unshipped, shipping, parcels, ours, is_posted=is_posted):
        reasons.append(Reason(HoldCode.PARTLY_FULFILLED_UNCLEAR, "; ".join(doubts)))
    if doubts := refund_doubts(order, unshipped, refunds):
        reasons.append(Reason(HoldCode.REFUND_UNCLEAR, "; ".join(doubts)))
    return reasons
