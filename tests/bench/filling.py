"""Fills a ledger with history: copies of the finished orders that it has, spread over the past year."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, create_engine, inspect, text

_YEAR_S = 365 * 86_400.0
# Events are deleted after a while, so only the newest orders have theirs.
_EVENTS_S = 30 * 86_400.0
_A_COMMIT = 5_000
_FAST = ("journal_mode=WAL", "synchronous=OFF", "cache_size=-400000", "foreign_keys=OFF")
# What is copied: what the ledger has before.
_PATTERNS = dict.fromkeys(("orders", "shipments", "labels", "events"), "true") | {
    "journal": "order_id IN (SELECT id FROM orders)"
}
# The number of a copy, in as many digits for each, and how long before its pattern it was.
_COPY = "o.id || '-' || substr('0000000' || n.k, -8)"
_COPY_POSTGRES = "o.id || '-' || right('0000000' || n.k, 8)"


def fill(url: str, orders: int) -> None:
    """Add so many finished orders with their shipments, labels, holds, journal and events."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            is_sqlite = engine.dialect.name == "sqlite"
            for pragma in _FAST if is_sqlite else ():
                connection.exec_driver_sql(f"PRAGMA {pragma}")
            for table, which in _PATTERNS.items():
                connection.execute(
                    text(f"CREATE TEMP TABLE p_{table} AS SELECT * FROM {table} WHERE {which}")
                )
            patterns = connection.execute(text("SELECT count(*) FROM p_orders")).scalar_one()
            connection.commit()
            last = (orders - 1) // patterns
            statements = list(_statements(connection, _COPY if is_sqlite else _COPY_POSTGRES))
            for first in range(0, last + 1, _A_COMMIT):
                end = min(first + _A_COMMIT, last + 1)
                values = {"first": first, "end": end, "step": _YEAR_S / (last + 1), "last": last}
                for statement in statements:
                    used = {name: value for name, value in values.items() if f":{name}" in statement}
                    connection.execute(text(statement), used)
                connection.commit()
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)" if is_sqlite else "VACUUM ANALYZE"))
    finally:
        engine.dispose()


def _statements(connection: Connection, copy: str) -> Iterator[str]:
    age = "((:last - n.k) * :step)"
    of_order = {"order_id": copy, "updated_at": f"t.updated_at - {age}"}
    yield _insert(
        connection,
        "orders",
        {
            "id": copy,
            "phase": "'shipped'",
            "due_at": "NULL",
            "updated_at": f"t.updated_at - {age}",
            "fetched_at": f"t.fetched_at - {age}",
        },
        "t.id = o.id",
    )
    within = f"replace(t.id, o.id, {copy})"
    delivered = "CASE WHEN n.k % 20 = 0 THEN 'fulfilled' ELSE 'delivered' END"
    yield _insert(connection, "shipments", of_order | {"id": within, "state": delivered}, "t.order_id = o.id")
    yield _insert(
        connection,
        "labels",
        {
            "id": within,
            "shipment_id": f"replace(t.shipment_id, o.id, {copy})",
            "tracking_number": "t.tracking_number || n.k",
            "tracking_canonical": "t.tracking_canonical || n.k",
            "provider_id": "t.provider_id || n.k",
            "document": "t.document || n.k",
            "bought_at": f"t.bought_at - {age}",
        },
        "t.shipment_id LIKE o.id || '-%'",
    )
    yield _insert(
        connection,
        "journal",
        {"order_id": copy, "shipment_id": f"replace(t.shipment_id, o.id, {copy})", "at": f"t.at - {age}"},
        "t.order_id = o.id",
        order="n.k, t.id",
    )
    external, received = "t.external_id || '-' || n.k", f"t.received_at - {age}"
    young = f"t.order_id = o.id AND {age} < {_EVENTS_S}"
    yield _insert(
        connection, "events", {"order_id": copy, "external_id": external, "received_at": received}, young
    )
    yield (
        "INSERT INTO holds (order_id, code, note, placed_by, placed_at, released_by, released_at, "
        f"release_reason) SELECT {copy}, 'manual', 'stock-taking', 'ada', o.updated_at - {age}, 'ada', "
        f"o.updated_at - {age} + 1, 'counted' FROM {_NUMBERS} n CROSS JOIN p_orders o"
    )


_NUMBERS = (
    "(WITH RECURSIVE numbers(k) AS (SELECT :first UNION ALL SELECT k + 1 FROM numbers WHERE k < :end - 1) "
    "SELECT k FROM numbers)"
)


def _insert(
    connection: Connection, table: str, changed: Mapping[str, str], which: str, order: str = "n.k, t.id"
) -> str:
    """Copy the rows of the patterns, with these columns changed."""
    names = [column["name"] for column in inspect(connection).get_columns(table)]
    if "id" not in changed:
        names.remove("id")
    values = ", ".join(changed.get(name, f"t.{name}") for name in names)
    return (
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {_NUMBERS} n "
        f"CROSS JOIN p_orders o JOIN p_{table} t ON {which} ORDER BY {order}"
    )
