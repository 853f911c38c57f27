"""Packhouse and what people would use instead: in each round, each in turn ships as many orders.

An engine is measured in two forms (tests/bench/engines/__init__.py): one job an order, which is the
quickest and may buy a second label after a crash, and one job an exchange, which repeats one exchange
after a crash.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests import postgres
from tests.bench import contestants, redis
from tests.bench.contestants import Run
from tests.bench.orders import CONCURRENCY
from tests.bench.standing import lines

OURS = ("Packhouse, SQLite", "Packhouse, PostgreSQL")
# Every turn of the loop takes the same time, and the loop is slow: it gets this share of the orders.
_LOOP_SHARE = 0.02
_ON_POSTGRES = {"PgQueuer": "pgqueuer", "Procrastinate": "procrastinate"}
_HOW_TO_INSTALL = {
    "engines": "make peers sets up .venv-bench",
    "postgresql": "sh .ci/debian installs it as root",
    "redis": "apt-get install redis-server; stop the service that it starts",
}


@dataclass(frozen=True, slots=True)
class Contestant:
    """A name, and what ships so many orders."""

    name: str
    run: Callable[[int], Run]


def missing() -> list[str]:
    """What this machine lacks for some contestants, each with how to get it."""
    there = {
        "engines": contestants.ENGINES_PYTHON.exists(),
        "postgresql": postgres.is_installed(),
        "redis": redis.is_installed(),
    }
    return [f"{name} ({_HOW_TO_INSTALL[name]})" for name, found in there.items() if not found]


def measure(count: int, rounds: int, only: str = "") -> dict[str, Any]:
    """Ship `count` orders with each contestant in each round; every round's values, as JSON has them.

    `only`: a part of the name of the contestants to measure.
    """
    with ExitStack() as stack:
        field = [one for one in _field(stack) if only in one.name]
        runs: dict[str, list[Run]] = {one.name: [] for one in field}
        for number in range(rounds):
            for one in field:
                run = one.run(count)
                runs[one.name].append(run)
                print(
                    f"round {number + 1}: {one.name}: {run.orders / run.elapsed_s:.1f} orders/s", flush=True
                )
    return {
        "count": count,
        "rounds": rounds,
        "concurrency": CONCURRENCY,
        "contestants": [
            {
                "name": name,
                "orders": each[0].orders,
                "orders_per_s": [run.orders / run.elapsed_s for run in each],
                "cpu_ms": [1000 * run.cpu_s / run.orders for run in each],
                "database_ms": [1000 * run.database_cpu_s / run.orders for run in each],
            }
            for name, each in runs.items()
        ],
    }


def table(measured: dict[str, Any]) -> str:
    """The medians as aligned text."""
    rows = lines(measured)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def _field(stack: ExitStack) -> list[Contestant]:
    """Everything that can be measured on this machine, in the order of a round."""
    field = [Contestant(OURS[0], contestants.packhouse)]
    engines = contestants.ENGINES_PYTHON.exists()
    if postgres.is_installed():
        server = stack.enter_context(postgres.running(synced=True))
        field.append(Contestant(OURS[1], partial(contestants.packhouse, server=server)))
        if engines:
            field += [
                Contestant(f"{title}, a job an {job}", partial(_on_postgres, server, name, job))
                for title, name in _ON_POSTGRES.items()
                for job in ("order", "exchange")
            ]
            field.append(
                Contestant("DBOS, a step an exchange", partial(_on_postgres, server, "dbos", "order"))
            )
    if redis.is_installed() and engines:
        field += [
            Contestant(f"Celery and Redis, a job an {job}", partial(_on_redis, job))
            for job in ("order", "exchange")
        ]
    field.append(Contestant("the exchanges alone", contestants.exchanges))
    if contestants.can_loop():
        field.append(Contestant("the documented loop", _loop))
    return field


def _on_postgres(server: postgres.PostgresServer, name: str, job: str, count: int) -> Run:
    database = server.new_database()
    try:
        address = f"postgresql://{postgres.OWNER}@127.0.0.1:{server.port}/{database}"
        return contestants.engine(name, job, count, address, server.pid)
    finally:
        server.drop(database)


def _on_redis(job: str, count: int) -> Run:
    with tempfile.TemporaryDirectory() as folder, redis.running(Path(folder)) as server:
        return contestants.engine("celery", job, count, server.url, server.pid)


def _loop(count: int) -> Run:
    return contestants.documented_loop(max(5, int(count * _LOOP_SHARE)))
