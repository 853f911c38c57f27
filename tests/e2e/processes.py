"""A real sandbox and a real daemon, each a process on loopback."""

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
_TIMEOUT_S = 300.0
_SET_ASIDE = "SELECT count(*) FROM holds WHERE code = 'process_crashed' AND released_at IS NULL"


def wait_for(done: Callable[[], object], what: str, timeout_s: float = _TIMEOUT_S) -> None:
    """Wait until `done` is true; fail with the description of what was waited for."""
    until = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > until:
            raise AssertionError(f"waited {timeout_s:.0f} s for {what}")
        time.sleep(0.05)


def free_port() -> int:
    """A free port.

    Below the range for outgoing connections: a port in that range may be taken before the process listens.
    """
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", random.randrange(20_000, 32_000)))
            return int(probe.getsockname()[1])


def call_json(url: str, body: object = None, headers: dict[str, str] | None = None) -> Any:
    """Make one call and return the decoded JSON. Raises urllib's errors."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json", **(headers or {})})
    with urllib.request.urlopen(request, timeout=180) as answer:
        return json.load(answer)


def clean_environ() -> dict[str, str]:
    """This process's environment without Packhouse's settings."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PACKHOUSE_", "ALY_"))}


class Process:
    """A `packhouse` process with its output in a file. `under` is the command that runs it, if any."""

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
        """Stop the process, as a paused virtual machine does; `resume` continues it."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def end(self, timeout_s: float = 120.0) -> int:
        """Stop the process and return its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self.wait(timeout_s)

    def wait(self, timeout_s: float = 120.0) -> int:
        return self._process.wait(timeout_s)

    def output(self) -> str:
        return self.log.read_text(errors="replace")


class Services:
    """The sandbox and the daemons that work with it."""

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
        """The ledger's address on PostgreSQL; empty if the ledger is a file."""
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
            "PACKHOUSE_CUSTOMS__ORIGIN_COUNTRY": "US",
            "PACKHOUSE_CUSTOMS__SIGNER": "Ann Lee",
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
        """Start a daemon without waiting for it; with another port it is an additional replica."""
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
        """Whether the process is ready. Fails if the process has ended."""
        assert process.alive(), process.output()[-3000:]
        try:
            return bool(call_json(f"{process.url}/readyz")["status"] != "fail")
        except (urllib.error.URLError, OSError):
            return False

    def place_orders(self, count: int, rate_per_s: float = 0.0, kinds: tuple[str, ...] = ()) -> None:
        """Place orders at the store, of any kind or of these kinds."""
        asked = {"count": count, "rate_per_s": rate_per_s} | ({"kinds": list(kinds)} if kinds else {})
        call_json(f"{self.sandbox_url}/sandbox/orders", asked)

    def phases(self) -> dict[str, int]:
        """How many orders are in each phase, as the daemon reports it."""
        return dict(self.api("/api/v1/status")["orders"])

    def api(self, path: str, body: object = None) -> Any:
        return call_json(self.daemon_url + path, body, {"authorization": f"Bearer {TOKEN}"})

    def deliver(self, order_id: str) -> int:
        """Deliver a new event about an order, as the store does, and return the status."""
        body = json.dumps({"id": f"evt_{time.time_ns()}", "type": "order.paid", "data": {"id": order_id}})
        signature = sign(body.encode(), SECRET.encode(), int(time.time()))
        headers = {"content-type": "application/json", "x-aly-signature": signature}
        request = urllib.request.Request(f"{self.daemon_url}/webhooks/aly", body.encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=180) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def failing_checks(self) -> set[str]:
        """The failing checks of /readyz."""
        try:
            call_json(f"{self.daemon_url}/readyz")
        except urllib.error.HTTPError as unready:
            checks = json.load(unready)["checks"]
            return {name for name, results in checks.items() if results[0]["status"] == "fail"}
        return set()

    def wait_until_processed(self, count: int, timeout_s: float = _TIMEOUT_S) -> dict[str, int]:
        """Wait until every order is shipped, held or closed, and return the phases."""

        def processed() -> bool:
            phases = self.phases()
            # An order that was set aside after crashes is tried again by itself.
            if phases.get("open") or self.query(_SET_ASIDE):
                return False
            known = sum(phases.values())
            return known >= count or known + self.never_owed() >= count

        wait_for(processed, f"{count} orders to be processed", timeout_s)
        return self.phases()

    def problems(self, processed: bool = True) -> list[str]:
        """What the sandbox's audit finds wrong at the store and at EasyPost."""
        return list(call_json(f"{self.sandbox_url}/sandbox/check?final={int(processed)}")["problems"])

    def check_audit(self, count: int) -> None:
        """Nothing is bought twice, no order is lost, and the ledger agrees with EasyPost."""
        assert self.problems() == []
        known = sum(self.phases().values())
        assert known == count or known + self.never_owed() == count
        live = [p for p in call_json(f"{self.sandbox_url}/sandbox/audit")["purchases"] if not p["voided"]]
        assert len({p["reference"] for p in live}) == len(live)
        assert self.query("SELECT count(*) FROM labels WHERE state = 'bought'") == len(live)
        assert self.api("/api/v1/status")["spent"].get("USD", 0) == sum(p["cost_minor"] for p in live)

    def never_owed(self) -> int:
        """Orders that were cancelled in the store before a poll found them: nothing of them is owed."""
        listed = "string_agg(id, ',')" if self.server_url else "group_concat(id)"
        known = set((self.query(f"SELECT {listed} FROM orders") or "").split(","))
        orders = call_json(f"{self.sandbox_url}/sandbox/state")["orders"]
        return sum(one["status"] == "cancelled" for order_id, one in orders.items() if order_id not in known)

    def query(self, sql: str) -> Any:
        """Read the ledger while the daemon runs, and return the first column of the first row."""
        return self.rows(sql)[0][0]

    def rows(self, sql: str) -> list[Any]:
        """Read the ledger while the daemon runs, and return all rows."""
        if self.server_url:
            engine = create_engine(self.server_url, poolclass=NullPool)
            with engine.connect() as on_server:
                return list(on_server.exec_driver_sql(sql))
        connection = sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def close(self) -> None:
        for process in (*self._started, self.sandbox):
            if process.alive():
                process.resume()
                process.end()


@contextmanager
def running_services(folder: Path, *sandbox_options: str, **daemon: str) -> Iterator[Services]:
    """Services for one test; every started process is stopped."""
    services = Services(folder, *sandbox_options, daemon=daemon)
    try:
        yield services
    finally:
        services.close()
