"""THE LIFE OF AN ORDER: the steps in their order, and what drives one order through them.

Events and polls only wake an order (ledger/inbox.py, duties.py). A worker that finds it due takes it once
through LIFE. Every step acts on the shipments that stand in its states, and leaves the rest; none calls
another. What cannot be finished now is given back with the time to try again.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

from packhouse.errors import LeaseLost, PackhouseError
from packhouse.ledger import holds, journal, leases
from packhouse.ledger.tx import Tx
from packhouse.model.hold import Hold, HoldCode
from packhouse.model.journal import MACHINE, Entry
from packhouse.model.states import OrderPhase, ShipmentState
from packhouse.rules.decision import Skip, Withdraw
from packhouse.steps.announce import announce
from packhouse.steps.buy import buy
from packhouse.steps.context import Context, OrderJob
from packhouse.steps.decide import decide
from packhouse.steps.pack import pack
from packhouse.steps.post import post
from packhouse.steps.reconcile import reconcile
from packhouse.steps.refresh import refresh
from packhouse.steps.sync_holds import sync_holds
from packhouse.steps.track import track
from packhouse.steps.void import void


class Step(NamedTuple):
    """A verb of an order's life, and a sentence on what it does."""

    run: Callable[[Context, OrderJob], Awaitable[None]]
    meaning: str

    @property
    def name(self) -> str:
        """The verb."""
        return self.run.__name__


STEPS = (
    Step(refresh, "read the order from the store again"),
    Step(reconcile, "find out what became of a purchase whose answer was lost"),
    Step(decide, "what no longer fits goes; what may ship is named, or why it may not"),
    Step(pack, "units become parcels, parcels become planned shipments"),
    Step(sync_holds, "reasons to wait are placed, or lifted where their cause has gone"),
    Step(buy, "rate, intent on disk, one more look, money"),
    Step(post, "the label's file is kept; units and tracking number go to the store"),
    Step(announce, "sinks are told"),
    Step(track, "trackers are asked until the parcels have arrived"),
    Step(void, "money of labels that will not ship comes back"),
)

_S = ShipmentState
_UNFINISHED = (_S.PLANNED, _S.BUYING, _S.UNKNOWN, _S.LABELED, _S.VOIDING)
_UNPOSTED = (_S.PLANNED, _S.HELD, _S.BUYING, _S.UNKNOWN, _S.LABELED)
_SHIPPED = (_S.FULFILLED, _S.DELIVERED)
_UNTIL_POSTED = (HoldCode.EXTERNAL_POSTING, HoldCode.TAKEN_OVER)


async def process_order(context: Context, job: OrderJob) -> None:
    """Take one leased order once through its life, and give it back. Raises LeaseLost, LedgerUnavailable."""
    trouble: Exception | None = None
    try:
        for step in STEPS:
            began = context.clock.monotonic()
            try:
                await step.run(context, job)
            except BaseException:
                context.metrics.step(step.name, context.clock.monotonic() - began, "failed")
                raise
            context.metrics.step(step.name, context.clock.monotonic() - began, "done")
    except LeaseLost:
        raise
    except PackhouseError as error:
        trouble = error
    except Exception as error:
        context.log.exception("step_failed", order_id=job.order_id)
        trouble = error
    if trouble is not None:
        asked = getattr(trouble, "retry_after_s", None)
        job.failed(str(trouble) or repr(trouble), asked, type(trouble).__name__)
    if job.failures:
        await _give_back_failed(context, job)
    else:
        await _give_back(context, job)


async def _give_back(context: Context, job: OrderJob) -> None:
    """Nothing went wrong: say where the order stands, and when to look again."""
    now = context.clock.now()
    poll = context.settings.poll
    phase, reason, due_at = OrderPhase.CLOSED, "", None
    if job.wake_times:
        phase = OrderPhase.HELD if job.active_holds() else OrderPhase.OPEN
        due_at = min(job.wake_times)
    elif job.active_holds():
        phase, due_at = OrderPhase.HELD, now + poll.recheck_s * random.uniform(0.8, 1.2)
    elif job.in_state(*_UNFINISHED):
        phase, due_at = OrderPhase.OPEN, now + poll.recheck_s
    elif job.in_state(*_SHIPPED):
        phase = OrderPhase.SHIPPED
        confirmed = job.lease.phase is OrderPhase.SHIPPED
        due_at = min(job.recheck_times, default=None) if confirmed else now + poll.confirm_s
    if standing := job.active_holds():
        reason = standing[0].sentence
    elif job.waiting_reason:
        reason = job.waiting_reason
    elif isinstance(job.decision, Skip | Withdraw):
        reason = job.decision.why
        if isinstance(job.decision, Skip) and job.decision.shipped and phase is OrderPhase.CLOSED:
            phase = OrderPhase.SHIPPED
    gone = [(h, why) for h in job.holds if h.is_active and (why := _why_over(job, h))]
    # A hold has told its own story when it was placed.
    tells = phase in (OrderPhase.SHIPPED, OrderPhase.CLOSED) and phase is not job.lease.phase
    entries = [_settled(job, phase, reason)] if tells else []
    entries += [Entry(job.order_id, "released", f"{one.code}: {why}", one.shipment_id) for one, why in gone]

    def unit(tx: Tx) -> None:
        for one, why in gone:
            holds.release(tx, one.id, by=MACHINE, reason=why)
        leases.release(
            tx,
            phase=phase,
            reason=reason,
            due_at=tx.now if gone else due_at,
            attempts=job.lease.attempts if job.waiting_reason else 0,
            woken_delay_s=poll.confirm_s if phase is OrderPhase.SHIPPED else 0.0,
        )
        journal.write(tx, entries)

    await context.write(job, unit)
    context.record(*entries)


def _why_over(job: OrderJob, one: Hold) -> str:
    """Why a hold ends by itself now that all steps went well; "" if it does not."""
    if one.code is HoldCode.REPEATED_FAILURE:
        # Who only waited has not shown that the cause has gone.
        return "" if job.waiting_reason else "It went well at last."
    nothing_to_post = isinstance(job.decision, Skip | Withdraw) and not job.in_state(*_UNPOSTED)
    return "Nothing is left to post." if one.code in _UNTIL_POSTED and nothing_to_post else ""


def _settled(job: OrderJob, phase: OrderPhase, reason: str) -> Entry:
    return Entry(job.order_id, phase.value, reason or "Every unit has been shipped.")


async def _give_back_failed(context: Context, job: OrderJob) -> None:
    """Something passing went wrong: wait twice as long as last time, and after many times tell a person."""
    settings = context.settings.retry
    why, _, kind = job.failures[0]
    attempts = job.lease.attempts + 1
    wait = min(settings.base_s * 2 ** min(attempts - 1, 30), settings.max_s) * random.uniform(0.75, 1.25)
    wait = max([wait, *(asked for _, asked, _ in job.failures if asked is not None)])
    now = context.clock.now()
    due_at = min([now + wait, *(at for at in job.wake_times if at > now)])
    if attempts >= settings.hold_after:
        await context.hold(job, HoldCode.REPEATED_FAILURE, why[:500])
    phase = OrderPhase.HELD if job.active_holds() else job.lease.phase
    if job.in_state(*_UNFINISHED) or phase is OrderPhase.CLOSED:
        phase = OrderPhase.OPEN if not job.active_holds() else OrderPhase.HELD
    act = Entry(
        job.order_id,
        "failed",
        f"Trying again in {wait:.0f} s.",
        data={"attempts": attempts, "error": kind},
        quoted=why,
    )
    context.record(act)
    # Every failure is in the log; the journal keeps the first and then each tenth.
    entries = [act] if attempts == 1 or attempts % 10 == 0 else []
    release = partial(
        leases.release, phase=phase, due_at=due_at, attempts=attempts, last_error=why[:1000], reason=why[:500]
    )

    def unit(tx: Tx) -> None:
        release(tx)
        journal.write(tx, entries)

    await context.write(job, unit)
