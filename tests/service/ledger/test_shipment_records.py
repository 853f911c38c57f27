"""What the ledger keeps of shipments and labels: every field comes back, and each write finds its own row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from packhouse.ledger import shipment_rows, shipments
from packhouse.ledger.tables import shipments as shipments_table
from packhouse.model.label import Label, LabelFormat, LabelPaper, Rate
from packhouse.model.money import Money
from packhouse.model.order import Units
from packhouse.model.parcel import Parcel
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from tests.service.ledger.rows import NOW, Rows, entries, label_of

S = ShipmentState
PRICE = Money(1234, "EUR")
PAPERS = (
    LabelPaper("invoice", "https://files/1", False, "sha2", LabelFormat.PDF, True, 2, 7.0, "slow"),
    LabelPaper("customs", "", True),
)


@pytest.mark.parametrize(
    "rate",
    [
        Rate("r1", "UPS", "Ground", PRICE, 3, True, "cheapest"),
        Rate("r2", "DHL", "Paket", Money(0, "EUR")),
        Rate("r3", "DHL", "Express", None, 1),
        None,
    ],
)
@pytest.mark.parametrize("parcel", [Parcel(1, 2, 3, 4), None])
@pytest.mark.parametrize("quoted", [PRICE, None])
def test_a_shipment_comes_back_as_it_was_planned(
    rows: Rows, rate: Rate | None, parcel: Parcel | None, quoted: Money | None
) -> None:
    planned = Shipment(
        id="ord-7",
        order_id="ord",
        seq=7,
        state=S.PLANNED,
        units=(Units("a", 1), Units("b", 3)),
        generation=2,
        fingerprint="f",
        parcel=parcel,
        provider="easypost",
        provider_ref="shp",
        rate=rate,
        quoted=quoted,
        intent_at=8.0,
        post_key="key",
        post_body="body",
        announced_at=9.0,
    )
    shipments.plan(rows.leased("ord"), [planned], ())
    assert shipments.of_order(rows.connection, "ord") == (planned,)


@pytest.mark.parametrize(
    "label",
    [
        label_of("ord-1"),
        label_of(
            "ord-1",
            cost=PRICE,
            state=LabelState.VOID_REFUSED,
            document="sha",
            document_format=LabelFormat.PNG,
            document_source="https://files/0",
            void_requested_at=5.0,
            void_refusals=3,
            papers=PAPERS,
        ),
    ],
)
def test_a_label_comes_back_as_it_was_bought(rows: Rows, label: Label) -> None:
    rows.shipment("ord-1", S.LABELED)
    shipments.add_label(rows.tx(), label)
    assert rows.read("ord-1").label == label
    ((kind, fact),) = rows.facts()
    assert (kind, fact) == ("label", shipment_rows.label_row(label))


def test_a_label_without_papers_keeps_no_list_of_them() -> None:
    assert shipment_rows.label_row(label_of("ord-1"))["papers"] is None


def test_a_rate_of_an_older_version_was_exact_and_chosen_by_no_rule(rows: Rows) -> None:
    raw = {"id": "r", "carrier": "UPS", "service": "Ground", "minor": 5, "currency": "USD", "days": None}
    shipment = rows.shipment("ord-1", S.PLANNED, rate=raw)
    assert shipment.rate == Rate("r", "UPS", "Ground", Money(5, "USD"))


def test_a_shipment_shows_only_the_label_of_its_own_generation(rows: Rows) -> None:
    rows.shipment("ord-1", S.PLANNED, generation=2)
    rows.label("ord-1", state=LabelState.VOIDED)
    rows.labeled("ord-2")
    assert [one.label for one in shipments.of_order(rows.connection, "ord")] == [None, label_of("ord-2")]


def test_shipments_of_several_orders_come_by_order_and_number(rows: Rows) -> None:
    rows.shipment("a-2", S.PLANNED)
    rows.shipment("b-1", S.PLANNED)
    rows.shipment("a-1", S.PLANNED)
    rows.shipment("c-1", S.PLANNED)
    found = shipments.of_orders(rows.connection, ["a", "b", "none"])
    assert {order: [one.id for one in some] for order, some in found.items()} == {
        "a": ["a-1", "a-2"],
        "b": ["b-1"],
    }
    assert shipments.of_order(rows.connection, "none") == ()


def test_a_number_belongs_to_the_oldest_other_live_label_in_any_writing(rows: Rows) -> None:
    rows.labeled("young-1", tracking_number="1Z 999", bought_at=20.0)
    rows.labeled("old-1", tracking_number="1z999", bought_at=10.0)
    rows.labeled("void-1", tracking_number="1Z999", bought_at=5.0, state=LabelState.VOIDED)
    rows.labeled("other-1", tracking_number="1Z998", bought_at=1.0)

    def owner(number: str, but: str) -> tuple[str, str] | None:
        return shipments.owner_of_tracking(rows.connection, number, but)

    assert owner("1Z-999", "") == ("old-1", "old")
    assert owner("1Z-999", "old-1") == ("young-1", "young")
    assert owner("1Z998", "other-1") is None
    assert owner("1Z000", "") is None


def test_labels_without_a_number_belong_to_nobody(rows: Rows) -> None:
    rows.labeled("ord-1", tracking_number="")
    assert shipments.owner_of_tracking(rows.connection, "", "") is None
    assert shipments.owner_of_tracking(rows.connection, "--", "") is None


def test_a_shipment_is_marked_as_announced_alone(rows: Rows) -> None:
    rows.labeled("ord-1")
    rows.labeled("ord-2")
    shipments.mark_announced(rows.tx(), "ord-1", 5.0)
    assert rows.column(shipments_table.c.announced_at) == {"ord-1": 5.0, "ord-2": None}


def test_a_file_that_comes_after_the_post_is_kept_and_announced_again(rows: Rows) -> None:
    tx = rows.leased("ord")
    for shipment_id in ("ord-1", "ord-2"):
        rows.labeled(shipment_id)
        shipments.mark_announced(tx, shipment_id, 5.0)
    shipments.keep_document(tx, label_of("ord-1"), "sha", LabelFormat.ZPL)
    label = replace(label_of("ord-1"), document="sha", document_format=LabelFormat.ZPL)
    assert [one.label for one in shipments.of_order(rows.connection, "ord")] == [label, label_of("ord-2")]
    assert rows.column(shipments_table.c.announced_at) == {"ord-1": None, "ord-2": 5.0}


def test_a_post_that_was_certainly_not_recorded_is_forgotten_while_the_label_waits(rows: Rows) -> None:
    rows.shipment("ord-1", S.LABELED, post_body="body")
    rows.shipment("ord-2", S.LABELED, post_body="body")
    rows.shipment("ord-3", S.FULFILLED, post_body="body")
    shipments.forget_post(rows.tx(), "ord-1")
    shipments.forget_post(rows.tx(), "ord-3")
    assert rows.column(shipments_table.c.post_body) == {"ord-1": "", "ord-2": "body", "ord-3": "body"}


def test_papers_are_saved_for_one_label_and_recorded(rows: Rows) -> None:
    tx = rows.leased("ord")
    rows.labeled("ord-1")
    rows.labeled("ord-2")
    shipments.save_papers(tx, "ord-1-label", PAPERS, entries("paper_stored"))
    papers = [one.label.papers for one in shipments.of_order(rows.connection, "ord") if one.label]
    assert papers == [PAPERS, ()]
    assert [type(one.document_format) for one in papers[0]] == [LabelFormat, type(None)]
    assert rows.journal() == [("paper_stored", "ord")]


def test_the_next_question_about_a_void_is_noted_for_one_label(rows: Rows) -> None:
    tx = rows.leased("ord")
    voiding = {"state": LabelState.VOIDING, "void_again": True}
    rows.labeled("ord-1", S.VOIDING, **voiding)
    other = rows.labeled("ord-2", S.VOIDING, **voiding)
    shipments.void_due(tx, "ord-1-label", NOW + 50)
    label = rows.read("ord-1").label
    assert label is not None
    assert (label.void_due_at, label.void_again) == (NOW + 50, False)
    assert rows.read("ord-2") == other


def test_a_void_is_asked_for_again_only_where_one_is_pending(rows: Rows) -> None:
    rows.labeled("ord-1", S.VOIDING, state=LabelState.VOIDING, void_due_at=NOW + 50)
    others = [
        rows.labeled("ord-2", S.VOIDING, state=LabelState.VOIDING, void_due_at=NOW + 50),
        rows.labeled("ord-3", S.HELD, state=LabelState.VOID_REFUSED, void_due_at=NOW + 50),
    ]
    shipments.ask_void_again(rows.tx(), "ord-1")
    shipments.ask_void_again(rows.tx(), "ord-3")
    label = rows.read("ord-1").label
    assert label is not None
    assert (label.void_due_at, label.void_again) == (None, True)
    assert [rows.read(one.id) for one in others] == others
