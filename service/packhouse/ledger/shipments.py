"""Shipments and their labels: planned, moved by compare-and-swap, and read with their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from packhouse.errors import LeaseLost, OperationRefused
from packhouse.ledger import facts, journal, leases
from packhouse.ledger.facts import Kind
from packhouse.ledger.shipment_rows import label_row, papers_to_json, shipment_of, shipment_row
from packhouse.ledger.statements import Prepared, prepared_update, update_where
from packhouse.ledger.tables import labels, shipments
from packhouse.ledger.tx import Tx
from packhouse.model.journal import Entry
from packhouse.model.label import Label, LabelFormat, LabelPaper
from packhouse.model.shipment import Shipment
from packhouse.model.states import MOVES, LabelState, ShipmentState
from packhouse.model.tracking_number import canonical

_INSERT = Prepared(insert(shipments), tuple(shipments.c.keys()))
# A new label has the defaults of what only its void and its tracking set.
_SET_LATER = ("void_due_at", "void_again", "tracking_state", "tracking_note", "tracking_changed_at")
_LABEL_ROW = tuple(c.name for c in labels.c if c.name not in (*_SET_LATER, "expected_at", "track_due_at"))
_INSERT_LABEL = Prepared(insert(labels), _LABEL_ROW)
BY_SHIPMENT = select(shipments, *(column.label(f"label_{column.name}") for column in labels.c)).outerjoin(
    labels, (labels.c.shipment_id == shipments.c.id) & (labels.c.generation == shipments.c.generation)
)
_BY_ORDERS = BY_SHIPMENT.where(shipments.c.order_id.in_(bindparam("order_ids", expanding=True))).order_by(
    shipments.c.seq, shipments.c.generation
)
_OWNER_OF_TRACKING = (
    select(shipments.c.id, shipments.c.order_id)
    .join(labels, labels.c.shipment_id == shipments.c.id)
    .where(
        labels.c.tracking_canonical == bindparam("canonical"),
        labels.c.state != LabelState.VOIDED.value,
        shipments.c.id != bindparam("but"),
    )
    .order_by(labels.c.bought_at)
    .limit(1)
)
_ANNOUNCED = prepared_update(shipments, ("id",), ("announced_at",))
_KEPT = prepared_update(labels, ("id",), ("document", "document_format"))
_POST_BODY = prepared_update(shipments, ("id", "state"), ("post_body",))
_VOID_DUE = update_where(labels, ("id",), ("void_due_at", "void_again"))
_PAPERS = update_where(labels, ("id",), ("papers",))
_LABEL_STATE = update_where(
    labels, ("id",), ("state", "void_requested_at", "void_refusals", "void_due_at", "void_again")
)


def plan(tx: Tx, planned: Sequence[Shipment], entries: Sequence[Entry]) -> None:
    """Write new shipments. Raises LeaseLost, also where the number is taken."""
    lease = leases.require(tx)
    rows = [shipment_row(shipment, tx.now) for shipment in planned]
    try:
        for row in rows:
            _INSERT.run(tx.connection, row)
    except IntegrityError as error:
        raise LeaseLost(f"order {lease.order_id}: a shipment of that number exists already") from error
    for row in rows:
        facts.note(tx, Kind.SHIPMENT, row)
    journal.write(tx, entries)


def move(
    tx: Tx,
    /,
    shipment: Shipment,
    to: ShipmentState,
    entries: Sequence[Entry],
    **columns: Any,
) -> None:
    """Move a shipment from the state it was read in, and set columns with it.

    Raises LeaseLost if its state changed meanwhile, ValueError for a move that `MOVES` does not allow.
    """
    if to is not shipment.state and to not in MOVES[shipment.state]:
        raise ValueError(f"a shipment does not go from {shipment.state} to {to}")
    leases.require(tx)
    columns = {"state": to.value, "updated_at": tx.now} | columns
    changed = prepared_update(shipments, ("id", "state"), tuple(columns)).run(
        tx.connection,
        {"w_id": shipment.id, "w_state": shipment.state.value} | {f"v_{k}": v for k, v in columns.items()},
    )
    if changed != 1:
        raise LeaseLost(f"shipment {shipment.id} is no longer {shipment.state}")
    facts.note(tx, Kind.SHIPMENT, shipment_row(shipment, tx.now) | columns)
    journal.write(tx, entries)


def move_revoked(tx: Tx, shipment: Shipment, since: ShipmentState, to: ShipmentState, **columns: Any) -> None:
    """Move a shipment whose order has no lease, because this transaction revokes it, and set columns with it.

    Raises OperationRefused if the shipment is not in state `since`, ValueError for a move that no table
    allows.
    """
    if to not in MOVES[since]:
        raise ValueError(f"a shipment does not go from {since} to {to}")
    columns = {"state": to.value, "updated_at": tx.now} | columns
    changed = prepared_update(shipments, ("id", "state"), tuple(columns)).run(
        tx.connection,
        {"w_id": shipment.id, "w_state": since.value} | {f"v_{k}": v for k, v in columns.items()},
    )
    if changed != 1:
        raise OperationRefused(
            "state_changed",
            f"Shipment {shipment.id} is no longer {since}.",
            "Read the shipment and try again.",
        )
    facts.note(tx, Kind.SHIPMENT, shipment_row(shipment, tx.now) | columns)


def bought(
    tx: Tx,
    shipment: Shipment,
    label: Label,
    entries: Sequence[Entry],
) -> None:
    """Write the label that was bought, and move its shipment to `labeled`.

    The shipment's fingerprint is written too: it is empty for a label that goes elsewhere than the order.
    """
    move(tx, shipment, ShipmentState.LABELED, (), fingerprint=shipment.fingerprint)
    add_label(tx, label)
    journal.write(tx, entries)


def found_withdrawn(
    tx: Tx, shipment: Shipment, to: ShipmentState, label: Label, entries: Sequence[Entry]
) -> None:
    """Write a label that was void, or being voided, when it was found, and move its shipment there."""
    move(tx, shipment, to, ())
    add_label(tx, label)
    journal.write(tx, entries)


def add_label(tx: Tx, label: Label) -> None:
    """Write a bought label; the database refuses a second live one for the same shipment."""
    row = label_row(label)
    _INSERT_LABEL.run(tx.connection, row)
    facts.note(tx, Kind.LABEL, row)


def save_post(
    tx: Tx,
    shipment: Shipment,
    *,
    key: str,
    body: str,
    document: str,
    document_format: LabelFormat | None,
    entries: Sequence[Entry],
) -> None:
    """Save the key and the exact bytes to post, and where the label's file is."""
    move(tx, shipment, ShipmentState.LABELED, (), post_key=key, post_body=body)
    if shipment.label and document:
        _KEPT.run(
            tx.connection,
            {
                "w_id": shipment.label.id,
                "v_document": document,
                "v_document_format": document_format.value if document_format else None,
            },
        )
        kept = replace(shipment.label, document=document, document_format=document_format)
        facts.note(tx, Kind.LABEL, label_row(kept))
    journal.write(tx, entries)


def keep_document(tx: Tx, label: Label, document: str, document_format: LabelFormat) -> None:
    """Note where the file of a posted label is, so that it is announced again. Raises LeaseLost."""
    leases.require(tx)
    kept = {"v_document": document, "v_document_format": document_format.value}
    _KEPT.run(tx.connection, {"w_id": label.id, **kept})
    mark_announced(tx, label.shipment_id, None)


def forget_post(tx: Tx, shipment_id: str) -> None:
    """Forget a body that was saved and certainly never recorded by the store: no doubt is left."""
    values = {"w_id": shipment_id, "w_state": ShipmentState.LABELED.value, "v_post_body": ""}
    _POST_BODY.run(tx.connection, values)


def save_papers(tx: Tx, label_id: str, papers: Sequence[LabelPaper], entries: Sequence[Entry] = ()) -> None:
    """Save what became of a label's papers. Raises LeaseLost."""
    leases.require(tx)
    tx.connection.execute(_PAPERS, {"w_id": label_id, "v_papers": papers_to_json(papers)})
    journal.write(tx, entries)


def move_with_label(
    tx: Tx,
    shipment: Shipment,
    to: ShipmentState,
    label_state: LabelState,
    entries: Sequence[Entry],
    void_refusals: int = 0,
    void_due_at: float | None = None,
    void_again: bool = False,
) -> None:
    """Move a shipment together with its label, from the request of a void to its end."""
    if shipment.label is None:
        raise ValueError(f"shipment {shipment.id} has no label")
    move(tx, shipment, to, ())
    requested_at = shipment.label.void_requested_at or tx.now
    tx.connection.execute(
        _LABEL_STATE,
        {
            "w_id": shipment.label.id,
            "v_state": label_state.value,
            "v_void_requested_at": requested_at,
            "v_void_refusals": void_refusals,
            "v_void_due_at": void_due_at,
            "v_void_again": void_again,
        },
    )
    label = replace(
        shipment.label, state=label_state, void_requested_at=requested_at, void_refusals=void_refusals
    )
    facts.note(tx, Kind.LABEL, label_row(label))
    journal.write(tx, entries)


def void_due(tx: Tx, label_id: str, due_at: float) -> None:
    """Note when the provider is asked next about a void that is pending. Raises LeaseLost."""
    leases.require(tx)
    tx.connection.execute(_VOID_DUE, {"w_id": label_id, "v_void_due_at": due_at, "v_void_again": False})


def ask_void_again(tx: Tx, shipment_id: str) -> None:
    """Let the provider be asked to void this shipment's label at once, whatever it answered before."""
    where = labels.c.shipment_id == shipment_id, labels.c.state == LabelState.VOIDING.value
    tx.connection.execute(update(labels).where(*where).values(void_due_at=None, void_again=True))


def owner_of_tracking(connection: Connection, tracking_number: str, but: str) -> tuple[str, str] | None:
    """The shipment other than `but`, and its order, that a live label of this number belongs to.

    Any writing of the number counts: numbers are compared in their canonical form.
    """
    number = canonical(tracking_number)
    owner = (
        connection.execute(_OWNER_OF_TRACKING, {"canonical": number, "but": but}).first() if number else None
    )
    return (owner.id, owner.order_id) if owner else None


def mark_announced(tx: Tx, shipment_id: str, at: float | None) -> None:
    """Note that the sinks were notified."""
    _ANNOUNCED.run(tx.connection, {"w_id": shipment_id, "v_announced_at": at})


def of_order(connection: Connection, order_id: str) -> tuple[Shipment, ...]:
    """An order's shipments by number."""
    return of_orders(connection, (order_id,)).get(order_id, ())


def of_orders(connection: Connection, order_ids: Sequence[str]) -> dict[str, tuple[Shipment, ...]]:
    """Shipments of many orders, by order, in their numbers' order."""
    found: dict[str, tuple[Shipment, ...]] = {}
    for row in connection.execute(_BY_ORDERS, {"order_ids": list(order_ids)}):
        found[row.order_id] = (*found.get(row.order_id, ()), shipment_of(row))
    return found
