"""Statements built once: on SQLite, building an expression costs more than running it."""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import Table, TextClause, Update, bindparam, text, update


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
