"""Bulk refunds to the buyers, with the same checks as `orders refund`. No I/O."""

from __future__ import annotations

import json

from packhouse.model.money import Money
from packhouse.model.order import Order
from packhouse.store import requests
from packhouse.store.requests import StoreRequest
from packhouse_cli.bulk.action import Draft, NothingToDo, OrderTakeover, rejects_row
from packhouse_cli.bulk.plan import PlanItem
from packhouse_cli.bulk.preconditions import refunded
from packhouse_cli.bulk.rows import Row
from packhouse_cli.changes.refund import IRREVERSIBLE_NOTE, refund_change


class Refunds:
    """Refunds to the buyer."""

    name = "refund"
    done_text = "refund requested"
    irreversible_note = IRREVERSIBLE_NOTE
    ships_parcel = False
    one_per_order = True
    completes_later = True
    keyed = True

    def draft(self, row: Row, order: Order, *, again: bool) -> Draft:
        """The given amount, or everything that is left; never more than that."""
        with rejects_row():
            minor = None if row.amount is None else row.amount.minor(order.currency)
            change = refund_change(order, minor, row.reason, again=again)
        if change.already_recorded:
            raise NothingToDo(f"order {order.id} already has this refund; --again plans a second one")
        amount = json.loads(change.request.body or b"{}").get("amount")
        what = "refund the remaining amount" if amount is None else f"refund {_money(amount, order.currency)}"
        return Draft(
            summary=f"{what}: {row.reason}" if row.reason else what,
            request=change.request,
            key=change.key,
            after=order,
            cost_minor=amount,
            currency=order.currency,
        )

    def request(self, order_id: str, body: bytes, key: str) -> StoreRequest:
        """POST …/refund."""
        return requests.refund(order_id, body, key)

    def check_takeover(self, item: PlanItem, takeover: OrderTakeover) -> None:
        """Nothing that Packhouse does conflicts with this change."""

    def is_recorded(self, item: PlanItem, order: Order, *, sent: bool) -> bool:
        """Whether it was sent, and exactly this amount was added. A refund carries no id of ours."""
        was, now = item.preconditions.refunded_minor, refunded(order)
        if not sent or item.cost_minor is None or now is None:
            return False
        return now == (was or 0) + item.cost_minor

    def can_verify(self, order: Order) -> bool:
        """Whether the store lists the refunds of the order, with amounts."""
        return refunded(order) is not None


def _money(minor: int, currency: str) -> str:
    return str(Money(minor, currency)) if currency else f"{minor} minor units (unknown currency)"
