"""The embedded ledger: one file, one connection that writes and checkpoints, group commit, all synced.

Units of work that wait together share one transaction, and so one sync of the disk. They run on the event
loop, because SQLite answers in microseconds and two threads would compete for the interpreter at each
statement. Only the commit, which waits for the disk, runs in a thread.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from packhouse.blocking import in_thread
from packhouse.clock import Clock
from packhouse.errors import LedgerUnavailable, LedgerUnusable
from packhouse.file_modes import make_file, restrict
from packhouse.ledger import facts, migrate, pages
from packhouse.ledger.guard_log import GuardLog
from packhouse.ledger.pages import BackgroundCheck
from packhouse.ledger.port import translated
from packhouse.ledger.statements import Prepared
from packhouse.ledger.tx import P, R, ReadUnit, Tx, WriteUnit

_Waiting = tuple[Callable[[Connection], Any], asyncio.Future[Any]]

# Few enough not to block the loop, enough to share a commit.
_MOST_UNITS_A_COMMIT = 64
_LOCK_WAIT_S = 5.0
_RETRY_S = 0.02
_BEGIN = Prepared(text("BEGIN IMMEDIATE"))
_COMMIT = Prepared(text("COMMIT"))


class SqliteLedger:
    """Implements port.Ledger. Belongs to the event loop on which it is used."""

    shared = False

    def __init__(self, url: str, *, on_batch: Callable[[int], None] | None = None) -> None:
        _close_to_others(url)
        self._engine = create_engine(url, connect_args={"check_same_thread": False}, hide_parameters=True)
        event.listen(self._engine, "connect", _sqlite_pragmas)
        self._waiting: collections.deque[_Waiting] = collections.deque()
        self._writing: asyncio.Task[None] | None = None
        self._closing = False
        self._on_batch = on_batch
        self._guard_log: GuardLog | None = None
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="ledger-read")
        try:
            self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._damage: LedgerUnusable | None = None
            self._pages = self._check_pages(url)
            self.migrated = _migrate(self._connection)
            self._connection.exec_driver_sql("PRAGMA busy_timeout=0")
            self._loop_reader = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            for pragma in ("busy_timeout=0", "query_only=ON"):
                self._loop_reader.exec_driver_sql(f"PRAGMA {pragma}")
        except DBAPIError as error:
            raise translated(error) from error

    def keep_log(self, log: GuardLog) -> None:
        """See `Ledger.keep_log`."""
        self._guard_log = log

    async def write(self, unit: WriteUnit[P, R], now: float, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """See `Ledger.write`."""
        if self._closing:
            raise LedgerUnavailable("the ledger is closed, because the daemon is stopping")
        if self._damage:
            raise self._damage
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        self._waiting.append((lambda connection: unit(Tx(connection, now), *args, **kwargs), future))
        if self._writing is None or self._writing.done():
            self._writing = loop.create_task(self._write(), name="ledger")
        return await future

    async def read(self, unit: ReadUnit[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """See `Ledger.read`. A read sees the last committed state, and does not wait for the writer."""

        def run() -> R:
            with self._engine.connect() as connection:
                return unit(connection, *args, **kwargs)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, run)
        except DBAPIError as error:
            raise translated(error) from error

    async def read_now(self, unit: ReadUnit[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """See `Ledger.read_now`. On the loop: the connection does not wait for the writer, and where the file
        is locked, a thread waits.
        """
        try:
            return unit(self._loop_reader, *args, **kwargs)
        except OperationalError:
            return await self.read(unit, *args, **kwargs)
        except DBAPIError as error:
            raise translated(error) from error

    def clock(self, local: Clock) -> Clock:
        """See `Ledger.clock`."""
        return local

    async def listen(self, wake: Callable[[], None]) -> None:
        """See `Ledger.listen`. No other process uses this file, so `wake` is never called."""
        await asyncio.get_running_loop().create_future()

    @contextlib.asynccontextmanager
    async def exclusive(self, task: str) -> AsyncIterator[bool]:
        """See `Ledger.exclusive`. One process uses the file, so this is always True."""
        yield True

    async def close(self) -> None:
        """See `Ledger.close`."""
        self._closing = True
        if self._writing is not None:
            await self._writing
        await asyncio.to_thread(self._readers.shutdown)
        self._loop_reader.close()
        if self._pages:
            await asyncio.to_thread(self._pages.stop)
        self._connection.close()
        self._engine.dispose()
        if self._guard_log:
            self._guard_log.close()

    def _check_pages(self, url: str) -> BackgroundCheck | None:
        """Read every page, in the background if that takes long; but a damaged file is never migrated.

        Raises LedgerUnusable.
        """
        file = _file_of(url)
        is_large = file is not None and file.exists() and file.stat().st_size > pages.SMALL_BYTES
        if file and is_large and migrate.current(self._connection) == migrate.head():
            return BackgroundCheck(file, self._refuse)
        pages.check_now(self._connection)
        return None

    def _refuse(self, damage: LedgerUnusable) -> None:
        """Write nothing any more: what was committed may be in the way of the damage."""
        self._damage = damage
        structlog.get_logger("packhouse").error("ledger_damaged", error=str(damage))

    async def _write(self) -> None:
        """Commit the waiting units, batch by batch, until none waits."""
        while self._waiting:
            count = min(len(self._waiting), _MOST_UNITS_A_COMMIT)
            batch = [self._waiting.popleft() for _ in range(count)]
            await self._commit([(unit, future) for unit, future in batch if not future.done()])
            if self._on_batch:
                self._on_batch(count)

    async def _commit(self, batch: list[_Waiting]) -> None:
        """Run the batch in one transaction; if a unit fails, run them one by one instead."""
        try:
            results = await self._transaction([unit for unit, _ in batch])
        except Exception as error:  # noqa: BLE001 - the caller of the unit gets it
            if len(batch) == 1:
                _fail(batch[0][1], error)
            else:
                for waiting in batch:
                    await self._commit([waiting])
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)

    async def _transaction(self, units: list[Callable[[Connection], Any]]) -> list[Any]:
        await self._begin()
        try:
            results = [unit(self._connection) for unit in units]
            await in_thread(lambda: _COMMIT.run(self._connection, {}))
        except BaseException:
            facts.take(self._connection)
            # A full disk may have caused a rollback already; then this one fails.
            with contextlib.suppress(OperationalError):
                self._connection.exec_driver_sql("ROLLBACK")
            raise
        found = facts.take(self._connection)
        if found and self._guard_log:
            self._guard_log.append(found)
        return results

    async def _begin(self) -> None:
        """Begin; while another process locks the file (a backup, for example), wait for it.

        SQLite's own wait is not used: while a thread waits inside SQLite, every other use of the connection
        waits too, even Python freeing an old cursor on the loop.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + _LOCK_WAIT_S
        while True:
            try:
                _BEGIN.run(self._connection, {})
            except OperationalError as error:
                if "locked" not in str(error.orig) or loop.time() > until:
                    raise
            else:
                return
            await asyncio.sleep(_RETRY_S)


def _file_of(url: str) -> Path | None:
    """The file at this address; None for a ledger in memory, or one that SQLite's own address names."""
    name = make_url(url).database
    return None if not name or name == ":memory:" or name.startswith("file:") else Path(name)


def _close_to_others(url: str) -> None:
    """Make the file readable for this user alone. SQLite gives its -wal and -shm files the same mode."""
    name = _file_of(url)
    if name is None:
        return
    with contextlib.suppress(OSError):  # SQLite itself says what is wrong with the place
        make_file(name)
    for file in (name, f"{name}-wal", f"{name}-shm"):
        if problem := restrict(Path(file), 0o600):
            structlog.get_logger("packhouse").warning("readable_by_others", problem=problem)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(translated(error))


def _migrate(connection: Connection) -> tuple[str | None, str]:
    """Migrate completely or not at all. Python's driver begins no transaction for DDL, so this one is
    explicit: a crash must not leave some of the tables without a version.
    """
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        versions = migrate.migrate(connection)
        connection.exec_driver_sql("COMMIT")
    except BaseException:
        with contextlib.suppress(OperationalError):
            connection.exec_driver_sql("ROLLBACK")
        raise
    return versions


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
