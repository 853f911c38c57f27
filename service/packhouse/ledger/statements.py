"""Statements built once: on SQLite, building an expression costs more than running it.

The statements of every order are `Prepared` too: SQLAlchemy's own way to run one takes ten times as long as
SQLite does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Select, Table, TextClause, Update, bindparam, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

_Convert = Callable[[Any], Any] | None


class Prepared:
    """A statement that is compiled once for each dialect and runs on a cursor of the driver.

    Values are converted as SQLAlchemy does, with the types of their columns, and errors are SQLAlchemy's. It
    takes one set of values, the same names each time, and no list of a length that varies.
    """

    def __init__(self, statement: ClauseElement, names: Sequence[str] | None = None) -> None:
        """`names` are the columns that an insert gets."""
        self._statement = statement
        self._names = names
        self._compiled: dict[str, _Compiled] = {}

    def run(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Run it; returns how many rows it changed."""
        cursor = self._for(connection).execute(connection, values)
        count: int = cursor.rowcount
        cursor.close()
        return count

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run it; returns its rows."""
        compiled = self._for(connection)
        cursor = compiled.execute(connection, values)
        try:
            return compiled.converted(cursor, cursor.fetchall())
        except connection.dialect.loaded_dbapi.Error as error:
            raise compiled.wrapped(connection, error) from error
        finally:
            cursor.close()

    def scalar(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """Run it; returns the first value of its first row, None if it has no row."""
        found = self.rows(connection, values)
        return found[0][0] if found else None

    def _for(self, connection: Connection) -> _Compiled:
        dialect = connection.dialect
        if (found := self._compiled.get(dialect.name)) is None or found.dialect is not dialect:
            found = self._compiled[dialect.name] = _Compiled(self._statement, self._names, dialect)
        return found


class _Compiled:
    """A statement in the words of one dialect."""

    def __init__(self, statement: ClauseElement, names: Sequence[str] | None, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=names)
        self.dialect = dialect
        if not isinstance(compiled, SQLCompiler):
            raise TypeError(f"{statement!r} is no statement that takes values")
        required = {name for name in compiled.params if compiled.binds[name].required}
        state = compiled.construct_expanded_state(dict.fromkeys(required))  # with the lists of in_()
        self._sql = state.statement
        self._is_positional = compiled.positional
        self._order = tuple(state.positiontup or state.parameters)
        self._constants = {name: value for name, value in state.parameters.items() if name not in required}
        converts = dict(state.processors) | {
            name: bind.type.dialect_impl(dialect).bind_processor(dialect)
            for name, bind in compiled.binds.items()
        }
        self._binds: tuple[tuple[str, Any], ...] = tuple((name, converts.get(name)) for name in self._order)
        self._columns = tuple(statement.selected_columns) if isinstance(statement, Select) else ()
        self._converts: tuple[_Convert, ...] | None = None

    def execute(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """A cursor that has run it."""
        if self._constants:
            values = {**self._constants, **values}
        converted = [
            values[name] if convert is None else convert(values[name]) for name, convert in self._binds
        ]
        arguments: Any = converted
        if not self._is_positional:
            arguments = dict(zip(self._order, converted, strict=True))
        cursor = connection.connection.cursor()
        try:
            cursor.execute(self._sql, arguments)
        except self.dialect.loaded_dbapi.Error as error:
            raise self.wrapped(connection, error) from error
        return cursor

    def wrapped(self, connection: Connection, error: Exception) -> BaseException:
        """The error of the driver as SQLAlchemy would raise it, without any value. A connection that is lost
        is not used again.
        """
        driver = connection.connection.driver_connection
        is_lost = self.dialect.is_disconnect(error, driver, None)  # type: ignore[arg-type]
        if is_lost:
            connection.invalidate(error)
        return DBAPIError.instance(
            *(self._sql, None, error, self.dialect.loaded_dbapi.Error),
            hide_parameters=True,
            connection_invalidated=is_lost,
            dialect=self.dialect,
        )

    def converted(self, cursor: Any, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Rows of the cursor with the types of their columns."""
        if not rows or not self._columns:
            return rows
        if self._converts is None:  # the first rows show which types the driver gives
            self._converts = tuple(
                column.type.dialect_impl(self.dialect).result_processor(self.dialect, of_driver[1])
                for column, of_driver in zip(self._columns, cursor.description, strict=True)
            )
        if not any(self._converts):
            return rows
        return [
            tuple(
                value if convert is None else convert(value)
                for value, convert in zip(row, self._converts, strict=True)
            )
            for row in rows
        ]


def insert_or_ignore(table: Table, columns: tuple[str, ...]) -> TextClause:
    """An insert that changes no row where a unique index forbids it; the row count shows whether it did."""
    names = ", ".join(columns)
    values = ", ".join(f":{column}" for column in columns)
    return text(f"INSERT INTO {table.name} ({names}) VALUES ({values}) ON CONFLICT DO NOTHING")  # noqa: S608


@lru_cache(maxsize=256)
def update_where(table: Table, where: tuple[str, ...], values: tuple[str, ...]) -> Update:
    """`UPDATE table SET value = :value … WHERE column = :w_column …`, for any columns, built once."""
    statement = update(table)
    for column in where:
        statement = statement.where(table.c[column] == bindparam(f"w_{column}"))
    return statement.values({column: bindparam(f"v_{column}") for column in values})


@lru_cache(maxsize=256)
def prepared_update(table: Table, where: tuple[str, ...], values: tuple[str, ...]) -> Prepared:
    """`update_where`, prepared."""
    return Prepared(update_where(table, where, values))
