"""Writes the guard log back into a restored ledger: what was bought and voided, holds, and the pause.

The newest row wins, and money that moved wins over a plan: the ledger may have gone on for a moment before
the restore was noticed. Repeated, it changes nothing more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, insert, select, text, update

from packhouse.ledger import journal, kv, leases, restores
from packhouse.ledger.facts import Fact, Facts, Kind, Mark
from packhouse.ledger.guard import PAUSE
from packhouse.ledger.guard_log import Line
from packhouse.ledger.statements import insert_or_ignore
from packhouse.ledger.tables import holds, labels, shipments
from packhouse.ledger.tx import Tx
from packhouse.model.journal import Entry
from packhouse.model.states import LabelState, ShipmentState

_S = ShipmentState
_PLANS = (_S.PLANNED.value, _S.HELD.value, _S.CANCELLED.value)
_WITHOUT_LABEL = (None, _S.PLANNED.value, _S.BUYING.value, _S.UNKNOWN.value, _S.CANCELLED.value)
_VOIDED = LabelState.VOIDED.value
_DONE = (_S.FULFILLED.value, _S.DELIVERED.value, _S.VOIDED.value, _S.CANCELLED.value)
_UNFINISHED = tuple(state.value for state in _S if state.value not in _DONE)
# The first line of a process repeats what changed in this time before the last line of the one before.
_OVERLAP_S = 60.0
_TO_COMPARE = text("UPDATE orders SET compared_at = NULL WHERE id = :id")
_INSERT_HOLD = insert_or_ignore(
    holds,
    tuple(column.name for column in holds.c if column.name != "id"),
)

Row = Mapping[str, Any]


@dataclass(slots=True)
class OrderFacts:
    """The newest rows of one order, by their keys."""

    shipments: dict[str, Row] = field(default_factory=dict)
    labels: dict[str, Row] = field(default_factory=dict)
    holds: dict[tuple[str, str, float], Row] = field(default_factory=dict)


@dataclass(slots=True)
class Lost:
    """What the log knows and the ledger lost, if it lost any entry. `problem` says why the log may not know
    everything.
    """

    is_any: bool = False
    orders: dict[str, OrderFacts] = field(default_factory=dict)
    pause: Row | None = None
    problem: str = ""


def find_lost(connection: Connection, lines: Iterable[Line]) -> Lost:
    """Read the log up to its end, and collect what was committed after the backup."""
    lost = Lost()
    is_joined, is_empty = False, True
    for line, is_there in _with_presence(connection, lines):
        is_empty = False
        if line.restored and is_there:
            # What was written back then is in the ledger, and the entries before it need not be.
            lost = Lost()
        lost.is_any = lost.is_any or (line.mark is not None and not is_there)
        if not lost.is_any:
            # A log that began with an empty journal (a line without an entry) reaches back to every backup.
            is_joined = is_joined or is_there or line.begins
        elif not is_there:
            if line.begins:
                lost.problem = "The guard log has a gap after the backup."
            _collect(lost, line.rows)
    if is_empty:
        lost.problem = "The data folder has no guard log of this ledger."
    elif not is_joined and lost.is_any:
        lost.problem = "The guard log begins after the backup."
    return lost


def _with_presence(connection: Connection, lines: Iterable[Line]) -> Iterator[tuple[Line, bool]]:
    """Each line, and whether the ledger has its entry."""
    block: list[Line] = []
    for line in lines:
        block.append(line)
        if len(block) == 500:
            yield from _of_block(connection, block)
            block = []
    yield from _of_block(connection, block)


def _of_block(connection: Connection, block: Sequence[Line]) -> Iterator[tuple[Line, bool]]:
    gone = set(restores.missing(connection, [line.mark for line in block if line.mark]))
    for line in block:
        yield line, line.mark is not None and line.mark not in gone


def _collect(lost: Lost, rows: Sequence[Fact]) -> None:
    orders = defaultdict(OrderFacts, lost.orders)
    owners = {row["id"]: row["order_id"] for one in lost.orders.values() for row in one.shipments.values()}
    for kind, row in rows:
        match kind:
            case Kind.SHIPMENT:
                owners[row["id"]] = row["order_id"]
                before = orders[row["order_id"]].shipments.get(row["id"])
                if before is None or row["updated_at"] >= before["updated_at"]:
                    orders[row["order_id"]].shipments[row["id"]] = row
            case Kind.LABEL:
                # A label's shipment is written in the same commit, or named by the label's id.
                order_id = owners.get(row["shipment_id"]) or row["shipment_id"].rsplit("-", 1)[0]
                orders[order_id].labels[row["id"]] = row
            case Kind.HOLD:
                key = (row["shipment_id"], row["code"], row["placed_at"])
                orders[row["order_id"]].holds[key] = row
            case Kind.PAUSE:
                if lost.pause is None or row["at"] >= lost.pause["at"]:
                    lost.pause = row
    lost.orders = dict(orders)


def write_order(tx: Tx, order_id: str, known: OrderFacts) -> bool:
    """Write what the log knows of an order. Returns whether that changed anything."""
    changes = [
        *_write_shipments(tx, order_id, known),
        *_write_labels(tx, known),
        *_write_holds(tx, order_id, known),
    ]
    if changes:
        leases.revoke(tx, order_id)
        tx.connection.execute(_TO_COMPARE, {"id": order_id})
        why = f"Known again from the guard log: {'; '.join(changes)}."
        journal.write(tx, [Entry(order_id, "restored", why)])
    return bool(changes)


def _write_shipments(tx: Tx, order_id: str, known: OrderFacts) -> Iterator[str]:
    if known.shipments or known.holds:
        leases.wake(tx, order_id)  # adds an order that the backup does not have
    rows = tx.connection.execute(select(shipments).where(shipments.c.order_id == order_id))
    have = {row.id: row for row in rows}
    for shipment_id, row in sorted(known.shipments.items()):
        if shipment_id not in have:
            tx.connection.execute(insert(shipments), [dict(row)])
        elif _wins(row, have[shipment_id]):
            tx.connection.execute(update(shipments).where(shipments.c.id == shipment_id).values(**row))
        else:
            continue
        yield f"shipment {shipment_id} is {row['state']}"


def _wins(row: Row, have: Any) -> bool:
    """Whether the log's row is the later truth: it is newer, or says that money moved where a plan stands."""
    if row["updated_at"] > have.updated_at:
        return True
    return have.state in _PLANS and row["state"] not in _PLANS


def _write_labels(tx: Tx, known: OrderFacts) -> Iterator[str]:
    for label_id, row in sorted(known.labels.items()):
        have = tx.connection.execute(select(labels).where(labels.c.id == label_id)).first()
        if have is None:
            state = select(shipments.c.state).where(shipments.c.id == row["shipment_id"])
            if tx.connection.execute(state).scalar() in _WITHOUT_LABEL:
                continue  # its shipment is in a part of the log that is lost, or is being looked up
            tx.connection.execute(insert(labels), [dict(row)])
        elif row["state"] not in (LabelState.BOUGHT.value, have.state) and have.state != _VOIDED:
            changed = {name: row[name] for name in ("state", "void_requested_at", "void_refusals")}
            tx.connection.execute(update(labels).where(labels.c.id == label_id).values(**changed))
        else:
            continue
        yield f"label {row['tracking_number']} is {row['state']}"


def _write_holds(tx: Tx, order_id: str, known: OrderFacts) -> Iterator[str]:
    for (shipment_id, code, placed_at), row in sorted(known.holds.items()):
        same = (
            (holds.c.order_id == order_id)
            & (holds.c.shipment_id == shipment_id)
            & (holds.c.code == code)
            & (holds.c.placed_at == placed_at)
        )
        have = tx.connection.execute(select(holds).where(same)).first()
        released = {name: row.get(name) for name in ("released_by", "released_at", "release_reason")}
        if have is None:
            full = {"released_by": "", "released_at": None, "release_reason": "", **row}
            if tx.connection.execute(_INSERT_HOLD, full).rowcount != 1:
                continue  # the same hold is active already
        elif have.released_at is None and released["released_at"] is not None:
            tx.connection.execute(update(holds).where(holds.c.id == have.id).values(**released))
        else:
            continue
        by = (
            f"released by {row['released_by']}" if row.get("released_at") else f"placed by {row['placed_by']}"
        )
        yield f"hold {code} is {by}"


def write_pause(tx: Tx, pause: Row) -> bool:
    """Pause or resume as an operator did after the backup. Returns whether that changed anything."""
    before = kv.read_with_time(tx.connection, PAUSE)
    if before and (before[1] >= pause["at"] or before[0] == pause["why"]):
        return False
    if before is None and not pause["why"]:
        return False
    kv.write(tx, PAUSE, pause["why"])
    word = f"paused by {pause['why']}" if pause["why"] else "resumed"
    journal.write(tx, [Entry("", "restored", f"Known again from the guard log: {word}.")])
    return True


def snapshot(connection: Connection, since: float | None) -> Facts:
    """What a log must know to begin, or to continue after its last line (`since`) of an earlier process."""
    newest = restores.newest_entry(connection)
    facts = Facts(newest.at if newest else 0.0, newest)
    which: ColumnElement[bool]
    lately: tuple[ColumnElement[bool], ...]
    if since is None:
        which = shipments.c.state.in_(_UNFINISHED)
        lately = (holds.c.released_at.is_(None),)
    else:
        start = since - _OVERLAP_S
        # In each state, because only the index of a state is sorted by time.
        which = and_(shipments.c.state.in_([*_DONE, *_UNFINISHED]), shipments.c.updated_at >= start)
        still_active = and_(holds.c.released_at.is_(None), holds.c.placed_at >= start)
        lately = (still_active, holds.c.released_at >= start)
    found = connection.execute(select(shipments).where(which)).mappings().all()
    facts.rows += [Fact(Kind.SHIPMENT, dict(row)) for row in found]
    bought = select(labels).join(shipments, shipments.c.id == labels.c.shipment_id).where(which)
    facts.rows += [Fact(Kind.LABEL, dict(row)) for row in connection.execute(bought).mappings()]
    for part in lately:
        rows = connection.execute(select(holds).where(part)).mappings()
        facts.rows += [
            Fact(Kind.HOLD, {name: value for name, value in row.items() if name != "id"}) for row in rows
        ]
    if paused := kv.read_with_time(connection, PAUSE):
        facts.rows.append(Fact(Kind.PAUSE, {"why": paused[0], "at": paused[1]}))
    return facts


def last_of(marks: Sequence[Mark]) -> float | None:
    """The time of the last of these entries."""
    return max((mark.at for mark in marks), default=None)
