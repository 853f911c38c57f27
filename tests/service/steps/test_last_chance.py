"""Answers: a call that a stop interrupts may still answer, and an answer is recorded without its lease."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from structlog.testing import capture_logs

from packhouse.errors import LeaseLost, LedgerUnavailable
from packhouse.ledger import journal, leases
from packhouse.ledger.tx import Tx
from packhouse.model.journal import Entry
from packhouse.steps import answers
from tests.service.harness import Harness
from tests.service.steps.jobs import LEDGER_DOWN, entries, job_before
from tests.simulation.event_loop import VirtualLoop


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run it on a clock that never waits."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(random.Random(1))) as runner:
        runner.run(main)


def now() -> float:
    return asyncio.get_running_loop().time()


async def after(seconds: float, answer: Any = None) -> Any:
    await asyncio.sleep(seconds)
    if isinstance(answer, BaseException):
        raise answer
    return answer


def stopped(call: Callable[[], Coroutine[Any, Any, Any]]) -> tuple[BaseException, float]:
    """What comes of a call that is stopped after 10 s, and how long the stop then takes."""
    results: list[tuple[BaseException, float]] = []

    async def main() -> None:
        async def hear() -> None:
            await answers.last_chance(call())

        task = asyncio.create_task(hear())
        await asyncio.sleep(10.0)
        task.cancel()
        (result,) = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(result, BaseException)
        results.append((result, now() - 10.0))

    run(main())
    return results[0]


def heard(call: Callable[[], Coroutine[Any, Any, Any]]) -> tuple[Any, float]:
    """The answer that a stopped call hands over, and how long the stop takes."""
    result, took_s = stopped(call)
    assert isinstance(result, answers.Stopped), result
    assert str(result) == "the process is stopping"
    return result.answer, took_s


def unheard(call: Callable[[], Coroutine[Any, Any, Any]]) -> float:
    """How long the stop takes, of a call that is only stopped."""
    result, took_s = stopped(call)
    assert isinstance(result, asyncio.CancelledError), result
    return took_s


def test_a_call_that_is_not_stopped_gives_its_answer_or_its_error() -> None:
    async def main() -> None:
        assert await answers.last_chance(after(7, "sold")) == "sold"
        with pytest.raises(ValueError, match="no"):
            await answers.last_chance(after(7, ValueError("no")))
        assert now() == 14.0

    run(main())


@pytest.mark.parametrize("left_s", [0.5, 1.5])
def test_a_stopped_call_that_answers_in_time_hands_its_answer_over(left_s: float) -> None:
    assert heard(lambda: after(10 + left_s, "sold")) == ("sold", left_s)


def test_a_stopped_call_that_fails_is_only_stopped() -> None:
    assert unheard(lambda: after(11, ValueError("no"))) == 1.0


def test_a_stopped_call_that_ends_as_cancelled_is_only_stopped() -> None:
    assert unheard(lambda: after(11, asyncio.CancelledError())) == 1.0


def test_a_stopped_call_that_does_not_answer_in_two_seconds_is_ended() -> None:
    ended: list[float] = []

    async def hang() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(now())

    assert unheard(hang) == 2.0
    assert ended == [12.0]


def test_a_stopped_call_that_cleans_up_may_still_answer() -> None:
    """A client that is cancelled may have its response already."""

    async def answer_at_last() -> Any:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return await after(0.25, "sold")

    assert heard(answer_at_last) == ("sold", 2.25)


def test_a_stopped_call_that_refuses_to_end_holds_up_the_stop_for_half_a_second_more() -> None:
    async def stubborn() -> Any:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return await after(5, "sold")

    assert unheard(stubborn) == 2.5


class _Recording:
    """An answer that is recorded in the journal, under the lease or without it."""

    def __init__(self, harness: Harness, order_id: str, *, is_new: bool = True) -> None:
        self.harness, self.is_new = harness, is_new
        self.entry = Entry(order_id, "bought", "It is sold.", f"{order_id}-1")
        self.calls = 0

    def unit(self, tx: Tx) -> None:
        leases.require(tx)
        journal.write(tx, (self.entry,))

    def late(self, tx: Tx) -> tuple[Entry, ...]:
        if not self.is_new:
            return ()
        journal.write(tx, (self.entry,))
        return (self.entry,)

    def recorded(self) -> None:
        self.calls += 1


async def test_an_answer_is_recorded_under_its_lease_and_then_counted(harness: Harness) -> None:
    job = await job_before(harness, "buy")
    recording = _Recording(harness, job.order_id)
    await answers.record(harness.context, job, recording.unit, recording.late, recording.recorded)
    assert len(await entries(harness, job, "bought")) == 1
    assert recording.calls == 1


@pytest.mark.parametrize("is_new", [True, False])
async def test_an_answer_is_recorded_without_its_lease_and_the_pass_ends(
    harness: Harness, is_new: bool
) -> None:
    job = await job_before(harness, "buy")
    await harness.clock.advance(130)
    assert len(await harness.claim_due()) == 1
    recording = _Recording(harness, job.order_id, is_new=is_new)
    with capture_logs() as logs, pytest.raises(LeaseLost):
        await answers.record(harness.context, job, recording.unit, recording.late, recording.recorded)
    assert len(await entries(harness, job, "bought")) == int(is_new)
    assert recording.calls == int(is_new)
    late = [one for one in logs if one["event"] == "late_answer_recorded"]
    assert [(one["order_id"], one["shipment_id"]) for one in late] == (
        [(job.order_id, f"{job.order_id}-1")] if is_new else []
    )


async def test_an_answer_that_cannot_be_recorded_is_not_counted(harness: Harness) -> None:
    job = await job_before(harness, "buy")
    recording = _Recording(harness, job.order_id)
    harness.ledger.script(write=LEDGER_DOWN)
    with pytest.raises(LedgerUnavailable):
        await answers.record(harness.context, job, recording.unit, recording.late, recording.recorded)
    assert recording.calls == 0
