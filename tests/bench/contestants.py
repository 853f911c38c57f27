"""One run of each contestant: Packhouse, an engine, the documented loop, or the exchanges alone.

Each ships the same orders at a sandbox of its own, and the sandbox's audit accepts what it did. The time of a
run ends with the last fulfillment at the store, and begins with the first order that the contestant receives.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.gauges import tree_cpu_s
from tests.bench.orders import CONCURRENCY, SETTINGS
from tests.bench.shell_loop import LOOP, PROGRAMS, prepare
from tests.e2e.processes import Services, call_json, clean_environ, running_services
from tests.postgres import PostgresServer
from tests.service.ledger.address import say_address

ROOT = Path(__file__).parents[2]
ENGINES_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
_POLL_S = 1.0
# What a contestant still writes after its last fulfillment is part of its cost.
_SETTLE_S = 1.0


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took; `database_cpu_s` is that of the database's own processes, 0 where it has none."""

    orders: int
    elapsed_s: float
    cpu_s: float
    database_cpu_s: float = 0.0


def packhouse(count: int, server: PostgresServer | None = None) -> Run:
    """The daemon, with its ledger on SQLite or on this server; the store's webhooks bring the orders."""
    database = server.new_ledger() if server else ""
    with tempfile.TemporaryDirectory() as name:
        if server:
            say_address(Path(name), server.url(database))
        with running_services(Path(name), "--poll-only-share", "0") as services:
            daemon = services.start(**SETTINGS)
            cpu, database_cpu = tree_cpu_s(daemon.pid), tree_cpu_s(server.pid) if server else 0.0
            services.place_orders(count, kinds=("plain",))
            _wait_until_fulfilled(services, count, daemon.alive)
            used = tree_cpu_s(daemon.pid) - cpu
            database_used = tree_cpu_s(server.pid) - database_cpu if server else 0.0
            began = float(services.query("SELECT min(received_at) FROM events"))
            services.wait_until_processed(count)
            services.check_audit(count)
            last = checked(services, count)
    if server:
        server.drop(database)
    return Run(count, last - began, used, database_used)


def engine(name: str, job: str, count: int, address: str, database_pid: int) -> Run:
    """An engine's program with one worker, on this database or broker; it gets all orders at once.

    `name` and `job` as in tests/bench/engines/__init__.py.
    """
    with tempfile.TemporaryDirectory() as folder, _sandbox(folder) as services:
        ids = _placed(services, count)
        log = Path(folder) / "engine.log"
        with _program([name, services.sandbox_url, str(CONCURRENCY), address, job], log) as program:
            cpu, database_cpu = tree_cpu_s(program.pid), tree_cpu_s(database_pid)
            began = time.time()
            _say(program, " ".join(ids))
            _expect(program, "accepted", log)
            _wait_until_fulfilled(services, count, lambda: program.poll() is None, log)
            used = tree_cpu_s(program.pid) - cpu
            database_used = tree_cpu_s(database_pid) - database_cpu
        last = checked(services, count)
    return Run(count, last - began, used, database_used)


def exchanges(count: int) -> Run:
    """The same calls and nothing else (bare.py)."""
    with tempfile.TemporaryDirectory() as folder, _sandbox(folder) as services:
        ids = _placed(services, count)
        program = [sys.executable, "-m", "tests.bench.bare", services.sandbox_url, str(CONCURRENCY)]
        run = subprocess.run(
            program, input="\n".join(ids), text=True, capture_output=True, cwd=ROOT, timeout=60 + count
        )
        assert run.returncode == 0, run.stderr
        checked(services, count)
    numbers = json.loads(run.stdout)
    return Run(count, numbers["elapsed_s"], numbers["cpu_s"])


def documented_loop(count: int) -> Run:
    """The loop of the store's documentation, one order after the other (shell_loop.py)."""
    with tempfile.TemporaryDirectory() as folder, _sandbox(folder) as services:
        work = Path(folder)
        environ = prepare(work, services.sandbox_url, _placed(services, count))
        before, began = _children_s(), time.time()
        run = subprocess.run(
            ["bash", "-c", LOOP],
            cwd=work,
            env=clean_environ() | environ,
            capture_output=True,
            text=True,
            timeout=60 + 30 * count,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        used = _children_s() - before
        last = checked(services, count)
    return Run(count, last - began, used)


def can_loop() -> bool:
    """Whether the loop's programs are there."""
    return all(shutil.which(name) for name in PROGRAMS)


def _sandbox(folder: str) -> AbstractContextManager[Services]:
    """A sandbox that sends no webhooks."""
    return running_services(Path(folder), "--poll-only-share", "1")


def _placed(services: Services, count: int) -> list[str]:
    asked = {"count": count, "kinds": ["plain"]}
    return list(call_json(f"{services.sandbox_url}/sandbox/orders", asked)["orders"])


def _wait_until_fulfilled(
    services: Services, count: int, alive: Callable[[], bool], log: Path | None = None
) -> None:
    """Wait, and let the contestant finish what it writes. Asks seldom: an answer costs the sandbox time."""
    until = time.monotonic() + 60 + count
    while call_json(f"{services.sandbox_url}/sandbox/state")["counts"].get("fulfilled", 0) < count:
        assert alive() and time.monotonic() < until, log.read_text()[-3000:] if log else "the daemon"
        time.sleep(_POLL_S)
    time.sleep(_SETTLE_S)


def checked(services: Services, count: int) -> float:
    """Each order was fulfilled once, with the number of its one label. The time of the last fulfillment."""
    problems = services.problems()
    assert not problems, problems
    state = call_json(f"{services.sandbox_url}/sandbox/state")
    assert state["counts"] == {"fulfilled": count}, state["counts"]
    audit = call_json(f"{services.sandbox_url}/sandbox/audit")
    bought = {(one["order_id"], one["tracking"]) for one in audit["purchases"]}
    assert len(audit["purchases"]) == count
    assert {(row["order_id"], row["tracking"]) for row in audit["fulfillments"]} == bought
    return float(max(row["at"] for row in audit["fulfillments"]))


@contextmanager
def _program(words: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """An engine's program, by its name and arguments, whose worker waits for jobs."""
    command = [str(ENGINES_PYTHON), "-m", f"tests.bench.engines.{words[0]}", *words[1:]]
    modules = os.pathsep.join(str(ROOT / part) for part in ("service", "cli", "."))
    with log.open("wb") as output:
        program = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            cwd=ROOT,
            env=clean_environ() | {"PYTHONPATH": modules},
        )
    try:
        _expect(program, "ready", log)
        yield program
    finally:
        program.terminate()
        try:
            program.wait(10)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()


def _say(program: subprocess.Popen[bytes], line: str) -> None:
    assert program.stdin
    program.stdin.write(line.encode() + b"\n")
    program.stdin.flush()


def _expect(program: subprocess.Popen[bytes], word: str, log: Path) -> None:
    """Read up to this line; an engine may print what it likes before it."""
    assert program.stdout
    assert word in (line.decode().strip() for line in program.stdout), log.read_text()[-3000:]


def _children_s() -> float:
    """Processor seconds of all ended child processes; the sandbox still runs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
