"""Prepared statements: on both databases as SQLAlchemy runs them, with its types and its errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError

from packhouse.ledger.engine import open_ledger
from packhouse.ledger.statements import Prepared, prepared_update
from packhouse.ledger.tables import journal, kv, orders
from packhouse.ledger.tx import Tx
from tests.service.ledger.address import address_in

pytestmark = pytest.mark.usefixtures("engine")

_COLUMNS = ("at", "order_id", "actor", "action", "data")
_INSERT = Prepared(journal.insert().returning(journal.c.id), _COLUMNS)
_SELECT = Prepared(
    select(journal.c.data, journal.c.at, journal.c.order_id)
    .where(journal.c.order_id == bindparam("order_id"), journal.c.actor.in_(("ada", "ben")))
    .order_by(journal.c.id)
)
_KV = Prepared(text("INSERT INTO kv (name, value, updated_at) VALUES (:name, :value, 0)"))
_IS_NULL = Prepared(text("SELECT count(*) FROM journal WHERE data IS NULL"))


def _entry(**changes: Any) -> dict[str, Any]:
    return {"at": 1.5, "order_id": "ord", "actor": "ada", "action": "x", "data": None} | changes


async def _run(folder: Path, unit: Any) -> Any:
    ledger = open_ledger(address_in(folder), connections=1)
    try:
        return await ledger.write(unit, 0.0)
    finally:
        await ledger.close()


async def test_values_come_back_with_the_types_of_their_columns(tmp_path: Path) -> None:
    data = {"a": [1, None, "é%:x"], "b": {"c": 1.5}}

    def unit(tx: Tx) -> tuple[list[int], list[Any], int, list[Any]]:
        ids = [_INSERT.scalar(tx.connection, _entry(data=one)) for one in (data, None, {})]
        _INSERT.run(tx.connection, _entry(actor="eve"))
        found = _SELECT.rows(tx.connection, {"order_id": "ord"})
        plain = tx.connection.execute(select(journal.c.data).order_by(journal.c.id)).scalars().all()
        return ids, found, _IS_NULL.scalar(tx.connection, {}), list(plain)

    ids, found, nulls, plain = await _run(tmp_path, unit)
    assert ids == sorted(ids)
    assert found == [(data, 1.5, "ord"), (None, 1.5, "ord"), ({}, 1.5, "ord")]
    assert nulls == 2, "no JSON null"
    assert plain == [data, None, {}, None]


async def test_the_count_of_changed_rows_is_returned_and_no_row_is_none(tmp_path: Path) -> None:
    update = prepared_update(orders, ("id",), ("reason",))

    def unit(tx: Tx) -> tuple[int, Any, list[Any]]:
        nothing = _SELECT.scalar(tx.connection, {"order_id": "none"})
        return (
            update.run(tx.connection, {"w_id": "none", "v_reason": ""}),
            nothing,
            _SELECT.rows(tx.connection, {"order_id": "none"}),
        )

    assert await _run(tmp_path, unit) == (0, None, [])


async def test_errors_are_those_of_sqlalchemy_and_quote_no_value(tmp_path: Path) -> None:
    def twice(tx: Tx) -> None:
        for _ in range(2):
            _KV.run(tx.connection, {"name": "x", "value": "secret"})

    def fails(tx: Tx) -> None:
        with pytest.raises(IntegrityError) as caught:
            twice(tx)
        assert isinstance(caught.value, DBAPIError)
        assert not caught.value.connection_invalidated
        assert "secret" not in str(caught.value)
        raise KeyError("the end")

    with pytest.raises(KeyError):
        await _run(tmp_path, fails)

    def unknown(tx: Tx) -> None:
        with pytest.raises((ProgrammingError, OperationalError), match="no_such_table"):
            Prepared(text("SELECT 1 FROM no_such_table")).rows(tx.connection, {})
        raise KeyError("the end")

    with pytest.raises(KeyError):
        await _run(tmp_path, unknown)
    assert await _run(tmp_path, lambda tx: tx.connection.execute(select(kv.c.name)).all()) is not None


async def test_a_value_that_is_missing_is_a_mistake_of_the_program(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="value"):
        await _run(tmp_path, lambda tx: _KV.run(tx.connection, {"name": "x"}))
