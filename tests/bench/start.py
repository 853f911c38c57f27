"""How long a command takes from nothing to its end, beside `python -c pass`; one after the other, by turns.

A round's time is the shortest of its runs: whatever else the machine does can only make one longer.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.figures import Figure, figure, gathered
from tests.cli.desk import serving

HEADING = "start-up"
BASELINE = "python -c pass, run in turn with each command"

_COMMAND = Path(sys.executable).with_name("packhouse")
_STORE = "/api/storefront/v1"
_ORDERS = {"orders": [{"id": f"ord_{number}", "status": "pending"} for number in range(25)]}
_ANSWERS = {
    f"GET {_STORE}/merchant/orders?limit=25": (200, _ORDERS),
    "GET /api/v1/status": (200, {"version": "1", "orders": {}}),
}
_LINES = {
    "packhouse --help": ["--help"],
    "orders list --json, loopback": ["orders", "list", "--json"],
    "orders list, loopback": ["orders", "list"],
    "status --json, loopback": ["status", "--json"],
    "a TAB behind `orders get`": ["__complete", "bash", ":=", "packhouse orders get "],
}


def measure(count: int, rounds: int) -> list[Figure]:
    """So many runs of each command a round, each beside one of the baseline's."""
    with serving(_ANSWERS) as peer:
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
            "PACKHOUSE_STORE__URL": peer.url + _STORE,
            "ALY_API_KEY": "aly_bench",
            **peer.environ,
        }
        for line in _LINES.values():  # once before it counts: what is compiled then stays compiled
            _took_ms([str(_COMMAND), *line], environ)
        return gathered([_round(count, environ) for _ in range(rounds)])


def _round(count: int, environ: dict[str, str]) -> list[Figure]:
    bare = [sys.executable, "-c", "pass"]
    ours: dict[str, list[float]] = {name: [] for name in _LINES}
    base: list[float] = []
    for _ in range(count):
        for name, line in _LINES.items():
            base.append(_took_ms(bare, environ))
            ours[name].append(_took_ms([str(_COMMAND), *line], environ))
    return [figure(name, "ms", min(times), min(base)) for name, times in ours.items()]


def _took_ms(command: list[str], environ: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=environ, stdout=subprocess.DEVNULL, check=True, timeout=60)
    return 1000 * (time.perf_counter() - began)
