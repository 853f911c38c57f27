"""Refunding in bulk: how much may go back, the key of that intent, what the record shows of it. No I/O."""

from __future__ import annotations

import hashlib
import json

from packhouse.model.money import Money
from packhouse.model.order import Order
from packhouse.store import protocol
from packhouse.store.requests import StoreRequest
from packhouse_cli.bulk.action import Draft, NotNeeded, NotPlanned, Taken
from packhouse_cli.bulk.plan import Act
from packhouse_cli.bulk.relied import Relied, refunded
from packhouse_cli.bulk.rows import Row
from packhouse_cli.output import safe


class Refunds:
    """Money back to the buyer."""

    name = "refund"
    done = "refund requested"
    for_good = "A refund cannot be taken back: the money goes to the buyer."
    for_parcel = False
    once = True
    lands_later = True

    def draft(self, row: Row, order: Order, before: Relied, *, again: bool) -> Draft:
        """The amount named, or all that is left; never more than that."""
        if order.status == "refunded" and row.amount_minor is None:
            raise NotNeeded(f"order {safe(order.id)} is refunded already")
        amount = _allowed(order, row.amount_minor)
        money = f"{_money(amount, order.currency)} back" if amount else "all that is left of it back"
        key = key_for(order.id, amount, row.reason)
        return Draft(
            what=f"{money}: {row.reason}" if row.reason else money,
            request=self.request(order.id, protocol.refund_body(amount, row.reason), key),
            key=key,
            after=before,
            cost_minor=amount,
            currency=order.currency,
        )

    def request(self, order_id: str, body: bytes, key: str) -> StoreRequest:
        """POST …/refund."""
        return protocol.refund(order_id, body, key)

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


def key_for(order_id: str, amount_minor: int | None, reason: str) -> str:
    """The same intent gives the same key, so that it may be sent again after a lost answer."""
    intent = json.dumps([order_id, "refund", amount_minor, reason], separators=(",", ":"))
    return f"packhouse-cli-{hashlib.sha256(intent.encode()).hexdigest()[:32]}"


def _allowed(order: Order, asked_minor: int | None) -> int | None:
    """The amount to send, None where the store tells no total. Raises NotPlanned for more than is left."""
    if order.total_minor is None:
        return asked_minor
    left = order.total_minor - (refunded(order) or 0)
    amount = left if asked_minor is None else asked_minor
    if not 0 < amount <= left:
        raise NotPlanned(
            f"order {safe(order.id)} has {_money(left, order.currency)} left to refund of "
            f"{_money(order.total_minor, order.currency)}, not {_money(amount, order.currency)}"
        )
    return amount


def _money(minor: int, currency: str) -> str:
    return str(Money(minor, currency)) if currency else f"{minor} minor units (no currency told)"
