"""A refund to the buyer: how much can be refunded, its key, and how the order shows it. No I/O."""

from __future__ import annotations

import json
from collections.abc import Callable

from packhouse.model.money import Money
from packhouse.model.order import Order, RefundRecord
from packhouse.store import requests
from packhouse_cli.changes.change import Change, ChangeResult, intent_key, key_for_repeat
from packhouse_cli.exit_codes import UsageError

IRREVERSIBLE_NOTE = "A refund cannot be reversed."
_FAILED_STATUSES = ("failed", "cancelled", "canceled")
# Requested, and the money has not moved yet. These are the words of payment providers.
_PENDING_STATUSES = ("pending", "requested", "processing", "submitted", "requires_action")


def refunded_minor(order: Order) -> int:
    """Minor units refunded so far; refunds without an amount count as 0."""
    return sum(row.amount_minor or 0 for row in _active_refunds(order))


def refundable_minor(order: Order) -> int | None:
    """Minor units that can still be refunded; None if the store shows no total.

    The true number may be lower if `amounts_are_known` is false. The status `refunded` alone does not mean
    that everything was refunded: a partial refund may have set it.
    """
    if order.total_minor is None:
        return None
    refunded = refunded_minor(order)
    if order.status == "refunded" and not (refunded and amounts_are_known(order)):
        return 0
    return max(0, order.total_minor - refunded)


def amounts_are_known(order: Order) -> bool:
    """Whether the store lists the order's refunds, each with its amount."""
    return order.refunds is not None and all(row.amount_minor is not None for row in _active_refunds(order))


def key_for(order_id: str, amount_minor: int | None, reason: str) -> str:
    """The idempotency key of a refund."""
    return intent_key(order_id, "refund", amount_minor, reason)


def refund_change(
    order: Order, amount_minor: int | None, reason: str, *, key: str = "", again: bool = False
) -> Change:
    """Refund `amount_minor`, or everything that is left if it is None.

    If the order already shows a refund of the same amount and reason, nothing is requested, unless `again`.
    Raises UsageError for more than is left.
    """
    left = refundable_minor(order)
    amount = amount_minor
    if amount is None and amounts_are_known(order):
        amount = left  # refund exactly what was read, and no more
    equal = _count_matching(order, amount_minor, reason)
    already_recorded = not again and (equal > 0 or (amount_minor is None and left == 0))
    if not already_recorded and left is not None:
        _check(order, left, amount)
    if not key and again:
        shown = None if order.refunds is None else (equal if amount_minor else len(_active_refunds(order)))
        key = key_for_repeat(shown, order.id, "refund", amount, reason)
    chosen = key or key_for(order.id, amount, reason)
    what = "the remaining amount" if amount_minor is None else str(Money(amount_minor, order.currency))
    return Change(
        order=order,
        request=requests.refund(order.id, requests.refund_body(amount or None, reason), chosen),
        key=chosen,
        summary=f"refund {money(order, amount_minor)} of order {order.id}",
        irreversible_note=(
            IRREVERSIBLE_NOTE
            if amount_minor or not amount
            else f"The amount is {money(order, amount)}. {IRREVERSIBLE_NOTE}"
        ),
        is_visible_in=lambda now: _has_new_refund(
            order, now, amount, reason, _active_refunds, whole=amount_minor is None
        ),
        already_recorded=already_recorded,
        # The daemon recognizes the change by its label, so the label must not depend on what is left.
        label=f"refund {what} of order {order.id}" + (f": {reason}" if reason else ""),
        unlisted_intent=key_for(order.id, amount, reason) if order.refunds is None and not again else "",
    )


def is_confirmed(done: ChangeResult, amount_minor: int | None, reason: str) -> bool:
    """Whether the order, as last read, shows that the money was refunded;

    `amount_minor` as in `refund_change`.
    """
    return is_settled(done, done.order, amount_minor, reason)


def is_settled(done: ChangeResult, now: Order, amount_minor: int | None, reason: str) -> bool:
    """Whether the order, as read later, shows that the money was refunded."""
    if done.already_recorded:
        return not _has_pending_refund(now, amount_minor, reason)
    sent = json.loads(done.change.request.body or b"{}").get("amount")
    return _has_new_refund(done.change.order, now, sent, reason, _settled_refunds, whole=amount_minor is None)


def money(order: Order, amount_minor: int | None) -> str:
    """An amount with the currency of the order, for people; None is the remaining amount."""
    if amount_minor is None:
        return "the remaining amount"
    return str(Money(amount_minor, order.currency)) if order.currency else f"{amount_minor} (no currency)"


def _check(order: Order, left: int, amount: int | None) -> None:
    if left <= 0 or (amount is not None and amount > left):
        total, refunded = money(order, order.total_minor), money(order, refunded_minor(order))
        requested = "" if amount is None else f", and {money(order, amount)} was requested"
        raise UsageError(
            f"Order {order.id} has {money(order, max(left, 0))} left to refund: its total is {total}, "
            f"{refunded} was refunded before{requested}. Nothing was sent."
        )


def _active_refunds(order: Order) -> list[RefundRecord]:
    """The refunds that did not fail and were not cancelled."""
    return [row for row in order.refunds or () if row.status.lower() not in _FAILED_STATUSES]


def _settled_refunds(order: Order) -> list[RefundRecord]:
    """The refunds whose money has moved."""
    return [row for row in _active_refunds(order) if row.status.lower() not in _PENDING_STATUSES]


def _has_pending_refund(order: Order, amount_minor: int | None, reason: str) -> bool:
    return any(
        row.status.lower() in _PENDING_STATUSES
        and (amount_minor is None or _matches(row, amount_minor, reason))
        for row in _active_refunds(order)
    )


def _has_new_refund(
    before: Order,
    now: Order,
    amount_minor: int | None,
    reason: str,
    rows: Callable[[Order], list[RefundRecord]],
    *,
    whole: bool,
) -> bool:
    """Whether the refund is in `rows` of the later order and was not in `rows` of the earlier one."""
    if amount_minor is None or now.refunds is None:
        return whole and now.status == "refunded"
    if whole:
        refunded = [sum(row.amount_minor or 0 for row in rows(order)) for order in (before, now)]
        return refunded[1] >= refunded[0] + amount_minor > refunded[0]
    equal = [sum(_matches(row, amount_minor, reason) for row in rows(order)) for order in (before, now)]
    return equal[1] > equal[0]


def _matches(row: RefundRecord, amount_minor: int, reason: str) -> bool:
    """Whether this may be a refund of that amount and reason. A refund without a reason may be."""
    return row.amount_minor == amount_minor and row.reason in (None, reason.strip())


def _count_matching(order: Order, amount_minor: int | None, reason: str) -> int:
    """How many refunds of this amount and reason the order shows."""
    if amount_minor is None:
        return 0
    return sum(_matches(row, amount_minor, reason) for row in _active_refunds(order))
