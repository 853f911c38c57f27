"""Orders, from the first webhook to the last fulfillment: the daemon, compared with the bare calls (bare.py).

Every order ships. Both have a new sandbox process, which shares the machine's cores.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.figures import Figure, figure, gathered, percentile
from tests.bench.gauges import cpu_s, memory_mb
from tests.e2e.processes import Services, call_json, running_services, wait_for

HEADING = "orders"
BASELINE = "the same six calls an order through the same HTTP port alone; no webhooks, no ledger, no rules"

CONCURRENCY = 16
_ROOT = Path(__file__).parents[2]
# The intervals of a real daemon, not the short ones of the tests.
_SETTINGS = {
    "PACKHOUSE_WORKER__CONCURRENCY": str(CONCURRENCY),
    "PACKHOUSE_STORE__TIMEOUT_S": "30",
    "PACKHOUSE_PROVIDER_TIMEOUT_S": "30",
    "PACKHOUSE_POLL__INTERVAL_S": "300",
    "PACKHOUSE_POLL__FULL_POLL_S": "21600",
    "PACKHOUSE_POLL__RECHECK_S": "3600",
}
# At half of its speed, the daemon is measured for as long as this many orders of the burst take.
_CALM_SHARE = 0.1
# From an order's first event on disk to its fulfillment in the journal, by the daemon's clock.
_TIMES = """
SELECT min(events.received_at), journal.at
FROM journal JOIN events ON events.order_id = journal.order_id
WHERE journal.action = 'fulfilled' GROUP BY journal.order_id ORDER BY journal.at
"""


def measure(count: int, rounds: int) -> list[Figure]:
    """Ship `count` orders in each round: at once, then some at half speed; as many by bare calls."""
    return gathered([_round(count) for _ in range(rounds)])


def _round(count: int) -> Sequence[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        ours = _daemon(Path(folder), count)
    with tempfile.TemporaryDirectory() as folder:
        bare = _bare(Path(folder), count)
    return (
        figure("shipped", "orders/s", count / ours["elapsed_s"], count / bare["elapsed_s"]),
        figure("processor", "ms/order", 1000 * ours["cpu_s"] / count, 1000 * bare["cpu_s"] / count),
        figure("memory, most", "MB", ours["memory_mb"], bare["memory_mb"]),
        figure("all at once, p50", "s", ours["burst_p50_s"]),
        figure("all at once, p99", "s", ours["burst_p99_s"]),
        figure("at half that pace, p50", "s", ours["calm_p50_s"]),
        figure("at half that pace, p99", "s", ours["calm_p99_s"]),
    )


def _daemon(folder: Path, count: int) -> dict[str, float]:
    """Seconds, processor seconds and peak memory for `count` orders; seconds from event to fulfillment."""
    with running_services(folder, "--poll-only-share", "0") as services:
        daemon = services.start(**_SETTINGS)
        before = cpu_s(daemon.pid)
        burst = _shipped(services, count, 0.0)
        used, memory = cpu_s(daemon.pid) - before, memory_mb(daemon.pid)[0]
        elapsed = max(at for _, at in burst) - min(received for received, _ in burst)
        few = max(10, int(count * _CALM_SHARE))
        calm = _shipped(services, few, count / elapsed / 2)[count:]
        services.check_audit(count + few)
    waits, calm_waits = ([at - received for received, at in part] for part in (burst, calm))
    return {
        "elapsed_s": elapsed,
        "cpu_s": used,
        "memory_mb": memory,
        "burst_p50_s": percentile(waits, 0.5),
        "burst_p99_s": percentile(waits, 0.99),
        "calm_p50_s": percentile(calm_waits, 0.5),
        "calm_p99_s": percentile(calm_waits, 0.99),
    }


def _shipped(services: Services, count: int, rate_per_s: float) -> list[tuple[float, float]]:
    """Place orders and wait until all have shipped; return the times of each first event and post.

    Looks into the ledger's file from outside, since asking the daemon would be work for it.
    """
    goal = _posted(services) + count
    services.place_orders(count, rate_per_s, ("plain",))
    timeout_s = 60 + count / 10
    wait_for(lambda: _posted(services) >= goal, f"{goal} orders to ship", timeout_s)
    # Work after an order's fulfillment is part of its cost.
    wait_for(
        lambda: services.query("SELECT count(*) FROM orders WHERE phase = 'shipped'") >= goal, "the rest"
    )
    connection = sqlite3.connect(f"file:{services.ledger}?mode=ro", uri=True)
    try:
        return connection.execute(_TIMES).fetchall()
    finally:
        connection.close()


def _posted(services: Services) -> int:
    return int(services.query("SELECT count(*) FROM shipments WHERE state = 'fulfilled'"))


def _bare(folder: Path, count: int) -> dict[str, Any]:
    with running_services(folder, "--poll-only-share", "1") as services:
        services.place_orders(count, kinds=("plain",))
        ids = "\n".join(call_json(f"{services.sandbox_url}/sandbox/state")["orders"])
        program = [sys.executable, "-m", "tests.bench.bare", services.sandbox_url, str(CONCURRENCY)]
        run = subprocess.run(program, input=ids, text=True, capture_output=True, cwd=_ROOT, timeout=300)
        assert run.returncode == 0, run.stderr
        assert services.problems() == []
        shipped = {
            row["order_id"] for row in call_json(f"{services.sandbox_url}/sandbox/audit")["fulfillments"]
        }
        assert len(shipped) == count
    numbers: dict[str, Any] = json.loads(run.stdout)
    return numbers
