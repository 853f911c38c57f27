"""The port of the ledger: pass a unit of work, get its result once it is on disk.

A unit that writes takes a `Tx` first; a unit that only reads takes a `Connection` first. So its type says
whether it writes. A unit may run twice (after a conflict), so it touches nothing but its transaction.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError, ProgrammingError

from packhouse.clock import Clock
from packhouse.errors import LedgerUnavailable, LedgerUnusable, ValueRejected
from packhouse.ledger.guard_log import GuardLog
from packhouse.ledger.tx import P, R, ReadUnit, WriteUnit


class Ledger(Protocol):
    """The ledger, as steps, operations and workers use it."""

    shared: bool
    """Whether other processes may use the same ledger."""
    migrated: tuple[str | None, str]
    """The version of its tables before and after it was opened."""

    def keep_log(self, log: GuardLog) -> None:
        """Pass the facts of each later commit to this log. On a server that many share, each new connection
        is checked for the log's last commits first: a server that lost them was replaced by an older one.
        """

    async def write(self, unit: WriteUnit[P, R], now: float, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a unit that writes at `now` (seconds since 1970) in one transaction, synced to disk on return.

        Pass a unit that needs a lease as `under(lease, unit)`.

        Raises LedgerUnavailable, ValueRejected, or what the unit raises, after rolling its changes back.
        """

    async def read(self, unit: ReadUnit[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a unit that only reads."""

    async def read_now(self, unit: ReadUnit[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a unit that only reads a few rows by their keys. It sees the last committed state."""

    def clock(self, local: Clock) -> Clock:
        """The clock for due times: the local one, or the database's where replicas share the ledger."""

    async def listen(self, wake: Callable[[], None]) -> None:
        """Call `wake` when another process makes an order due; runs until it is cancelled."""

    def exclusive(self, task: str) -> AbstractAsyncContextManager[bool]:
        """Whether this process may run the task, alone, while the block lasts. Raises LedgerUnavailable."""

    async def close(self) -> None:
        """Finish the waiting units, then close the database."""


# SQLite's codes for a state that passes: busy, locked, no memory, read-only, interrupted, I/O error, full,
# cannot open, protocol. Every other one concerns the statement or its values.
_SQLITE_TRANSIENT = frozenset({5, 6, 7, 8, 9, 10, 13, 14, 15})
# SQLite: too big, constraint, mismatch, range. PostgreSQL: values, constraints, limits of the program.
_SQLITE_VALUE = frozenset({18, 19, 20, 25})
_VALUE = ("22", "23", "54")
# PostgreSQL's transient errors: connection, conflict, resources (a full disk), locks, operator intervention,
# system; and a standby that is not yet the primary, and an aborted transaction.
_TRANSIENT = ("08", "40", "53", "55", "57", "58", "25006", "25P03")
_COMPARE = (
    "Then compare it with the provider accounts: they know the labels that were bought since the backup."
)
_DAMAGED = ("XX001", "XX002")
_FORBIDDEN = ("42501",)


def sqlstate(error: DBAPIError) -> str:
    """PostgreSQL's error code; "" if the server sent none, or is not PostgreSQL."""
    return str(getattr(error.orig, "sqlstate", None) or "")


def translated(error: BaseException) -> BaseException:
    """The LedgerError for a driver's error, or the error itself where none fits."""
    if isinstance(error, UnicodeEncodeError | OverflowError):
        return _rejected(error)  # by the driver, before the database saw the value
    if not isinstance(error, DBAPIError):
        return error
    text, state = str(error.orig), sqlstate(error)
    result_code = getattr(error.orig, "sqlite_errorcode", None)
    # PostgreSQL's text may quote the values of a row, with these words in them.
    if not state and ("malformed" in text or "not a database" in text):
        return damaged(text)
    if state in _DAMAGED:
        return LedgerUnusable(
            f"the ledger's database is damaged ({_first_line(text)}). Restore the newest backup. {_COMPARE}"
        )
    if isinstance(error, ProgrammingError) and not state and "connection" in text:
        # The driver's own reading of the URL. Its words may quote a part of the password, so none is repeated
        # but the name of an option.
        option = re.search(r'invalid connection option "(\w+)"', text)
        what = f"has the option {option[1]!r}, which" if option else "has options that"
        return LedgerUnusable(
            f"PACKHOUSE_LEDGER__URL {what} PostgreSQL's driver does not accept. Correct it."
        )
    if state in _FORBIDDEN:
        return LedgerUnusable(
            f"the ledger's database refuses access: {_first_line(text)}. Check the user's permissions."
        )
    if state.startswith(_VALUE) or (result_code is not None and result_code & 0xFF in _SQLITE_VALUE):
        return _rejected(error.orig or error)
    if isinstance(error, DataError) and not error.connection_invalidated:
        return _rejected(error.orig or error)
    if result_code is not None:
        is_transient = result_code & 0xFF in _SQLITE_TRANSIENT
    else:
        is_transient = isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated
    if is_transient or state.startswith(_TRANSIENT):
        return LedgerUnavailable(f"the ledger's database is unavailable: {_first_line(text)}")
    return error


def _rejected(error: BaseException) -> ValueRejected:
    """The error for a value that the database does not take. Of the value itself, nothing is repeated."""
    if isinstance(error, UnicodeEncodeError):
        return ValueRejected(f"the ledger cannot store a text: {error.reason} at position {error.start}")
    return ValueRejected(f"the ledger cannot store a value: {_first_line(str(error))[:200]}")


def damaged(how: str) -> LedgerUnusable:
    """The error for a damaged SQLite file, with what to do."""
    return LedgerUnusable(
        f"the ledger's file is damaged ({how.strip().splitlines()[-1]}). Move it aside, with its -wal and "
        f"-shm files, and restore the newest backup. {_COMPARE}"
    )


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "the connection was lost")
