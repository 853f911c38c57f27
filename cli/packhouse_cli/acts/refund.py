"""Money back: how much may go, the key of that intent, and how the order shows it. No I/O."""

from __future__ import annotations

from packhouse.model.order import Order, RefundRecord
from packhouse.store import requests
from packhouse_cli.acts.act import Act, fresh_key, intent_key
from packhouse_cli.amounts import amount_text
from packhouse_cli.exits import UsageError
from packhouse_cli.output import safe

FOR_GOOD = "Money that was sent back does not return."
_CAME_TO_NOTHING = ("failed", "cancelled", "canceled")


def refunded_minor(order: Order) -> int:
    """What went back so far, as far as the store says how much."""
    return sum(row.amount_minor or 0 for row in _standing(order))


def left_minor(order: Order) -> int | None:
    """What can still go back; None where the store tells no total."""
    if order.total_minor is None:
        return None
    return 0 if order.status == "refunded" else order.total_minor - refunded_minor(order)


def key_for(order_id: str, amount_minor: int | None, reason: str) -> str:
    """The key of this intent."""
    return intent_key(order_id, "refund", amount_minor, reason)


def refund_act(
    order: Order, amount_minor: int | None, reason: str, *, key: str = "", again: bool = False
) -> Act:
    """Ask for `amount_minor` back, or for all that is left where it is None.

    An equal refund that the order shows already (amount and reason) is not asked for twice, unless `again`.
    Raises UsageError for more than is left.
    """
    left = left_minor(order)
    amount = amount_minor
    if amount is None and order.refunds is not None:
        amount = left  # what was seen is what goes back, and no more
    equal = _equal(order, amount_minor, reason)
    already = not again and (equal > 0 or (amount_minor is None and left == 0))
    if not already and left is not None:
        _check(order, left, amount)
    chosen = key or (fresh_key() if again else key_for(order.id, amount, reason))
    return Act(
        order=order,
        request=requests.refund(order.id, requests.refund_body(amount or None, reason), chosen),
        key=chosen,
        # Without an amount the words stay the same while what is left changes: a daemon knows it by them.
        told=f"refund {money(order, amount_minor)} of order {safe(order.id)}",
        for_good=FOR_GOOD if amount_minor or not amount else f"That is {money(order, amount)}. {FOR_GOOD}",
        shown_by=lambda now: has_landed(order, now, amount_minor, reason),
        already=already,
    )


def has_landed(before: Order, now: Order, amount_minor: int | None, reason: str) -> bool:
    """Whether the money went back between these two readings of the order."""
    if amount_minor is None and left_minor(now) == 0:
        return True
    if now.refunds is None:
        return False
    if amount_minor is None:
        return refunded_minor(now) > refunded_minor(before)
    return _equal(now, amount_minor, reason) > _equal(before, amount_minor, reason)


def money(order: Order, amount_minor: int | None) -> str:
    """An amount of this order in words."""
    return amount_text(amount_minor, order.currency) if amount_minor is not None else "all that is left"


def _check(order: Order, left: int, amount: int | None) -> None:
    if left <= 0 or (amount is not None and amount > left):
        total, gone = money(order, order.total_minor), money(order, refunded_minor(order))
        asked = "" if amount is None else f", and {money(order, amount)} was asked for"
        raise UsageError(
            f"Order {safe(order.id)} has {money(order, max(left, 0))} left to refund: its total is {total}, "
            f"{gone} went back already{asked}. Nothing was sent."
        )


def _standing(order: Order) -> list[RefundRecord]:
    return [row for row in order.refunds or () if row.status.lower() not in _CAME_TO_NOTHING]


def _equal(order: Order, amount_minor: int | None, reason: str) -> int:
    """How many refunds of this amount and reason the order shows; a record without a reason may be it."""
    if amount_minor is None:
        return 0
    return sum(
        row.amount_minor == amount_minor and row.reason in (None, reason.strip()) for row in _standing(order)
    )
