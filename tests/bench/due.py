"""Many orders that are due at once: how fast the last of them ship, compared with the first, and the memory.

The orders are at the store before the daemon starts, which finds them by polling.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench.figures import Figure, figure, gathered
from tests.bench.gauges import memory_mb
from tests.bench.orders import SETTINGS
from tests.e2e.processes import Services, running_services, wait_for

HEADING = "due orders"
BASELINE = "the first tenth of the same orders"

_POSTED = "SELECT count(*) FROM shipments WHERE state = 'fulfilled'"
_TIMES = "SELECT at FROM journal WHERE action = 'fulfilled' ORDER BY at"


def measure(count: int, rounds: int) -> list[Figure]:
    """Ship `count` orders in each round."""
    return gathered([_round(count) for _ in range(rounds)])


def _round(count: int) -> Sequence[Figure]:
    with (
        tempfile.TemporaryDirectory() as folder,
        running_services(Path(folder), "--poll-only-share", "1") as services,
    ):
        services.place_orders(count, kinds=("plain",))
        daemon = services.start(**SETTINGS)
        tenth = max(count // 10, 2)
        patience_s = 60 + count
        wait_for(lambda: services.query(_POSTED) >= tenth, "the first tenth to ship", patience_s)
        early_mb = memory_mb(daemon.pid)[1]
        wait_for(lambda: services.query(_POSTED) >= count, f"{count} orders to ship", patience_s)
        late_mb = memory_mb(daemon.pid)[1]
        times = _times(services)
    first, last = times[:tenth], times[-tenth:]
    return (
        figure("shipped", "orders/s", _rate(last), _rate(first)),
        figure("memory", "MB", late_mb, early_mb),
    )


def _rate(times: Sequence[float]) -> float:
    return (len(times) - 1) / max(times[-1] - times[0], 0.001)


def _times(services: Services) -> list[float]:
    connection = sqlite3.connect(f"file:{services.ledger}?mode=ro", uri=True)
    try:
        return [at for (at,) in connection.execute(_TIMES)]
    finally:
        connection.close()
