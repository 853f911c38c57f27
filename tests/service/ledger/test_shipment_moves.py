"""Moves of shipments: from the state they were read in, under the lease, with everything written together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from packhouse.errors import LeaseLost, OperationRefused
from packhouse.ledger import shipments
from packhouse.ledger.tables import labels, orders
from packhouse.ledger.tables import shipments as shipments_table
from packhouse.ledger.tx import Tx
from packhouse.model.label import LabelFormat, LabelPaper
from packhouse.model.order import Units
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from tests.service.ledger.rows import NOW, Rows, entries, label_of, lease_on

S = ShipmentState


def _lost(rows: Rows, order_id: str = "ord") -> Tx:
    """What the units of a worker receive that lost its lease on the order."""
    return rows.tx(lease_on(order_id, "other:1"))


def test_a_planned_shipment_is_written_noted_and_recorded(rows: Rows) -> None:
    tx = rows.leased("ord")
    planned = Shipment("ord-1", "ord", 1, S.PLANNED, (Units("line", 2),), fingerprint="f")
    shipments.plan(tx, [planned], entries("planned"))
    assert rows.read("ord-1") == planned
    assert rows.row(shipments_table, "ord-1")["updated_at"] == NOW
    assert [(kind, row["id"]) for kind, row in rows.facts()] == [("shipment", "ord-1")]
    assert rows.journal() == [("planned", "ord")]


def test_a_plan_whose_number_is_taken_loses_to_the_one_that_took_it(rows: Rows) -> None:
    tx = rows.leased("ord")
    taken = rows.shipment("ord-1", S.BUYING)
    with pytest.raises(LeaseLost, match="ord: a shipment of that number exists already"):
        shipments.plan(tx, [replace(taken, state=S.PLANNED)], entries("planned"))
    assert (rows.facts(), rows.journal()) == ([], [])


def test_a_move_changes_one_shipment_with_its_columns_and_notes_the_new_row(rows: Rows) -> None:
    tx = rows.leased("ord")
    first, _ = rows.shipment("ord-1", S.PLANNED), rows.shipment("ord-2", S.PLANNED)
    shipments.move(tx, first, S.BUYING, entries("buying"), provider="easypost", intent_at=5.0)
    assert rows.states() == {"ord-1": "buying", "ord-2": "planned"}
    row = rows.row(shipments_table, "ord-1")
    assert (row["provider"], row["intent_at"], row["updated_at"]) == ("easypost", 5.0, NOW)
    ((kind, fact),) = rows.facts()
    assert kind == "shipment"
    assert fact == row
    assert rows.journal() == [("buying", "ord")]


def test_a_move_may_stay_in_its_state_to_set_columns(rows: Rows) -> None:
    tx = rows.leased("ord")
    shipments.move(tx, rows.shipment("ord-1", S.FULFILLED), S.FULFILLED, (), post_key="key")
    assert rows.read("ord-1").post_key == "key"


def test_a_move_that_no_table_allows_touches_nothing(rows: Rows) -> None:
    tx = rows.leased("ord")
    shipment = rows.shipment("ord-1", S.PLANNED)
    with pytest.raises(ValueError, match="does not go from planned to fulfilled"):
        shipments.move(tx, shipment, S.FULFILLED, entries("posted"))
    assert rows.states() == {"ord-1": "planned"}
    assert rows.row(orders, "ord")["updated_at"] < NOW


def test_a_move_fails_if_another_unit_has_moved_the_shipment_meanwhile(rows: Rows) -> None:
    tx = rows.leased("ord")
    read, _ = rows.shipment("ord-1", S.BUYING), rows.shipment("ord-2", S.UNKNOWN)
    with pytest.raises(LeaseLost, match="ord-1 is no longer unknown"):
        shipments.move(tx, replace(read, state=S.UNKNOWN), S.PLANNED, entries("planned"))
    assert rows.states() == {"ord-1": "buying", "ord-2": "unknown"}
    assert (rows.facts(), rows.journal()) == ([], [])


def test_a_revoked_move_needs_no_lease_and_changes_one_shipment(rows: Rows) -> None:
    first, _ = rows.shipment("ord-1", S.HELD), rows.shipment("ord-2", S.HELD)
    shipments.move_revoked(rows.tx(), first, S.HELD, S.LABELED, provider="hand")
    assert rows.states() == {"ord-1": "labeled", "ord-2": "held"}
    row = rows.row(shipments_table, "ord-1")
    assert (row["provider"], row["updated_at"]) == ("hand", NOW)
    assert rows.facts() == [("shipment", row)]


def test_a_revoked_move_is_refused_if_the_state_changed_meanwhile(rows: Rows) -> None:
    read, _ = rows.shipment("ord-1", S.LABELED), rows.shipment("ord-2", S.HELD)
    with pytest.raises(OperationRefused) as refused:
        shipments.move_revoked(rows.tx(), read, S.HELD, S.LABELED)
    assert refused.value.code == "state_changed"
    assert rows.facts() == []


@pytest.mark.parametrize("to", [S.HELD, S.DELIVERED])
def test_a_revoked_move_that_no_table_allows_touches_nothing(rows: Rows, to: ShipmentState) -> None:
    shipment = rows.shipment("ord-1", S.HELD)
    with pytest.raises(ValueError, match=f"does not go from held to {to}"):
        shipments.move_revoked(rows.tx(), shipment, S.HELD, to)
    assert rows.states() == {"ord-1": "held"}


def _facts(rows: Rows) -> list[tuple[str, Any, Any]]:
    return [(kind, row["id"], row["state"]) for kind, row in rows.facts()]


def test_a_bought_label_is_written_with_its_move(rows: Rows) -> None:
    tx, shipment = rows.leased("ord"), rows.shipment("ord-1", S.BUYING)
    shipments.bought(tx, shipment, label_of("ord-1"), entries("bought"))
    assert rows.read("ord-1") == replace(shipment, state=S.LABELED, label=label_of("ord-1"))
    assert _facts(rows) == [("shipment", "ord-1", "labeled"), ("label", "ord-1-label", "bought")]
    assert rows.journal() == [("bought", "ord")]


def test_a_label_found_void_is_written_with_its_move(rows: Rows) -> None:
    tx, shipment = rows.leased("ord"), rows.shipment("ord-1", S.UNKNOWN)
    void = label_of("ord-1", state=LabelState.VOIDED)
    shipments.found_withdrawn(tx, shipment, S.VOIDED, void, entries("voided"))
    assert rows.read("ord-1") == replace(shipment, state=S.VOIDED, label=void)
    assert _facts(rows) == [("shipment", "ord-1", "voided"), ("label", "ord-1-label", "voided")]
    assert rows.journal() == [("voided", "ord")]


def _bought(tx: Tx, shipment: Shipment) -> None:
    shipments.bought(tx, shipment, label_of(shipment.id), entries("bought"))


def _found_withdrawn(tx: Tx, shipment: Shipment) -> None:
    shipments.found_withdrawn(tx, shipment, S.VOIDING, label_of(shipment.id), entries("voiding"))


@pytest.mark.parametrize("unit", [_bought, _found_withdrawn])
def test_a_worker_whose_purchase_another_one_recorded_has_lost_its_lease(
    rows: Rows, unit: Callable[[Tx, Shipment], None]
) -> None:
    read = rows.shipment("ord-1", S.UNKNOWN)
    rows.label("ord-1")
    with pytest.raises(LeaseLost):
        unit(_lost(rows), read)
    assert (rows.facts(), rows.journal()) == ([], [])


def test_a_second_live_label_of_a_shipment_is_refused_and_not_noted(rows: Rows) -> None:
    rows.labeled("ord-1")
    second = label_of("ord-1", id="second", generation=2)
    with pytest.raises(Exception, match="UNIQUE constraint failed"):
        shipments.add_label(rows.tx(), second)
    assert rows.facts() == []


def _save_post(tx: Tx, shipment: Shipment, document: str, kind: LabelFormat | None) -> None:
    shipments.save_post(
        *(tx, shipment),
        key="key",
        body="body",
        document=document,
        document_format=kind,
        entries=entries("posting"),
    )


@pytest.mark.parametrize("kind", [LabelFormat.PDF, None])
def test_what_is_posted_is_saved_with_the_place_of_the_file(rows: Rows, kind: LabelFormat | None) -> None:
    tx, shipment, other = rows.leased("ord"), rows.labeled("ord-1"), rows.labeled("ord-2")
    _save_post(tx, shipment, "sha", kind)
    saved = rows.read("ord-1")
    assert (saved.state, saved.post_key, saved.post_body) == (S.LABELED, "key", "body")
    assert saved.label == replace(label_of("ord-1"), document="sha", document_format=kind)
    assert rows.read("ord-2") == other
    (_, posted), (kind_of_fact, fact) = rows.facts()
    assert posted["post_body"] == "body"
    assert (kind_of_fact, fact["document"], fact["document_format"]) == ("label", "sha", kind)
    assert rows.journal() == [("posting", "ord")]


def test_a_post_without_a_new_file_keeps_the_known_one(rows: Rows) -> None:
    tx = rows.leased("ord")
    shipment = rows.labeled("ord-1", document="known", document_format=LabelFormat.ZPL)
    _save_post(tx, shipment, "", None)
    assert rows.read("ord-1").label == shipment.label
    assert [kind for kind, _ in rows.facts()] == ["shipment"]


def test_a_post_of_a_shipment_without_a_label_saves_the_body(rows: Rows) -> None:
    tx, shipment = rows.leased("ord"), rows.shipment("ord-1", S.LABELED)
    _save_post(tx, shipment, "sha", LabelFormat.PDF)
    assert rows.read("ord-1").post_body == "body"


def test_a_worker_without_its_lease_saves_nothing_of_a_post(rows: Rows) -> None:
    shipment = rows.labeled("ord-1")
    with pytest.raises(LeaseLost):
        _save_post(_lost(rows), shipment, "sha", LabelFormat.PDF)
    assert rows.read("ord-1") == shipment
    assert rows.facts() == []


def test_a_void_moves_the_shipment_and_its_label_together(rows: Rows) -> None:
    tx, shipment, other = rows.leased("ord"), rows.labeled("ord-1"), rows.labeled("ord-2")
    shipments.move_with_label(
        *(tx, shipment, S.VOIDING, LabelState.VOIDING, entries("voiding")),
        void_refusals=2,
        void_due_at=NOW + 5,
        void_again=True,
    )
    moved = rows.read("ord-1")
    assert moved.state is S.VOIDING
    assert moved.label == label_of(
        "ord-1",
        state=LabelState.VOIDING,
        void_requested_at=NOW,
        void_refusals=2,
        void_due_at=NOW + 5,
        void_again=True,
    )
    assert rows.read("ord-2") == other
    (_, _), (kind, fact) = rows.facts()
    assert (kind, fact["state"], fact["void_requested_at"], fact["void_refusals"]) == (
        "label",
        "voiding",
        NOW,
        2,
    )
    assert rows.journal() == [("voiding", "ord")]


def test_the_end_of_a_void_keeps_the_time_of_its_request_and_clears_what_was_due(rows: Rows) -> None:
    tx = rows.leased("ord")
    shipment = rows.labeled(
        *("ord-1", S.VOIDING),
        state=LabelState.VOIDING,
        void_requested_at=NOW - 500,
        void_due_at=NOW,
        void_again=True,
    )
    shipments.move_with_label(tx, shipment, S.VOIDED, LabelState.VOIDED, ())
    assert rows.read("ord-1").label == label_of("ord-1", state=LabelState.VOIDED, void_requested_at=NOW - 500)


def test_a_shipment_without_a_label_has_nothing_to_void(rows: Rows) -> None:
    tx, shipment = rows.leased("ord"), rows.shipment("ord-1", S.LABELED)
    with pytest.raises(ValueError, match="ord-1 has no label"):
        shipments.move_with_label(tx, shipment, S.VOIDING, LabelState.VOIDING, ())
    assert rows.states() == {"ord-1": "labeled"}


UNITS: dict[str, Callable[[Tx, Shipment], None]] = {
    "plan": lambda tx, shipment: shipments.plan(tx, [replace(shipment, id="ord-9", seq=9)], ()),
    "move": lambda tx, shipment: shipments.move(tx, shipment, S.VOIDING, ()),
    "keep_document": lambda tx, shipment: shipments.keep_document(
        tx, label_of(shipment.id), "sha", LabelFormat.PDF
    ),
    "save_papers": lambda tx, shipment: shipments.save_papers(
        tx, label_of(shipment.id).id, [LabelPaper("invoice", "https://files/1")]
    ),
    "move_with_label": lambda tx, shipment: shipments.move_with_label(
        tx, shipment, S.VOIDING, LabelState.VOIDING, ()
    ),
    "void_due": lambda tx, shipment: shipments.void_due(tx, label_of(shipment.id).id, NOW),
}


@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS)
def test_a_worker_without_its_lease_writes_nothing(rows: Rows, unit: Callable[[Tx, Shipment], None]) -> None:
    shipment = rows.labeled("ord-1")
    before = rows.states(), rows.row(labels, "ord-1-label")
    with pytest.raises(LeaseLost, match="lost the lease on order ord"):
        unit(_lost(rows), shipment)
    assert (rows.states(), rows.row(labels, "ord-1-label")) == before
    assert rows.facts() == []
