"""One pass of an order through its steps: what a step that fails stops, and what becomes of the order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from sqlalchemy import text

from packhouse.errors import (
    LeaseLost,
    LedgerUnavailable,
    LedgerUnusable,
    PackhouseError,
    StoreThrottled,
    StoreUnavailable,
    StoreUnreachable,
)
from packhouse.flow import STEPS, process_order
from packhouse.ledger.tx import Tx
from packhouse.steps.context import OrderJob
from tests.service.flow.one_pass import claimed, row
from tests.service.harness import Harness

TAKES_S = 7.0


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Render no tracebacks: on a terminal each takes longer than the test."""
    with structlog.testing.capture_logs():
        yield


def times(harness: Harness, outcome: str) -> dict[str, list[float]]:
    """How often each step ended so, and how long it took in all."""
    read = harness.metrics.registry.get_sample_value
    found = {}
    for step in STEPS:
        labels = {"step": step.name, "outcome": outcome}
        if count := read("packhouse_step_seconds_count", labels):
            found[step.name] = [count, read("packhouse_step_seconds_sum", labels) or 0.0]
    return found


def slowly(harness: Harness, answer: Any = None) -> None:
    """The store's first answer takes its time; later ones none."""

    async def order(order_id: str) -> Any:
        harness.store.script(order=None)
        await harness.clock.advance(TAKES_S)
        if answer:
            raise answer
        return await harness.store.real.order(order_id)

    harness.store.script(order=order)


async def test_each_step_runs_once_and_is_timed(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    (job,) = await harness.claim_due()
    slowly(harness)
    await process_order(harness.context, job)
    assert times(harness, "done") == {
        step.name: [1, TAKES_S if step.name == "refresh" else 0.0] for step in STEPS
    }
    assert times(harness, "failed") == {}
    assert await harness.states(order) == ["fulfilled"]


async def test_a_step_that_fails_is_timed_and_no_later_one_runs(harness: Harness) -> None:
    job = await claimed(harness)
    slowly(harness, StoreUnreachable("the store is down"))
    await process_order(harness.context, job)
    assert times(harness, "failed") == {"refresh": [1, TAKES_S]}
    assert times(harness, "done") == {}


@pytest.mark.parametrize(
    ("error", "reason", "waiting", "due_in"),
    [
        (StoreUnavailable("it is down", retry_after_s=400.0), "it is down", "store_unavailable", 400.0),
        (KeyError("absent"), "'absent'", "retry", None),
        (RuntimeError(), "RuntimeError()", "retry", None),
    ],
)
async def test_an_error_of_a_step_is_a_failure_of_its_order_with_its_words_and_its_wait(
    harness: Harness, error: Exception, reason: str, waiting: str, due_in: float | None
) -> None:
    job = await claimed(harness)
    harness.store.script(order=error)
    await process_order(harness.context, job)
    after = await row(harness, job)
    assert (after.lease, after.attempts, after.reason, after.waiting) == (None, 1, reason, waiting)
    assert due_in is None or after.due_at - harness.clock.now() == due_in


@pytest.mark.parametrize("retry_after_s", [None, 0.0, 400.0])
async def test_a_429_is_no_failure_of_the_order_and_it_is_due_when_the_store_allows(
    harness: Harness, retry_after_s: float | None
) -> None:
    job = await claimed(harness)
    harness.store.script(order=StoreThrottled("too many requests", retry_after_s=retry_after_s))
    await process_order(harness.context, job)
    after = await row(harness, job)
    assert (after.lease, after.attempts, after.waiting) == (None, 0, "store_limit")
    assert after.reason == "too many requests"
    assert 0 <= after.due_at - harness.clock.now() - (retry_after_s or 0) <= 1


async def test_an_error_that_names_a_resting_account_counts_no_failure(harness: Harness) -> None:
    class Refused(PackhouseError):
        account = "easypost"

    job = await claimed(harness)
    harness.context.breaker.threshold = 0
    harness.context.breaker.refused("easypost", "moment", "down", harness.clock)  # type: ignore[arg-type]
    harness.store.script(order=Refused("refused"))
    await process_order(harness.context, job)
    assert (await row(harness, job)).attempts == 0


async def test_a_worker_that_lost_its_lease_changes_nothing(harness: Harness) -> None:
    job = await claimed(harness)
    harness.store.script(order=LeaseLost("another worker holds it"))
    before = await row(harness, job)
    with pytest.raises(LeaseLost):
        await process_order(harness.context, job)
    assert await row(harness, job) == before
    assert before.lease is not None


@pytest.mark.parametrize("error", [LedgerUnavailable("the disk is full"), LedgerUnusable("it is damaged")])
async def test_an_order_that_cannot_be_released_is_left_to_the_end_of_its_lease(
    harness: Harness, error: Exception
) -> None:
    job = await claimed(harness)
    harness.store.script(order=StoreUnreachable("the store is down"))
    harness.ledger.script(write=error)
    with pytest.raises(type(error)):
        await process_order(harness.context, job)
    harness.ledger.script(write=None)
    assert (await row(harness, job)).lease is not None


@pytest.mark.parametrize(
    ("error", "said"),
    [(ValueError("a number is too large"), "a number is too large"), (KeyError(), "KeyError()")],
)
async def test_an_order_whose_end_cannot_be_written_says_so(
    harness: Harness, error: Exception, said: str
) -> None:
    def poison(tx: Tx) -> None:
        tx.connection.execute(text("UPDATE orders SET reason = 'half done'"))
        raise error

    job: OrderJob = await claimed(harness)
    harness.store.script(order=StoreUnreachable("the store is down."))
    job.deferred.append(poison)
    await process_order(harness.context, job)
    after = await row(harness, job)
    assert (after.id, after.lease, after.attempts) == (job.order_id, None, 1)
    assert after.reason == f"the store is down; then {said}"
