"""Indexes by which lists are sorted, and counts of what is finished, so that neither grows with history.

Of a ledger with two million orders it reads every table, which takes minutes. It is one transaction: a start
that is interrupted begins again.
"""

from __future__ import annotations

from textwrap import dedent

import sqlalchemy as sa
from alembic import op

revision = "9"
down_revision = "8"
branch_labels = None
depends_on = None

_PHASES = "'shipped', 'closed'"
_STATES = "'fulfilled', 'delivered', 'voided', 'cancelled'"
# Each table with its column, and the values of it that are counted.
_FINISHED = (("orders", "phase", _PHASES), ("shipments", "state", _STATES))
_FILL = (
    "SELECT 'orders', phase, 0, count(*) FROM orders WHERE phase IN ('shipped', 'closed') GROUP BY phase",
    "SELECT 'shipments', state, 0, count(*) FROM shipments "
    "WHERE state IN ('fulfilled', 'delivered', 'voided', 'cancelled') GROUP BY state",
    "SELECT 'labels', currency, 0, count(*) FROM labels GROUP BY currency",
    "SELECT 'spent', currency, 0, sum(cost_minor) FROM labels WHERE state <> 'voided' GROUP BY currency",
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        # Older replicas wait, so that what they write meanwhile is counted.
        op.execute("LOCK TABLE orders, shipments, labels, holds, events IN SHARE ROW EXCLUSIVE MODE")
    _index()
    op.create_table(
        "counts",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "word", "shard", name="pk_counts"),
    )
    for found in _FILL:
        op.execute(f"INSERT INTO counts (kind, word, shard, number) {found}")
    if op.get_bind().dialect.name == "postgresql":
        _count_on_postgres()
    else:
        _count_on_sqlite()


def _index() -> None:
    for name, table in (
        ("ix_orders_due_at", "orders"),
        ("ix_orders_phase_id", "orders"),
        ("ix_shipments_state", "shipments"),
        ("ix_labels_document", "labels"),
    ):
        op.drop_index(name, table)
    for table, column in (("orders", "phase"), ("shipments", "state")):
        name = f"ix_{table}_{column}_updated_at_id"
        op.create_index(name, table, [column, "updated_at", "id"], unique=False)
    for name, table, column, which in (
        ("ix_orders_due_at", "orders", "due_at", "due_at IS NOT NULL"),
        ("ix_holds_released_at", "holds", "released_at", "released_at IS NOT NULL"),
        ("ix_events_ignored", "events", "received_at", "outcome = 'ignored'"),
    ):
        where = sa.text(which)
        op.create_index(name, table, [column], unique=False, sqlite_where=where, postgresql_where=where)


# ---- SQLite: one writer at a time, so one shard -----------------------------------------------------------


def _count_on_sqlite() -> None:
    for table, column, words in _FINISHED:
        less = _add(f"'{table}'", f"old.{column}", "-1", f"old.{column} IN ({words})")
        more = _add(f"'{table}'", f"new.{column}", "1", f"new.{column} IN ({words})")
        _trigger(table, "insert", "AFTER INSERT", f"new.{column} IN ({words})", more)
        _trigger(table, "update", f"AFTER UPDATE OF {column}", f"old.{column} <> new.{column}", less + more)
        _trigger(table, "delete", "AFTER DELETE", f"old.{column} IN ({words})", less)
    less = _add("'labels'", "old.currency", "-1", "true")
    less += _add("'spent'", "old.currency", "-old.cost_minor", "old.state <> 'voided'")
    more = _add("'labels'", "new.currency", "1", "true")
    more += _add("'spent'", "new.currency", "new.cost_minor", "new.state <> 'voided'")
    changed = "(old.state, old.cost_minor, old.currency) <> (new.state, new.cost_minor, new.currency)"
    _trigger("labels", "insert", "AFTER INSERT", "true", more)
    _trigger("labels", "update", "AFTER UPDATE OF state, cost_minor, currency", changed, less + more)
    _trigger("labels", "delete", "AFTER DELETE", "true", less)


def _add(kind: str, word: str, step: str, where: str) -> str:
    return (
        f"INSERT INTO counts (kind, word, shard, number) SELECT {kind}, {word}, 0, {step} WHERE {where} "
        "ON CONFLICT (kind, word, shard) DO UPDATE SET number = number + excluded.number; "
    )


def _trigger(table: str, name: str, when: str, which: str, change: str) -> None:
    event = f"{when} ON {table} WHEN {which}"
    op.execute(sa.text(f"CREATE TRIGGER count_{table}_{name} {event} BEGIN {change}END"))


# ---- PostgreSQL: each connection counts in a shard of its own ---------------------------------------------

_COUNT = """
    CREATE FUNCTION packhouse_count(of_kind text, of_word text, step bigint) RETURNS void LANGUAGE sql AS $$
        INSERT INTO counts (kind, word, shard, number)
        VALUES (of_kind, of_word, pg_backend_pid() & 255, step)
        ON CONFLICT (kind, word, shard) DO UPDATE SET number = counts.number + excluded.number
    $$
"""


def _count_on_postgres() -> None:
    op.execute(dedent(_COUNT))
    for table, column, words in _FINISHED:
        body = f"""
            IF TG_OP <> 'INSERT' AND OLD.{column} IN ({words}) THEN
                PERFORM packhouse_count('{table}', OLD.{column}, -1);
            END IF;
            IF TG_OP <> 'DELETE' AND NEW.{column} IN ({words}) THEN
                PERFORM packhouse_count('{table}', NEW.{column}, 1);
            END IF;
        """
        _function(table, body)
        _triggers(table, column, f"OLD.{column} <> NEW.{column}")
    body = """
        IF TG_OP <> 'INSERT' THEN
            PERFORM packhouse_count('labels', OLD.currency, -1);
            IF OLD.state <> 'voided' THEN
                PERFORM packhouse_count('spent', OLD.currency, -OLD.cost_minor);
            END IF;
        END IF;
        IF TG_OP <> 'DELETE' THEN
            PERFORM packhouse_count('labels', NEW.currency, 1);
            IF NEW.state <> 'voided' THEN
                PERFORM packhouse_count('spent', NEW.currency, NEW.cost_minor);
            END IF;
        END IF;
    """
    _function("labels", body)
    changed = "(OLD.state, OLD.cost_minor, OLD.currency) <> (NEW.state, NEW.cost_minor, NEW.currency)"
    _triggers("labels", "state, cost_minor, currency", changed)


def _function(table: str, body: str) -> None:
    head = f"CREATE FUNCTION packhouse_count_{table}() RETURNS trigger LANGUAGE plpgsql AS $$"
    op.execute(f"{head} BEGIN {body} RETURN NULL; END $$")


def _triggers(table: str, columns: str, changed: str) -> None:
    call = f"EXECUTE FUNCTION packhouse_count_{table}()"
    op.execute(f"CREATE TRIGGER count_{table}_rows AFTER INSERT OR DELETE ON {table} FOR EACH ROW {call}")
    op.execute(
        f"CREATE TRIGGER count_{table}_changes AFTER UPDATE OF {columns} ON {table} FOR EACH ROW "
        f"WHEN ({changed}) {call}"
    )
