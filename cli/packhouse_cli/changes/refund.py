"""Money back: how much may go, the key of that intent, and how the order shows it. No I/O."""

from __future__ import annotations

import json
from collections.abc import Callable

from packhouse.model.money import Money
from packhouse.model.order import Order, RefundRecord
from packhouse.store import requests
from packhouse_cli.arguments.amounts import amount_text
from packhouse_cli.changes.change import Act, Done, intent_key, key_of_another
from packhouse_cli.exit_codes import UsageError
from packhouse_cli.terminal.output import safe

FOR_GOOD = "Money that was sent back does not return."
_CAME_TO_NOTHING = ("failed", "cancelled", "canceled")
# Asked for and not yet moved, in the words of payment providers.
_ON_ITS_WAY = ("pending", "requested", "processing", "submitted", "requires_action")


def refunded_minor(order: Order) -> int:
    """What went back so far, as far as the store says how much."""
    return sum(row.amount_minor or 0 for row in _standing(order))


def left_minor(order: Order) -> int | None:
    """What can still go back; None where the store tells no total. It may be less where `all_told` is False.

    The status alone does not say that all went back: a part may have made the order `refunded`.
    """
    if order.total_minor is None:
        return None
    gone = refunded_minor(order)
    if order.status == "refunded" and not (gone and all_told(order)):
        return 0
    return max(0, order.total_minor - gone)


def all_told(order: Order) -> bool:
    """Whether the store lists the order's refunds, each with its amount."""
    return order.refunds is not None and all(row.amount_minor is not None for row in _standing(order))


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
    if amount is None and all_told(order):
        amount = left  # what was seen is what goes back, and no more
    equal = _equal(order, amount_minor, reason)
    already = not again and (equal > 0 or (amount_minor is None and left == 0))
    if not already and left is not None:
        _check(order, left, amount)
    if not key and again:
        shown = None if order.refunds is None else (equal if amount_minor else len(_standing(order)))
        key = key_of_another(shown, order.id, "refund", amount, reason)
    chosen = key or key_for(order.id, amount, reason)
    what = "all that is left" if amount_minor is None else str(Money(amount_minor, order.currency))
    return Act(
        order=order,
        request=requests.refund(order.id, requests.refund_body(amount or None, reason), chosen),
        key=chosen,
        # Without an amount the words stay the same while what is left changes: a daemon knows it by them.
        told=f"refund {money(order, amount_minor)} of order {safe(order.id)}",
        for_good=FOR_GOOD if amount_minor or not amount else f"That is {money(order, amount)}. {FOR_GOOD}",
        shown_by=lambda now: _has_more(order, now, amount, reason, _standing, whole=amount_minor is None),
        already=already,
        doing=f"refund {what} of order {safe(order.id)}" + (f": {safe(reason)}" if reason else ""),
    )


def is_confirmed(done: Done, amount_minor: int | None, reason: str) -> bool:
    """Whether the money went back, as far as the order was read; `amount_minor` as for `refund_act`."""
    return has_landed(done, done.order, amount_minor, reason)


def has_landed(done: Done, now: Order, amount_minor: int | None, reason: str) -> bool:
    """Whether this later reading of the order shows that the money went back."""
    if done.already:
        return not _on_its_way(now, amount_minor, reason)
    sent = json.loads(done.act.request.body or b"{}").get("amount")
    return _has_more(done.act.order, now, sent, reason, _arrived, whole=amount_minor is None)


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
    """The refunds that were not given up."""
    return [row for row in order.refunds or () if row.status.lower() not in _CAME_TO_NOTHING]


def _arrived(order: Order) -> list[RefundRecord]:
    """The refunds whose money has moved."""
    return [row for row in _standing(order) if row.status.lower() not in _ON_ITS_WAY]


def _on_its_way(order: Order, amount_minor: int | None, reason: str) -> bool:
    return any(
        row.status.lower() in _ON_ITS_WAY and (amount_minor is None or _is_equal(row, amount_minor, reason))
        for row in _standing(order)
    )


def _has_more(
    before: Order,
    now: Order,
    amount_minor: int | None,
    reason: str,
    rows: Callable[[Order], list[RefundRecord]],
    *,
    whole: bool,
) -> bool:
    """Whether this refund is among the later order's `rows`, and was not among the earlier one's."""
    if amount_minor is None or now.refunds is None:
        return whole and now.status == "refunded"
    if whole:
        gone = [sum(row.amount_minor or 0 for row in rows(order)) for order in (before, now)]
        return gone[1] >= gone[0] + amount_minor > gone[0]
    equal = [sum(_is_equal(row, amount_minor, reason) for row in rows(order)) for order in (before, now)]
    return equal[1] > equal[0]


def _is_equal(row: RefundRecord, amount_minor: int, reason: str) -> bool:
    """Whether it may be a refund of this amount and reason; one without a reason may."""
    return row.amount_minor == amount_minor and row.reason in (None, reason.strip())


def _equal(order: Order, amount_minor: int | None, reason: str) -> int:
    """How many refunds of this amount and reason the order shows."""
    if amount_minor is None:
        return 0
    return sum(_is_equal(row, amount_minor, reason) for row in _standing(order))
