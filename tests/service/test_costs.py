"""What shipping a plain order costs, counted exactly: statements, commits, calls, log lines; never a time.

A number here that grows makes every order dearer, at each shop. Where a change is worth it, change the number
and say why in the commit.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from packhouse.flow import process_order
from packhouse.ledger import restores
from packhouse.sandbox.store.state import StoreOrder
from packhouse.sinks.folder import FolderSink
from packhouse.steps.context import OrderJob
from packhouse.worker.dispatcher import Dispatcher
from tests.service.counting import COMMITS, STATEMENTS, TRANSACTIONS, CountingLoop, Counts
from tests.service.harness import Harness, NewHarness

# An order alone, from the receipt of its event to its release: on SQLite, on PostgreSQL.
ALONE = {
    "units that write": (8, 8),
    "units that read": (4, 4),
    STATEMENTS: (42, 43),
    TRANSACTIONS: (8, 8),
    COMMITS: (8, 8),
    "rollbacks": (0, 0),
    "connections checked": (0, 0),
    "calls handed to threads": (10, 14),
    "threads started": (0, 0),
    "journal rows": (6, 6),
    "log lines": (5, 5),
    "hold fingerprints": (0, 0),
    "calls of asdict": (0, 0),
    "JSON texts written": (17, 17),
    "statements compiled": (0, 0),
    "statements built": (0, 0),
}
# As above, but these depend on the order's data: at most.
AT_MOST = {"JSON texts read": (8, 8)}
# Of each of many orders at once, at most; they share commits in a file, and claims.
TOGETHER = {STATEMENTS: (33.6, 34.6), TRANSACTIONS: (1.0, 7.1), COMMITS: (1.0, 7.1)}
MANY = 16
HTTP = {
    "orders.get 200 store": 2,
    "shipments.create 201 easypost": 1,
    "shipments.buy 200 easypost": 1,
    "label.download 200 easypost": 1,
    "orders.fulfill 200 store": 1,
}


@pytest.fixture
def event_loop_runner() -> Iterator[asyncio.Runner]:
    """An event loop that counts what it hands to threads."""
    with asyncio.Runner(loop_factory=CountingLoop) as runner:
        yield runner


@pytest.fixture
def counts(request: pytest.FixtureRequest, engine: str, tmp_path: Path) -> Iterator[Counts]:
    """The counts of one test, on the engine that it runs on."""
    log = request.getfixturevalue("postgres_server").log if engine == "postgresql" else None
    counts = Counts(tmp_path, log)
    with counts.watching():
        yield counts


async def test_an_order_alone_costs_exactly_this(
    engine: str, counts: Counts, new_harness: NewHarness, tmp_path: Path
) -> None:
    harness = new_harness(sinks=(FolderSink(tmp_path / "outbox"),))
    await _start(harness)
    dispatcher = Dispatcher(harness.context)
    await _ship(harness, dispatcher, _domestic(harness, MANY))  # what is opened, built and compiled once
    await _ship(harness, dispatcher, _domestic(harness, 1))
    (order,) = _domestic(harness, 1)
    async with counts.counted(harness):
        await _ship(harness, dispatcher, [order])
    assert await harness.states(order) == ["fulfilled"]
    counts.seen["journal rows"] = len(await harness.journal(order))

    assert counts.http == HTTP
    column = ("sqlite", "postgresql").index(engine)
    off = [
        f"{name}: {counts.seen[name]}, and the table says {allowed[column]}"
        for name, allowed in ALONE.items()
        if counts.seen[name] != allowed[column]
    ]
    off += [
        f"{name}: {counts.seen[name]}, and the table says at most {allowed[column]}"
        for name, allowed in AT_MOST.items()
        if counts.seen[name] > allowed[column]
    ]
    assert not off, _advice(off, engine, counts)
    assert not set(counts.seen) - set(ALONE) - set(AT_MOST)


async def test_many_orders_at_once_share_commits(
    engine: str, counts: Counts, new_harness: NewHarness, tmp_path: Path
) -> None:
    harness = new_harness(
        settings={"worker": {"concurrency": MANY}}, sinks=(FolderSink(tmp_path / "outbox"),)
    )
    await _start(harness)
    dispatcher = Dispatcher(harness.context)
    await _ship(harness, dispatcher, _domestic(harness, MANY))
    orders = _domestic(harness, MANY)
    async with counts.counted(harness):
        await _ship(harness, dispatcher, orders)
    for order in orders:
        assert await harness.states(order) == ["fulfilled"]

    assert counts.http == {name: MANY * number for name, number in HTTP.items()}
    column = ("sqlite", "postgresql").index(engine)
    off = [
        f"{name}: {counts.seen[name] / MANY:.2f} an order, and the table says at most {allowed[column]}"
        for name, allowed in TOGETHER.items()
        if counts.seen[name] / MANY > allowed[column]
    ]
    assert not off, _advice(off, engine, counts)


async def _start(harness: Harness) -> None:
    """As a daemon does when it starts: an hour ago, so no order is older than the start."""
    await harness.ledger.write(restores.look_up_older, harness.clock.now() - 3600.0)


def _domestic(harness: Harness, count: int) -> list[StoreOrder]:
    """New plain orders that need no customs form."""
    found: list[StoreOrder] = []
    while len(found) < count:
        order = harness.sandbox.place_order("plain")
        if order.address["country"] == "US":
            found.append(order)
    return found


async def _ship(harness: Harness, dispatcher: Dispatcher, orders: list[StoreOrder]) -> None:
    """Receive an event of each order, claim them, and process them, at once."""
    await asyncio.gather(*(harness.deliver_event(order) for order in orders))
    jobs: list[OrderJob] = []
    while len(jobs) < len(orders):
        assert await dispatcher._try_to_claim()
        jobs += dispatcher._claimed
        dispatcher._claimed.clear()
    await asyncio.gather(*(process_order(harness.context, job) for job in jobs))


def _advice(off: list[str], engine: str, counts: Counts) -> str:
    lines = "\n".join(f"  {number:3} x {line[:160]}" for line, number in Counter(counts.lines).items())
    return (
        f"The cost of an order on {engine} changed.\n  "
        + "\n  ".join(off)
        + "\nLess: write the lower number into the table of tests/service/test_costs.py, so that it stays. "
        "More: find what grew among the lines below, and undo it; if it is worth its price at every order, "
        f"write the higher number and say why in the commit.\n{lines}"
    )
