"""When an order is processed again after a pass through the steps, and what is shown until then."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial

from packhouse.errors import StoreThrottled
from packhouse.ledger import holds, journal, leases
from packhouse.ledger.tx import Tx, under
from packhouse.model.account import AccountState
from packhouse.model.hold import KINDS, Hold, HoldCode
from packhouse.model.hold_kind import End
from packhouse.model.journal import MACHINE, Entry
from packhouse.model.states import OrderPhase, ShipmentState
from packhouse.model.waiting import Waiting, WaitKind, kind_of_error
from packhouse.rules.decision import Skip, Withdraw
from packhouse.steps.context import Context, OrderJob, released

_S = ShipmentState
_UNFINISHED = (_S.PLANNED, _S.BUYING, _S.UNKNOWN, _S.LABELED, _S.VOIDING)
_UNPOSTED = (_S.PLANNED, _S.HELD, _S.BUYING, _S.UNKNOWN, _S.LABELED)
_ALL_SHIPPED = "Every unit has shipped."
# How long an order waits after a 429 where the store requested no longer wait.
_LIMITED_S = 1.0
_SHIPPED = (_S.FULFILLED, _S.DELIVERED)


async def finish(context: Context, job: OrderJob) -> None:
    """Release an order after a pass without failure: set its phase, the reason, and the next check."""
    phase, due_at = _next(context, job)
    reason = _reason(job)
    if isinstance(job.decision, Skip) and job.decision.shipped and phase is OrderPhase.CLOSED:
        phase = OrderPhase.SHIPPED
    elif phase is OrderPhase.SHIPPED:
        reason = _ALL_SHIPPED
    ended = [(hold, why) for hold in job.active_holds() if (why := _why_ended(job, hold))]
    is_news = phase in (OrderPhase.SHIPPED, OrderPhase.CLOSED) and phase is not job.lease.phase
    entries = [Entry(job.order_id, phase.value, reason)] if is_news else []
    entries += [released(hold, why) for hold, why in ended]
    confirm_s = context.settings.poll.confirm_s

    def unit(tx: Tx) -> None:
        for hold, why in ended:
            holds.release(tx, hold.id, by=MACHINE, reason=why)
        leases.release(
            tx,
            phase=phase,
            reason=reason,
            due_at=tx.now if ended else due_at,
            attempts=job.lease.attempts if job.waiting_reason else 0,
            waiting=job.waiting if phase is OrderPhase.OPEN else None,
            woken_delay_s=confirm_s if phase is OrderPhase.SHIPPED else 0.0,
        )
        journal.write(tx, entries)

    await context.write(job, unit)
    context.record(*entries)


def _next(context: Context, job: OrderJob) -> tuple[OrderPhase, float | None]:
    """The order's phase, and when to process it again: None means only when it is woken."""
    now, poll = context.clock.now(), context.settings.poll
    if job.wake_times:
        return OrderPhase.HELD if job.active_holds() else OrderPhase.OPEN, min(job.wake_times)
    if job.active_holds():
        checked_at = now + poll.recheck_s * random.uniform(0.8, 1.2)
        return OrderPhase.HELD, min([checked_at, *job.recheck_times])
    if job.in_state(*_UNFINISHED):
        return OrderPhase.OPEN, now + poll.recheck_s
    if job.in_state(*_SHIPPED):
        is_confirmed = job.lease.phase is OrderPhase.SHIPPED
        due_at = min(job.recheck_times, default=None) if is_confirmed else now + poll.confirm_s
        return OrderPhase.SHIPPED, due_at
    return OrderPhase.CLOSED, None


def _reason(job: OrderJob) -> str:
    """The sentence that explains the phase; "" if nothing needs explaining."""
    if active := job.active_holds():
        return active[0].sentence
    if job.waiting:
        return job.waiting.sentence
    return job.decision.why if isinstance(job.decision, Skip | Withdraw) else ""


def _why_ended(job: OrderJob, hold: Hold) -> str:
    """Why a hold ends after a pass without failure; "" if it does not."""
    ends = hold.kind.ends
    # An order that only waited has not shown that the cause is gone.
    if End.SUCCESS in ends and not job.waiting_reason:
        return "The order was processed successfully."
    is_done = isinstance(job.decision, Skip | Withdraw) and not job.in_state(*_UNPOSTED)
    return "Nothing is left to post." if End.NOTHING_TO_POST in ends and is_done else ""


def _resting(context: Context, job: OrderJob) -> list[AccountState]:
    """The accounts that buy nothing now, if they alone made this order fail: the order is not at fault."""
    states = [context.breaker.state(one.account, context.clock) for one in job.failures]
    return [state for state in states if state] if all(states) else []


async def _release_waiting(context: Context, job: OrderJob, resting: Sequence[AccountState]) -> None:
    """Release an order that waits for an account: no attempt counts, and nothing is held."""
    now = context.clock.now()
    until = max(state.until for state in resting)
    if until <= now:
        until = now + context.breaker.cooldown_s
    phase = _phase_after_failure(job)
    reason = f"{job.failures[0].why.rstrip('.')}. {resting[0].sentence}"[:500]

    def unit(tx: Tx) -> None:
        due_at = min([until, *(at for at in job.wake_times if at > now)])
        leases.release(tx, phase=phase, due_at=due_at, attempts=job.lease.attempts, reason=reason)

    await context.write(job, unit)


async def _release_limited(context: Context, job: OrderJob) -> None:
    """Release an order that the store's limit made wait: no attempt counts, as it is due again as soon as the
    store allows. The rate limiter spaces the calls of all orders.
    """
    now = context.clock.now()
    asked_s = max(one.retry_after_s or 0.0 for one in job.failures)
    wait_s = max(asked_s, _LIMITED_S * random.uniform(0.5, 1.0))
    due_at = min([now + wait_s, *(at for at in job.wake_times if at > now)])
    phase, why = _phase_after_failure(job), job.failures[0].why[:500]
    waiting = Waiting(WaitKind.STORE_LIMIT, why) if phase is OrderPhase.OPEN else None

    def unit(tx: Tx) -> None:
        leases.release(
            tx, phase=phase, due_at=due_at, attempts=job.lease.attempts, reason=why, waiting=waiting
        )

    await context.write(job, unit)
    context.log.info("order_waits_for_store_limit", order_id=job.order_id, wait_s=round(wait_s, 1))


def _phase_after_failure(job: OrderJob) -> OrderPhase:
    if job.active_holds():
        return OrderPhase.HELD
    is_open = job.in_state(*_UNFINISHED) or job.lease.phase is OrderPhase.CLOSED
    return OrderPhase.OPEN if is_open else job.lease.phase


async def finish_failed(context: Context, job: OrderJob) -> None:
    """Release an order after a transient failure: wait twice as long each time; after many, place a hold."""
    if resting := _resting(context, job):
        await _release_waiting(context, job, resting)
        return
    if all(one.kind == StoreThrottled.__name__ for one in job.failures):
        await _release_limited(context, job)
        return
    settings = context.settings.retry
    why, kind = job.failures[0].why, job.failures[0].kind
    attempts = job.lease.attempts + 1
    wait = _wait_after(context, attempts)
    wait = max([wait, *(one.retry_after_s for one in job.failures if one.retry_after_s is not None)])
    now = context.clock.now()
    due_at = min([now + wait, *(at for at in job.wake_times if at > now)])
    if attempts >= settings.hold_after:
        await context.hold(job, HoldCode.REPEATED_FAILURE, why[:500])
    phase = _phase_after_failure(job)
    entry = Entry(
        job.order_id,
        "failed",
        f"Trying again in {wait:.0f} s.",
        data={"attempts": attempts, "error": kind},
        quoted=why,
    )
    context.record(entry)
    # Every failure is in the log; the journal has the first and then each tenth.
    entries = [entry] if attempts == 1 or attempts % 10 == 0 else []
    release = partial(
        leases.release,
        phase=phase,
        due_at=due_at,
        attempts=attempts,
        last_error=why[:1000],
        reason=why[:500],
        waiting=_after_failure(job, kind, why) if phase is OrderPhase.OPEN else None,
    )

    def unit(tx: Tx) -> None:
        release(tx)
        journal.write(tx, entries)

    await context.write(job, unit)


def _wait_after(context: Context, attempts: int) -> float:
    settings = context.settings.retry
    wait_s: float = min(settings.base_s * 2 ** min(attempts - 1, 30), settings.max_s)
    return wait_s * random.uniform(0.75, 1.25)


async def finish_unwritable(context: Context, job: OrderJob, why: str, kind: str) -> None:
    """Release an order after a pass whose end cannot be written, with as little as possible: as a failure,
    in plain ASCII, without the deferred writes, any of which may be what cannot be written.

    Raises LeaseLost, LedgerUnavailable.
    """
    note = "; then ".join([*(failure.why.rstrip(".")[:200] for failure in job.failures[:1]), why])
    note = ascii(note)[1:-1][:500]
    attempts = job.lease.attempts + 1
    due_at = context.clock.now() + _wait_after(context, attempts)
    is_held = attempts >= context.settings.retry.hold_after
    code = HoldCode.REPEATED_FAILURE
    problem, detail = KINDS[code].split(note)
    held = Entry(job.order_id, "held", f"{problem}:", data={"code": code.value}, quoted=detail)
    failed = Entry(job.order_id, "failed", "The pass could not be recorded.", data={"error": kind})

    def unit(tx: Tx) -> None:
        if is_held:
            holds.place(tx, code=code, note=note, fingerprint="", entry=held)
        phase = OrderPhase.HELD if is_held else _phase_after_failure(job)
        leases.release(
            tx, phase=phase, due_at=due_at, attempts=attempts, reason=note, last_error=note, waiting=None
        )
        if attempts == 1 or attempts % 10 == 0:
            journal.write(tx, [failed])

    await context.ledger.write(under(job.lease, unit), context.clock.now())
    context.log.error("order_unwritable", order_id=job.order_id, attempts=attempts, error=kind)


def _after_failure(job: OrderJob, error: str, why: str) -> Waiting:
    """What the order waits for after this failure. A failure of the store is no account's."""
    bought_at = {one.provider for one in job.in_state(*_UNFINISHED) if one.provider}
    account = bought_at.pop() if len(bought_at) == 1 and not error.startswith("Store") else ""
    return Waiting(kind_of_error(error), why, account)
