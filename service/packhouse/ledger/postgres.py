"""The ledger on PostgreSQL, which many replicas share; the server groups commits itself."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError

from packhouse.ledger import schema
from packhouse.ledger.door import P, R, Unit, translated


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
