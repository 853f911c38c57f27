"""Which trackers are due, and what they answered: many labels at once, without leases of orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BindParameter, Connection, bindparam, exists, select, text, update

from packhouse.ledger import facts, journal, leases, restores
from packhouse.ledger.facts import Kind
from packhouse.ledger.shipment_rows import shipment_of, shipment_row
from packhouse.ledger.shipments import BY_SHIPMENT
from packhouse.ledger.statements import Prepared, update_where
from packhouse.ledger.tables import holds, labels, orders, shipments
from packhouse.ledger.tx import Tx
from packhouse.model.journal import Entry
from packhouse.model.shipment import Shipment
from packhouse.model.states import OrderPhase, ShipmentState
from packhouse.model.tracking import TrackerState, Tracking

DELIVERED = "The carrier delivered the parcel."

_IDS: BindParameter[str] = bindparam("ids", expanding=True)
_OF_ACCOUNT = (
    select(*BY_SHIPMENT.selected_columns)
    .select_from(labels.join(shipments, labels.c.shipment_id == shipments.c.id))
    .where(labels.c.provider == bindparam("account"))
    .order_by(labels.c.track_due_at)
    .limit(bindparam("most"))
)
_DUE = _OF_ACCOUNT.where(labels.c.track_due_at <= bindparam("until"))
_TOO_LATE = _OF_ACCOUNT.where(labels.c.track_due_at > bindparam("latest"))
_IS_ANY_DUE = text("SELECT 1 FROM labels WHERE provider = :account AND track_due_at <= :now LIMIT 1")
_BEGIN = Prepared(text("UPDATE labels SET track_due_at = :due_at WHERE id = :id AND track_due_at IS NULL"))
# Workers lock an order before its labels, so this does too. SQLite has one writer, and no row locks.
_LOCK_ORDERS = (
    select(
        orders.c.id,
        orders.c.lease,
        orders.c.phase,
        exists().where(holds.c.order_id == orders.c.id, holds.c.released_at.is_(None)).label("is_held"),
    )
    .where(orders.c.id.in_(_IDS))
    .order_by(orders.c.id)
    .with_for_update(of=orders)
)
_LOCK_LABELS = (
    select(labels.c.id, labels.c.track_due_at)
    .where(labels.c.id.in_(_IDS))
    .order_by(labels.c.id)
    .with_for_update()
)
_SAVE = update_where(
    labels,
    ("id",),
    ("tracking_state", "tracking_note", "tracking_changed_at", "expected_at", "track_due_at"),
)
_DELIVER = (
    update(shipments)
    .where(shipments.c.id.in_(_IDS), shipments.c.state == ShipmentState.FULFILLED.value)
    .values(state=ShipmentState.DELIVERED.value, updated_at=bindparam("now"))
    .returning(shipments.c.id)
)
_TOUCH = update(orders).where(orders.c.id.in_(_IDS)).values(updated_at=bindparam("now"))


@dataclass(frozen=True, slots=True)
class Look:
    """What became of a due tracker. `shipment` is as it was read before the provider was asked.

    `tracking` is what is known now and `changed_at` since when, `next_at` when the tracker is asked next
    (None: never again). `needs_step`: it is news that changes the order.
    """

    shipment: Shipment
    tracking: Tracking
    changed_at: float | None
    next_at: float | None
    needs_step: bool = False


@dataclass(frozen=True, slots=True)
class Saved:
    """What a batch changed: the shipments that are delivered now, and the orders that were woken."""

    delivered: tuple[Shipment, ...] = ()
    woken: tuple[str, ...] = ()


def due(connection: Connection, account: str, now: float, until: float, most: int) -> tuple[Shipment, ...]:
    """Shipments with labels of this account whose trackers are due, the longest due first; at most `most`.

    If any is due, so are those that are due `until` then: they share its call. None while a restored ledger
    is being compared.
    """
    if connection.execute(_IS_ANY_DUE, {"account": account, "now": now}).first() is None:
        return ()
    if restores.blocks_claims(connection):
        return ()
    found = connection.execute(_DUE, {"account": account, "until": until, "most": most})
    return tuple(shipment_of(row) for row in found)


def too_late(connection: Connection, account: str, latest: float, most: int) -> tuple[Shipment, ...]:
    """Shipments of this account whose trackers are due after `latest`: a clock ran ahead."""
    if restores.blocks_claims(connection):
        return ()
    found = connection.execute(_TOO_LATE, {"account": account, "latest": latest, "most": most})
    return tuple(shipment_of(row) for row in found)


def begin(tx: Tx, label_id: str, due_at: float) -> None:
    """Have a label's tracker asked from this time on, unless it is already."""
    _BEGIN.run(tx.connection, {"id": label_id, "due_at": due_at})


def save(tx: Tx, looks: Sequence[Look]) -> Saved:
    """Write what trackers answered, in one transaction with what follows from it.

    A parcel that is delivered, and whose order rests without a hold, is recorded here; every other order
    that news concerns is woken, and its step `track` acts on what is written. A label that was written
    since it was read is skipped: its tracker is asked again.
    """
    concerned = sorted({look.shipment.order_id for look in looks if look.needs_step})
    locked = tx.connection.execute(_LOCK_ORDERS, {"ids": concerned}).all() if concerned else ()
    looks = _unchanged(tx, looks)
    if looks:
        tx.connection.execute(_SAVE, [_row(look) for look in looks])
    news = [look for look in looks if look.needs_step]
    resting = {
        row.id
        for row in locked
        if row.lease is None and row.phase == OrderPhase.SHIPPED.value and not row.is_held
    }
    arrived = {
        look.shipment.id: look.shipment
        for look in news
        if look.tracking.state is TrackerState.DELIVERED and look.shipment.order_id in resting
    }
    delivered = _deliver(tx, arrived) if arrived else ()
    woken = sorted({look.shipment.order_id for look in news if look.shipment.id not in arrived})
    for order_id in woken:
        leases.wake(tx, order_id)
    return Saved(delivered, tuple(woken))


def _unchanged(tx: Tx, looks: Sequence[Look]) -> list[Look]:
    """The answers about labels that are still as they were read."""
    found = tx.connection.execute(_LOCK_LABELS, {"ids": [_label_id(look) for look in looks]})
    due_at = {row.id: row.track_due_at for row in found}
    return [
        look
        for look in looks
        if look.shipment.label and due_at.get(look.shipment.label.id) == look.shipment.label.track_due_at
    ]


def _deliver(tx: Tx, arrived: dict[str, Shipment]) -> tuple[Shipment, ...]:
    """Record deliveries. The orders' rows are locked and without a lease, so that no worker moves them."""
    moved = tx.connection.execute(_DELIVER, {"ids": list(arrived), "now": tx.now}).scalars().all()
    delivered = tuple(arrived[one] for one in sorted(moved))
    if not delivered:
        return ()
    tx.connection.execute(_TOUCH, {"ids": [one.order_id for one in delivered], "now": tx.now})
    for one in delivered:
        row = shipment_row(one, tx.now) | {"state": ShipmentState.DELIVERED.value}
        facts.note(tx, Kind.SHIPMENT, row)
    journal.write(tx, [delivery(one) for one in delivered])
    return delivered


def delivery(shipment: Shipment) -> Entry:
    """The journal entry of a delivery."""
    return Entry(shipment.order_id, "delivered", DELIVERED, shipment.id)


def _label_id(look: Look) -> str:
    return look.shipment.label.id if look.shipment.label else ""


def _row(look: Look) -> dict[str, object]:
    return {
        "w_id": _label_id(look),
        "v_tracking_state": look.tracking.state.value,
        "v_tracking_note": look.tracking.note,
        "v_tracking_changed_at": look.changed_at,
        "v_expected_at": look.tracking.expected_at,
        "v_track_due_at": look.next_at,
    }
