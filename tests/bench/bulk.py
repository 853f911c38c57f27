"""Bulk fulfillments: a plan and its apply, compared with the shell loop that the store documents.

Both use one sandbox that takes 20 ms for every response, one after the other in each round. The loop gets the
tracking numbers. In its documented form, each turn also fetches a label; this is left out, which favours it.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.figures import Figure, figure, gathered
from tests.e2e.processes import Services, call_json, clean_environ, running_services

HEADING = "orders fulfilled in bulk"
BASELINE = "while read id; do packhouse orders fulfill $id …; done"

LATENCY_MS = 20
# Every turn of the loop takes the same time, and the loop is slow: it gets this share of the orders.
_LOOP_SHARE = 0.05
_LOOP = """
while read id; do
  "$PYTHON" -m packhouse_cli orders fulfill "$id" --carrier USPS --tracking "T-$id" --json > answer || exit 1
done < ids
"""


def measure(count: int, rounds: int) -> list[Figure]:
    """Ship `count` orders in each round by plan and apply, and a share of them by the loop."""
    return gathered([_round(count) for _ in range(rounds)])


def _round(count: int) -> Sequence[Figure]:
    few = max(5, int(count * _LOOP_SHARE))
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        with running_services(work, "--store-latency-ms", str(LATENCY_MS)) as services:
            plan_s, apply_s, bulk_cpu_s = _by_plan(services, work, count)
            loop_s, loop_cpu_s = _by_loop(services, work, few)
    return (
        figure("fulfilled", "orders/s", count / (plan_s + apply_s), few / loop_s),
        figure("processor", "ms/order", 1000 * bulk_cpu_s / count, 1000 * loop_cpu_s / few),
        figure("to make the plan", "s", plan_s),
        figure("to apply it", "s", apply_s),
    )


def _by_plan(services: Services, work: Path, count: int) -> tuple[float, float, float]:
    """Seconds for plan and apply, from a file of rows to the last result, and processor seconds of both."""
    ids = _sold(services, count)
    rows = "".join(f"{one},USPS,T-{one}\n" for one in ids)
    (work / "rows.csv").write_text("order,carrier,tracking\n" + rows)
    before = _used_s()
    plan = ["orders", "fulfill", "--from", "rows.csv", "--plan-out", "a.plan.jsonl"]
    plan_s = _timed(services, work, [sys.executable, "-m", "packhouse_cli", *plan])
    apply_s = _timed(
        services, work, [sys.executable, "-m", "packhouse_cli", "apply", "a.plan.jsonl", "--yes"]
    )
    used = _used_s() - before
    _check(services, ids)
    return plan_s, apply_s, used


def _by_loop(services: Services, work: Path, count: int) -> tuple[float, float]:
    """Seconds for the loop, and processor seconds of all its processes."""
    ids = _sold(services, count)
    (work / "ids").write_text("".join(f"{one}\n" for one in ids))
    before = _used_s()
    elapsed = _timed(services, work, ["bash", "-c", _LOOP])
    used = _used_s() - before
    _check(services, ids)
    return elapsed, used


def _sold(services: Services, count: int) -> list[str]:
    asked = {"count": count, "kinds": ["plain"]}
    return list(call_json(f"{services.sandbox_url}/sandbox/orders", asked)["orders"])


def _timed(services: Services, work: Path, argv: list[str]) -> float:
    environ = clean_environ() | {
        "PACKHOUSE_STORE__URL": f"{services.sandbox_url}/api/storefront/v1",
        "ALY_API_KEY": "aly_sandbox",
        "PYTHON": sys.executable,
    }
    began = time.monotonic()
    run = subprocess.run(argv, cwd=work, env=environ, capture_output=True, text=True, timeout=900)
    elapsed = time.monotonic() - began
    assert run.returncode == 0, run.stdout + run.stderr
    return elapsed


def _used_s() -> float:
    """Processor seconds of all ended child processes; the sandbox still runs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _check(services: Services, ids: Sequence[str]) -> None:
    """Check that each order shipped completely in one parcel."""
    state = call_json(f"{services.sandbox_url}/sandbox/state")["orders"]
    assert all(state[one]["status"] == "fulfilled" for one in ids)
    parcels = {
        (row["order_id"], row["tracking"])
        for row in call_json(f"{services.sandbox_url}/sandbox/audit")["fulfillments"]
    }
    assert parcels >= {(one, f"T-{one}") for one in ids}
