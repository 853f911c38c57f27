"""Counts, lists and single records, for operations and metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    Connection,
    Row,
    Subquery,
    Table,
    case,
    func,
    literal,
    select,
    text,
    tuple_,
    union_all,
)

from packhouse.ledger import counts, polls
from packhouse.ledger.holds import hold_of
from packhouse.ledger.shipment_rows import shipment_of
from packhouse.ledger.shipments import BY_SHIPMENT
from packhouse.ledger.tables import dead_letters, events, holds, journal, orders, shipments
from packhouse.ledger.tx import Tx
from packhouse.model.hold import Hold
from packhouse.model.journal import JournalEntry
from packhouse.model.shipment import Shipment
from packhouse.model.states import OrderPhase, ShipmentState
from packhouse.model.waiting import WaitKind

_PROBE = text(
    "INSERT INTO kv (name, value, updated_at) VALUES ('probe', '', :now) "
    "ON CONFLICT (name) DO UPDATE SET updated_at = excluded.updated_at"
)
_LISTED = [column for column in orders.c if column.name != "snapshot"]


def probe(tx: Tx) -> None:
    """Write a value, to prove that the ledger can be written."""
    tx.connection.execute(_PROBE, {"now": tx.now})


def tally(connection: Connection, now: float) -> dict[str, Any]:
    """Orders by phase, shipments by state, active holds by code; how many orders are due, since when."""
    due = connection.execute(
        select(func.count(), func.min(orders.c.due_at)).where(
            orders.c.due_at <= now, orders.c.lease.is_(None)
        )
    ).one()
    kept = counts.read(connection)
    return {
        "orders": kept.orders,
        "shipments": kept.shipments,
        "holds": _by_word(
            connection,
            select(holds.c.code, func.count()).where(holds.c.released_at.is_(None)).group_by(holds.c.code),
        ),
        "due": due[0],
        "oldest_due_s": max(0.0, now - due[1]) if due[1] is not None else 0.0,
        "dead_letters": connection.execute(select(func.count()).select_from(dead_letters)).scalar_one(),
        "waiting": _waiting_counts(connection, now),
        "last_event_at": last_event_at(connection),
        "poll_problems": polls.problems(connection),
    }


def last_event_at(connection: Connection) -> float | None:
    """When the last webhook event was received; None if none is kept."""
    return connection.execute(select(func.max(events.c.received_at))).scalar()


def _waits_now(now: float) -> Any:
    """What an open order waits for now: a due one for a worker, whatever it waited for before."""
    is_due = orders.c.due_at <= now
    return case(
        (orders.c.lease.is_not(None) & ~is_due, WaitKind.PROCESSING.value),
        (is_due, WaitKind.QUEUED.value),
        else_=orders.c.waiting,
    )


def _waiting_counts(connection: Connection, now: float) -> Mapping[str, int]:
    kind = _waits_now(now).label("kind")
    statement = select(kind, func.count()).where(orders.c.phase == OrderPhase.OPEN.value).group_by(kind)
    return {name: number for name, number in _by_word(connection, statement).items() if name}


class Wait(NamedTuple):
    """Open orders that wait for the same: how many, since and until when, one of their sentences."""

    kind: WaitKind
    account: str
    orders: int
    since: float | None
    until: float | None
    reason: str


def waits(connection: Connection, now: float) -> list[Wait]:
    """What open orders wait for, by kind and account, most orders first."""
    kind = _waits_now(now).label("kind")
    is_deferred = orders.c.lease.is_(None) & (orders.c.due_at > now)
    account = case((is_deferred, orders.c.waiting_account), else_="").label("account")
    rows = connection.execute(
        select(
            kind,
            account,
            func.count().label("number"),
            func.min(orders.c.waiting_since).label("since"),
            func.min(orders.c.due_at).label("until"),
            func.max(orders.c.reason).label("reason"),
        )
        .where(orders.c.phase == OrderPhase.OPEN.value)
        .group_by(kind, account)
    )
    found = [
        Wait(WaitKind(r.kind), r.account, r.number, r.since, r.until, r.reason)
        for r in rows
        if r.kind in set(WaitKind)
    ]
    return sorted(found, key=lambda wait: (-wait.orders, wait.kind, wait.account))


def _by_word(connection: Connection, statement: Any) -> Mapping[str, int]:
    return {row[0]: row[1] for row in connection.execute(statement)}


def spent(connection: Connection) -> tuple[Mapping[str, int], int]:
    """What live labels cost, in minor units by currency, and how many labels were ever bought."""
    kept = counts.read(connection)
    return kept.spent, kept.labels


def order_rows(
    connection: Connection, phase: OrderPhase | None, limit: int, before: tuple[float, str] | None
) -> Sequence[Row[Any]]:
    """Orders without their snapshots, last changed first, after the one with this time and id."""
    newest = _newest_first(
        orders, orders.c.phase, list(OrderPhase) if phase is None else [phase], limit, before
    )
    statement = select(*_LISTED).join(newest, newest.c.id == orders.c.id)
    return connection.execute(statement.order_by(newest.c.updated_at.desc(), newest.c.id.desc())).all()


def _newest_first(
    table: Table,
    column: Column[Any],
    words: Sequence[OrderPhase] | Sequence[ShipmentState],
    limit: int,
    before: tuple[float, str] | None = None,
) -> Subquery:
    """The ids and times of the rows in these states that were changed last.

    The index of each state is read from its end, so that it does not matter how many rows there are.
    """
    place = table.c.updated_at, table.c.id
    parts = []
    for word in words:
        part = select(*place).where(column == word.value)
        if before is not None:
            part = part.where(tuple_(*place) < tuple_(*map(literal, before)))
        newest = part.order_by(*(one.desc() for one in place)).limit(limit).subquery()
        parts.append(select(newest))
    found = union_all(*parts).subquery()
    return select(found).order_by(found.c.updated_at.desc(), found.c.id.desc()).limit(limit).subquery()


def order_row(connection: Connection, order_id: str) -> Row[Any] | None:
    """One order."""
    return connection.execute(select(orders).where(orders.c.id == order_id)).first()


def list_shipments(connection: Connection, state: ShipmentState | None, limit: int) -> list[Shipment]:
    """Shipments, last changed first."""
    states = list(ShipmentState) if state is None else [state]
    newest = _newest_first(shipments, shipments.c.state, states, limit)
    statement = BY_SHIPMENT.join(newest, newest.c.id == shipments.c.id)
    rows = connection.execute(statement.order_by(newest.c.updated_at.desc(), newest.c.id.desc()))
    return [shipment_of(row) for row in rows]


def shipment(connection: Connection, shipment_id: str) -> Shipment | None:
    """One shipment."""
    row = connection.execute(BY_SHIPMENT.where(shipments.c.id == shipment_id)).first()
    return shipment_of(row) if row else None


def list_holds(connection: Connection, active: bool | None, limit: int) -> list[Hold]:
    """Holds, newest first."""
    statement = select(holds).order_by(holds.c.id.desc()).limit(limit)
    if active is True:
        # The active ones are few: their index is read, and not every hold from the newest on.
        statement = statement.where(holds.c.id.in_(select(holds.c.id).where(holds.c.released_at.is_(None))))
    elif active is False:
        statement = statement.where(holds.c.released_at.is_not(None))
    return [hold_of(row) for row in connection.execute(statement)]


def entries(
    connection: Connection, *, order_id: str = "", after: int | None = None, limit: int = 1000
) -> list[JournalEntry]:
    """Journal entries, oldest first: an order's, those after an id, or the newest."""
    statement = select(journal)
    if order_id:
        statement = statement.where(journal.c.order_id == order_id)
    if after is None and not order_id:
        rows = list(connection.execute(statement.order_by(journal.c.id.desc()).limit(limit)))[::-1]
    else:
        rows = list(
            connection.execute(
                statement.where(journal.c.id > (after or 0)).order_by(journal.c.id).limit(limit)
            )
        )
    return [_entry(row) for row in rows]


def _entry(row: Row[Any]) -> JournalEntry:
    return JournalEntry(
        *(row.id, row.at, row.order_id, row.shipment_id, row.actor, row.action, row.why, row.data or {})
    )


def entries_of_actions(
    connection: Connection, actions: Sequence[str], first: int, limit: int
) -> list[JournalEntry]:
    """Journal entries of these actions, from the entry `first` on: the newest, oldest first."""
    found = select(journal).where(journal.c.id >= first, journal.c.action.in_(actions))
    rows = connection.execute(found.order_by(journal.c.id.desc()).limit(limit)).all()
    return [_entry(row) for row in reversed(rows)]
