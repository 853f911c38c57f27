"""A PostgreSQL server of the tests' own: Debian's programs, not root, its own data folder, port and socket
folder, loopback alone. It may be stopped, killed and started again, and comes back on the same port.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from packhouse.ledger.engine import open_ledger
from packhouse.ledger.tables import metadata

OWNER = "packhouse"
_TEMPLATE = "migrated"
_EMPTIED = "emptied"
_COPY_TRIES = 10
_PATIENCE_S = 60.0
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "autovacuum": "off",
    "log_min_messages": "warning",
}
# As Debian's server comes.
_IN_EARNEST = {"fsync": "on", "autovacuum": "on", "shared_buffers": "128MB"}


class PostgresServer:
    """One server; `start` and what follows may be called again and again."""

    def __init__(self, programs: Path, *, synced: bool = False) -> None:
        """`synced`: it waits for the disk and vacuums, as in earnest. No test cuts the power, and what a
        killed server has written is still held by the system; so tests do not wait for the disk at each new
        database.
        """
        self._programs = programs
        self._settings = _SETTINGS | (_IN_EARNEST if synced else {"fsync": "off"})
        self._folder = Path(tempfile.mkdtemp(prefix="packhouse-postgres-"))
        self._data = self._folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        # With the process, because each fork of the tests counts on its own.
        self._numbers = (f"{os.getpid()}_{number}" for number in itertools.count(1))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        if (account := _account()) is not None:
            os.chown(self._folder, account.pw_uid, account.pw_gid)
        done = subprocess.run(
            _unprivileged(
                [
                    str(programs / "initdb"),
                    *("--pgdata", str(self._data), "--username", OWNER, "--auth", "trust"),
                    *("--encoding", "UTF8", "--locale", "C", "--no-sync"),
                ]
            ),
            capture_output=True,
            text=True,
            cwd=self._folder,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    @property
    def log(self) -> Path:
        """What the server says."""
        return self._folder / "server.log"

    @property
    def pid(self) -> int:
        """The server's first process."""
        assert self._process is not None, "it does not run"
        return self._process.pid

    def url(self, database: str) -> str:
        """The address of a database, as PACKHOUSE_LEDGER__URL takes it."""
        return f"postgresql+psycopg://{OWNER}@127.0.0.1:{self.port}/{database}"

    def new_database(self, template: str = "template0") -> str:
        """Make a database; answers its name."""
        name = f"test_{next(self._numbers)}"
        self.copy_database(template, name)
        return name

    def copy_database(self, source: str, name: str) -> None:
        """Copy a database. Its sessions are ended, also one that a client opens again at once."""
        import psycopg

        gone = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
        for left in reversed(range(_COPY_TRIES)):
            self.sql(gone, source)
            try:
                self.sql(f"CREATE DATABASE {name} TEMPLATE {source}")
            except psycopg.errors.ObjectInUse:
                if not left:
                    raise
            else:
                return

    def new_ledger(self) -> str:
        """Make a database with all tables of a ledger; answers its name. Quicker than migrating each one."""
        if not self.sql("SELECT 1 FROM pg_database WHERE datname = %s", _TEMPLATE):
            self.sql(f"CREATE DATABASE {_TEMPLATE} TEMPLATE template0")
            asyncio.run(open_ledger(self.url(_TEMPLATE), connections=1).close())
        return self.new_database(_TEMPLATE)

    def emptied_ledger(self) -> str:
        """The name of one ledger that is emptied at each call: quicker than a new one for many tests."""
        if not self.sql("SELECT 1 FROM pg_database WHERE datname = %s", _EMPTIED):
            self.copy_database(self.new_ledger(), _EMPTIED)
        self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", _EMPTIED)
        tables = ", ".join(table.name for table in metadata.sorted_tables)
        self.sql(f"TRUNCATE {tables} RESTART IDENTITY", database=_EMPTIED)
        return _EMPTIED

    def drop(self, database: str) -> None:
        """Drop a database, even if a client is still connected."""
        self.sql(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def sql(self, statement: str, *values: object, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement outside any transaction; answers its rows."""
        import psycopg

        where = {"host": "127.0.0.1", "port": self.port, "user": OWNER, "dbname": database}
        with psycopg.connect(**where, autocommit=True, connect_timeout=10) as session:  # type: ignore[arg-type]
            cursor = session.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def start(self) -> None:
        """Start, and wait until it answers."""
        assert self._process is None, "it runs already"
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                _unprivileged(
                    [
                        str(self._programs / "postgres"),
                        *("-D", str(self._data), "-p", str(self.port), "-k", str(self._folder)),
                        *options,
                    ]
                ),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=self._folder,
            )
        until = time.monotonic() + _PATIENCE_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"PostgreSQL did not start: {self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop as an operator would who cannot wait: sessions are cut off, nothing committed is lost."""
        self._end(signal.SIGINT)

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def kill(self) -> None:
        """End it with no time to tidy up: the next start recovers from its log."""
        # Its children do not outlive it for long, and hold its memory until then.
        self._end(signal.SIGKILL)
        self._end_children()

    def freeze(self) -> None:
        """Let none of its processes run: it answers nothing. `resume` continues it."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Let its processes run again."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (process / "cwd").readlink() == self._data:
                    os.kill(int(process.name), number)

    def close(self) -> None:
        """Stop for good and leave nothing behind."""
        if self._process is not None:
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        import psycopg

        with contextlib.suppress(psycopg.OperationalError):
            self.sql("SELECT 1")
            return True
        return False

    def _end(self, number: signal.Signals) -> None:
        assert self._process is not None, "it does not run"
        self._process.send_signal(number)
        self._process.wait(_PATIENCE_S)
        self._process = None

    def _end_children(self) -> None:
        """A new server refuses to start while a child of a killed one is attached to its memory."""
        until = time.monotonic() + _PATIENCE_S
        while _attached(self._data):
            if time.monotonic() > until:
                raise AssertionError("children of a killed PostgreSQL live on")
            time.sleep(0.05)


def _attached(data: Path) -> bool:
    """Whether any process works in this data folder."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink() == data:
                return True
    return False


def _account() -> pwd.struct_passwd | None:
    """Who runs the server where we are root, which PostgreSQL refuses to be run by."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise AssertionError("this machine has no account postgres or nobody")


def _unprivileged(command: list[str]) -> list[str]:
    """The command without root's rights; where Linux allows, it ends when the tests die."""
    account, setpriv = _account(), shutil.which("setpriv")
    if account is None:
        return [setpriv, "--pdeathsig", "INT", *command] if setpriv else command
    assert setpriv, "setpriv is missing; it is in Debian's util-linux"
    who = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    return [setpriv, *who, "--pdeathsig", "INT", *command]


def find_programs() -> Path | None:
    """The folder of Debian's newest PostgreSQL, or of the one on PATH."""
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"),
        key=lambda path: float(path.parts[-3]),
        reverse=True,
    )
    on_path = shutil.which("postgres")
    found = [*debian, *([Path(on_path).resolve()] if on_path else [])]
    return next((path.parent for path in found if (path.parent / "initdb").exists()), None)


def is_installed() -> bool:
    """Whether `running` can start a server here: its programs and the driver are there."""
    return find_programs() is not None and find_spec("psycopg") is not None


@contextlib.contextmanager
def running(*, synced: bool = False) -> Iterator[PostgresServer]:
    """A server for as long as the block lasts."""
    programs = find_programs()
    assert programs is not None
    server = PostgresServer(programs, synced=synced)
    try:
        server.start()
        yield server
    finally:
        server.close()
