"""Connections to PostgreSQL that are held for longer than a transaction: one that listens for the bell, and
one under which a duty is run alone. Each belongs to whoever opened it, never to the pool.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from packhouse.errors import LedgerUnavailable
from packhouse.ledger.notify import CHANNEL

if TYPE_CHECKING:  # the driver comes with an extra; it is loaded where it is used
    from psycopg import AsyncConnection

# A server that is gone is noticed within seconds, on every connection of ours.
REACH: Final[Mapping[str, Any]] = {
    "connect_timeout": 2,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "application_name": "packhouse",
}
# A replica whose machine vanished is forgotten by the server as quickly.
_MUTUAL = "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3"
# A replica that stands still must not keep a duty from the others: the server ends a session that is silent.
_SILENCE_S = 30
_SIGN_OF_LIFE_S = 8.0
_CHECK_S = 10.0
_BEFORE_NEXT_TRY_S = 1.0
# An answer about the time that took longer says too little of when it was given.
_PROMPT_S = 1.0
_NOW = "SELECT extract(epoch FROM clock_timestamp())::float8"


class Sessions:
    """Opens such connections; `how` are the driver's own connect arguments."""

    def __init__(self, how: Mapping[str, Any]) -> None:
        self._how = {**REACH, **how}

    async def listen(self, heard: Callable[[], None], measured: Callable[[float, float], None]) -> None:
        """Call `heard` whenever the bell rang or may have been missed; connects again for ever.

        `measured` is told the server's time and how many seconds the question took, now and then.
        """
        import psycopg

        loop = asyncio.get_running_loop()
        while True:
            with contextlib.suppress(psycopg.Error, OSError, TimeoutError):
                async with await self._open() as session:
                    await session.execute(f"LISTEN {CHANNEL}")
                    heard()
                    while True:
                        asked = loop.time()
                        async with asyncio.timeout(_CHECK_S):
                            row = await (await session.execute(_NOW)).fetchone()
                        took_s = loop.time() - asked
                        if row and took_s < _PROMPT_S:
                            measured(float(row[0]), took_s)
                        async for _ in session.notifies(timeout=_CHECK_S):
                            heard()
            await asyncio.sleep(_BEFORE_NEXT_TRY_S)

    @contextlib.asynccontextmanager
    async def exclusive(self, duty: str) -> AsyncIterator[bool]:
        """Whether this replica may run the duty, for as long as the block lasts: an advisory lock, held
        outside any transaction. Raises LedgerUnavailable if the server cannot be asked.

        The lock goes with its connection, so a duty must bear being run twice; it seldom is.
        """
        import psycopg

        try:
            session = await self._open()
        except (psycopg.Error, OSError) as error:
            raise LedgerUnavailable(f"the ledger cannot be used just now: {_first_line(error)}") from error
        try:
            try:
                mine = await _lock(session, duty)
            except psycopg.Error as error:
                raise LedgerUnavailable(f"no lock for {duty!r}: {_first_line(error)}") from error
            alive = asyncio.create_task(_keep_alive(session), name=f"alone: {duty}")
            try:
                yield mine
            finally:
                alive.cancel()
                with contextlib.suppress(asyncio.CancelledError, psycopg.Error, OSError):
                    await alive
        finally:
            # The server lets go of the lock when the connection ends, whichever way it does.
            await session.close()

    async def _open(self) -> AsyncConnection[tuple[Any, ...]]:
        import psycopg

        session = await psycopg.AsyncConnection.connect(**self._how, autocommit=True)
        try:
            await session.execute(_MUTUAL)
        except BaseException:
            await session.close()
            raise
        return session


async def _lock(session: AsyncConnection[tuple[Any, ...]], duty: str) -> bool:
    await session.execute(f"SET idle_session_timeout = '{_SILENCE_S}s'")
    key = int.from_bytes(hashlib.sha256(f"packhouse {duty}".encode()).digest()[:8], signed=True)
    row = await (await session.execute("SELECT pg_try_advisory_lock(%s)", (key,))).fetchone()
    return bool(row and row[0])


async def _keep_alive(session: AsyncConnection[tuple[Any, ...]]) -> None:
    while True:
        await asyncio.sleep(_SIGN_OF_LIFE_S)
        await session.execute("SELECT 1")


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
