"""Whatever fails while an order is released counts as a failure, and ends in a hold."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from sqlalchemy import text

from packhouse.errors import LedgerUnavailable, ProviderUnavailable, ValueRejected
from packhouse.flow import process_order
from packhouse.ledger.tx import Tx
from packhouse.steps.context import OrderJob
from packhouse.worker.dispatcher import Dispatcher
from tests.service.harness import Harness

pytestmark = pytest.mark.usefixtures("engine", "quiet")


@pytest.fixture
def quiet() -> Iterator[None]:
    """Render no tracebacks: on a terminal each takes longer than the test."""
    with structlog.testing.capture_logs():
        yield


IMPATIENT = {"retry": {"base_s": 1, "max_s": 5, "hold_after": 3}}


async def _ship_until_held(harness: Harness) -> Any:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    await harness.advance(60, step=10)
    return order


@pytest.mark.harness(settings=IMPATIENT)
@pytest.mark.parametrize(
    "broken", ["half an emoji \ud83d", "a\x00b", "\udcff" * 40], ids=["half", "nul", "bytes"]
)
async def test_a_text_that_cannot_be_written_ends_in_a_hold(harness: Harness, broken: str) -> None:
    harness.provider.script(prepare=ProviderUnavailable(f"the depot says {broken}"))
    other = harness.sandbox.place_order("plain")
    order = await _ship_until_held(harness)
    row = await harness.order_row(order)
    assert row.phase == "held"
    assert row.attempts >= 3
    assert row.lease is None
    (hold,) = await harness.active_holds(order)
    assert hold.code == "repeated_failure"
    assert "the depot says" in hold.sentence
    assert hold.sentence.isprintable() or "\x00" in broken  # which SQLite can store
    harness.provider.script(prepare=None)
    await harness.deliver_event(other)
    await harness.advance(60, step=20)
    assert await harness.states(order) == await harness.states(other) == ["fulfilled"]
    assert await harness.active_holds(order) == []


_TOO_MUCH: list[tuple[str, Callable[[Tx], object]]] = [
    ("number", lambda tx: tx.connection.execute(text("UPDATE orders SET wakes = :n"), {"n": 2**70})),
    ("constraint", lambda tx: tx.connection.exec_driver_sql("UPDATE orders SET phase = 'lost'")),
    ("bug", lambda tx: tx.connection.exec_driver_sql("UPDATE orders SET no_such_column = 1")),
    ("type", lambda tx: tx.connection.execute(text("UPDATE orders SET reason = :r"), {"r": object()})),
    ("key", lambda tx: {}["absent"]),
]


@pytest.mark.harness(settings=IMPATIENT)
@pytest.mark.parametrize("write", [write for _, write in _TOO_MUCH], ids=[name for name, _ in _TOO_MUCH])
async def test_a_deferred_write_that_always_fails_ends_in_a_hold(
    harness: Harness, write: Callable[[Tx], object]
) -> None:
    async def poisoned(order_id: str) -> Any:
        fetched = await harness.store.real.order(order_id)
        for job in jobs:
            job.deferred.append(write)
        return fetched

    jobs: list[OrderJob] = []
    claim = harness.claim_due

    async def claim_due() -> list[OrderJob]:
        jobs[:] = await claim()
        return list(jobs)

    harness.claim_due = claim_due  # type: ignore[method-assign]
    harness.store.script(order=poisoned)
    order = await _ship_until_held(harness)
    assert [hold.code for hold in await harness.active_holds(order)] == ["repeated_failure"]
    assert (await harness.order_row(order)).lease is None
    harness.store.script(order=None)
    await harness.advance(60, step=20)
    assert await harness.states(order) == ["fulfilled"]


@pytest.mark.harness(settings=IMPATIENT)
async def test_a_ledger_that_is_down_counts_no_failure(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    (job,) = await harness.claim_due()
    harness.ledger.script(write=LedgerUnavailable("the disk is full"))
    with pytest.raises(LedgerUnavailable):
        await process_order(harness.context, job)
    harness.ledger.script(write=None)
    assert (await harness.order_row(order)).attempts == 0


_REJECTED: list[tuple[str, dict[str, object]]] = [
    ("UPDATE orders SET reason = :v", {"v": "\ud83d"}),
    ("UPDATE orders SET wakes = :v", {"v": 2**70}),
    ("UPDATE orders SET phase = :v", {"v": "lost"}),
    ("UPDATE orders SET id = :v", {"v": None}),
]


async def test_a_value_that_is_refused_is_no_ledger_that_is_down(harness: Harness, engine: str) -> None:
    await harness.deliver_event("ord_1")
    rejected = list(_REJECTED)
    if engine == "postgresql":  # SQLite stores these
        long = random.Random(1).randbytes(20_000).hex()  # too long for an index
        rejected += [
            ("UPDATE orders SET reason = :v", {"v": "a\x00b"}),
            ("UPDATE orders SET attempts = :v", {"v": 2**40}),
            ("UPDATE orders SET id = :v", {"v": long}),
        ]
    for statement, values in rejected:

        def unit(tx: Tx, statement: str = statement, values: dict[str, object] = values) -> None:
            tx.connection.execute(text(statement), values)

        with pytest.raises(ValueRejected, match=r"^the ledger cannot store a"):
            await harness.ledger.write(unit, 1.0)
    assert (await harness.order_row("ord_1")).reason == ""


async def test_a_row_that_cannot_be_read_concerns_its_own_order_only(harness: Harness) -> None:
    """A newer version wrote a kind of hold that this one does not know."""
    good, bad = harness.sandbox.place_order("plain"), harness.sandbox.place_order("plain")
    for order in (bad, good):
        await harness.deliver_event(order)

    def plant(tx: Tx) -> None:
        tx.connection.execute(
            text(
                "INSERT INTO holds (order_id, code, placed_by, placed_at) VALUES (:id, 'of_tomorrow', 'x', 1)"
            ),
            {"id": bad.id},
        )

    await harness.ledger.write(plant, 1.0)
    dispatcher = Dispatcher(harness.context)
    assert await dispatcher._try_to_claim()
    assert [job.order_id for job in dispatcher._claimed] == [good.id]
    row = await harness.order_row(bad)
    assert row.attempts == 1
    assert row.lease is None
    assert row.due_at > harness.clock.now()
    assert "its records cannot be read: ValueError" in row.reason
    assert await harness.journal(bad) == ["event_received", "failed"]
