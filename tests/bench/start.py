"""The time of a command from start to end, compared with `python -c pass`, one after the other.

A round's figure is the least of its runs: whatever else the machine does can only make one longer. Processor
time says nearly the same on a busy machine as on an idle one.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from tests.bench.figures import Figure, figure, gathered
from tests.cli.runner import serving

HEADING = "start-up"
BASELINE = "python -c pass, run in turn with each command"

# Milliseconds of wall time and of processor time.
_Took = tuple[float, float]

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
    """Run each command `count` times in each round, each next to one run of the baseline."""
    with serving(_ANSWERS) as peer:
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
            "PACKHOUSE_STORE__URL": peer.url + _STORE,
            "ALY_API_KEY": "aly_bench",
            **peer.environ,
        }
        for line in _LINES.values():  # once before it counts: what is compiled then stays compiled
            _run([str(_COMMAND), *line], environ)
        return gathered([_round(count, environ) for _ in range(rounds)])


def _round(count: int, environ: dict[str, str]) -> list[Figure]:
    bare = [sys.executable, "-c", "pass"]
    ours: dict[str, list[_Took]] = {name: [] for name in _LINES}
    base: list[_Took] = []
    for _ in range(count):
        for name, line in _LINES.items():
            base.append(_run(bare, environ))
            ours[name].append(_run([str(_COMMAND), *line], environ))
    return [
        figure(f"{name}{ending}", "ms", _least(runs, part), _least(base, part))
        for ending, part in (("", 0), (", processor", 1))
        for name, runs in ours.items()
    ]


def _least(runs: list[_Took], part: int) -> float:
    return min(run[part] for run in runs)


def _run(command: list[str], environ: dict[str, str]) -> _Took:
    nowhere = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
    began = time.perf_counter()
    pid = os.posix_spawn(command[0], command, environ, file_actions=[nowhere])
    _, status, used = os.wait4(pid, 0)
    took = time.perf_counter() - began
    assert status == 0, command
    return 1000 * took, 1000 * (used.ru_utime + used.ru_stime)
