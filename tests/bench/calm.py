"""Five orders a second, as a large shop has them: the time from an order's event to its fulfillment.

It begins when the daemon records the order's first event, and ends when it records that the store has
accepted the fulfillment, both by the daemon's clock. The baseline is the least that the calls take: the six
calls of an order by a bare client, one order after the other, at a sandbox with nothing else to do.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench.figures import Figure, figure, gathered, percentile
from tests.bench.gauges import cpu_s
from tests.bench.orders import SETTINGS, run_bare, ship
from tests.e2e.processes import running_services

HEADING = "five orders a second"
BASELINE = "the six bare calls (bare.py), one order after the other; no webhook, no ledger"

RATE_PER_S = 5.0


def measure(count: int, rounds: int) -> list[Figure]:
    """Ship `count` orders in each round, five a second."""
    return gathered([_round(count) for _ in range(rounds)])


def _round(count: int) -> Sequence[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        waits, used = _shipped(Path(folder), count)
    with tempfile.TemporaryDirectory() as folder:
        bare = run_bare(Path(folder), count, 1)
    return (
        figure("event to posted, p50", "ms", 1000 * percentile(waits, 0.5), 1000 * bare["p50_s"]),
        figure("event to posted, p99", "ms", 1000 * percentile(waits, 0.99), 1000 * bare["p99_s"]),
        figure("processor", "ms/order", 1000 * used / count, 1000 * bare["cpu_s"] / count),
    )


def _shipped(folder: Path, count: int) -> tuple[list[float], float]:
    """The seconds of each order, and the daemon's processor seconds."""
    with running_services(folder, "--poll-only-share", "0") as services:
        daemon = services.start(**SETTINGS)
        before = cpu_s(daemon.pid)
        times = ship(services, count, RATE_PER_S)
        used = cpu_s(daemon.pid) - before
        services.check_audit(count)
    return [at - received for received, at in times], used
