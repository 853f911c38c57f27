"""Webhook deliveries, each on disk before its response, compared with the same server without writes.

Also compared with the least that a server in Python can do: a raw ASGI application on uvicorn that answers at
once.
"""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench import deliveries
from tests.bench.figures import Figure, figure, gathered, percentile
from tests.bench.gauges import TICK_S, cpu_s
from tests.e2e.processes import SECRET, wait_for

HEADING = "intake of webhooks"
BASELINE = "the same server and checks, an inbox that answers at once and keeps nothing"

CONNECTIONS = 32
_ROOT = Path(__file__).parents[2]


def measure(count: int, rounds: int) -> list[Figure]:
    """Send `count` deliveries to each server in each round."""
    return gathered([_round(count) for _ in range(rounds)])


def _round(count: int) -> Sequence[Figure]:
    requests = deliveries.prepared(count, SECRET)
    elapsed, used, waits = _taken("durable", requests)
    bare_elapsed, bare_used, bare_waits = _taken("forgetful", requests)
    hello_elapsed, hello_used, _ = _taken("hello", requests)
    ms = 1000.0
    return (
        figure("answered", "events/s", count / elapsed, count / bare_elapsed),
        figure("processor", "ms/event", ms * used / count, ms * bare_used / count),
        *(
            figure(f"wait, {name}", "ms", ms * percentile(waits, share), ms * percentile(bare_waits, share))
            for name, share in (("p50", 0.5), ("p99", 0.99))
        ),
        figure("answered, next to a raw ASGI hello", "events/s", count / elapsed, count / hello_elapsed),
        figure("processor, next to a raw ASGI hello", "ms/event", ms * used / count, ms * hello_used / count),
    )


def _taken(kind: str, requests: Sequence[bytes]) -> tuple[float, float, list[float]]:
    """Seconds, the server's processor seconds, and the seconds of each delivery. Checks the ledger."""
    with tempfile.TemporaryDirectory() as folder:
        port = Path(folder) / "port"
        program = ["hello"] if kind == "hello" else ["intake_server", kind]
        server = subprocess.Popen(
            [sys.executable, "-m", f"tests.bench.{program[0]}", *program[1:], folder], cwd=_ROOT
        )
        try:
            wait_for(lambda: _listens(server, port), "the intake's port")
            before = cpu_s(server.pid)
            elapsed, waits = deliveries.deliver(int(port.read_text()), requests, CONNECTIONS)
            # Few deliveries may take less than the system can tell.
            used = max(cpu_s(server.pid) - before, TICK_S)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
        kept = 0 if kind == "hello" else _kept(Path(folder) / "packhouse.db")
        assert kept == (len(requests) if kind == "durable" else 0), (
            f"{kept} of {len(requests)} events are kept"
        )
    return elapsed, used, waits


def _listens(server: subprocess.Popen[bytes], port: Path) -> bool:
    assert server.poll() is None, f"the intake ended with {server.returncode}"
    return port.exists() and bool(port.read_text())


def _kept(ledger: Path) -> int:
    """Events on disk, each with an order that is due."""
    connection = sqlite3.connect(ledger)
    try:
        query = "SELECT count(*) FROM events JOIN orders ON orders.id = events.order_id"
        return int(connection.execute(query).fetchone()[0])
    finally:
        connection.close()
