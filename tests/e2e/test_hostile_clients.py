"""A real daemon that strangers attack: what they take is bounded, and the store and health are served."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import time
import urllib.error
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.bench.gauges import memory_mb
from tests.e2e.processes import Services, call_json, running_services, wait_for

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform != "linux", reason="memory and limits are read from /proc"),
]

# As in a shell of an operator: a soft limit of open files that fewer connections than the test's use up.
_FEW_FILES = ("sh", "-c", 'ulimit -Sn 100; ulimit -Hn 400; exec "$@"', "sh")
_SILENT = 300
_SLOW = 100


def test_a_daemon_under_attack_takes_deliveries_and_serves_health_and_operators(tmp_path: Path) -> None:
    limits = {
        "PACKHOUSE_HTTP__HEADER_TIMEOUT_S": "15",
        "PACKHOUSE_HTTP__BODY_TIMEOUT_S": "15",
        "PACKHOUSE_HTTP__MIN_BODY_BYTES_PER_S": "0",
    }
    with running_services(tmp_path, **limits) as services, contextlib.ExitStack() as attack:
        daemon = services.start(under=_FEW_FILES)
        files = next(line for line in _proc(daemon.pid, "limits") if line.startswith("Max open files"))
        assert files.split()[3:5] == ["400", "400"]
        before = memory_mb(daemon.pid)[1]

        assert _endless_header(services) < 1 << 20
        for number in range(_SILENT):
            attack.enter_context(_connected(services))
            if number < _SLOW:
                slow = attack.enter_context(_connected(services))
                path = b"/webhooks/aly" if number % 2 else b"/api/v1/orders/ord_1/hold"
                head = b"x-aly-signature: t=%d,v1=%s\r\n" % (time.time(), b"0" * 64)
                slow.sendall(b"POST " + path + b" HTTP/1.1\r\n" + head + b"content-length: 60000\r\n\r\n{")
        for _ in range(10):
            assert services.deliver("ord_1") == 200
            assert call_json(f"{services.daemon_url}/livez")["status"] == "pass"
        assert len(list(Path(f"/proc/{daemon.pid}/fd").iterdir())) < 300
        assert memory_mb(daemon.pid)[1] < before + 60
        cuts = _cuts(services)
        assert cuts["header_too_large"] == 1
        assert cuts["address_limit"] > 200

        # Who guesses tokens is slowed, and the operator, whose token is known here, is not.
        assert services.api("/api/v1/status")["paused"] is False
        with ThreadPoolExecutor(10) as guessers:  # more than one guess a second, on any machine
            guesses = Counter(guessers.map(partial(_guess, services), range(60)))
            assert guesses[401, ""] >= 10
            refused = {answer for answer in guesses if answer[0] == 429}
            assert refused
            assert {status for status, _ in guesses} == {401, 429}
            assert all(int(retry_after) >= 1 for _, retry_after in refused)
            calls = guessers.map(services.api, ["/api/v1/status"] * 30)
            assert [call["paused"] for call in calls] == [False] * 30

        # Whoever is left of them is cut in time, also at the operator API.
        wait_for(lambda: _phase(services, "header") == _phase(services, "body") == 0, "the rest")
        assert _cuts(services)["header_timeout"] > 0

        assert daemon.end() == 0
        logged = Counter(
            (line["reason"], line["timestamp"][:19])
            for line in map(json.loads, daemon.output().splitlines())
            if line.get("event") == "connection cut"
        )
        assert logged
        # Twice in a second of the clock, if the lines are one second apart.
        assert max(logged.values()) <= 2


def _guess(services: Services, number: int) -> tuple[int, str]:
    bearer = {"authorization": f"Bearer guess-{number:04d}"}
    try:
        call_json(f"{services.daemon_url}/api/v1/status", headers=bearer)
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers.get("retry-after", "")
    raise AssertionError("a guess was right")


def _endless_header(services: Services) -> int:
    """Send a header until the daemon cuts it. Returns the bytes that were sent."""
    sent = 0
    with _connected(services) as client, contextlib.suppress(ConnectionError):
        client.sendall(b"GET /livez HTTP/1.1\r\nx: ")
        while sent < 64 << 20:
            client.sendall(b"x" * 8192)
            sent += 8192
            time.sleep(0.002)
    return sent


@contextlib.contextmanager
def _connected(services: Services) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", services.port), timeout=180) as client:
        yield client


def _cuts(services: Services) -> dict[str, float]:
    return _metric(services, "packhouse_http_connections_cut_total")


def _phase(services: Services, phase: str) -> float:
    return _metric(services, "packhouse_http_connections")[phase]


def _metric(services: Services, name: str) -> dict[str, float]:
    """The values of a metric by its one label."""
    with _connected(services) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        text = b"".join(iter(lambda: client.recv(65536), b"")).decode()
    lines = [line for line in text.splitlines() if line.startswith(f"{name}{{")]
    return {line.split('"')[1]: float(line.rpartition(" ")[2]) for line in lines}


def _proc(pid: int, name: str) -> list[str]:
    return Path(f"/proc/{pid}/{name}").read_text().splitlines()
