"""Good deliveries and health beside 5,000 bad signatures a second, 2,000 silent and 1,000 slow connections
and a header without end, compared with the same daemon without limits on connections.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packhouse.store.signature import sign
from tests.bench.figures import Figure, figure, gathered, percentile
from tests.bench.gauges import memory_mb
from tests.e2e.processes import SECRET, running_services

HEADING = "overload"
BASELINE = "the same daemon with uvicorn's own protocol, limited to 2,000 connections"

GOOD_PER_S = 50
LIVEZ_PER_S = 5
# A delivery or a health request that is not answered counts as this long, in the whole attack.
PATIENCE_S = 10.0
# The attack is complete after so long; what is measured begins then.
_SETTLE_S = 5.0
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class _Reached:
    """What one daemon did under the attack; times in seconds, memory in MB."""

    good: list[float]
    livez: list[float]
    bad_per_s: float
    memory: tuple[float, float]
    unanswered: int


@dataclass(slots=True)
class _Prober:
    """Sends one request after another at a rate, each on a connection of its own, from several threads."""

    port: int
    request: Callable[[int], bytes]
    per_s: float
    patience_s: float
    waits: list[float] = field(default_factory=list)
    unanswered: int = 0

    def run(self, seconds: float) -> None:
        """Send for so long, on time whether earlier requests are answered or not."""
        began = time.monotonic()
        threads = []
        for number in range(int(seconds * self.per_s)):
            time.sleep(max(0.0, began + number / self.per_s - time.monotonic()))
            threads.append(threading.Thread(target=self._ask, args=(number,)))
            threads[-1].start()
        for thread in threads:
            thread.join()

    def _ask(self, number: int) -> None:
        request = self.request(number)
        began = time.perf_counter()
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=self.patience_s) as connection:
                connection.sendall(request)
                answered = connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        except OSError:
            answered = False
        self.waits.append(time.perf_counter() - began if answered else self.patience_s)
        self.unanswered += not answered


def measure(seconds: int, rounds: int) -> list[Figure]:
    """Attack each daemon for `seconds` in each round, with the whole attack."""
    return gathered([_round(seconds, min(1.0, seconds / 5)) for _ in range(rounds)])


def _round(seconds: int, share: float) -> Sequence[Figure]:
    ours, theirs = _attacked(True, seconds, share), _attacked(False, seconds, share)
    ms = 1000.0
    return (
        *(
            figure(f"{kind}, {name}", "ms", ms * percentile(mine, at), ms * percentile(other, at))
            for kind, mine, other in (
                ("good delivery", ours.good, theirs.good),
                ("/livez", ours.livez, theirs.livez),
            )
            for name, at in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
        ),
        figure("answered", "%", _answered(ours), _answered(theirs)),
        figure("bad signatures answered", "1/s", ours.bad_per_s, theirs.bad_per_s),
        figure("memory before", "MB", ours.memory[0], theirs.memory[0]),
        figure("memory after", "MB", ours.memory[1], theirs.memory[1]),
    )


def _answered(one: _Reached) -> float:
    asked = len(one.good) + len(one.livez)
    return 100.0 * (asked - one.unanswered) / asked


def _attacked(bounded: bool, seconds: int, share: float) -> _Reached:
    with tempfile.TemporaryDirectory() as name, running_services(Path(name)) as services:
        under = () if bounded else (sys.executable, "-m", "tests.bench.unbounded")
        daemon = services.start(under=under, PYTHONPATH=str(_ROOT))
        before = memory_mb(daemon.pid)[1]
        settle_s = _SETTLE_S * share
        attack = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.bench.attack",
                str(services.port),
                str(settle_s + seconds),
                str(share),
            ],
            cwd=_ROOT,
            stdout=subprocess.PIPE,
        )
        time.sleep(settle_s)
        good = _Prober(services.port, _delivery, GOOD_PER_S, PATIENCE_S * share)
        livez = _Prober(services.port, _livez, LIVEZ_PER_S, PATIENCE_S * share)
        beside = threading.Thread(target=livez.run, args=(seconds,))
        beside.start()
        good.run(seconds)
        beside.join()
        reached = json.loads(attack.communicate(timeout=60)[0])
        print(f"{'with' if bounded else 'without'} limits: {reached}", flush=True)
        assert daemon.alive(), daemon.output()[-3000:]
        return _Reached(
            good=good.waits,
            livez=livez.waits,
            bad_per_s=reached.get("bad 401", 0) / (settle_s + seconds),
            memory=(before, memory_mb(daemon.pid)[1]),
            unanswered=good.unanswered + livez.unanswered,
        )


def _delivery(number: int) -> bytes:
    event = {"id": f"evt_{number}", "type": "order.paid", "data": {"id": "ord_overload", "note": "x" * 1100}}
    body = json.dumps(event).encode()
    signature = sign(body, SECRET.encode(), int(time.time()))
    head = f"POST /webhooks/aly HTTP/1.1\r\nhost: x\r\nx-aly-signature: {signature}\r\n"
    return head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body


def _livez(_: int) -> bytes:
    return b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"
