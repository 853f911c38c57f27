"""A new connection to PostgreSQL is checked before it is used: a standby that lagged lost commits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine

from packhouse.ledger import restores
from packhouse.ledger.facts import Mark
from packhouse.ledger.restores import Cause
from packhouse.ledger.tables import journal
from packhouse.ledger.tables import kv as kv_table
from tests.postgres import OWNER, PostgresServer
from tests.service.ledger.rows import NOW, Rows

psycopg = pytest.importorskip("psycopg")


@pytest.fixture
def connection(postgres_server: PostgresServer, postgres_database: str) -> Iterator[Any]:
    """A connection of the driver, as the pool makes it."""
    where = {"host": "127.0.0.1", "port": postgres_server.port, "user": OWNER, "dbname": postgres_database}
    with psycopg.connect(**where) as made:
        yield made


@pytest.fixture
def committed(postgres_server: PostgresServer, postgres_database: str) -> Iterator[Rows]:
    """The ledger as others see it: each statement is committed at once."""
    engine = create_engine(postgres_server.url(postgres_database), isolation_level="AUTOCOMMIT")
    with engine.connect() as made:
        yield Rows(made)
    engine.dispose()


def test_a_database_that_has_every_commit_is_used_as_it_is(committed: Rows, connection: Any) -> None:
    marks = [Mark(committed.entry("ord", "planned", at=float(number)), float(number)) for number in range(3)]
    assert restores.notice_lost(connection, marks) is False
    assert restores.notice_lost(connection, marks[:1]) is False
    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    assert restores.current(committed.connection) is None
    assert restores.compared_before(committed.connection) == 0.0


def test_a_database_that_lost_a_commit_is_a_restored_one(committed: Rows, connection: Any) -> None:
    there = Mark(committed.entry("ord", "planned", at=NOW), NOW)
    before = time.time()
    assert restores.notice_lost(connection, [there, Mark(there.id + 1, NOW + 5)]) is True
    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    record = restores.current(committed.connection)
    assert record is not None
    assert (record.cause, record.known_until) == (Cause.FAILOVER, NOW)
    assert before - 60 < record.noticed_at < time.time() + 60
    assert restores.compared_before(committed.connection) == record.noticed_at


def test_a_database_that_gave_the_id_to_another_entry_lost_the_commit(
    committed: Rows, connection: Any
) -> None:
    entry = committed.entry("ord", "planned", at=NOW)
    committed.entry("ord", "bought", at=NOW + 9)
    assert restores.notice_lost(connection, [Mark(entry, NOW - 5)]) is True
    record = restores.current(committed.connection)
    assert record is not None
    assert record.known_until == NOW + 9


def test_a_database_that_lost_everything_is_known_since_ever(committed: Rows, connection: Any) -> None:
    assert restores.notice_lost(connection, [Mark(1, NOW)]) is True
    record = restores.current(committed.connection)
    assert record is not None
    assert record.known_until == 0.0


def test_a_failover_to_a_server_whose_clock_is_behind_is_later_than_what_was_compared(
    committed: Rows, connection: Any
) -> None:
    ahead = time.time() + 86_400
    restores.look_up_older(committed.tx(now=ahead))
    committed.connection.commit()
    assert restores.notice_lost(connection, [Mark(1, NOW)]) is True
    record = restores.current(committed.connection)
    assert record is not None
    assert ahead < record.noticed_at == restores.compared_before(committed.connection) < ahead + 1


def test_a_failover_begins_a_reconciliation_again(committed: Rows, connection: Any) -> None:
    """What was done for an earlier restore says nothing about this one."""
    restores.notice(committed.tx(), Cause.GUARD_LOG)
    restores.prepare(committed.tx())
    restores.save_listed(committed.tx(), "easypost", "")
    restores.allow_claims(committed.tx())
    committed.connection.execute(journal.delete())
    assert restores.notice_lost(connection, [Mark(1, NOW)]) is True
    record = restores.current(committed.connection)
    assert record is not None
    assert record.cause is Cause.FAILOVER
    assert restores.listed(committed.connection) == {}
    assert restores.blocks_claims(committed.connection) is True
    assert restores.compared_before(committed.connection) == record.noticed_at
    names = committed.connection.execute(kv_table.select().order_by(kv_table.c.name)).all()
    told = {row.name: row.updated_at for row in names if row.name in ("restore", "restored_at")}
    assert told == {"restore": record.noticed_at, "restored_at": record.noticed_at}
