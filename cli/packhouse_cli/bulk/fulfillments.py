"""Fulfilling in bulk: units that left with a tracking number, checked as `orders fulfill` does it. No I/O."""

from __future__ import annotations

import json
from dataclasses import replace

from packhouse.model.order import Fulfillment, Order, Units
from packhouse.store import requests
from packhouse.store.requests import StoreRequest
from packhouse_cli.bulk.action import Draft, NotNeeded, NotPlanned, Taken, refused_as_not_planned
from packhouse_cli.bulk.plan import Act
from packhouse_cli.bulk.rows import Row
from packhouse_cli.changes.fulfill import FOR_GOOD, fulfill_act
from packhouse_cli.changes.line_items import is_recorded
from packhouse_cli.exit_codes import CommandError
from packhouse_cli.terminal.output import safe

_NEVER_SHIPS = ("cancelled", "refunded", "returned")


class Fulfillments:
    """Units left with a tracking number."""

    name = "fulfill"
    done = "fulfilled"
    for_good = FOR_GOOD
    for_parcel = True
    once = False
    lands_later = False
    keyed = True

    def draft(self, row: Row, order: Order, *, again: bool) -> Draft:
        """The units named, or all that are left and not digital. No parcel leaves `again`."""
        name = f"order {safe(order.id)}"
        with refused_as_not_planned():
            try:
                act = fulfill_act(order, row.carrier, row.tracking, row.items)
            except CommandError as error:
                if error.code == "nothing_left":
                    raise NotNeeded(f"{name} ({safe(order.status)}) has no unit left to ship") from None
                raise
        if act.already:
            raise NotNeeded(f"{name} has tracking number {safe(row.tracking)} already")
        if order.status in _NEVER_SHIPS:
            raise NotPlanned(f"{name} is {order.status}")
        if not order.status:
            raise NotPlanned(f"the store does not say the status of {name}")
        units, _ = _said(act.request.body or b"{}")
        what = ", ".join(f"{part.quantity} of {part.line_id}" for part in units)
        return Draft(
            what=f"{what} with {row.carrier} {row.tracking}",
            request=act.request,
            key=act.key,
            after=_with_parcel(order, Fulfillment(row.tracking, row.carrier, tuple(units))),
        )

    def request(self, order_id: str, body: bytes, key: str) -> StoreRequest:
        """POST …/fulfill."""
        return requests.fulfill(order_id, body, key)

    def mind(self, act: Act, taken: Taken) -> None:
        """No other label may have been bought for these units."""
        taken.refuse_other_labels(*_said(act.body))

    def is_recorded(self, act: Act, order: Order, *, sent: bool) -> bool:
        """The tracking number with these units; whoever posted it."""
        units, tracking = _said(act.body)
        return is_recorded(order, tracking, units)

    def shows(self, order: Order) -> bool:
        """The store lists its fulfillments."""
        return order.fulfillments is not None


def _said(body: bytes | str) -> tuple[list[Units], str]:
    """The units and the tracking number in a call."""
    said = json.loads(body)
    return [Units(item["line_item_id"], item["quantity"]) for item in said["items"]], said["tracking_number"]


def _with_parcel(order: Order, parcel: Fulfillment) -> Order:
    """The order once this parcel is recorded too; where the store shows none, it will not show this one."""
    if order.fulfillments is None:
        return order
    return replace(order, fulfillments=(*order.fulfillments, parcel))
