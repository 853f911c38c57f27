"""Holds: one active hold of each kind on an order or shipment; released with a reason, never deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from packhouse.ledger import facts, journal, leases
from packhouse.ledger.facts import Kind
from packhouse.ledger.statements import insert_or_ignore, update_where
from packhouse.ledger.tables import holds
from packhouse.ledger.tx import Tx
from packhouse.model.hold import Hold, HoldCode
from packhouse.model.journal import MACHINE, Entry

_INSERT = insert_or_ignore(
    holds,
    ("order_id", "shipment_id", "code", "note", "fingerprint", "placed_by", "placed_at"),
)
_RELEASE = (
    update_where(holds, ("id",), ("released_by", "released_at", "release_reason"))
    .where(holds.c.released_at.is_(None))
    .returning(*(column for column in holds.c if column.name != "id"))
)
_RENOTE = update_where(holds, ("order_id", "shipment_id", "code"), ("note", "fingerprint")).where(
    holds.c.released_at.is_(None)
)
_BY_ORDERS = (
    select(holds).where(holds.c.order_id.in_(bindparam("order_ids", expanding=True))).order_by(holds.c.id)
)


def place(
    tx: Tx,
    *,
    code: HoldCode,
    note: str,
    fingerprint: str,
    entry: Entry,
    shipment_id: str = "",
) -> None:
    """Place an automatic hold, or update the note of the active one. Raises LeaseLost."""
    leases.require(tx)
    order_id = tx.held_lease.order_id
    put_or_renote(
        *(tx, order_id, code, note),
        fingerprint=fingerprint,
        entry=entry,
        shipment_id=shipment_id,
    )


def put_or_renote(
    tx: Tx,
    order_id: str,
    code: HoldCode,
    note: str,
    *,
    entry: Entry,
    fingerprint: str = "",
    shipment_id: str = "",
) -> None:
    """Write an automatic hold and its entry, or update the note of the active one."""
    if put(
        tx,
        order_id=order_id,
        code=code,
        note=note,
        fingerprint=fingerprint,
        placed_by=MACHINE,
        shipment_id=shipment_id,
    ):
        journal.write(tx, (entry,))
    else:
        where = {"w_order_id": order_id, "w_shipment_id": shipment_id, "w_code": code.value}
        tx.connection.execute(_RENOTE, where | {"v_note": note, "v_fingerprint": fingerprint})


def put(
    tx: Tx,
    *,
    order_id: str,
    code: HoldCode,
    note: str,
    fingerprint: str,
    placed_by: str,
    shipment_id: str = "",
) -> bool:
    """Write a hold; returns False if the same one is already active."""
    row = {
        "order_id": order_id,
        "shipment_id": shipment_id,
        "code": code.value,
        "note": note,
        "fingerprint": fingerprint,
        "placed_by": placed_by,
        "placed_at": tx.now,
    }
    if tx.connection.execute(_INSERT, row).rowcount != 1:
        return False
    facts.note(tx, Kind.HOLD, row)
    return True


def change_note(tx: Tx, hold_id: int, note: str) -> None:
    """Replace the note of a hold."""
    tx.connection.execute(update(holds).where(holds.c.id == hold_id).values(note=note))


def release(tx: Tx, hold_id: int, *, by: str, reason: str) -> bool:
    """Release an active hold; returns False if no hold with this id is active."""
    values = {"w_id": hold_id, "v_released_by": by, "v_released_at": tx.now, "v_release_reason": reason}
    released = tx.connection.execute(_RELEASE, values).mappings().first()
    if released is None:
        return False
    facts.note(tx, Kind.HOLD, dict(released))
    return True


def release_all(
    tx: Tx,
    ended: Sequence[Hold],
    reason: str,
    entries: Sequence[Entry],
) -> None:
    """Release automatic holds. Raises LeaseLost."""
    leases.require(tx)
    for hold in ended:
        release(tx, hold.id, by=MACHINE, reason=reason)
    journal.write(tx, entries)


def of_order(connection: Connection, order_id: str) -> tuple[Hold, ...]:
    """Every hold an order ever had, oldest first."""
    return of_orders(connection, (order_id,)).get(order_id, ())


def of_orders(connection: Connection, order_ids: Sequence[str]) -> dict[str, tuple[Hold, ...]]:
    """Holds of many orders, active or not, by order, oldest first."""
    found: dict[str, tuple[Hold, ...]] = {}
    for row in connection.execute(_BY_ORDERS, {"order_ids": list(order_ids)}):
        found[row.order_id] = (*found.get(row.order_id, ()), hold_of(row))
    return found


def by_id(connection: Connection, hold_id: int) -> Hold | None:
    """One hold."""
    row = connection.execute(select(holds).where(holds.c.id == hold_id)).first()
    return hold_of(row) if row else None


def hold_of(row: Row[Any]) -> Hold:
    """A hold from its row."""
    return Hold(
        id=row.id,
        order_id=row.order_id,
        shipment_id=row.shipment_id,
        code=HoldCode(row.code),
        note=row.note,
        fingerprint=row.fingerprint,
        placed_by=row.placed_by,
        placed_at=row.placed_at,
        released_by=row.released_by,
        released_at=row.released_at,
        release_reason=row.release_reason,
    )
