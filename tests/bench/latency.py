"""Orders at a store and a provider that take 100 ms for each call: how much of what the waiting alone allows.

An order needs six calls one after the other, so 64 orders at once can ship at most 64 / 0.6 s. The same calls
by a bare client at the same concurrency show how near to that the sandbox and this machine let anybody come.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench.figures import Figure, figure, gathered
from tests.bench.gauges import cpu_s
from tests.bench.orders import SETTINGS, run_bare, ship
from tests.e2e.processes import running_services

HEADING = "store and provider of 100 ms"
BASELINE = "concurrency / sum of the latencies, then the bare calls (bare.py) at the same concurrency"

LATENCY_MS, CONCURRENCY, CALLS = 100, 64, 6
LATENT = ("--easypost-latency-ms", str(LATENCY_MS), "--store-latency-ms", str(LATENCY_MS))


def measure(count: int, rounds: int) -> list[Figure]:
    """Ship `count` orders in each round, all at once."""
    return gathered([_round(count) for _ in range(rounds)])


def _round(count: int) -> Sequence[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        elapsed, used = _shipped(Path(folder), count)
    with tempfile.TemporaryDirectory() as folder:
        bare = run_bare(Path(folder), count, CONCURRENCY, *LATENT)
    most = CONCURRENCY / (CALLS * LATENCY_MS / 1000)
    return (
        figure("shipped, of the bound", "orders/s", count / elapsed, most),
        figure("shipped, of bare calls", "orders/s", count / elapsed, count / bare["elapsed_s"]),
        figure("processor", "ms/order", 1000 * used / count, 1000 * bare["cpu_s"] / count),
    )


def _shipped(folder: Path, count: int) -> tuple[float, float]:
    """Seconds from the first event on disk to the last fulfillment, and the daemon's processor seconds."""
    with running_services(folder, "--poll-only-share", "0", *LATENT) as services:
        daemon = services.start(**SETTINGS | {"PACKHOUSE_WORKER__CONCURRENCY": str(CONCURRENCY)})
        before = cpu_s(daemon.pid)
        times = ship(services, count, 0.0)
        used = cpu_s(daemon.pid) - before
        services.check_audit(count)
    return max(at for _, at in times) - min(received for received, _ in times), used
