"""The port of the ledger: pass a unit of work, get its result once it is on disk.

A unit that writes takes a `Tx` first; a unit that only reads takes a `Connection` first. So its type says
whether it writes. A unit may run twice (after a conflict), so it touches nothing but its transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from packhouse.clock import Clock
from packhouse.errors import LedgerUnavailable, LedgerUnusable, PackhouseError
from packhouse.ledger.tx import P, R, ReadUnit, WriteUnit


class Ledger(Protocol):
    """The durable record as everything above sees it."""

    shared: bool
    """Whether other processes may work on the same ledger."""
    migrated: tuple[str | None, str]
    """The version of its tables before and after it was opened."""

    async def write(self, unit: WriteUnit[P, R], now: float, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a unit that writes at `now` (seconds since 1970) in one transaction, synced to disk on return.

        Pass a unit that needs a lease as `under(lease, unit)`.

        Raises LedgerUnavailable, or what the unit raises, after rolling its changes back.
        """

    async def read(self, unit: ReadUnit[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a unit that only reads."""

    def clock(self, local: Clock) -> Clock:
        """By whose clock due times are written: the local one, or the database's where replicas share it."""

    async def listen(self, wake: Callable[[], None]) -> None:
        """Call `nudge` whenever another process made an order due; runs until it is cancelled."""

    def exclusive(self, duty: str) -> AbstractAsyncContextManager[bool]:
        """Whether this process alone runs the duty, as long as the block lasts. Raises LedgerUnavailable."""

    async def close(self) -> None:
        """Finish what waits, then let go of the database."""


# PostgreSQL's classes of trouble that pass: connection, lost to another, resources (a full disk), locks,
# an operator at work, its system; and a standby that is not yet the primary, a transaction cut off.
_PASSING = ("08", "40", "53", "55", "57", "58", "25006", "25P03")
_DAMAGED = ("XX001", "XX002")
_FORBIDDEN = ("42501",)


def sqlstate(error: DBAPIError) -> str:
    """PostgreSQL's code of what went wrong; "" if the server said nothing, or is another one."""
    return str(getattr(error.orig, "sqlstate", None) or "")


def translated(error: BaseException) -> BaseException:
    """The ledger's own error for a driver's: unusable, unavailable, or the error itself."""
    if isinstance(error, PackhouseError) or not isinstance(error, DBAPIError):
        return error
    text, state = str(error.orig), sqlstate(error)
    if "malformed" in text or "not a database" in text:
        return damaged(text)
    if state in _DAMAGED:
        return LedgerUnusable(
            f"the ledger's database is damaged ({_first_line(text)}). Restore the newest backup. What was "
            "bought since then only the carrier knows: compare its account."
        )
    if state in _FORBIDDEN:
        return LedgerUnusable(f"the ledger's database does not let us work in it: {_first_line(text)}")
    passing = isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated
    if passing or state.startswith(_PASSING):
        return LedgerUnavailable(f"the ledger cannot be used just now: {_first_line(text)}")
    return error


def damaged(how: str) -> LedgerUnusable:
    """The error for a file that is there and cannot be read, with the way out."""
    return LedgerUnusable(
        f"the ledger's file is damaged ({how.strip().splitlines()[-1]}). Move it aside, with its -wal and "
        "-shm, and restore the newest backup. What was bought since then only the carrier knows: compare "
        "its account."
    )


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "the connection was lost")
