"""What the store's list of orders changes in the ledger: it adds new orders, and news wakes finished ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, Row, bindparam, text

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
    known = _known(tx, rows)
    due: list[str] = []
    # Always in the same sequence, so that two replicas that add the same orders cannot deadlock.
    for row in sorted(rows, key=lambda row: row.order_id):
        order = known.get(row.order_id)
        if order is not None:
            is_due = _compare(tx, row, order, reread_before)
        else:
            values = {"id": row.order_id, "site_slug": row.site_slug, "now": tx.now}
            is_due = row.needs_work and tx.connection.execute(_ADD, values).rowcount == 1
        if is_due:
            due.append(row.order_id)
    if due:
        notify.mark_due(tx, tx.now)
    return due


def _known(tx: Tx, rows: Sequence[Listed]) -> dict[str, Row[Any]]:
    if not rows:
        return {}
    found = tx.connection.execute(_KNOWN, {"ids": [row.order_id for row in rows]})
    return {order.id: order for order in found}


def _compare(tx: Tx, row: Listed, order: Row[Any], reread_before: float) -> bool:
    """Wake a finished order if its row shows something new. Returns whether it was woken."""
    if order.lease is not None or order.phase not in _FINISHED:
        return False
    if order.due_at is not None and order.due_at <= tx.now + _SOON_S:
        return False
    values = {"id": row.order_id, "listed": row.digest, "now": tx.now}
    never_read = order.fetched_at is None or order.fetched_at > tx.now
    looks_open = row.needs_work or row.status != order.status
    changed = row.digest != order.listed
    if (
        never_read
        or (looks_open and order.fetched_at < reread_before)
        or (changed and is_news(row.shown, _snapshot(tx, row.order_id)))
    ):
        return tx.connection.execute(_WAKE, values).rowcount == 1
    if changed:
        tx.connection.execute(_REMEMBER, values)
    return False


def _snapshot(tx: Tx, order_id: str) -> dict[str, str]:
    found = tx.connection.execute(
        orders_table.select().with_only_columns(orders_table.c.snapshot).where(orders_table.c.id == order_id)
    ).scalar()
    return shown_by(found) if isinstance(found, dict) else {}
