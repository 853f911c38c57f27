"""The embedded ledger's writer: who waits, how long, and what one unit's end means for the others."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import threading
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError

from packhouse.errors import LedgerUnavailable
from packhouse.ledger import facts, migrate
from packhouse.ledger.facts import Kind
from packhouse.ledger.guard_log import GuardLog
from packhouse.ledger.sqlite import SqliteLedger
from packhouse.ledger.tx import Tx
from tests.service.ledger.open_files import open_files_in
from tests.service.quick_loop import run_quickly, seconds


@cache
def migrated() -> bytes:
    """The file of an empty ledger: quicker than migrating each one."""
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{folder}/l.db")
        with engine.begin() as connection:
            migrate.migrate(connection)
        engine.dispose()
        return Path(folder, "l.db").read_bytes()


def opened(folder: Path, on_batch: Callable[[int], None] | None = None) -> SqliteLedger:
    if not (folder / "l.db").exists():
        (folder / "l.db").write_bytes(migrated())
    return SqliteLedger(f"sqlite:///{folder / 'l.db'}", on_batch=on_batch)


def put(tx: Tx, name: str) -> str:
    tx.connection.execute(text("INSERT INTO kv (name, value, updated_at) VALUES (:n, '', 0)"), {"n": name})
    return name


def names(connection: Connection) -> set[str]:
    return set(connection.execute(text("SELECT name FROM kv")).scalars())


def play(folder: Path, story: Callable[[SqliteLedger], Awaitable[None]]) -> None:
    async def run() -> None:
        ledger = opened(folder)
        async with asyncio.timeout(60):
            try:
                await story(ledger)
            finally:
                await ledger.close()

    asyncio.run(run())


def holder_of(folder: Path) -> sqlite3.Connection:
    """Another process that writes to the file."""
    holder = sqlite3.connect(folder / "l.db", isolation_level=None, timeout=0, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    return holder


def test_at_most_64_units_share_a_commit(tmp_path: Path) -> None:
    sizes: list[int] = []

    async def story() -> None:
        ledger = opened(tmp_path, sizes.append)
        await asyncio.gather(*(ledger.write(put, 0.0, f"m{n}") for n in range(150)))
        await ledger.write(put, 0.0, "alone")
        await ledger.close()

    asyncio.run(story())
    assert sizes == [64, 64, 22, 1]


def test_a_write_that_nothing_hinders_waits_for_no_timer(tmp_path: Path) -> None:
    async def story() -> None:
        ledger = opened(tmp_path)
        await ledger.write(put, 0.0, "a")
        await ledger.write(put, 0.0, "b")
        assert seconds() == 0.0
        await ledger.close()

    run_quickly(story())


def test_a_file_that_is_locked_is_waited_for_five_seconds_without_stopping_the_loop(tmp_path: Path) -> None:
    async def story() -> None:
        ledger = opened(tmp_path)
        holder = holder_of(tmp_path)
        with pytest.raises(LedgerUnavailable, match="locked"):
            await ledger.write(put, 0.0, "late")
        assert 5.0 <= seconds() <= 5.05, "the loop stood still"
        holder.close()
        assert await ledger.write(put, 0.0, "next") == "next"
        assert await ledger.read(names) == {"next"}
        await ledger.close()

    run_quickly(story())


def test_a_file_that_cannot_be_written_is_not_waited_for(tmp_path: Path) -> None:
    async def story() -> None:
        ledger = opened(tmp_path)
        await ledger.write(put, 0.0, "a")
        await ledger.write(lambda tx: tx.connection.exec_driver_sql("PRAGMA query_only=ON"), 0.0)
        with pytest.raises(LedgerUnavailable, match="readonly"):
            await ledger.write(put, 0.0, "b")
        assert seconds() == 0.0
        await ledger.close()

    run_quickly(story())


def test_opening_waits_for_who_holds_the_file(tmp_path: Path) -> None:
    asyncio.run(opened(tmp_path).close())
    holder = holder_of(tmp_path)
    timer = threading.Timer(0.2, holder.execute, ["ROLLBACK"])
    timer.start()
    ledger = opened(tmp_path)
    timer.join()
    assert ledger.migrated == (migrate.head(), migrate.head())
    asyncio.run(ledger.close())
    holder.close()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_each_unit_gets_its_own_failure(tmp_path: Path, count: int) -> None:
    def fail(tx: Tx, number: int) -> None:
        put(tx, f"half of {number}")
        raise ValueError(number)

    async def story(ledger: SqliteLedger) -> None:
        done = await asyncio.wait_for(
            asyncio.gather(*(ledger.write(fail, 0.0, n) for n in range(count)), return_exceptions=True), 60
        )
        assert [repr(one) for one in done] == [f"ValueError({n})" for n in range(count)]
        assert await ledger.read(names) == set()

    play(tmp_path, story)


def test_a_unit_whose_caller_is_gone_before_it_began_does_not_run(tmp_path: Path) -> None:
    async def story(ledger: SqliteLedger) -> None:
        gone = asyncio.create_task(ledger.write(put, 0.0, "gone"))
        stays = asyncio.create_task(ledger.write(put, 0.0, "stays"))
        asyncio.get_running_loop().call_soon(gone.cancel)
        assert await stays == "stays"
        assert await ledger.read(names) == {"stays"}
        assert gone.cancelled()

    play(tmp_path, story)


@pytest.mark.parametrize("fails", [False, True])
def test_a_caller_that_goes_away_meanwhile_hinders_no_other(tmp_path: Path, fails: bool) -> None:
    async def story(ledger: SqliteLedger) -> None:
        def leave(tx: Tx) -> None:
            first.cancel()
            if fails:
                raise ValueError("and fails")

        first = asyncio.create_task(ledger.write(leave, 0.0))
        second = asyncio.create_task(ledger.write(put, 0.0, "second"))
        assert await asyncio.wait_for(second, 60) == "second"
        assert await ledger.write(put, 0.0, "third") == "third"
        assert first.cancelled()

    play(tmp_path, story)


def test_a_closed_ledger_is_left_as_one_file(tmp_path: Path) -> None:
    async def story() -> None:
        ledger = opened(tmp_path)
        log = GuardLog(tmp_path, "id")
        ledger.keep_log(log)
        await ledger.write(note, 0.0, "a")
        await ledger.read(names)
        await ledger.close()
        assert sorted(path.name for path in tmp_path.glob("l.db*")) == ["l.db"]
        alive = [one.name for one in threading.enumerate() if one.name.startswith("ledger-")]
        assert alive == []
        assert open_files_in(tmp_path) == []

    asyncio.run(story())


def test_a_ledger_that_wrote_nothing_is_closed(tmp_path: Path) -> None:
    asyncio.run(opened(tmp_path).close())


def test_a_ledger_that_is_closing_finishes_what_waits_and_takes_no_more(tmp_path: Path) -> None:
    async def story() -> None:
        ledger = opened(tmp_path)
        waiting = [asyncio.create_task(ledger.write(put, 0.0, f"m{n}")) for n in range(100)]
        await asyncio.sleep(0)
        closing = asyncio.create_task(ledger.close())
        await asyncio.sleep(0)
        with pytest.raises(LedgerUnavailable, match="closed, because the daemon is stopping"):
            await ledger.write(put, 0.0, "late")
        assert not closing.done()
        async with asyncio.timeout(60):
            assert len(await asyncio.gather(*waiting)) == 100
            await closing

    asyncio.run(story())


def note(tx: Tx, why: str, fails: bool = False) -> None:
    put(tx, why)
    facts.note(tx, Kind.PAUSE, {"why": why})
    if fails:
        raise ValueError(why)


def test_the_facts_of_commits_reach_the_log_and_those_of_failures_do_not(tmp_path: Path) -> None:
    log = GuardLog(tmp_path, "id")

    async def story(ledger: SqliteLedger) -> None:
        await ledger.write(note, 1.0, "before the log")
        ledger.keep_log(log)
        await ledger.write(put, 2.0, "no fact")
        with pytest.raises(ValueError, match="fails"):
            await ledger.write(note, 3.0, "fails", fails=True)
        await ledger.write(put, 4.0, "still no fact")
        await ledger.write(note, 5.0, "a")
        assert await ledger.read(names) == {"before the log", "no fact", "still no fact", "a"}

    play(tmp_path, story)
    assert [[fact.row for fact in line.rows] for line in log.lines()] == [[{"why": "a"}]]


def test_this_process_is_the_only_one(tmp_path: Path) -> None:
    async def story(ledger: SqliteLedger) -> None:
        async with ledger.exclusive("poll") as mine:
            assert mine is True
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await ledger.listen(lambda: None)

    play(tmp_path, story)


def test_an_error_shows_none_of_the_statements_values(tmp_path: Path) -> None:
    def ask(connection: Connection) -> None:
        connection.execute(text("SELECT name FROM nowhere WHERE name = :n"), {"n": "secret"})

    async def story(ledger: SqliteLedger) -> None:
        for asked in (ledger.read(ask), ledger.write(lambda tx: ask(tx.connection), 0.0)):
            with pytest.raises(Exception, match="no such table") as error:
                await asked
            assert "secret" not in str(error.value)

    play(tmp_path, story)


def test_a_read_that_fails_is_reported_as_a_write_is(tmp_path: Path) -> None:
    def fail(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count=1")
        connection.exec_driver_sql("CREATE TABLE t (x)")
        connection.exec_driver_sql("INSERT INTO t VALUES (zeroblob(1000000))")

    async def story(ledger: SqliteLedger) -> None:
        with pytest.raises(LedgerUnavailable, match="full"):
            await ledger.read(fail)

    play(tmp_path, story)


def test_a_read_on_the_loop_sees_the_last_commit_and_nothing_that_is_not_committed(tmp_path: Path) -> None:
    async def story(ledger: SqliteLedger) -> None:
        for number in range(50):
            await ledger.write(put, 0.0, f"own{number}")
            assert f"own{number}" in await ledger.read_now(names)
        other = holder_of(tmp_path)
        other.execute("INSERT INTO kv (name, value, updated_at) VALUES ('other', '', 0)")
        assert "other" not in await ledger.read_now(names), "it does not wait for the writer either"
        other.execute("COMMIT")
        assert "other" in await ledger.read_now(names)
        other.close()

    play(tmp_path, story)


def test_a_read_on_the_loop_is_never_older_than_the_commits_that_were_answered(tmp_path: Path) -> None:
    async def story(ledger: SqliteLedger) -> None:
        answered: set[str] = set()

        async def write() -> None:
            for number in range(100):
                answered.add(await ledger.write(put, 0.0, f"m{number}"))

        writing = asyncio.create_task(write())
        while not writing.done():
            known = set(answered)
            assert known <= await ledger.read_now(names)
            await asyncio.sleep(0)
        await writing
        assert len(await ledger.read_now(names)) >= 100

    play(tmp_path, story)


def test_a_read_on_the_loop_that_meets_a_lock_waits_in_a_thread(tmp_path: Path) -> None:
    async def story(ledger: SqliteLedger) -> None:
        on_loop = threading.get_ident()

        def unit(connection: Connection) -> int:
            if threading.get_ident() == on_loop:
                raise OperationalError("SELECT", None, sqlite3.OperationalError("database is locked"))
            return threading.get_ident()

        assert await ledger.read_now(unit) != on_loop

    play(tmp_path, story)


def test_a_read_on_the_loop_changes_nothing(tmp_path: Path) -> None:
    async def story(ledger: SqliteLedger) -> None:
        await ledger.read_now(lambda connection: put(Tx(connection, 0.0), "never"))
        assert "never" not in await ledger.read(names)

    play(tmp_path, story)
