"""After a restore: purchases that accounts list and the ledger lacks, and orders that were compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, exists, func, select, text, update

from packhouse.errors import LeaseLost
from packhouse.ledger import leases
from packhouse.ledger.statements import Prepared, insert_or_ignore
from packhouse.ledger.tables import holds, labels, orders, recalled, shipments
from packhouse.ledger.tx import Tx
from packhouse.model.hold import HoldCode
from packhouse.model.states import OrderPhase, ShipmentState

_S = ShipmentState
_INSERT = insert_or_ignore(recalled, ("reference", "order_id", "provider", "found"))
_OPEN = select(recalled.c.reference, recalled.c.order_id, recalled.c.provider, recalled.c.found).where(
    recalled.c.outcome == ""
)
_OF_ORDER = Prepared(_OPEN.where(recalled.c.order_id == bindparam("order_id")).order_by(recalled.c.reference))
_OUTCOME = (
    update(recalled)
    .where(recalled.c.reference == bindparam("w_reference"))
    .values(outcome=bindparam("v_outcome"))
)
_COMPARED = Prepared(
    text("UPDATE orders SET compared_at = :since, updated_at = :now WHERE id = :id AND lease = :token")
)
_COMPARED_SINCE = select(orders.c.id).where(
    orders.c.id.in_(bindparam("ids", expanding=True)), orders.c.compared_at >= bindparam("since")
)
_UNFINISHED = (OrderPhase.OPEN.value, OrderPhase.HELD.value)
# A shipment in these states has no purchase that counts.
_UNBOUGHT = (_S.PLANNED.value, _S.HELD.value, _S.CANCELLED.value)
# Orders that are named in a report.
_MOST_NAMED = 20


class Reference(NamedTuple):
    """A reference of ours, in its parts."""

    order_id: str
    seq: int
    generation: int


def read_reference(text_of: str) -> Reference | None:
    """The parts of order/shipment/generation; None for a reference that is not ours."""
    parts = text_of.rsplit("/", 2)
    if len(parts) != 3 or not parts[0] or not all(part.isdecimal() for part in parts[1:]):
        return None
    return Reference(parts[0], int(parts[1]), int(parts[2]))


@dataclass(frozen=True, slots=True)
class Recalled:
    """A purchase that a provider account lists. `found` is the provider's record of it, as JSON."""

    reference: str
    order_id: str
    provider: str
    found: dict[str, Any]

    @property
    def sentence(self) -> str:
        """Which account sold what."""
        return f"{self.provider} sold {self.found.get('tracking_number') or 'a label'} as {self.reference}"


def is_known(connection: Connection, reference: Reference, provider_ref: str) -> bool:
    """Whether the ledger knows this purchase: its label, that it was begun, or that it is in doubt."""
    in_doubt = exists().where(
        holds.c.shipment_id == shipments.c.id,
        holds.c.code == HoldCode.PURCHASE_UNKNOWN.value,
        holds.c.released_at.is_(None),
    )
    row = connection.execute(
        select(
            shipments.c.state,
            shipments.c.provider_ref,
            labels.c.id.label("label"),
            in_doubt.label("in_doubt"),
        )
        .outerjoin(labels, labels.c.shipment_id == shipments.c.id)
        .where(
            shipments.c.order_id == reference.order_id,
            shipments.c.seq == reference.seq,
            shipments.c.generation == reference.generation,
        )
    ).first()
    if row is None:
        return False
    is_same = bool(provider_ref) and row.provider_ref == provider_ref
    return is_same or row.label is not None or row.in_doubt or row.state not in _UNBOUGHT


def add(tx: Tx, found: Sequence[Recalled]) -> None:
    """Keep purchases that the ledger does not know, and make their orders due."""
    for one in found:
        row = {"reference": one.reference, "order_id": one.order_id, "provider": one.provider}
        typed = _INSERT.bindparams(bindparam("found", type_=recalled.c.found.type))
        tx.connection.execute(typed, row | {"found": one.found})
        leases.wake(tx, one.order_id)


def of_order(connection: Connection, order_id: str) -> tuple[Recalled, ...]:
    """The purchases of an order that are still to be matched with a shipment."""
    return tuple(Recalled(*row) for row in _OF_ORDER.rows(connection, {"order_id": order_id}))


def set_outcome(tx: Tx, reference: str, outcome: str) -> None:
    """Say what became of a purchase: the reconciliation no longer waits for it. Raises LeaseLost."""
    leases.require(tx)
    tx.connection.execute(_OUTCOME, {"w_reference": reference, "v_outcome": outcome})


def accept_all(tx: Tx) -> None:
    """An operator has seen the purchases that match no shipment."""
    tx.connection.execute(update(recalled).where(recalled.c.outcome == "").values(outcome="accepted"))


def mark_compared(tx: Tx, order_id: str, since: float) -> None:
    """The order agrees with the store and the accounts after the restore at `since`. Raises LeaseLost."""
    lease = tx.held_lease
    values = {"id": order_id, "since": since, "now": tx.now, "token": lease.token}
    if _COMPARED.run(tx.connection, values) != 1:
        raise LeaseLost(leases.lost(lease))


def compared_since(connection: Connection, ids: Sequence[str], since: float) -> set[str]:
    """Which of these orders were compared since this time."""
    return set(connection.execute(_COMPARED_SINCE, {"ids": list(ids), "since": since}).scalars())


class Left(NamedTuple):
    """What is left to compare: how many orders, and the ids of the first of them."""

    orders: int
    named: tuple[str, ...]


def to_compare(connection: Connection, since: float) -> Left:
    """The unfinished orders that were not compared since this time."""
    is_left = orders.c.phase.in_(_UNFINISHED) & (
        orders.c.compared_at.is_(None) | (orders.c.compared_at < since)
    )
    count = connection.execute(select(func.count()).select_from(orders).where(is_left)).scalar_one()
    named = select(orders.c.id).where(is_left).order_by(orders.c.id).limit(_MOST_NAMED)
    return Left(int(count), tuple(connection.execute(named).scalars()))


def unmatched(connection: Connection) -> tuple[Recalled, ...]:
    """The purchases that no shipment was matched with."""
    rows = connection.execute(_OPEN.order_by(recalled.c.reference).limit(_MOST_NAMED))
    return tuple(Recalled(*row) for row in rows)
