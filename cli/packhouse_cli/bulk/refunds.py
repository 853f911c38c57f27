"""Refunding in bulk: money back to the buyer, checked and asked for as `orders refund` does it. No I/O."""

from __future__ import annotations

import json

from packhouse.model.money import Money
from packhouse.model.order import Order
from packhouse.store import requests
from packhouse.store.requests import StoreRequest
from packhouse_cli.bulk.action import Draft, NotNeeded, Taken, refused_as_not_planned
from packhouse_cli.bulk.plan import Act
from packhouse_cli.bulk.preconditions import refunded
from packhouse_cli.bulk.rows import Row
from packhouse_cli.changes.refund import FOR_GOOD, refund_act
from packhouse_cli.terminal.output import safe


class Refunds:
    """Money back to the buyer."""

    name = "refund"
    done = "refund requested"
    for_good = FOR_GOOD
    for_parcel = False
    once = True
    lands_later = True
    keyed = True

    def draft(self, row: Row, order: Order, *, again: bool) -> Draft:
        """The amount named, or all that is left; never more than that."""
        with refused_as_not_planned():
            act = refund_act(order, row.amount_minor, row.reason, again=again)
        if act.already:
            raise NotNeeded(f"order {safe(order.id)} has this refund already; --again plans a second one")
        amount = json.loads(act.request.body or b"{}").get("amount")
        what = "all that is left of it back" if amount is None else f"{_money(amount, order.currency)} back"
        return Draft(
            what=f"{what}: {row.reason}" if row.reason else what,
            request=act.request,
            key=act.key,
            after=order,
            cost_minor=amount,
            currency=order.currency,
        )

    def request(self, order_id: str, body: bytes, key: str) -> StoreRequest:
        """POST …/refund."""
        return requests.refund(order_id, body, key)

    def mind(self, act: Act, taken: Taken) -> None:
        """Nothing of the machine's clashes with it."""

    def is_recorded(self, act: Act, order: Order, *, sent: bool) -> bool:
        """Refunds have no mark of ours: only after we sent it, exactly this much more is taken for it."""
        was, now = act.relied.refunded_minor, refunded(order)
        if not sent or act.cost_minor is None or now is None:
            return False
        return now == (was or 0) + act.cost_minor

    def shows(self, order: Order) -> bool:
        """The store lists its refunds, with amounts."""
        return refunded(order) is not None


def _money(minor: int, currency: str) -> str:
    return str(Money(minor, currency)) if currency else f"{minor} minor units (no currency told)"
