"""A daemon on a ledger full of finished orders, compared with the same daemon on a ledger without history.

A round's time of a request is the least of its runs: whatever else the machine does can only make one longer.
"""

from __future__ import annotations

import asyncio
import http.client
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from packhouse.ledger import inbox, leases
from packhouse.ledger.pages import SMALL_BYTES
from packhouse.ledger.sqlite import SqliteLedger
from tests.bench.figures import Figure, figure, gathered
from tests.bench.filling import fill
from tests.bench.gauges import cpu_s
from tests.bench.orders import SETTINGS
from tests.e2e.processes import TOKEN, Process, Services, running_services, wait_for

HEADING = "history"
BASELINE = "the same daemon on a ledger without history"

# A page of each list, so that both ledgers show as much.
_PATTERNS = 60
_NEW = 300
_RUNS = 15
_IDLE_S, _REST_S = 5.0, 5.0
_SANDBOX = ("--poll-only-share", "0")
# Every list and view of the command and the page. {…} is filled in with what the ledger has.
_PAGES = {
    "orders": "/api/v1/orders",
    "orders, shipped": "/api/v1/orders?phase=shipped",
    "orders, held": "/api/v1/orders?phase=held",
    "orders, a later page": "/api/v1/orders?limit=2&after={next}",
    "an order": "/api/v1/orders/{order}",
    "why, its journal": "/api/v1/orders/{order}/journal",
    "shipments": "/api/v1/shipments",
    "shipments, fulfilled": "/api/v1/shipments?state=fulfilled",
    "shipments, held": "/api/v1/shipments?state=held",
    "a label": "/api/v1/orders/{order}/label",
    "a label's file": "/api/v1/labels/{document}",
    "holds": "/api/v1/holds",
    "holds, active": "/api/v1/holds?active=true",
    "events": "/api/v1/events",
    "events of an order": "/api/v1/events?order_id={order}",
    "events, ignored": "/api/v1/events?outcome=ignored",
    "journal": "/api/v1/journal",
    "reconciliation": "/api/v1/reconciliation",
    "status": "/api/v1/status",
    "metrics": "/metrics",
    "readiness": "/readyz",
}
_SHIPPED = "SELECT count(*) FROM orders WHERE phase = 'shipped'"
_UNFINISHED = "SELECT count(*) FROM orders WHERE phase IN ('open', 'held')"
_POSTED = "SELECT count(*) FROM journal WHERE id > {first} AND action = 'fulfilled'"
_SPAN = (
    "SELECT max(at) - min(at) FROM journal WHERE id > {first} AND action IN ('event_received', 'fulfilled')"
)


def measure(count: int, rounds: int) -> list[Figure]:
    """Fill a ledger with `count` finished orders once, and compare it in each round.

    Each ledger has a sandbox of its own: one account knows no purchase of the other ledger.
    """
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name) / part for part in ("full", "empty")]
        for folder in folders:
            folder.mkdir()
        with (
            running_services(folders[0], *_SANDBOX) as full,
            running_services(folders[1], *_SANDBOX) as empty,
        ):
            for services in (full, empty):
                _begin(services)
            fill(f"sqlite:///{full.ledger}", count)
            return gathered([_round(full, empty) for _ in range(rounds)])


def _begin(services: Services) -> None:
    """Ship the few orders of which the history is made."""
    services.start(**SETTINGS)
    services.place_orders(_PATTERNS, kinds=("plain",))
    wait_for(lambda: services.query(_SHIPPED) >= _PATTERNS, "the first orders to ship")
    assert services.daemon and services.daemon.end() == 0


def _round(full: Services, empty: Services) -> Sequence[Figure]:
    theirs, ours = _measured(empty), _measured(full)
    return [figure(name, unit, ours[name, unit], value) for (name, unit), value in theirs.items()]


def _measured(services: Services) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    daemon, found["ready", "s"] = _start(services)
    found["ready, processor", "s"] = cpu_s(daemon.pid)
    if services.ledger.stat().st_size > SMALL_BYTES:
        wait_for(lambda: "ledger_undamaged" in daemon.output(), "the check of the ledger's pages", 1800)
    for name, took in _pages(services, daemon).items():
        found[name, "ms"] = took
    found["shipped", "orders/s"], found["processor", "ms/order"] = _ship(services, daemon)
    # What follows a fulfillment, such as its events and one more look at the order.
    wait_for(lambda: services.query(_UNFINISHED) == 0, "the rest")
    time.sleep(_REST_S)
    before = cpu_s(daemon.pid)
    time.sleep(_IDLE_S)
    found["idle", "% of a core"] = max(cpu_s(daemon.pid) - before, 0.005) / _IDLE_S * 100
    assert daemon.end() == 0, daemon.output()[-2000:]
    for name, took in asyncio.run(_tasks(services.ledger)).items():
        found[name, "ms"] = took
    return found


def _start(services: Services) -> tuple[Process, float]:
    # A log of its own: it says when the ledger's pages were read.
    began = time.perf_counter()
    daemon = services.launch(f"daemon-{time.time_ns()}", **SETTINGS)
    until = began + 300
    while not services.is_ready(daemon):
        assert time.perf_counter() < until, daemon.output()[-2000:]
        time.sleep(0.005)
    return daemon, time.perf_counter() - began


def _pages(services: Services, daemon: Process) -> dict[str, float]:
    """The least time of each request, in milliseconds."""
    connection = http.client.HTTPConnection("127.0.0.1", services.port, timeout=60)
    page = services.api("/api/v1/orders?limit=2")
    order = page["orders"][0]["id"]
    shipments = services.api("/api/v1/shipments?limit=1")["shipments"]
    words = {"next": page["next"], "order": order, "document": shipments[0]["label"]["document"]}
    took: dict[str, list[float]] = {name: [] for name in _PAGES}
    for _ in range(_RUNS):
        for name, path in _PAGES.items():
            began = time.perf_counter()
            connection.request("GET", path.format(**words), headers={"authorization": f"Bearer {TOKEN}"})
            answer = connection.getresponse()
            answer.read()
            took[name].append(time.perf_counter() - began)
            assert answer.status in (200, 404), (name, answer.status)
    connection.close()
    assert daemon.alive()
    return {name: 1000 * min(times) for name, times in took.items()}


def _ship(services: Services, daemon: Process) -> tuple[float, float]:
    """Orders a second and milliseconds of processor time for each of some new orders."""
    first = services.query("SELECT max(id) FROM journal")
    before = cpu_s(daemon.pid)
    services.place_orders(_NEW, kinds=("plain",))
    posted = _POSTED.format(first=first)
    wait_for(lambda: services.query(posted) >= _NEW, f"{_NEW} orders to ship", 60 + _NEW)
    used = cpu_s(daemon.pid) - before
    return _NEW / services.query(_SPAN.format(first=first)), 1000 * used / _NEW


async def _tasks(file: Path) -> dict[str, float]:
    """The periodic tasks of a daemon that is not running, in milliseconds each."""
    ledger = SqliteLedger(f"sqlite:///{file}")
    took = {}
    try:
        now = time.time()
        took["wake stalled orders"] = await _least(partial(ledger.write, leases.wake_stalled, now))
        took["wake unfinished orders"] = await _least(partial(ledger.write, leases.wake_unfinished, now))
        took["prune, nothing is old"] = await _least(partial(ledger.write, inbox.prune, now, 0.0, 250))
    finally:
        await ledger.close()
    return took


async def _least(run: Callable[[], Awaitable[Any]]) -> float:
    times = []
    for _ in range(5):
        began = time.perf_counter()
        await run()
        times.append(time.perf_counter() - began)
    return 1000 * min(times)
