"""What the steps do about a provider account that refuses or keeps failing: count it, and wait for it."""

from __future__ import annotations

from collections.abc import Sequence

from packhouse.model.account import AccountState, Whose
from packhouse.model.waiting import WaitKind
from packhouse.steps.context import Context, OrderJob


def count_refusal(
    context: Context, account: str, whose: Whose, reason: str, retry_after_s: float | None = None
) -> None:
    """Count a purchase that the account refused or failed to make; its breaker may open. Logs that once."""
    if not context.breaker.refused(account, whose, reason, context.clock, retry_after_s):
        return
    seconds = context.breaker.cooldown_s
    if whose is Whose.ACCOUNT:
        context.log.error("account_refused", provider=account, reason=reason, seconds=seconds)
    else:
        context.log.warning("breaker_open", provider=account, reason=reason, seconds=seconds)


def count_sale(context: Context, account: str) -> None:
    """Note that the account sold a label: its breaker closes."""
    if context.breaker.sold(account):
        context.log.info("account_restored", provider=account)


def wait_for(
    context: Context, job: OrderJob, states: Sequence[AccountState], why: str, *, tried: bool = False
) -> None:
    """Let the order wait until the first of these accounts is tried again.

    It is not at fault, so no attempt counts. `tried`: this order was refused just now. Others then go first,
    so that an order which is never sold cannot keep the account closed for all.
    """
    later_s = context.settings.retry.base_s if tried else 0.0
    first = min(states, key=lambda state: state.until)
    job.defer(first.until + later_s, why, wait_kind(first), first.account)


def wait_kind(state: AccountState) -> WaitKind:
    """What the orders of an account wait for that buys nothing."""
    return WaitKind.ACCOUNT_REFUSED if state.whose is Whose.ACCOUNT else WaitKind.ACCOUNT_RESTING
