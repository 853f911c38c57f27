"""Units of work on PostgreSQL: how often they run, what they leave, and what the server is told."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from packhouse.errors import LedgerUnavailable, LedgerUnusable
from packhouse.ledger import facts, kv, migrate, notify, postgres, restores
from packhouse.ledger.database_clock import DatabaseClock
from packhouse.ledger.facts import Facts, Kind, Mark
from packhouse.ledger.guard_log import GuardLog
from packhouse.ledger.postgres import PostgresLedger
from packhouse.ledger.tx import Tx
from tests.clock import StillClock
from tests.postgres import OWNER, PostgresServer
from tests.service.ledger.open_files import open_files_in

Story = Callable[[PostgresLedger], Awaitable[None]]
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"


class Database:
    """The test's own database."""

    def __init__(self, server: PostgresServer, name: str) -> None:
        self.server = server
        self.name = name
        self.url = server.url(name)

    def play(self, story: Story, *, options: str = "", connections: int = 1) -> None:
        async def run() -> None:
            ledger = PostgresLedger(self.url + options, connections=connections)
            try:
                await story(ledger)
            finally:
                await ledger.close()

        asyncio.run(run())

    def cut_off(self) -> None:
        """End every session."""
        gone = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
        self.server.sql(gone, self.name)

    def is_left_alone(self) -> bool:
        """Whether no session is left, soon."""
        until = time.monotonic() + 30
        while self.server.sql(CONNECTIONS, self.name) != [(0,)]:
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True


@pytest.fixture
def database(postgres_server: PostgresServer) -> Database:
    """A ledger that is emptied for each test."""
    return Database(postgres_server, postgres_server.emptied_ledger())


@pytest.fixture
def own_database(postgres_server: PostgresServer, postgres_database: str) -> Database:
    """A ledger that the test may spoil."""
    return Database(postgres_server, postgres_database)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happened in which order, as far as a test notes it, and each notification that is sent."""
    found: list[str] = []
    send = notify.send

    def noted(tx: Tx) -> None:
        found.append("sent")
        send(tx)

    monkeypatch.setattr(notify, "send", noted)
    return found


def show(name: str) -> Callable[[Connection], str]:
    return lambda connection: str(connection.exec_driver_sql(f"SHOW {name}").scalar())


def fail(tx: Tx, error_code: str, runs: list[str]) -> None:
    runs.append(error_code)
    tx.connection.exec_driver_sql(
        f"DO $$ BEGIN RAISE EXCEPTION 'no luck' USING ERRCODE = '{error_code}'; END $$"
    )


@pytest.mark.parametrize(("code", "runs"), [("40001", 4), ("40P01", 4), ("53100", 1), ("57014", 1)])
def test_a_unit_runs_four_times_before_it_loses_to_others_and_else_once(
    database: Database, code: str, runs: int
) -> None:
    tried: list[str] = []

    async def story(ledger: PostgresLedger) -> None:
        with pytest.raises(LedgerUnavailable, match="no luck"):
            await ledger.write(fail, 0.0, code, tried)
        assert len(tried) == runs
        await ledger.write(lambda tx: tried.append("succeeds"), 0.0)
        assert tried[runs:] == ["succeeds"]

    database.play(story)


def due(tx: Tx, *, fails: bool = False) -> None:
    notify.mark_due(tx, tx.now)
    if fails:
        raise ValueError("no")


def test_other_replicas_are_notified_of_due_orders_alone(database: Database, sent: list[str]) -> None:
    async def story(ledger: PostgresLedger) -> None:
        with pytest.raises(ValueError, match="no"):
            await ledger.write(due, 1.0, fails=True)
        await ledger.write(kv.write, 1.0, "a", "")
        await asyncio.sleep(0.05)

    database.play(story)
    assert sent == []


def test_orders_that_become_due_together_are_notified_of_once_and_after_them(
    database: Database, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_NOTIFY_AFTER_S", 3.0)  # in which even a busy machine writes thrice

    async def story(ledger: PostgresLedger) -> None:
        for _ in range(3):
            await ledger.write(due, 1.0)
            sent.append("due")

    database.play(story)
    assert sent == ["due", "due", "due", "sent"]


def test_orders_that_become_due_later_are_notified_of_again(database: Database, sent: list[str]) -> None:
    async def story(ledger: PostgresLedger) -> None:
        for count in (1, 2):
            await ledger.write(due, 1.0)
            async with asyncio.timeout(60):
                while len(sent) < count:
                    await asyncio.sleep(0.005)
                await asyncio.sleep(0.1)

    database.play(story)
    assert sent == ["sent", "sent"]


def test_a_ledger_closes_although_its_last_notification_was_cancelled(database: Database) -> None:
    """The event loop that was to send it has ended."""
    ledger = PostgresLedger(database.url, connections=1)
    asyncio.run(ledger.write(due, 1.0))
    asyncio.run(ledger.close())
    assert database.is_left_alone()


def note(tx: Tx, why: str, *, fails: bool = False) -> None:
    facts.note(tx, Kind.PAUSE, {"why": why})
    if fails:
        raise ValueError("no")


def test_the_facts_of_commits_reach_the_log_and_those_of_failures_do_not(
    database: Database, tmp_path: Path
) -> None:
    log = GuardLog(tmp_path, "id")

    async def story(ledger: PostgresLedger) -> None:
        await ledger.write(note, 1.0, "before the log")
        ledger.keep_log(log)
        with pytest.raises(ValueError, match="no"):
            await ledger.write(note, 2.0, "fails", fails=True)
        await ledger.write(kv.write, 3.0, "a", "")
        await ledger.write(note, 4.0, "a")

    database.play(story)
    assert [[fact.row for fact in line.rows] for line in log.lines()] == [[{"why": "a"}]]


@pytest.mark.parametrize("is_lost", [True, False])
def test_a_new_connection_is_checked_for_the_last_commits(
    database: Database, tmp_path: Path, is_lost: bool
) -> None:
    log = GuardLog(tmp_path, "id")

    def mark(tx: Tx) -> int:
        entry = (
            "INSERT INTO journal (at, order_id, actor, action) VALUES (5.0, 'ord_1', 'a', 'b') RETURNING id"
        )
        return int(tx.connection.exec_driver_sql(entry).scalar_one())

    async def story(ledger: PostgresLedger) -> None:
        ledger.keep_log(log)
        log.append(Facts(5.0, Mark(await ledger.write(mark, 5.0) + is_lost, 5.0)))
        assert await ledger.read(restores.current) is None
        database.cut_off()
        found = await ledger.read(restores.current)
        assert (found is not None) is is_lost
        assert bool(log.recent) is not is_lost

    database.play(story)


def test_a_session_that_the_server_ended_meanwhile_is_replaced(database: Database) -> None:
    async def story(ledger: PostgresLedger) -> None:
        await ledger.write(kv.write, 1.0, "a", "before")
        database.cut_off()
        assert await ledger.read(kv.read, "a") == "before"

    database.play(story)


def test_every_session_has_the_limits_even_after_a_unit_that_failed(database: Database) -> None:
    async def story(ledger: PostgresLedger) -> None:
        database.cut_off()
        with pytest.raises(ZeroDivisionError):
            await ledger.read(lambda connection: 1 / 0)
        limits = {
            "lock_timeout": "10s",
            "statement_timeout": "30s",
            "idle_in_transaction_session_timeout": "5s",
            "application_name": "packhouse",
            "transaction_isolation": "read committed",
        }
        assert {name: await ledger.read(show(name)) for name in limits} == limits

    database.play(story)


@pytest.mark.parametrize("name", ["packhouse", "mine"])
def test_an_option_of_the_address_comes_first_except_the_encoding(database: Database, name: str) -> None:
    async def story(ledger: PostgresLedger) -> None:
        assert await ledger.read(show("application_name")) == name
        assert await ledger.read(show("client_encoding")) == "UTF8"

    options = "" if name == "packhouse" else f"?application_name={name}&client_encoding=LATIN1"
    database.play(story, options=options)


def test_a_migration_may_wait_longer_than_a_unit(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[str] = []
    original = migrate.migrate

    def spied(connection: Connection) -> tuple[str | None, str]:
        limits.extend(show(name)(connection) for name in ("lock_timeout", "statement_timeout"))
        return original(connection)

    monkeypatch.setattr(migrate, "migrate", spied)

    async def story(ledger: PostgresLedger) -> None:
        assert ledger.migrated == (migrate.head(), migrate.head())
        assert await ledger.read(show("lock_timeout")) == "10s"

    database.play(story)
    assert limits == ["2min", "0"]


def test_a_ledger_that_is_refused_leaves_no_session(own_database: Database) -> None:
    own_database.server.sql("UPDATE alembic_version SET version_num = '9999'", database=own_database.name)
    with pytest.raises(LedgerUnusable, match="9999") as refused:
        PostgresLedger(own_database.url)
    assert own_database.is_left_alone(), refused


def test_a_database_in_another_encoding_is_refused_and_leaves_no_session(
    postgres_server: PostgresServer,
) -> None:
    name = "in_another_encoding"
    postgres_server.drop(name)
    postgres_server.sql(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1'")
    database = Database(postgres_server, name)
    with pytest.raises(LedgerUnusable, match="is in LATIN1") as refused:
        PostgresLedger(database.url)
    assert database.is_left_alone(), refused
    postgres_server.drop(name)


def test_a_user_without_permissions_leaves_no_session(database: Database) -> None:
    database.server.sql("DROP ROLE IF EXISTS visitor")
    database.server.sql("CREATE ROLE visitor LOGIN")
    with pytest.raises(LedgerUnusable, match="refuses access: permission denied") as refused:
        PostgresLedger(database.url.replace(f"{OWNER}@", "visitor@"))
    assert database.is_left_alone(), refused


def test_closing_waits_for_the_units_that_run_and_takes_no_more(database: Database, tmp_path: Path) -> None:
    begun, may_end = threading.Event(), threading.Event()
    log = GuardLog(tmp_path, "id")

    def slow(tx: Tx) -> None:
        begun.set()
        assert may_end.wait(60)
        kv.write(tx, "a", "written")
        facts.note(tx, Kind.PAUSE, {"why": "a"})

    async def story() -> None:
        ledger = PostgresLedger(database.url)
        ledger.keep_log(log)
        running = asyncio.create_task(ledger.write(slow, 1.0))
        assert await asyncio.to_thread(begun.wait, 60)
        closing = asyncio.create_task(ledger.close())
        await asyncio.sleep(0.05)
        with pytest.raises(LedgerUnavailable, match="closed, because the daemon is stopping"):
            await ledger.read(kv.read, "a")
        assert not closing.done()
        may_end.set()
        await running
        await closing
        assert [one.name for one in threading.enumerate() if one.name.startswith("ledger")] == []

    asyncio.run(story())
    assert database.is_left_alone()
    assert database.server.sql("SELECT value FROM kv", database=database.name) == [("written",)]
    assert open_files_in(tmp_path) == []


def test_a_server_that_cannot_tell_the_time_is_reported(own_database: Database) -> None:
    async def story(ledger: PostgresLedger) -> None:
        own_database.server.drop(own_database.name)
        with pytest.raises(LedgerUnavailable, match="does not exist"):
            ledger.clock(StillClock(0.0))

    own_database.play(story)


@pytest.mark.parametrize("has_clock", [True, False])
def test_the_clock_is_set_again_while_the_ledger_listens(database: Database, has_clock: bool) -> None:
    async def story(ledger: PostgresLedger) -> None:
        woken = asyncio.Event()
        shared = None
        if has_clock:
            shared = ledger.clock(StillClock(100.0))
            assert abs(shared.now() - time.time()) < 30
            assert isinstance(shared, DatabaseClock)
            shared.set(0.0, 0.0)
        listening = asyncio.create_task(ledger.listen(woken.set))
        await asyncio.wait_for(woken.wait(), 60)
        if shared:
            async with asyncio.timeout(60):
                while shared.now() < 1.0:
                    await asyncio.sleep(0.005)
            assert abs(shared.now() - time.time()) < 30
        woken.clear()
        await ledger.write(due, 1.0)
        await asyncio.wait_for(woken.wait(), 60)
        assert not listening.done()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)

    database.play(story)


def test_one_replica_at_a_time_runs_a_task(database: Database) -> None:
    async def story(ledger: PostgresLedger) -> None:
        other = PostgresLedger(database.url, connections=1)
        async with ledger.exclusive("poll") as mine, other.exclusive("poll") as also:
            assert (mine, also) == (True, False)
        async with other.exclusive("poll") as mine:
            assert mine is True
        await other.close()

    database.play(story)


def test_an_error_shows_none_of_the_statements_values(database: Database) -> None:
    def ask(connection: Connection) -> None:
        connection.execute(text("SELECT name FROM nowhere WHERE name = :n"), {"n": "secret"})

    async def story(ledger: PostgresLedger) -> None:
        with pytest.raises(Exception, match="nowhere") as error:
            await ledger.read(ask)
        assert "secret" not in str(error.value)

    database.play(story)
