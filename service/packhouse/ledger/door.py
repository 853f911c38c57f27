"""The door to the durable record: hand in a unit of work, get its result once it is on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from packhouse.errors import LedgerUnavailable, LedgerUnusable, PackhouseError

P = ParamSpec("P")
R = TypeVar("R")
Unit = Callable[Concatenate[Connection, P], R]


class Ledger(Protocol):
    """The durable record as everything above sees it."""

    shared: bool
    """Whether other processes may work on the same ledger."""
    migrated: tuple[str | None, str]
    """The version of its tables before and after it was opened."""

    async def write(self, unit: Unit[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the unit in a transaction; answers once it is synced to disk.

        Raises LedgerUnavailable, or whatever the unit raises, after rolling its changes back.
        """

    async def read(self, unit: Unit[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a unit that only reads."""

    async def close(self) -> None:
        """Finish what waits, then let go of the database."""


def translated(error: BaseException) -> BaseException:
    """The ledger's own error for a driver's: unusable, unavailable, or the error itself."""
    if isinstance(error, PackhouseError) or not isinstance(error, DBAPIError):
        return error
    text = str(error.orig)
    if "malformed" in text or "not a database" in text:
        return damaged(text)
    if isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated:
        return LedgerUnavailable(f"the ledger cannot be used just now: {text.strip().splitlines()[0]}")
    return error


def damaged(how: str) -> LedgerUnusable:
    """The error for a file that is there and cannot be read, with the way out."""
    return LedgerUnusable(
        f"the ledger's file is damaged ({how.strip().splitlines()[-1]}). Move it aside, with its -wal and "
        "-shm, and restore the newest backup. What was bought since then only the carrier knows: compare "
        "its account."
    )
