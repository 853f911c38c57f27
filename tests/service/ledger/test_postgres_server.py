"""The ledger on PostgreSQL: what only a server can do to it."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import pytest
from sqlalchemy import text

from packhouse.errors import LedgerUnavailable, LedgerUnusable, SettingsError
from packhouse.ledger import kv, leases
from packhouse.ledger.engine import open_ledger
from packhouse.ledger.listed import add_listed
from packhouse.ledger.postgres import PostgresLedger
from packhouse.ledger.tx import Tx, under
from packhouse.model.listed import Listed
from packhouse.model.states import OrderPhase
from tests.postgres import OWNER, PostgresServer
from tests.service.harness import SkewedClock


def opened(server: PostgresServer, database: str, **how: int) -> PostgresLedger:
    ledger = open_ledger(server.url(database), **how)
    assert isinstance(ledger, PostgresLedger)
    return ledger


@pytest.mark.parametrize("ended", ["stop", "kill"])
def test_a_server_that_goes_away_is_reported_and_found_again(
    postgres_server: PostgresServer, postgres_database: str, ended: str
) -> None:
    async def story() -> None:
        ledger = opened(postgres_server, postgres_database)
        statement = text("INSERT INTO kv (name, value, updated_at) VALUES (:n, '', 0)")

        def insert(tx: Tx, name: str) -> None:
            tx.connection.execute(statement, {"n": name})

        await ledger.write(insert, 0.0, "before")
        getattr(postgres_server, ended)()
        try:
            for _ in range(3):
                with pytest.raises(LedgerUnavailable, match="database is unavailable"):
                    await ledger.write(insert, 0.0, "while it is away")
        finally:
            postgres_server.start()
        await ledger.write(insert, 0.0, "after")
        names = await ledger.read(lambda c: c.execute(text("SELECT name FROM kv")).scalars().all())
        assert sorted(names) == ["after", "before"]
        await ledger.close()

    asyncio.run(story())


def test_one_order_that_becomes_due_wakes_the_other_replicas(
    postgres_server: PostgresServer, postgres_database: str
) -> None:
    async def story() -> None:
        ours, theirs = (opened(postgres_server, postgres_database) for _ in range(2))
        woken = asyncio.Event()
        listening = asyncio.create_task(theirs.listen(woken.set))
        await asyncio.wait_for(woken.wait(), 60)  # it listens: missed notifications are looked up
        woken.clear()
        await ours.write(add_listed, 5.0, [Listed("ord_1")], 0.0)
        await asyncio.wait_for(woken.wait(), 60)
        woken.clear()
        (lease,) = await ours.write(leases.claim, 5.0, "a:1", 100.0, 1)
        await ours.write(under(lease, leases.release), 6.0, phase=OrderPhase.OPEN, due_at=60.0)
        with pytest.raises(TimeoutError):  # not due yet: that is the tick's to find
            await asyncio.wait_for(woken.wait(), 0.5)
        postgres_server.restart()
        await asyncio.wait_for(woken.wait(), 60)  # it listens again
        woken.clear()
        await ours.write(leases.revoke, 7.0, "ord_1")
        await asyncio.wait_for(woken.wait(), 60)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await ours.close()
        await theirs.close()

    asyncio.run(story())


def test_a_duty_is_run_by_one_replica_and_by_the_next_when_that_is_done(
    postgres_server: PostgresServer, postgres_database: str
) -> None:
    async def story() -> None:
        ours, theirs = (opened(postgres_server, postgres_database) for _ in range(2))
        async with (
            ours.exclusive("poll") as mine,
            theirs.exclusive("poll") as also,
            theirs.exclusive("prune") as other,
        ):
            assert (mine, also, other) == (True, False, True)
            # No transaction is open while a task calls the store.
            waiting = postgres_server.sql(
                "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
            )
            assert waiting == [(0,)]
        async with theirs.exclusive("poll") as mine:
            assert mine
        postgres_server.stop()
        try:
            with pytest.raises(LedgerUnavailable):
                async with ours.exclusive("poll"):
                    raise AssertionError("no other process is known")
        finally:
            postgres_server.start()
        await ours.close()
        await theirs.close()

    asyncio.run(story())


def test_replicas_go_by_the_databases_clock(postgres_server: PostgresServer, postgres_database: str) -> None:
    async def story() -> None:
        ledger = opened(postgres_server, postgres_database)
        clock = SkewedClock()  # whose wall clock is months ahead
        shared = ledger.clock(clock)
        ((now,),) = postgres_server.sql("SELECT extract(epoch FROM clock_timestamp())::float8")
        assert abs(shared.now() - now) < 30
        before = shared.now()
        clock.skew = -86_400.0
        assert shared.now() == before
        await clock.advance(5.0)
        assert shared.now() == before + 5.0
        assert shared.monotonic() == clock.monotonic()
        await ledger.close()

    asyncio.run(story())


def test_a_unit_that_lost_to_another_is_run_again(
    postgres_server: PostgresServer, postgres_database: str
) -> None:
    """Two transactions that want each other's row: the server undoes one, and runs it again."""
    second = threading.Barrier(2)

    def both(tx: Tx, first: str, then: str) -> None:
        tx.connection.execute(ADD_ONE, {"n": first})
        with contextlib.suppress(threading.BrokenBarrierError):
            second.wait(2)
        tx.connection.execute(ADD_ONE, {"n": then})

    async def story() -> None:
        ledger = opened(postgres_server, postgres_database)
        for name in ("a", "b"):
            await ledger.write(kv.write, 0.0, name, "")
        await asyncio.gather(ledger.write(both, 0.0, "a", "b"), ledger.write(both, 0.0, "b", "a"))
        values = await ledger.read(lambda c: c.execute(text("SELECT value FROM kv")).scalars().all())
        assert list(values) == ["xx", "xx"]
        await ledger.close()

    asyncio.run(story())


ADD_ONE = text("UPDATE kv SET value = value || 'x' WHERE name = :n")


def test_a_ledger_of_a_newer_version_is_refused_with_the_way_out(
    postgres_server: PostgresServer, postgres_database: str
) -> None:
    postgres_server.sql("UPDATE alembic_version SET version_num = '9999'", database=postgres_database)
    with pytest.raises(LedgerUnusable, match="newer"):
        opened(postgres_server, postgres_database)


def test_a_database_in_which_nothing_may_be_made_is_refused_with_the_reason(
    postgres_server: PostgresServer,
) -> None:
    database = postgres_server.new_database()
    postgres_server.sql("DROP ROLE IF EXISTS guest")
    postgres_server.sql("CREATE ROLE guest LOGIN")
    with pytest.raises(LedgerUnusable, match="permission denied"):
        open_ledger(postgres_server.url(database).replace(f"{OWNER}@", "guest@"))
    postgres_server.drop(database)


def test_a_database_that_is_not_there_is_named(postgres_server: PostgresServer) -> None:
    with pytest.raises(LedgerUnavailable, match='"nowhere" does not exist'):
        opened(postgres_server, "nowhere")


def test_another_driver_is_refused_with_the_right_one() -> None:
    with pytest.raises(SettingsError, match=r"use postgresql\+psycopg://"):
        open_ledger("postgresql+asyncpg://localhost/packhouse")


def test_commits_are_synced_even_if_the_server_is_configured_not_to_wait(
    postgres_server: PostgresServer, postgres_database: str
) -> None:
    async def story() -> None:
        postgres_server.sql(f"ALTER DATABASE {postgres_database} SET synchronous_commit = off")
        ledger = opened(postgres_server, postgres_database)
        shown = await ledger.read(lambda c: c.execute(text("SHOW synchronous_commit")).scalar_one())
        assert shown == "on"
        await ledger.close()

    asyncio.run(story())


def test_a_replica_that_freezes_in_a_transaction_blocks_others_for_seconds_only(
    postgres_server: PostgresServer, postgres_database: str
) -> None:
    stands, wakes = threading.Event(), threading.Event()

    def stand_still(tx: Tx) -> None:
        tx.connection.execute(ADD_ONE, {"n": "a"})
        stands.set()
        wakes.wait(60)
        tx.connection.execute(ADD_ONE, {"n": "a"})

    async def story() -> None:
        ours, theirs = (opened(postgres_server, postgres_database) for _ in range(2))
        await ours.write(kv.write, 0.0, "a", "")
        still = asyncio.create_task(ours.write(stand_still, 0.0))
        assert await asyncio.to_thread(stands.wait, 60)
        await theirs.write(
            lambda tx: tx.connection.execute(ADD_ONE, {"n": "a"}), 0.0
        )  # waits for the row, and gets it
        wakes.set()
        with pytest.raises(LedgerUnavailable):
            await still
        assert await ours.read(kv.read, "a") == "x"
        await ours.close()
        await theirs.close()

    asyncio.run(story())
