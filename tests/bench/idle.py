"""A daemon without work: the share of a core that it uses, and its memory, after it has shipped 50 orders.

It is the daemon's second start: the first one creates the ledger, and loads what only that needs.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.figures import Figure, figure, gathered
from tests.bench.gauges import cpu_s, memory_mb, shared_memory_mb
from tests.bench.orders import SETTINGS, ship
from tests.e2e.processes import running_services, wait_for

HEADING = "idle"
BASELINE = "uvicorn with a hello (hello.py), which has no ledger and no client"

ORDERS = 50
_SETTLE_S = 2.0
_ROOT = Path(__file__).parents[2]

# Percent of a core; MB resident, and MB resident with each shared page counted in part.
_Measured = tuple[float, float, float]


def measure(count: int, rounds: int) -> list[Figure]:
    """Watch the daemon for `count` seconds in each round, then the baseline."""
    return gathered([_round(count) for _ in range(rounds)])


def _round(seconds: int) -> Sequence[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        ours = _daemon(Path(folder), seconds)
    with tempfile.TemporaryDirectory() as folder:
        hello = _hello(Path(folder), seconds)
    names = (("processor", "% of a core"), ("memory, resident", "MB"), ("memory, proportional", "MB"))
    return [
        figure(name, unit, mine, theirs)
        for (name, unit), mine, theirs in zip(names, ours, hello, strict=True)
    ]


def _daemon(folder: Path, seconds: int) -> _Measured:
    with running_services(folder, "--poll-only-share", "0") as services:
        services.start(**SETTINGS).end()
        daemon = services.start(**SETTINGS)
        ship(services, ORDERS, 0.0)
        return _watched(daemon.pid, seconds)


def _hello(folder: Path, seconds: int) -> _Measured:
    server = subprocess.Popen([sys.executable, "-m", "tests.bench.hello", str(folder)], cwd=_ROOT)
    try:
        wait_for((folder / "port").exists, "the hello's port")
        return _watched(server.pid, seconds)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def _watched(pid: int, seconds: int) -> _Measured:
    time.sleep(_SETTLE_S)
    before = cpu_s(pid)
    time.sleep(seconds)
    # A process that used less than the clock shows used at least something: a ratio needs a number.
    used = max(cpu_s(pid) - before, 0.001)
    return 100 * used / seconds, memory_mb(pid)[1], shared_memory_mb(pid)
