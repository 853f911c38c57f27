"""PostgreSQL's encodings: names are kept in every script, or the database is refused."""

from __future__ import annotations

import asyncio

import pytest

from packhouse.errors import LedgerUnusable
from packhouse.ledger import kv
from packhouse.ledger.check import check_ledger
from packhouse.ledger.engine import open_ledger
from tests.postgres import PostgresServer


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_is_not_in_utf8_is_refused_with_the_command_that_makes_one(
    postgres_server: PostgresServer, encoding: str
) -> None:
    name = f"in_{encoding.lower()}"
    postgres_server.sql(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}'")
    try:
        for check in (open_ledger, check_ledger):
            with pytest.raises(LedgerUnusable) as refused:
                check(postgres_server.url(name))
            assert f"{name!r} is in {encoding}" in str(refused.value)
            assert f"createdb --template=template0 --encoding=UTF8 {name}_utf8" in str(refused.value)
    finally:
        postgres_server.drop(name)


def test_the_clients_encoding_is_utf8_whatever_the_address_and_the_database_say(
    postgres_server: PostgresServer, postgres_database: str
) -> None:
    async def story() -> None:
        postgres_server.sql(f"ALTER DATABASE {postgres_database} SET client_encoding = 'LATIN1'")
        ledger = open_ledger(postgres_server.url(postgres_database) + "?client_encoding=SQL_ASCII")
        try:
            await ledger.write(kv.write, 1.0, "name", "\u0141\u00f3d\u017a \u6771\u4eac")
            assert await ledger.read(kv.read, "name") == "\u0141\u00f3d\u017a \u6771\u4eac"
            woken = asyncio.Event()
            listening = asyncio.create_task(ledger.listen(woken.set))
            await asyncio.wait_for(woken.wait(), 60)
            listening.cancel()
            async with ledger.exclusive("task") as mine:
                assert mine
        finally:
            await ledger.close()

    asyncio.run(story())
