"""Orders: the last snapshot of each, and claiming due ones with everything that the steps need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from packhouse.errors import LeaseLost
from packhouse.ledger import holds, leases, recalled, restores, shipments
from packhouse.ledger.statements import prepared_update
from packhouse.ledger.tables import orders
from packhouse.ledger.tx import Lease, Tx
from packhouse.model.hold import Hold
from packhouse.model.order import Order
from packhouse.model.shipment import Shipment

_SAVE_SNAPSHOT = prepared_update(
    orders,
    ("id", "lease"),
    ("status", "site_slug", "snapshot", "fingerprint", "fetched_at", "updated_at"),
)
_FINGERPRINT = select(orders.c.fingerprint)


@dataclass(frozen=True, slots=True)
class OrderRecords:
    """The records of an order: all its shipments by number, and all its holds, oldest first.

    `restored_at` is when the ledger was restored, if the order is still to be compared since; else 0.0.
    `unreadable` says why they cannot be read; "" if they can.
    """

    shipments: tuple[Shipment, ...] = ()
    holds: tuple[Hold, ...] = ()
    restored_at: float = 0.0
    unreadable: str = ""


def claim(
    tx: Tx, token: str, until: float, most: int, *, suspects: bool = False
) -> list[tuple[Lease, OrderRecords]]:
    """Claim due orders (see `leases.claim` and `claim_suspects`), each with its records.

    None while a restore blocks it.
    """
    if restores.blocks_claims(tx.connection):
        return []
    take = leases.claim_suspects if suspects else leases.claim
    return _with_records(tx, take(tx, token, until, most))


def _with_records(tx: Tx, taken: Sequence[Lease]) -> list[tuple[Lease, OrderRecords]]:
    """Each order with its records. Rows that cannot be read concern only their own order."""
    try:
        return _read(tx, taken)
    except (ValueError, TypeError, LookupError) as error:
        if len(taken) == 1:
            unreadable = f"its records cannot be read: {error!r}"
            return [(taken[0], OrderRecords(unreadable=unreadable))]
        return [one for lease in taken for one in _with_records(tx, [lease])]


def _read(tx: Tx, taken: Sequence[Lease]) -> list[tuple[Lease, OrderRecords]]:
    if not taken:
        return []
    ids = [lease.order_id for lease in taken]
    known_shipments = shipments.of_orders(tx.connection, ids)
    known_holds = holds.of_orders(tx.connection, ids)
    restored_at = restores.compared_before(tx.connection)
    compared = recalled.compared_since(tx.connection, ids, restored_at) if restored_at else set(ids)
    return [
        (
            lease,
            OrderRecords(
                known_shipments.get(i, ()), known_holds.get(i, ()), 0.0 if i in compared else restored_at
            ),
        )
        for lease, i in zip(taken, ids, strict=True)
    ]


def save_snapshot(tx: Tx, order: Order, fetched_at: float) -> None:
    """Save the order as the store returned it. Raises LeaseLost."""
    changed = _SAVE_SNAPSHOT.run(
        tx.connection,
        {
            "w_id": tx.held_lease.order_id,
            "w_lease": tx.held_lease.token,
            "v_status": order.status,
            "v_site_slug": order.site_slug,
            "v_snapshot": order.raw,
            "v_fingerprint": order.fingerprint(),
            "v_fetched_at": fetched_at,
            "v_updated_at": tx.now,
        },
    )
    if changed != 1:
        raise LeaseLost(leases.lost(tx.held_lease))


def fingerprint(connection: Connection, order_id: str) -> str:
    """The order's fingerprint when it was last fetched; "" if it never was."""
    return connection.execute(_FINGERPRINT.where(orders.c.id == order_id)).scalar() or ""
