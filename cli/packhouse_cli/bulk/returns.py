"""Bulk returns, with the same checks as `orders return create`. No I/O."""

from __future__ import annotations

import json

from packhouse.model.order import Order, Units
from packhouse.store import returns as wire
from packhouse.store.requests import StoreRequest
from packhouse_cli.bulk.action import Draft, NothingToDo, OrderTakeover, RowRejected, rejects_row
from packhouse_cli.bulk.plan import PlanItem
from packhouse_cli.bulk.rows import Row
from packhouse_cli.changes.returns import newest_match, return_change


class Returns:
    """Returns of units."""

    name = "return"
    done_text = "return created"
    irreversible_note = "The store notifies the buyer. A return can still be rejected."
    ships_parcel = False
    one_per_order = True
    completes_later = False
    keyed = False

    def draft(self, row: Row, order: Order, *, again: bool) -> Draft:
        """Exactly the named units."""
        if not row.items:
            raise RowRejected(f"order {order.id}: name the units to return, such as li_1:1")
        with rejects_row():
            change = return_change(order, row.items, row.reason, again=again)
        if change.already_recorded:
            raise NothingToDo(f"order {order.id} already has this return; --again plans a second one")
        what = ", ".join(f"{part.quantity} of {part.line_id}" for part in row.items)
        return Draft(
            summary=f"return {what}: {row.reason}" if row.reason else f"return {what}",
            request=change.request,
            key=change.key,
            after=order,
        )

    def request(self, order_id: str, body: bytes, key: str) -> StoreRequest:
        """POST …/returns."""
        return wire.create_return(order_id, body, key)

    def check_takeover(self, item: PlanItem, takeover: OrderTakeover) -> None:
        """Nothing that Packhouse does conflicts with this change."""

    def is_recorded(self, item: PlanItem, order: Order, *, sent: bool) -> bool:
        """Whether it was sent, the order has exactly one more return, and a return matches this one."""
        rows, was = wire.returns_of(order), item.preconditions.returns
        if not sent or rows is None or len(rows) != (was or 0) + 1:
            return False
        sent_body = json.loads(item.body)
        units = [Units(item["line_item_id"], item["quantity"]) for item in sent_body["items"]]
        return newest_match(rows, units, sent_body.get("reason", "")) is not None

    def can_verify(self, order: Order) -> bool:
        """Whether the store lists the returns of the order."""
        return wire.returns_of(order) is not None
