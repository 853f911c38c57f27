"""The two engines behind the ledger, under one door: hand in a function, get its result once it is on disk.

SQLite has one writer thread whose single connection writes and checkpoints; units of work that wait
together share one transaction and so one sync of the disk (group commit). PostgreSQL has a pool; it
groups commits itself. A unit of work may be run twice before its result is given, so it touches nothing but
the transaction.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from packhouse.errors import LedgerUnavailable, LedgerUnusable, PackhouseError
from packhouse.ledger import schema

P = ParamSpec("P")
R = TypeVar("R")
Unit = Callable[Concatenate[Connection, P], R]

_Waiting = tuple[Callable[[Connection], Any], asyncio.Future[Any]]

_MOST_UNITS_A_COMMIT = 500


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
        return LedgerUnusable(f"the ledger's file is damaged ({text}); restore the newest backup")
    if isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated:
        return LedgerUnavailable(f"the ledger cannot be used just now: {text.strip().splitlines()[0]}")
    return error


class SqliteLedger:
    """One file, one writer thread, group commit, every commit synced (WAL, synchronous=FULL)."""

    shared = False

    def __init__(self, url: str, *, on_batch: Callable[[int], None] | None = None) -> None:
        self._engine = create_engine(
            url, connect_args={"check_same_thread": False, "timeout": 5.0}, hide_parameters=True
        )
        event.listen(self._engine, "connect", _sqlite_pragmas)
        self._waiting: collections.deque[_Waiting] = collections.deque()
        self._more = threading.Event()
        self._closing = False
        self._on_batch = on_batch
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="ledger-read")
        try:
            with self._engine.begin() as connection:
                self.migrated = schema.migrate(connection)
            self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        except DBAPIError as error:
            raise translated(error) from error
        self._thread = threading.Thread(target=self._run, name="ledger-write", daemon=True)
        self._thread.start()

    async def write(self, unit: Unit[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """See `Ledger.write`."""
        if self._closing:
            raise LedgerUnavailable("the ledger is closed: the daemon is stopping")
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((lambda connection: unit(connection, *args, **kwargs), future))
        self._more.set()
        return await future

    async def read(self, unit: Unit[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """See `Ledger.read`. Reads stand beside the writer, in the last committed state."""

        def run() -> R:
            with self._engine.connect() as connection:
                return unit(connection, *args, **kwargs)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, run)
        except DBAPIError as error:
            raise translated(error) from error

    async def close(self) -> None:
        """See `Ledger.close`."""
        self._closing = True
        self._more.set()
        await asyncio.to_thread(self._thread.join)
        self._readers.shutdown()
        self._engine.dispose()

    def _run(self) -> None:
        while True:
            self._more.wait()
            self._more.clear()
            while self._waiting:
                batch = [
                    self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_UNITS_A_COMMIT))
                ]
                self._commit(batch)
                if self._on_batch:
                    self._on_batch(len(batch))
            if self._closing:
                self._connection.close()
                return

    def _commit(self, batch: list[_Waiting]) -> None:
        """Run the batch in one transaction; if a unit fails, run them one by one instead."""
        batch = [(unit, future) for unit, future in batch if not future.cancelled()]
        outcomes: list[tuple[asyncio.Future[Any], Any, BaseException | None]] = []
        try:
            results = self._transaction([unit for unit, _ in batch])
            outcomes = [(future, result, None) for (_, future), result in zip(batch, results, strict=True)]
        except BaseException as error:  # noqa: BLE001 - whatever it is belongs to the one who waits
            if len(batch) == 1:
                outcomes = [(batch[0][1], None, translated(error))]
            else:
                for unit, future in batch:
                    try:
                        outcomes.append((future, self._transaction([unit])[0], None))
                    except BaseException as single:  # noqa: BLE001
                        outcomes.append((future, None, translated(single)))
        if outcomes:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                outcomes[0][0].get_loop().call_soon_threadsafe(_tell, outcomes)

    def _transaction(self, units: list[Callable[[Connection], Any]]) -> list[Any]:
        connection = self._connection
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            results = [unit(connection) for unit in units]
            connection.exec_driver_sql("COMMIT")
        except BaseException:
            # A full disk may have rolled back already; then there is nothing to roll back.
            if connection.connection.dbapi_connection.in_transaction:  # type: ignore[union-attr]
                connection.exec_driver_sql("ROLLBACK")
            raise
        return results


def _tell(outcomes: list[tuple[asyncio.Future[Any], Any, BaseException | None]]) -> None:
    for future, result, error in outcomes:
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


def _sqlite_pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=5000",
        "temp_store=MEMORY",
        "cache_size=-8000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


class PostgresLedger:
    """A server that many replicas share. Units run on a pool's connections, one transaction each."""

    shared = True

    def __init__(self, url: str, *, connections: int = 8) -> None:
        self._engine = create_engine(
            url,
            pool_size=connections,
            max_overflow=0,
            pool_pre_ping=True,
            hide_parameters=True,
            isolation_level="READ COMMITTED",
        )
        self._pool = ThreadPoolExecutor(connections, thread_name_prefix="ledger")
        try:
            with self._engine.begin() as connection:
                self.migrated = schema.migrate(connection)
        except DBAPIError as error:
            raise translated(error) from error

    async def write(self, unit: Unit[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """See `Ledger.write`."""

        def run() -> R:
            with self._engine.begin() as connection:
                return unit(connection, *args, **kwargs)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, run)
        except DBAPIError as error:
            raise translated(error) from error

    async def read(self, unit: Unit[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """See `Ledger.read`."""
        return await self.write(unit, *args, **kwargs)

    async def close(self) -> None:
        """See `Ledger.close`."""
        await asyncio.to_thread(self._pool.shutdown)
        self._engine.dispose()


def open_ledger(
    url: str, *, connections: int = 8, on_batch: Callable[[int], None] | None = None
) -> SqliteLedger | PostgresLedger:
    """Open the ledger at this SQLAlchemy address and migrate it.

    Raises LedgerUnavailable if it cannot be reached, LedgerUnusable if it is damaged or newer.
    """
    backend = make_url(url).get_backend_name()
    if backend == "sqlite":
        return SqliteLedger(url, on_batch=on_batch)
    if backend == "postgresql":
        return PostgresLedger(url, connections=connections)
    raise LedgerUnusable(
        f"PACKHOUSE_LEDGER__URL names {backend!r}; use sqlite:///... or postgresql+psycopg://..."
    )
