"""The ledger on PostgreSQL: what only a server can do to it."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from packhouse.errors import LedgerUnavailable
from packhouse.ledger.engine import open_ledger
from packhouse.ledger.postgres import PostgresLedger
from tests.postgres import PostgresServer


def opened(server: PostgresServer, database: str, **how: int) -> PostgresLedger:
    ledger = open_ledger(server.url(database), **how)
    assert isinstance(ledger, PostgresLedger)
    return ledger


@pytest.mark.parametrize("ended", ["stop", "kill"])
def test_a_server_that_goes_away_is_told_of_and_found_again(
    postgres_server: PostgresServer, postgres_database: str, ended: str
) -> None:
    async def story() -> None:
        ledger = opened(postgres_server, postgres_database)
        write = text("INSERT INTO marks (name, value, updated_at) VALUES (:n, '', 0)")
        await ledger.write(lambda c: c.execute(write, {"n": "before"}))
        getattr(postgres_server, ended)()
        try:
            for _ in range(3):
                with pytest.raises(LedgerUnavailable, match="cannot be used just now"):
                    await ledger.write(lambda c: c.execute(write, {"n": "while it is away"}))
        finally:
            postgres_server.start()
        await ledger.write(lambda c: c.execute(write, {"n": "after"}))
        names = await ledger.read(lambda c: c.execute(text("SELECT name FROM marks")).scalars().all())
        assert sorted(names) == ["after", "before"]
        await ledger.close()

    asyncio.run(story())
