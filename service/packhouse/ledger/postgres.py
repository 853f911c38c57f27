"""The ledger on PostgreSQL, which many replicas share; the server groups commits itself.

Units run in threads, one short transaction each, and never while the network beyond the server is waited for.
A unit that lost to another one is run again, so it touches nothing but the transaction.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from packhouse.clock import Clock
from packhouse.errors import LedgerUnavailable, SettingsError
from packhouse.ledger import migrate, notify
from packhouse.ledger.database_clock import DatabaseClock
from packhouse.ledger.listener import REACH, Sessions
from packhouse.ledger.port import sqlstate, translated
from packhouse.ledger.tx import P, R, ReadUnit, Tx, WriteUnit

_DRIVER = "postgresql+psycopg"
# Serialization failure and deadlock: the server undid one of two, and says to try again.
_LOST_TO_ANOTHER = ("40001", "40P01")
_TRIES = 4
# Orders that become due within this time are told of at once.
_RING_AFTER_S = 0.02
# A replica that stands still within a transaction holds rows no longer than this; waits have an end too.
# "Written" means on disk: a server set up to answer sooner is asked to wait for this one's commits.
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
    """Keeps door.Ledger. Raises SettingsError if the driver is missing or another one is named."""

    shared = True

    def __init__(self, url: str, *, connections: int = 8) -> None:
        address = make_url(url)
        if address.drivername not in ("postgresql", _DRIVER):
            raise SettingsError(f"PACKHOUSE_LEDGER__URL names {address.drivername!r}; use {_DRIVER}://...")
        address = address.set(drivername=_DRIVER)
        try:
            self._engine = create_engine(
                address,
                pool_size=connections,
                max_overflow=0,
                pool_pre_ping=True,
                hide_parameters=True,
                isolation_level="READ COMMITTED",
                connect_args={name: how for name, how in REACH.items() if name not in address.query},
            )
        except ModuleNotFoundError as error:
            raise SettingsError(
                "PACKHOUSE_LEDGER__URL names a PostgreSQL, whose driver is not installed: "
                "pip install 'packhouse[postgres]'"
            ) from error
        event.listen(self._engine, "connect", _set_limits)
        self._sessions = Sessions(self._engine.dialect.create_connect_args(address)[1])
        self._clock: DatabaseClock | None = None
        self._ringing: asyncio.Task[None] | None = None
        self._closing = False
        self._pool = ThreadPoolExecutor(connections, thread_name_prefix="ledger")
        try:
            with self._engine.begin() as connection:
                connection.exec_driver_sql(_WHILE_MIGRATING)
                self.migrated = migrate.migrate(connection)
        except DBAPIError as error:
            self._engine.dispose()
            raise translated(error) from error

    async def write(self, unit: WriteUnit[P, R], now: float, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """See `Ledger.write`."""
        return await self._run(lambda connection: unit(Tx(connection, now), *args, **kwargs))

    async def read(self, unit: ReadUnit[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """See `Ledger.read`."""
        return await self._run(lambda connection: unit(connection, *args, **kwargs))

    async def _run(self, unit: Callable[[Connection], R]) -> R:
        if self._closing:
            raise LedgerUnavailable("the ledger is closed: the daemon is stopping")

        def once() -> tuple[R, bool]:
            with self._engine.begin() as connection:
                notify.take_mark(connection)  # by a unit that was then undone
                return unit(connection), notify.take_mark(connection)

        def run() -> tuple[R, bool]:
            for _ in range(_TRIES - 1):
                try:
                    return once()
                except DBAPIError as error:
                    if sqlstate(error) not in _LOST_TO_ANOTHER:
                        raise
            return once()

        try:
            result, rung = await asyncio.get_running_loop().run_in_executor(self._pool, run)
        except DBAPIError as error:
            raise translated(error) from error
        if rung and (self._ringing is None or self._ringing.done()):
            self._ringing = asyncio.create_task(self._ring(), name="ring the bell")
        return result

    def clock(self, local: Clock) -> Clock:
        """See `Ledger.clock`: the database's time. It is asked for again while `watch` runs."""
        asked = time.monotonic()
        try:
            with self._engine.connect() as connection:
                now = connection.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())").scalar_one()
        except DBAPIError as error:
            raise translated(error) from error
        self._clock = DatabaseClock(local, float(now), time.monotonic() - asked)
        return self._clock

    async def listen(self, wake: Callable[[], None]) -> None:
        """See `Ledger.watch`: a connection of its own listens for the bell."""

        def measured(database_now: float, took_s: float) -> None:
            if self._clock is not None:
                self._clock.set(database_now, took_s)

        await self._sessions.listen(wake, measured)

    @contextlib.asynccontextmanager
    async def exclusive(self, duty: str) -> AsyncIterator[bool]:
        """See `Ledger.alone`: an advisory lock on a connection of its own."""
        async with self._sessions.exclusive(duty) as mine:
            yield mine

    async def close(self) -> None:
        """See `Ledger.close`."""
        if self._ringing is not None:
            await self._ringing
        self._closing = True
        await asyncio.to_thread(self._pool.shutdown)
        self._engine.dispose()

    async def _ring(self) -> None:
        await asyncio.sleep(_RING_AFTER_S)
        with contextlib.suppress(LedgerUnavailable):
            await self.write(notify.send, time.time())


def _set_limits(connection: Any, _record: object) -> None:
    connection.execute(_LIMITS)
    connection.commit()
