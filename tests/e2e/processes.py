"""A real sandbox and a real daemon, each a process on loopback: started, asked, killed, started again."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import NullPool, create_engine

from packhouse.store.signature import sign
from tests.service.ledger.address import address_in

SECRET = "whsec_e2e_0123456789"
TOKEN = "operator-e2e-token"
_PATIENCE_S = 90.0


def wait_for(done: Callable[[], object], what: str, patience_s: float = _PATIENCE_S) -> None:
    """Wait until `done` says yes; fail with what was waited for."""
    until = time.monotonic() + patience_s
    while not done():
        if time.monotonic() > until:
            raise AssertionError(f"waited {patience_s:.0f} s in vain: {what}")
        time.sleep(0.05)


def free_port() -> int:
    """A port nobody listens on.

    Below the numbers that systems hand out for outgoing connections: such a one may be taken again before it
    is listened on.
    """
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", random.randrange(20_000, 32_000)))
            return int(probe.getsockname()[1])


def ask(url: str, body: object = None, headers: dict[str, str] | None = None) -> Any:
    """One call; answers the decoded JSON. Raises urllib's errors."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json", **(headers or {})})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def clean_environ() -> dict[str, str]:
    """This process's environment without anything that would set one of our commands."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PACKHOUSE_", "ALY_"))}


class Process:
    """One of our commands, its output kept in a file. `under`: the command that runs it, if any."""

    def __init__(
        self,
        folder: Path,
        name: str,
        *arguments: str,
        environ: dict[str, str] | None = None,
        under: Sequence[str] = (),
    ) -> None:
        self.log = folder / f"{name}.log"
        self.url = ""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*under, sys.executable, "-m", "packhouse_cli", *arguments],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=folder,
                env=clean_environ() | (environ or {}),
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """Stop it where it stands, as a paused virtual machine does; `thaw` lets it go on."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def end(self, patience_s: float = 40.0) -> int:
        """Ask it to stop; answers its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self.wait(patience_s)

    def wait(self, patience_s: float = 40.0) -> int:
        return self._process.wait(patience_s)

    def words(self) -> str:
        return self.log.read_text(errors="replace")


class Town:
    """The sandbox and, now and then, a daemon that serves it."""

    def __init__(self, folder: Path, *sandbox_options: str, daemon: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.port = free_port()
        self._more = daemon or {}
        port_file = folder / "sandbox.port"
        self.sandbox = Process(
            folder,
            "sandbox",
            *("sandbox", "--orders", "0", "--port", "0", "--port-file", str(port_file)),
            *("--webhook-url", f"{self.daemon_url}/webhooks/aly", "--webhook-secret", SECRET),
            *sandbox_options,
        )
        wait_for(lambda: port_file.exists() and port_file.read_text().strip(), "the sandbox's port")
        self.sandbox_url = f"http://127.0.0.1:{port_file.read_text().strip()}"
        self.daemon: Process | None = None
        self._started: list[Process] = []

    @property
    def daemon_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ledger(self) -> Path:
        return Path(self.environ()["PACKHOUSE_DATA_DIR"]) / "packhouse.db"

    @property
    def server_url(self) -> str:
        """Where the ledger stands on PostgreSQL; empty where it is a file."""
        url = address_in(self.folder)
        return url if url.startswith("postgresql") else ""

    def environ(self) -> dict[str, str]:
        """The daemon's settings."""
        return {
            "PACKHOUSE_STORE__URL": f"{self.sandbox_url}/api/storefront/v1",
            "ALY_API_KEY": "aly_sandbox",
            "PACKHOUSE_STORE__RATE_LIMIT_PER_S": "0",
            "PACKHOUSE_STORE__TIMEOUT_S": "3",
            "PACKHOUSE_WEBHOOK__SECRETS": SECRET,
            "PACKHOUSE_DATA_DIR": str(self.folder / "data"),
            "PACKHOUSE_PROVIDER": "easypost",
            "PACKHOUSE_PROVIDERS__EASYPOST__URL": f"{self.sandbox_url}/easypost/v2",
            "PACKHOUSE_PROVIDERS__EASYPOST__API_KEY": "EZTK_sandbox",
            "PACKHOUSE_PROVIDERS__EASYPOST__CUSTOMS_ORIGIN": "US",
            "PACKHOUSE_PROVIDER_TIMEOUT_S": "3",
            "PACKHOUSE_PROVIDER_SETTLE_S": "1",
            "PACKHOUSE_LABEL_FORMAT": "zpl",
            "PACKHOUSE_HTTP__PORT": str(self.port),
            "PACKHOUSE_OPERATOR__TOKENS": f"ada:{TOKEN}",
            "PACKHOUSE_PARCEL__WEIGHT_G": "500",
            "PACKHOUSE_POLL__INTERVAL_S": "1",
            "PACKHOUSE_POLL__FULL_POLL_S": "2",
            "PACKHOUSE_POLL__RECHECK_S": "5",
            "PACKHOUSE_RETRY__BASE_S": "0.5",
            "PACKHOUSE_RETRY__MAX_S": "5",
            "PACKHOUSE_SHIP_FROM__NAME": "Shop",
            "PACKHOUSE_SHIP_FROM__STREET1": "1 Pier",
            "PACKHOUSE_SHIP_FROM__CITY": "San Francisco",
            "PACKHOUSE_SHIP_FROM__STATE": "CA",
            "PACKHOUSE_SHIP_FROM__ZIP": "94110",
            "PACKHOUSE_LEDGER__URL": self.server_url,
        } | self._more

    def launch(self, name: str = "daemon", port: int = 0, under: Sequence[str] = (), **more: str) -> Process:
        """Start a daemon without waiting for it; with a port of its own it is one more beside the first."""
        environ = self.environ() | more | ({"PACKHOUSE_HTTP__PORT": str(port)} if port else {})
        process = Process(self.folder, name, "serve", environ=environ, under=under)
        process.url = f"http://127.0.0.1:{environ['PACKHOUSE_HTTP__PORT']}"
        self._started.append(process)
        if not port:
            self.daemon = process
        return process

    def start(self, name: str = "daemon", port: int = 0, under: Sequence[str] = (), **more: str) -> Process:
        """Start a daemon and wait until it is ready."""
        process = self.launch(name, port, under, **more)
        wait_for(lambda: self.is_ready(process), f"{name} to be ready; see {process.log}")
        return process

    def is_ready(self, process: Process) -> bool:
        """Whether it may be given work. It must at least be alive."""
        assert process.alive(), process.words()[-3000:]
        try:
            return bool(ask(f"{process.url}/readyz")["status"] != "fail")
        except (urllib.error.URLError, OSError):
            return False

    def sell(self, count: int, rate_per_s: float = 0.0, kinds: tuple[str, ...] = ()) -> None:
        """Let people order: anything, or only sales of these kinds."""
        asked = {"count": count, "rate_per_s": rate_per_s} | ({"kinds": list(kinds)} if kinds else {})
        ask(f"{self.sandbox_url}/sandbox/orders", asked)

    def phases(self) -> dict[str, int]:
        """How many orders stand where, by the daemon's own word."""
        return dict(self.api("/api/v1/status")["orders"])

    def api(self, path: str, body: object = None) -> Any:
        return ask(self.daemon_url + path, body, {"authorization": f"Bearer {TOKEN}"})

    def deliver(self, order_id: str) -> int:
        """Deliver a new event about an order, as the store would; answers the status."""
        body = json.dumps({"id": f"evt_{time.time_ns()}", "type": "order.paid", "data": {"id": order_id}})
        signature = sign(body.encode(), SECRET.encode(), int(time.time()))
        headers = {"content-type": "application/json", "x-aly-signature": signature}
        request = urllib.request.Request(f"{self.daemon_url}/webhooks/aly", body.encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def failing(self) -> set[str]:
        """The checks of readyz that fail."""
        try:
            ask(f"{self.daemon_url}/readyz")
        except urllib.error.HTTPError as unready:
            checks = json.load(unready)["checks"]
            return {name for name, results in checks.items() if results[0]["status"] == "fail"}
        return set()

    def settle(self, count: int, patience_s: float = _PATIENCE_S) -> dict[str, int]:
        """Wait until every order is shipped, held or left alone; answers the phases."""

        def settled() -> bool:
            phases = self.phases()
            return sum(phases.values()) >= count and not phases.get("open")

        wait_for(settled, f"{count} orders to settle", patience_s)
        return self.phases()

    def problems(self, settled: bool = True) -> list[str]:
        """What the sandbox's own checker finds in the books of store and carrier."""
        return list(ask(f"{self.sandbox_url}/sandbox/check?final={int(settled)}")["problems"])

    def check_books(self, count: int) -> None:
        """Nothing bought twice, nothing lost, and our books are the carrier's books."""
        assert self.problems() == []
        phases = self.phases()
        assert sum(phases.values()) == count
        live = [p for p in ask(f"{self.sandbox_url}/sandbox/audit")["purchases"] if not p["voided"]]
        assert len({p["reference"] for p in live}) == len(live)
        assert self.query("SELECT count(*) FROM labels WHERE state = 'bought'") == len(live)
        assert self.api("/api/v1/status")["spent"].get("USD", 0) == sum(p["cost_minor"] for p in live)

    def query(self, sql: str) -> Any:
        """Look into the ledger beside the daemon; answers the first column of the first row."""
        if self.server_url:
            engine = create_engine(self.server_url, poolclass=NullPool)
            with engine.connect() as looking:
                return looking.exec_driver_sql(sql).scalar()
        connection = sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True)
        try:
            return connection.execute(sql).fetchone()[0]
        finally:
            connection.close()

    def close(self) -> None:
        for process in (*self._started, self.sandbox):
            if process.alive():
                process.thaw()
                process.end()


@contextmanager
def town(folder: Path, *sandbox_options: str, **daemon: str) -> Iterator[Town]:
    """A town for one test; whatever it started is ended."""
    here = Town(folder, *sandbox_options, daemon=daemon)
    try:
        yield here
    finally:
        here.close()
