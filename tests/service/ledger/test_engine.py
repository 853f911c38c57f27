"""The embedded ledger's writer: group commit, failures that stay their own, and files it refuses."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from packhouse.errors import LedgerUnavailable, LedgerUnusable
from packhouse.ledger.engine import open_ledger
from packhouse.ledger.sqlite import SqliteLedger
from packhouse.ledger.tx import Tx


def _ledger(folder: Path, **how: object) -> SqliteLedger:
    return SqliteLedger(f"sqlite:///{folder / 'l.db'}", **how)  # type: ignore[arg-type]


def _put(tx: Tx, name: str) -> str:
    tx.connection.execute(text("INSERT INTO kv (name, value, updated_at) VALUES (:n, '', 0)"), {"n": name})
    return name


def _names(connection: Connection) -> set[str]:
    return set(connection.execute(text("SELECT name FROM kv")).scalars())


def test_units_that_wait_together_share_one_commit(tmp_path: Path) -> None:
    async def story() -> None:
        sizes: list[int] = []
        ledger = _ledger(tmp_path, on_batch=sizes.append)
        await asyncio.gather(*(ledger.write(_put, 0.0, f"m{n}") for n in range(200)))
        await ledger.close()
        assert sum(sizes) == 200
        assert len(sizes) < 100

    asyncio.run(story())


def test_a_failing_unit_does_not_fail_the_others(tmp_path: Path) -> None:
    def fail(tx: Tx) -> None:
        _put(tx, "half")
        raise ValueError("no")

    async def story() -> None:
        ledger = _ledger(tmp_path)
        done = await asyncio.gather(
            ledger.write(_put, 0.0, "a"),
            ledger.write(fail, 0.0),
            ledger.write(_put, 0.0, "b"),
            return_exceptions=True,
        )
        assert done[0] == "a"
        assert isinstance(done[1], ValueError)
        assert done[2] == "b"
        assert await ledger.read(_names) == {"a", "b"}
        await ledger.close()

    asyncio.run(story())


def test_every_commit_is_synced_to_disk(tmp_path: Path) -> None:
    def pragmas(tx: Tx) -> tuple[object, ...]:
        return tuple(
            tx.connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")
        )

    async def story() -> None:
        ledger = _ledger(tmp_path)
        assert await ledger.write(pragmas, 0.0) == ("wal", 2)
        await ledger.close()

    asyncio.run(story())


def test_close_finishes_what_waits_and_then_takes_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        ledger = _ledger(tmp_path)
        waiting = [asyncio.create_task(ledger.write(_put, 0.0, f"m{n}")) for n in range(20)]
        await asyncio.sleep(0)
        await ledger.close()
        assert len(await asyncio.gather(*waiting)) == 20
        with pytest.raises(LedgerUnavailable):
            await ledger.write(_put, 0.0, "late")

    asyncio.run(story())


def test_a_file_that_is_no_database_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "l.db").write_bytes(b"this is a shopping list, not a database" * 100)
    with pytest.raises(LedgerUnusable, match="restore"):
        _ledger(tmp_path)


def test_a_ledger_of_a_newer_version_is_refused_with_the_way_out(tmp_path: Path) -> None:
    async def make() -> None:
        await _ledger(tmp_path).close()

    asyncio.run(make())
    with sqlite3.connect(tmp_path / "l.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(LedgerUnusable, match="newer"):
        _ledger(tmp_path)


def test_an_address_of_another_kind_of_database_is_refused() -> None:
    with pytest.raises(LedgerUnusable, match="postgresql"):
        open_ledger("mysql://localhost/x")


def test_who_holds_the_file_for_a_while_is_waited_for(tmp_path: Path) -> None:
    async def story() -> None:
        ledger = _ledger(tmp_path)
        holder = sqlite3.connect(tmp_path / "l.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(ledger.write(_put, 0.0, "patient"))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        assert await ledger.read(_names) == set()
        holder.execute("ROLLBACK")
        assert await waiting == "patient"
        holder.close()
        await ledger.close()

    asyncio.run(story())


def test_a_disk_that_refuses_is_reported_and_recovers(tmp_path: Path) -> None:
    async def story() -> None:
        ledger = _ledger(tmp_path)
        await ledger.write(lambda tx: tx.connection.exec_driver_sql("PRAGMA max_page_count=40"), 0.0)
        with pytest.raises(LedgerUnavailable):
            for n in range(200):
                await ledger.write(_put, 0.0, f"{n}" + "x" * 3000)
        await ledger.write(lambda tx: tx.connection.exec_driver_sql("PRAGMA max_page_count=100000"), 0.0)
        assert await ledger.write(_put, 0.0, "after") == "after"
        await ledger.close()

    asyncio.run(story())
