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

from sqlalchemy import Connection

from packhouse.errors import LeaseLost, PackhouseError
from packhouse.ledger import holds, journal, leases
from packhouse.ledger.leases import Lease
from packhouse.model.hold import Hold, HoldCode
from packhouse.model.journal import MACHINE, Act
from packhouse.model.states import OrderPhase, ShipmentState
from packhouse.rules.verdict import LeaveAlone, StopShipping
from packhouse.steps.announce import announce
from packhouse.steps.buy import buy
from packhouse.steps.decide import decide
from packhouse.steps.desk import Desk, Work
from packhouse.steps.follow import follow
from packhouse.steps.hold import hold
from packhouse.steps.look import look
from packhouse.steps.pack import pack
from packhouse.steps.post import post
from packhouse.steps.settle import settle
from packhouse.steps.void import void


class Step(NamedTuple):
    """A verb of an order's life, and a sentence on what it does."""

    run: Callable[[Desk, Work], Awaitable[None]]
    meaning: str

    @property
    def name(self) -> str:
        """The verb."""
        return self.run.__name__


LIFE = (
    Step(look, "read the order from the store again"),
    Step(settle, "find out what became of a purchase whose answer was lost"),
    Step(decide, "what no longer fits goes; what may ship is named, or why it may not"),
    Step(pack, "units become parcels, parcels become planned shipments"),
    Step(hold, "reasons to wait are placed, or lifted where their cause has gone"),
    Step(buy, "rate, intent on disk, one more look, money"),
    Step(post, "the label's file is kept; units and tracking number go to the store"),
    Step(announce, "sinks are told"),
    Step(follow, "trackers are asked until the parcels have arrived"),
    Step(void, "money of labels that will not ship comes back"),
)

_S = ShipmentState
_UNFINISHED = (_S.PLANNED, _S.BUYING, _S.UNKNOWN, _S.LABELED, _S.VOIDING)
_UNPOSTED = (_S.PLANNED, _S.HELD, _S.BUYING, _S.UNKNOWN, _S.LABELED)
_SHIPPED = (_S.FULFILLED, _S.DELIVERED)
_UNTIL_POSTED = (HoldCode.POSTED_BY_HAND, HoldCode.DONE_BY_HAND)


async def live(desk: Desk, work: Work) -> None:
    """Take one leased order once through its life, and give it back. Raises LeaseLost, LedgerUnavailable."""
    trouble: Exception | None = None
    try:
        for step in LIFE:
            began = desk.clock.monotonic()
            try:
                await step.run(desk, work)
            except BaseException:
                desk.metrics.step(step.name, desk.clock.monotonic() - began, "failed")
                raise
            desk.metrics.step(step.name, desk.clock.monotonic() - began, "done")
    except LeaseLost:
        raise
    except PackhouseError as error:
        trouble = error
    except Exception as error:
        desk.log.exception("step_failed", order_id=work.order_id)
        trouble = error
    if trouble is not None:
        asked = getattr(trouble, "retry_after_s", None)
        work.failed(str(trouble) or repr(trouble), asked, type(trouble).__name__)
    if work.failures:
        await _give_back_failed(desk, work)
    else:
        await _give_back(desk, work)


async def _give_back(desk: Desk, work: Work) -> None:
    """Nothing went wrong: say where the order stands, and when to look again."""
    now = desk.clock.now()
    poll = desk.settings.poll
    phase, reason, due_at = OrderPhase.CLOSED, "", None
    if work.wake_times:
        phase = OrderPhase.HELD if work.standing() else OrderPhase.OPEN
        due_at = min(work.wake_times)
    elif work.standing():
        phase, due_at = OrderPhase.HELD, now + poll.relook_s * random.uniform(0.8, 1.2)
    elif work.in_state(*_UNFINISHED):
        phase, due_at = OrderPhase.OPEN, now + poll.relook_s
    elif work.in_state(*_SHIPPED):
        phase = OrderPhase.SHIPPED
        confirmed = work.lease.phase is OrderPhase.SHIPPED
        due_at = min(work.idle_times, default=None) if confirmed else now + poll.confirm_s
    if standing := work.standing():
        reason = standing[0].sentence
    elif work.waits_for:
        reason = work.waits_for
    elif isinstance(work.verdict, LeaveAlone | StopShipping):
        reason = work.verdict.why
        if isinstance(work.verdict, LeaveAlone) and work.verdict.shipped and phase is OrderPhase.CLOSED:
            phase = OrderPhase.SHIPPED
    gone = [(h, why) for h in work.holds if h.stands and (why := _why_over(work, h))]
    # A hold has told its own story when it was placed.
    tells = phase in (OrderPhase.SHIPPED, OrderPhase.CLOSED) and phase is not work.lease.phase
    acts = [_settled(work, phase, reason)] if tells else []
    acts += [Act(work.order_id, "released", f"{one.code}: {why}", one.shipment_id) for one, why in gone]

    def unit(connection: Connection, now: float, lease: Lease) -> None:
        for one, why in gone:
            holds.release(connection, now, one.id, by=MACHINE, reason=why)
        leases.release(
            connection,
            now,
            lease,
            phase=phase,
            reason=reason,
            due_at=now if gone else due_at,
            attempts=work.lease.attempts if work.waits_for else 0,
            woken_delay_s=poll.confirm_s if phase is OrderPhase.SHIPPED else 0.0,
        )
        journal.write(connection, now, acts)

    await desk.write(work, unit)
    desk.tell(*acts)


def _why_over(work: Work, one: Hold) -> str:
    """Why a hold ends by itself now that all steps went well; "" if it does not."""
    if one.code is HoldCode.KEEPS_FAILING:
        # Who only waited has not shown that the cause has gone.
        return "" if work.waits_for else "It went well at last."
    nothing_to_post = isinstance(work.verdict, LeaveAlone | StopShipping) and not work.in_state(*_UNPOSTED)
    return "Nothing is left to post." if one.code in _UNTIL_POSTED and nothing_to_post else ""


def _settled(work: Work, phase: OrderPhase, reason: str) -> Act:
    return Act(work.order_id, phase.value, reason or "Every unit has been shipped.")


async def _give_back_failed(desk: Desk, work: Work) -> None:
    """Something passing went wrong: wait twice as long as last time, and after many times tell a person."""
    settings = desk.settings.retry
    why, _, kind = work.failures[0]
    attempts = work.lease.attempts + 1
    wait = min(settings.base_s * 2 ** min(attempts - 1, 30), settings.max_s) * random.uniform(0.75, 1.25)
    wait = max([wait, *(asked for _, asked, _ in work.failures if asked is not None)])
    now = desk.clock.now()
    due_at = min([now + wait, *(at for at in work.wake_times if at > now)])
    if attempts >= settings.hold_after:
        await desk.hold(work, HoldCode.KEEPS_FAILING, why[:500])
    phase = OrderPhase.HELD if work.standing() else work.lease.phase
    if work.in_state(*_UNFINISHED) or phase is OrderPhase.CLOSED:
        phase = OrderPhase.OPEN if not work.standing() else OrderPhase.HELD
    act = Act(
        work.order_id,
        "failed",
        f"Trying again in {wait:.0f} s.",
        data={"attempts": attempts, "error": kind},
        quoted=why,
    )
    desk.tell(act)
    # Every failure is in the log; the journal keeps the first and then each tenth.
    acts = [act] if attempts == 1 or attempts % 10 == 0 else []
    release = partial(
        leases.release, phase=phase, due_at=due_at, attempts=attempts, last_error=why[:1000], reason=why[:500]
    )

    def unit(connection: Connection, now: float, lease: Lease) -> None:
        release(connection, now, lease)
        journal.write(connection, now, acts)

    await desk.write(work, unit)
