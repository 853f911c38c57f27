"""What the store's list of orders changes in the ledger: it adds new orders, and news wakes finished ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Executable, Row, bindparam, select, text

from packhouse.ledger import notify
from packhouse.ledger.tables import orders as orders_table
from packhouse.ledger.tx import Tx
from packhouse.model.listed import Listed, is_news, shown_by
from packhouse.model.states import OrderPhase

# A shipped order that is due this soon is about to be read again anyway.
_SOON_S = 120.0

_FINISHED = (OrderPhase.SHIPPED, OrderPhase.CLOSED)
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_KNOWN = text(
    "SELECT id, phase, status, listed, lease, fetched_at, due_at FROM orders WHERE id IN :ids"
).bindparams(_IDS)
_SNAPSHOTS = select(orders_table.c.id, orders_table.c.snapshot).where(orders_table.c.id.in_(_IDS))
_ADD = text(
    """
    INSERT INTO orders (id, phase, site_slug, updated_at, due_at)
    VALUES (:id, 'open', :site_slug, :now, :now)
    ON CONFLICT (id) DO NOTHING
    """
)
# A worker may have claimed the order meanwhile; it then reads the order itself.
_WAKE = text(
    """
    UPDATE orders SET listed = :listed, wakes = wakes + 1, due_at = :now
    WHERE id = :id AND lease IS NULL AND phase IN ('shipped', 'closed')
    """
)
_REMEMBER = text(
    "UPDATE orders SET listed = :listed WHERE id = :id AND lease IS NULL AND phase IN ('shipped', 'closed')"
)


def add_listed(tx: Tx, rows: Sequence[Listed], reread_before: float) -> list[str]:
    """Make the orders due that have work to do: new ones whose row does not show that they are finished, and
    finished ones whose row shows something new. Returns their ids.

    A finished order that the store shows as open, or with another status than it had, is read again if it was
    last read before `reread_before`.
    """
    known = {order.id: order for order in _select(tx, _KNOWN, [row.order_id for row in rows])}
    # Always in the same sequence, so that two replicas that add the same orders cannot deadlock.
    rows = sorted(rows, key=lambda row: row.order_id)
    changed = [row.order_id for row in rows if _has_changed(tx, row, known.get(row.order_id))]
    snapshots = {order.id: order.snapshot for order in _select(tx, _SNAPSHOTS, changed)}
    due: list[str] = []
    unchanged: list[dict[str, Any]] = []
    for row in rows:
        order = known.get(row.order_id)
        values = {"id": row.order_id, "listed": row.digest, "site_slug": row.site_slug, "now": tx.now}
        if order is None:
            is_due = row.needs_work and tx.connection.execute(_ADD, values).rowcount == 1
        elif _has_news(tx, row, order, snapshots, reread_before):
            is_due = tx.connection.execute(_WAKE, values).rowcount == 1
        else:
            is_due = False
            if row.order_id in snapshots:
                unchanged.append(values)
        if is_due:
            due.append(row.order_id)
    if unchanged:
        tx.connection.execute(_REMEMBER, unchanged)
    if due:
        notify.mark_due(tx, tx.now)
    return due


def _select(tx: Tx, statement: Executable, ids: Sequence[str]) -> Sequence[Row[Any]]:
    return tx.connection.execute(statement, {"ids": list(ids)}).all() if ids else ()


def _is_asleep(tx: Tx, order: Row[Any]) -> bool:
    """Whether the order is finished, and not about to be read again anyway."""
    if order.lease is not None or order.phase not in _FINISHED:
        return False
    return order.due_at is None or bool(order.due_at > tx.now + _SOON_S)


def _has_changed(tx: Tx, row: Listed, order: Row[Any] | None) -> bool:
    """Whether the list shows another row of a finished order than it did before."""
    return order is not None and _is_asleep(tx, order) and bool(row.digest != order.listed)


def _has_news(
    tx: Tx, row: Listed, order: Row[Any], snapshots: Mapping[str, Any], reread_before: float
) -> bool:
    """Whether a finished order must be read again."""
    if not _is_asleep(tx, order):
        return False
    if order.fetched_at is None or order.fetched_at > tx.now:
        return True
    looks_open = row.needs_work or row.status != order.status
    if looks_open and order.fetched_at < reread_before:
        return True
    snapshot = snapshots.get(row.order_id)
    return row.order_id in snapshots and is_news(row.shown, shown_by(snapshot or {}))
