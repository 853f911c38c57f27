"""PostgreSQL connections that outlive a transaction: one listens for due orders, one holds an advisory lock.

Each belongs to the caller that opened it, never to the pool.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from packhouse.errors import LedgerUnavailable
from packhouse.ledger.encoding import CLIENT_ENCODING
from packhouse.ledger.notify import CHANNEL

if TYPE_CHECKING:  # the driver comes with an extra, and is imported where it is used
    from psycopg import AsyncConnection

# Every connection of ours notices within seconds that the server is gone.
REACH: Final[Mapping[str, Any]] = {
    "connect_timeout": 2,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "application_name": "packhouse",
}
# The server notices as fast that a replica's machine is gone.
_SERVER_KEEPALIVES = (
    "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3"
)
# A replica that stops running must not keep a lock: the server ends a session that is idle for so long.
_IDLE_TIMEOUT_S = 30
_KEEPALIVE_S = 8.0
_CHECK_S = 10.0
_RECONNECT_AFTER_S = 1.0
_RELEASE_S = 2.0
# The time in a slower response is too inexact to use.
_PROMPT_S = 1.0
_NOW = "SELECT extract(epoch FROM clock_timestamp())::float8"


class PostgresListener:
    """Listens for due orders. `connect_args` are the driver's own."""

    def __init__(self, connect_args: Mapping[str, Any]) -> None:
        self._connect_args = connect_args

    async def listen(self, wake: Callable[[], None], measured: Callable[[float, float], None]) -> None:
        """Call `wake` for each notification, and once for each connection, as some may have been missed.

        Connects again until it is cancelled. From time to time it calls `measured` with the server's time
        and the seconds that the question took.
        """
        import psycopg

        while True:
            with contextlib.suppress(psycopg.Error, OSError, TimeoutError):
                async with await _connect(self._connect_args) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    wake()
                    while True:
                        await _measure(connection, measured)
                        async for _ in connection.notifies(timeout=_CHECK_S):
                            wake()
            await asyncio.sleep(_RECONNECT_AFTER_S)


class AdvisoryLock:
    """Lets one replica at a time run a periodic task. `connect_args` are the driver's own."""

    def __init__(self, connect_args: Mapping[str, Any]) -> None:
        self._connect_args = connect_args

    @contextlib.asynccontextmanager
    async def exclusive(self, task: str) -> AsyncIterator[bool]:
        """Whether this replica may run the task, as long as the block lasts. Raises LedgerUnavailable.

        The lock is held outside any transaction and ends with its connection, so a task must tolerate being
        run twice at once; this is rare.
        """
        import psycopg

        try:
            connection = await _connect(self._connect_args)
        except (psycopg.Error, OSError) as error:
            raise LedgerUnavailable(f"cannot reach the ledger's database: {_first_line(error)}") from error
        try:
            try:
                mine = await _lock(connection, task)
            except psycopg.Error as error:
                reason = _first_line(error)
                raise LedgerUnavailable(f"cannot ask the ledger's database for a lock: {reason}") from error
            alive = asyncio.create_task(_keep_alive(connection), name=f"advisory lock: {task}")
            try:
                yield mine
            finally:
                alive.cancel()
                with contextlib.suppress(asyncio.CancelledError, psycopg.Error, OSError):
                    await alive
                # The end of the connection releases the lock too, but only a moment later.
                with contextlib.suppress(psycopg.Error, OSError, TimeoutError):
                    async with asyncio.timeout(_RELEASE_S):
                        await connection.execute("SELECT pg_advisory_unlock_all()")
        finally:
            await connection.close()


async def _connect(connect_args: Mapping[str, Any]) -> AsyncConnection[tuple[Any, ...]]:
    import psycopg

    connection = await psycopg.AsyncConnection.connect(
        **{**REACH, **connect_args, **CLIENT_ENCODING}, autocommit=True
    )
    try:
        await connection.execute(_SERVER_KEEPALIVES)
    except BaseException:
        await connection.close()
        raise
    return connection


async def _measure(
    connection: AsyncConnection[tuple[Any, ...]], measured: Callable[[float, float], None]
) -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with asyncio.timeout(_CHECK_S):
        row = await (await connection.execute(_NOW)).fetchone()
    took_s = loop.time() - started
    if row and took_s < _PROMPT_S:
        measured(float(row[0]), took_s)


async def _lock(connection: AsyncConnection[tuple[Any, ...]], task: str) -> bool:
    await connection.execute(f"SET idle_session_timeout = '{_IDLE_TIMEOUT_S}s'")
    key = int.from_bytes(hashlib.sha256(f"packhouse {task}".encode()).digest()[:8], signed=True)
    row = await (await connection.execute("SELECT pg_try_advisory_lock(%s)", (key,))).fetchone()
    return bool(row and row[0])


async def _keep_alive(connection: AsyncConnection[tuple[Any, ...]]) -> None:
    while True:
        await asyncio.sleep(_KEEPALIVE_S)
        await connection.execute("SELECT 1")


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
