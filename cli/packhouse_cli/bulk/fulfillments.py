"""Fulfilling in bulk: units that left with a tracking number. No I/O."""

from __future__ import annotations

import json

from packhouse.model.order import Order, Units
from packhouse.store import protocol
from packhouse.store.requests import StoreRequest
from packhouse_cli import fulfilling
from packhouse_cli.bulk.action import Draft, NotNeeded, NotPlanned, Taken, refused_as_not_planned
from packhouse_cli.bulk.plan import Act
from packhouse_cli.bulk.relied import Relied
from packhouse_cli.bulk.rows import Row
from packhouse_cli.output import safe

_NEVER_SHIPS = ("cancelled", "refunded", "returned")


class Fulfillments:
    """Units left with a tracking number."""

    name = "fulfill"
    done = "fulfilled"
    for_good = "A fulfillment cannot be taken back, and the store tells the buyer."
    for_parcel = True
    once = False
    lands_later = False

    def draft(self, row: Row, order: Order, before: Relied, *, again: bool) -> Draft:
        """The units named, or all that are left and not digital. No parcel leaves `again`."""
        with refused_as_not_planned():
            named = fulfilling.named_units(order, row.items)
            if fulfilling.is_recorded(order, row.tracking, named):
                raise NotNeeded(f"order {safe(order.id)} has tracking number {safe(row.tracking)} already")
            if order.status in _NEVER_SHIPS:
                raise NotPlanned(f"order {safe(order.id)} is {order.status}")
            if not order.status:
                raise NotPlanned(f"the store does not say the status of order {safe(order.id)}")
            units = named or _rest(order, before)
        for part in units:
            line = order.line(part.line_id)
            left = part.quantity if before.left is None else before.left.get(part.line_id, 0)
            if line is not None and line.is_digital:
                raise NotPlanned(
                    f"line {safe(line.id)} of order {safe(order.id)} is digital: nothing to ship"
                )
            if part.quantity > left:
                raise NotPlanned(
                    f"line {safe(part.line_id)} of order {safe(order.id)} has {left} units left to ship, "
                    f"not {part.quantity}"
                )
        what = ", ".join(f"{part.quantity} of {part.line_id}" for part in units)
        key = fulfilling.key_for(order.id, row.carrier, row.tracking, units)
        return Draft(
            what=f"{what} with {row.carrier} {row.tracking}",
            request=self.request(order.id, protocol.fulfill_body(units, row.carrier, row.tracking), key),
            key=key,
            after=before.after(units),
        )

    def request(self, order_id: str, body: bytes, key: str) -> StoreRequest:
        """POST …/fulfill."""
        return protocol.fulfill(order_id, body, key)

    def mind(self, act: Act, taken: Taken) -> None:
        """No other label may have been bought for these units."""
        taken.refuse_other_labels(*_said(act))

    def is_recorded(self, act: Act, order: Order, *, sent: bool) -> bool:
        """The tracking number with these units; whoever posted it."""
        units, tracking = _said(act)
        return fulfilling.is_recorded(order, tracking, units)

    def shows(self, order: Order) -> bool:
        """The store lists its fulfillments."""
        return order.fulfillments is not None


def _said(act: Act) -> tuple[list[Units], str]:
    """The units and the tracking number of its call."""
    said = json.loads(act.body)
    return [Units(item["line_item_id"], item["quantity"]) for item in said["items"]], said["tracking_number"]


def _rest(order: Order, before: Relied) -> tuple[Units, ...]:
    """What is left once the rows before have shipped. Raises NotNeeded, CommandError."""
    if before.left is None:
        return fulfilling.unshipped_units(order)
    units = tuple(
        Units(line.id, before.left[line.id])
        for line in order.lines
        if not line.is_digital and before.left.get(line.id, 0) > 0
    )
    if not units:
        raise NotNeeded(f"order {safe(order.id)} ({safe(order.status)}) has no unit left to ship")
    return units
