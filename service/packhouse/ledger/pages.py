"""Reads every page of a ledger's file, so that a damaged one is found before an order needs it.

A small file is read before anything else. A large one takes minutes, so it is read in the background, table
by table and with pauses, while the daemon already works.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import structlog
from sqlalchemy import Connection

from packhouse.errors import LedgerUnusable
from packhouse.ledger.port import damaged

# Read within a moment, before the first order.
SMALL_BYTES = 16 * 2**20
# After so many steps of SQLite's, the check pauses for three times as long as they took.
_STEPS = 50_000
_PAUSES = 3
_LONGEST_PAUSE_S = 0.2
_STOP_S = 1.0


def check_now(connection: Connection) -> None:
    """Read every page once. Raises LedgerUnusable for a damaged one."""
    found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if found != "ok":
        raise damaged(str(found))


class BackgroundCheck:
    """Reads every page in a thread of its own, on a connection that only reads.

    Calls `found`, in that thread, if a page is damaged.
    """

    def __init__(self, file: Path, found: Callable[[LedgerUnusable], None]) -> None:
        self._file = file
        self._found = found
        self._stopped = threading.Event()
        self._began = 0.0
        self._thread = threading.Thread(target=self._run, name="ledger-pages", daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end of the check; returns whether it has ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def stop(self) -> None:
        """End the check; wait a moment until its connection is closed."""
        self._stopped.set()
        self._thread.join(_STOP_S)

    def _run(self) -> None:
        address, began = f"file:{quote(str(self._file.absolute()))}?mode=ro", time.monotonic()
        with contextlib.suppress(OSError, AttributeError):  # Linux has priorities of single threads
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        try:
            with contextlib.closing(sqlite3.connect(address, uri=True)) as connection:
                damage = self._check(connection)
        except sqlite3.OperationalError as error:
            if not self._stopped.is_set():
                structlog.get_logger("packhouse").warning("pages_not_checked", error=str(error))
        except sqlite3.DatabaseError as error:
            self._found(damaged(str(error)))
        else:
            if damage:
                self._found(damaged(damage))
            else:
                took_s = round(time.monotonic() - began)
                structlog.get_logger("packhouse").info("ledger_undamaged", took_s=took_s)

    def _check(self, connection: sqlite3.Connection) -> str:
        """What is damaged; "" if nothing is."""
        connection.set_progress_handler(self._pause, _STEPS)
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            # One table in each reading transaction, so that the write-ahead log can be emptied in between.
            self._began = time.monotonic()
            row = connection.execute(f"PRAGMA quick_check('{table}')").fetchone()
            if row and row[0] != "ok":
                return str(row[0])
        return ""

    def _pause(self) -> bool:
        """Whether SQLite is to give the statement up."""
        took = time.monotonic() - self._began
        self._stopped.wait(min(_PAUSES * took, _LONGEST_PAUSE_S))
        self._began = time.monotonic()
        return self._stopped.is_set()
