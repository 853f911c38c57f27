"""The ledger on PostgreSQL, which many replicas share; the server groups commits itself.

Units run in threads, one short transaction each, and never wait for the store or a provider. A unit that
loses a conflict with another one runs again.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import select
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

from packhouse.clock import Clock
from packhouse.errors import LedgerError, LedgerUnavailable, SettingsError
from packhouse.ledger import facts, migrate, notify, restores
from packhouse.ledger.database_clock import DatabaseClock
from packhouse.ledger.encoding import CLIENT_ENCODING, require_utf8
from packhouse.ledger.guard_log import GuardLog
from packhouse.ledger.listener import REACH, AdvisoryLock, PostgresListener
from packhouse.ledger.port import sqlstate, translated
from packhouse.ledger.tx import P, R, ReadUnit, Tx, WriteUnit

_DRIVER = "postgresql+psycopg"
# Serialization failure and deadlock: the server rolled one of two transactions back, to be tried again.
_CONFLICTS = ("40001", "40P01")
_TRIES = 4
_ASK_AFTER_S = 1.0
_USED_AT = "used at"
# One notification covers all orders that become due within this time.
_NOTIFY_AFTER_S = 0.02
# A replica that stops running inside a transaction holds its rows no longer than this, and every wait ends.
# "Written" means on disk: a server that is set up to answer sooner must wait for our commits.
_LIMITS = """
    SET idle_in_transaction_session_timeout = '5s';
    SET lock_timeout = '10s';
    SET statement_timeout = '30s';
    SET tcp_keepalives_idle = 5;
    SET tcp_keepalives_interval = 2;
    SET tcp_keepalives_count = 3;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'
"""
_WHILE_MIGRATING = """
    SET LOCAL idle_in_transaction_session_timeout = '60s';
    SET LOCAL lock_timeout = '120s';
    SET LOCAL statement_timeout = 0
"""


class PostgresLedger:
    """Implements port.Ledger. Raises SettingsError if the driver is missing or the URL names another one."""

    shared = True

    def __init__(self, url: str, *, connections: int = 8) -> None:
        address = make_url(url)
        if address.drivername not in ("postgresql", _DRIVER):
            raise SettingsError(
                f"PACKHOUSE_LEDGER__URL names {address.drivername!r}, which is not supported; use {_DRIVER}://..."
            )
        address = address.set(drivername=_DRIVER)
        try:
            self._engine = create_engine(
                address,
                pool_size=connections,
                max_overflow=0,
                hide_parameters=True,
                isolation_level="READ COMMITTED",
                connect_args={name: how for name, how in REACH.items() if name not in address.query}
                | CLIENT_ENCODING,
            )
        except ModuleNotFoundError as error:
            raise SettingsError(
                "PACKHOUSE_LEDGER__URL names a PostgreSQL database, and its driver is not installed. Run: "
                "pip install 'packhouse[postgres]'"
            ) from error
        self._no_transaction = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        event.listen(self._engine, "connect", _set_limits)
        event.listen(self._engine, "connect", self._check_connection)
        event.listen(self._engine, "checkout", self._check_idle)
        event.listen(self._engine, "checkin", _note_use)
        self._guard_log: GuardLog | None = None
        connect_args = self._engine.dialect.create_connect_args(address)[1]
        self._listener = PostgresListener(connect_args)
        self._lock = AdvisoryLock(connect_args)
        self._clock: DatabaseClock | None = None
        self._notifying: asyncio.Task[None] | None = None
        self._closing = False
        self._pool = ThreadPoolExecutor(connections, thread_name_prefix="ledger")
        try:
            with self._engine.begin() as connection:
                require_utf8(connection)
                connection.exec_driver_sql(_WHILE_MIGRATING)
                self.migrated = migrate.migrate(connection)
        except DBAPIError as error:
            self._engine.dispose()
            raise translated(error) from error
        except LedgerError:
            self._engine.dispose()
            raise

    def keep_log(self, log: GuardLog) -> None:
        """See `Ledger.keep_log`."""
        self._guard_log = log

    def _check_connection(self, connection: Any, _record: object) -> None:
        """After a failover every connection is new, and none is used before it was checked here."""
        log = self._guard_log
        if log and (recent := log.recent) and restores.notice_lost(connection, recent):
            log.forget_recent()

    def _check_idle(self, connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        """Replace a connection that no longer works.

        One that worked a moment ago, and on which the server has said nothing since (as it does when it ends
        a session), is not asked: that would be a sixth of all round trips.
        """
        is_recent = time.monotonic() < record.info.get(_USED_AT, -math.inf) + _ASK_AFTER_S
        try:
            if not is_recent or _has_news(connection):
                self._engine.dialect.do_ping(connection)
        except self._engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error

    async def write(self, unit: WriteUnit[P, R], now: float, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """See `Ledger.write`."""
        return await self._run(lambda connection: unit(Tx(connection, now), *args, **kwargs))

    async def read(self, unit: ReadUnit[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """See `Ledger.read`."""
        return await self._run(lambda connection: unit(connection, *args, **kwargs))

    async def read_now(self, unit: ReadUnit[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """See `Ledger.read_now`: from a thread, without the round trips of BEGIN and COMMIT."""
        return await self._run(lambda connection: unit(connection, *args, **kwargs), self._no_transaction)

    async def _run(self, unit: Callable[[Connection], R], engine: Engine | None = None) -> R:
        if self._closing:
            raise LedgerUnavailable("the ledger is closed, because the daemon is stopping")

        try:
            result, marked = await asyncio.get_running_loop().run_in_executor(
                self._pool, self._tried, engine or self._engine, unit
            )
        except (DBAPIError, UnicodeEncodeError, OverflowError) as error:
            raise translated(error) from error
        if marked and (self._notifying is None or self._notifying.done()):
            self._notifying = asyncio.create_task(self._notify(), name="notify replicas")
        return result

    def _tried(self, engine: Engine, unit: Callable[[Connection], R]) -> tuple[R, bool]:
        """Run a unit, and again after a conflict; returns its result and whether it made an order due."""
        for _ in range(_TRIES - 1):
            try:
                return self._once(engine, unit)
            except DBAPIError as error:
                if error.connection_invalidated:
                    self._engine.dispose()  # the other idle connections are gone too
                if sqlstate(error) not in _CONFLICTS:
                    raise
        return self._once(engine, unit)

    def _once(self, engine: Engine, unit: Callable[[Connection], R]) -> tuple[R, bool]:
        with engine.begin() as connection:
            notify.take_mark(connection)  # of a unit that was rolled back
            facts.take(connection)
            result, marked = unit(connection), notify.take_mark(connection)
            found = facts.take(connection)
        if found and self._guard_log:
            self._guard_log.append(found)
        return result, marked

    def clock(self, local: Clock) -> Clock:
        """See `Ledger.clock`: the database's time, measured again while `listen` runs."""
        started = time.monotonic()
        try:
            now, _ = self._tried(self._no_transaction, _time)
        except DBAPIError as error:
            raise translated(error) from error
        self._clock = DatabaseClock(local, float(now), time.monotonic() - started)
        return self._clock

    async def listen(self, wake: Callable[[], None]) -> None:
        """See `Ledger.listen`: on a connection of its own."""

        def measured(database_now: float, took_s: float) -> None:
            if self._clock is not None:
                self._clock.set(database_now, took_s)

        await self._listener.listen(wake, measured)

    @contextlib.asynccontextmanager
    async def exclusive(self, task: str) -> AsyncIterator[bool]:
        """See `Ledger.exclusive`: under an advisory lock, on a connection of its own."""
        async with self._lock.exclusive(task) as mine:
            yield mine

    async def close(self) -> None:
        """See `Ledger.close`."""
        if self._notifying is not None and not self._notifying.done():
            await self._notifying
        self._closing = True
        await asyncio.to_thread(self._pool.shutdown)
        self._engine.dispose()
        if self._guard_log:
            self._guard_log.close()

    async def _notify(self) -> None:
        await asyncio.sleep(_NOTIFY_AFTER_S)
        with contextlib.suppress(LedgerUnavailable):
            await self.write(notify.send, time.time())


def _has_news(connection: Any) -> bool:
    """Whether the server has sent something without being asked, or has closed the connection."""
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    return bool(waiting.poll(0))


def _note_use(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info[_USED_AT] = time.monotonic()


def _time(connection: Connection) -> Any:
    return connection.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())").scalar_one()


def _set_limits(connection: Any, _record: object) -> None:
    connection.execute(_LIMITS)
    connection.commit()
