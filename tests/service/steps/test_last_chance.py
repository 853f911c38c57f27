"""Answers: a call that a stop interrupts may still answer, and an answer is recorded without its lease."""

from __future__ import annotations

import asyncio
import time
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


async def stopped(call: Any, answer_s: float = 5.0, end_s: float = 5.0) -> BaseException:
    """What comes of a call whose task is cancelled while it waits."""

    async def run() -> None:
        await answers.last_chance(call, answer_s=answer_s, end_s=end_s)

    task = asyncio.create_task(run())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    (result,) = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(result, BaseException)
    return result


async def after(seconds: float, answer: Any = None) -> Any:
    await asyncio.sleep(seconds)
    if isinstance(answer, Exception):
        raise answer
    return answer


def test_a_stop_waits_for_an_answer_no_longer_than_an_operator_would() -> None:
    assert (answers.LAST_CHANCE_S, answers.END_S) == (2.0, 0.5)


async def test_a_call_that_is_not_stopped_gives_its_answer_or_its_error() -> None:
    assert await answers.last_chance(after(0, "sold")) == "sold"
    with pytest.raises(ValueError, match="no"):
        await answers.last_chance(after(0, ValueError("no")))


async def test_a_stopped_call_that_answers_in_time_hands_its_answer_over() -> None:
    result = await stopped(after(0.01, "sold"))
    assert isinstance(result, answers.Stopped)
    assert result.answer == "sold"
    assert str(result) == "the process is stopping"


async def test_a_stopped_call_that_fails_is_only_stopped() -> None:
    assert isinstance(await stopped(after(0.01, ValueError("no"))), asyncio.CancelledError)


async def test_a_stopped_call_that_ends_as_cancelled_is_only_stopped() -> None:
    async def cancelled() -> None:
        await asyncio.sleep(0.01)
        raise asyncio.CancelledError

    assert isinstance(await stopped(cancelled()), asyncio.CancelledError)


async def test_a_stopped_call_that_does_not_answer_in_time_is_ended() -> None:
    ended: list[float] = []

    async def hang() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(time.monotonic())

    began = time.monotonic()
    assert isinstance(await stopped(hang(), answer_s=0.05), asyncio.CancelledError)
    assert len(ended) == 1
    assert ended[0] - began >= 0.05


async def test_a_stopped_call_that_cleans_up_may_still_answer() -> None:
    """A client that is cancelled may have its response already."""

    async def answer_at_last() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)
        return "sold"

    result = await stopped(answer_at_last(), answer_s=0.02)
    assert isinstance(result, answers.Stopped)
    assert result.answer == "sold"


async def test_a_stopped_call_that_refuses_to_end_holds_up_nothing() -> None:
    is_over = asyncio.Event()

    async def stubborn() -> None:
        while not is_over.is_set():
            try:
                await is_over.wait()
            except asyncio.CancelledError:
                continue

    assert isinstance(await stopped(stubborn(), answer_s=0.01, end_s=0.01), asyncio.CancelledError)
    is_over.set()
    await asyncio.sleep(0.01)


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
