"""Bulk fulfillments, with the same checks as `orders fulfill`. No I/O."""

from __future__ import annotations

import json
from dataclasses import replace

from packhouse.model.line_units import end_of, units_of
from packhouse.model.order import Fulfillment, Order, Units
from packhouse.store import requests
from packhouse.store.requests import StoreRequest
from packhouse_cli.bulk.action import Draft, NothingToDo, OrderTakeover, RowRejected, rejects_row
from packhouse_cli.bulk.plan import PlanItem
from packhouse_cli.bulk.rows import Row
from packhouse_cli.changes.fulfill import IRREVERSIBLE_NOTE, fulfill_change
from packhouse_cli.changes.line_items import is_recorded
from packhouse_cli.exit_codes import CommandError


class Fulfillments:
    """Units that shipped with a tracking number."""

    name = "fulfill"
    done_text = "fulfilled"
    irreversible_note = IRREVERSIBLE_NOTE
    ships_parcel = True
    one_per_order = False
    completes_later = False
    keyed = True

    def draft(self, row: Row, order: Order, *, again: bool) -> Draft:
        """The named units, or all unshipped units that are not digital. `again` has no effect."""
        name = f"order {order.id}"
        with rejects_row():
            try:
                change = fulfill_change(order, row.carrier, row.tracking, row.items)
            except CommandError as error:
                if error.code == "nothing_left":
                    raise NothingToDo(f"{name} ({order.status}) has no unit left to ship") from None
                raise
        if change.already_recorded:
            raise NothingToDo(f"{name} already has tracking number {row.tracking}")
        if end := end_of(order):
            raise RowRejected(f"{name} is {end}")
        if not order.status:
            raise RowRejected(f"{name} has no status at the store")
        units, _ = _parse_body(change.request.body or b"{}")
        what = ", ".join(f"{part.quantity} of {part.line_id}" for part in units)
        return Draft(
            summary=f"fulfill {what} with {row.carrier} {row.tracking}",
            request=change.request,
            key=change.key,
            after=_with_parcel(order, Fulfillment(row.tracking, row.carrier, tuple(units))),
        )

    def request(self, order_id: str, body: bytes, key: str) -> StoreRequest:
        """POST …/fulfill."""
        return requests.fulfill(order_id, body, key)

    def check_takeover(self, item: PlanItem, takeover: OrderTakeover) -> None:
        """Packhouse must not have bought another label for these units."""
        takeover.refuse_other_labels(*_parse_body(item.body))

    def is_recorded(self, item: PlanItem, order: Order, *, sent: bool) -> bool:
        """Whether the order has the tracking number with these units, no matter who posted it."""
        units, tracking = _parse_body(item.body)
        return is_recorded(order, tracking, units)

    def can_verify(self, order: Order) -> bool:
        """Whether the store lists the fulfillments of the order."""
        return order.fulfillments is not None


def _parse_body(body: bytes | str) -> tuple[list[Units], str]:
    """The units and the tracking number in a request body."""
    parsed = json.loads(body)
    return [Units(item["line_item_id"], item["quantity"]) for item in parsed["items"]], parsed[
        "tracking_number"
    ]


def _with_parcel(order: Order, parcel: Fulfillment) -> Order:
    """The order with this parcel added, as the store would show it: as a fulfillment, or in its counts."""
    lines = tuple(
        replace(
            line,
            shipped_counts=tuple(count + units_of(parcel.units, line.id) for count in line.shipped_counts),
            open_counts=tuple(max(0, n - units_of(parcel.units, line.id)) for n in line.open_counts),
        )
        for line in order.lines
    )
    if order.fulfillments is None:
        return replace(order, lines=lines)
    return replace(order, lines=lines, fulfillments=(*order.fulfillments, parcel))
