"""What counts as spent: every label that is paid, and every purchase that may still cost something."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import false, true

from packhouse.ledger import spending
from packhouse.ledger.shipment_rows import rate_to_json
from packhouse.ledger.tables import labels, shipments
from packhouse.model.hold import HoldCode
from packhouse.model.label import Rate
from packhouse.model.money import Money
from packhouse.model.states import LabelState, ShipmentState
from tests.service.ledger.rows import NOW, Rows

S = ShipmentState


def spent(rows: Rows, bought: Any = None, begun: Any = None, currency: str = "USD", but: str = "") -> int:
    """What all labels and unfinished purchases cost, unless conditions choose fewer."""
    bought = true() if bought is None else bought
    begun = true() if begun is None else begun
    return spending.spent(rows.connection, spending.sum_of(bought, begun), currency, but)


def begin(rows: Rows, shipment_id: str, state: ShipmentState, minor: int, currency: str = "USD") -> None:
    """Add a shipment with this price, and no label."""
    rate = rate_to_json(Rate("r", "USPS", "Priority", Money(minor, currency)))
    rows.shipment(shipment_id, state, rate=rate)


def test_nothing_is_spent_at_first(rows: Rows) -> None:
    assert spent(rows) == 0


@pytest.mark.parametrize(
    ("state", "counts"),
    [
        (LabelState.BOUGHT, True),
        (LabelState.VOIDING, True),
        (LabelState.VOID_REFUSED, True),
        (LabelState.VOIDED, False),
    ],
)
def test_a_label_is_paid_until_it_is_void(rows: Rows, state: LabelState, counts: bool) -> None:
    rows.labeled("ord-1", state=state, cost=Money(700, "USD"))
    assert spent(rows) == (700 if counts else 0)
    assert spending.labels_of(rows.connection, "ord", "") == int(counts)


@pytest.mark.parametrize(
    ("state", "counts"), [(state, state in (S.BUYING, S.UNKNOWN)) for state in ShipmentState]
)
def test_a_purchase_counts_from_its_intent_until_its_outcome_is_known(
    rows: Rows, state: ShipmentState, counts: bool
) -> None:
    begin(rows, "ord-1", state, 40)
    assert spent(rows) == (40 if counts else 0)
    assert spending.labels_of(rows.connection, "ord", "") == int(counts)


def test_labels_and_purchases_add_up_and_the_purchase_in_question_is_left_out(rows: Rows) -> None:
    rows.labeled("a-1", cost=Money(1, "USD"))
    rows.labeled("b-1", cost=Money(20, "USD"))
    begin(rows, "b-2", S.BUYING, 300)
    begin(rows, "c-1", S.UNKNOWN, 4000)
    assert spent(rows) == 4321
    assert spent(rows, but="c-1") == 321
    assert spent(rows, but="b-2") == 4021


def test_only_sums_of_the_asked_currency_count(rows: Rows) -> None:
    rows.labeled("a-1", cost=Money(1, "USD"))
    rows.labeled("b-1", cost=Money(20, "EUR"))
    begin(rows, "c-1", S.BUYING, 300, "EUR")
    begin(rows, "d-1", S.BUYING, 4000, "USD")
    assert spent(rows, currency="EUR") == 320
    assert spent(rows, currency="USD") == 4001
    assert spent(rows, currency="JPY") == 0


def test_a_purchase_without_a_price_costs_nothing_yet(rows: Rows) -> None:
    rows.shipment("a-1", S.BUYING)
    rows.shipment("b-1", S.BUYING, rate=rate_to_json(Rate("r", "DHL", "Express", None)))
    begin(rows, "c-1", S.BUYING, 300)
    assert spent(rows) == 300


def test_the_caller_chooses_the_labels_and_the_purchases_each(rows: Rows) -> None:
    rows.labeled("a-1", cost=Money(1, "USD"), bought_at=NOW)
    rows.labeled("b-1", cost=Money(20, "USD"), bought_at=NOW - 500)
    begin(rows, "a-2", S.BUYING, 300)
    begin(rows, "b-2", S.BUYING, 4000)
    of_a = shipments.c.order_id == "a"
    assert spent(rows, bought=of_a, begun=of_a) == 301
    assert spent(rows, bought=labels.c.bought_at < NOW, begun=false()) == 20
    assert spent(rows, bought=false(), begun=of_a) == 300


@pytest.mark.parametrize(
    ("code", "shipment_id", "released_at", "counts"),
    [
        (HoldCode.PURCHASE_UNKNOWN, "ord-1", None, True),
        (HoldCode.PURCHASE_UNKNOWN, "ord-1", NOW, False),
        (HoldCode.PURCHASE_UNKNOWN, "ord-2", None, False),
        (HoldCode.PRICE_DRIFT, "ord-1", None, False),
    ],
)
def test_a_purchase_that_a_person_must_check_may_have_been_paid(
    rows: Rows, code: HoldCode, shipment_id: str, released_at: float | None, counts: bool
) -> None:
    begin(rows, "ord-1", S.HELD, 40)
    rows.hold("ord", code, shipment_id, released_at=released_at)
    assert spent(rows) == (40 if counts else 0)
    assert spending.labels_of(rows.connection, "ord", "") == int(counts)


def test_labels_are_counted_for_one_order_without_the_shipment_in_question(rows: Rows) -> None:
    rows.labeled("ord-1")
    begin(rows, "ord-2", S.BUYING, 40)
    rows.shipment("ord-3", S.PLANNED)
    rows.labeled("other-1")
    assert spending.labels_of(rows.connection, "ord", "") == 2
    assert spending.labels_of(rows.connection, "ord", "ord-1") == 1
    assert spending.labels_of(rows.connection, "ord", "ord-3") == 2
    assert spending.labels_of(rows.connection, "none", "") == 0


def test_a_shipment_with_a_void_label_and_a_live_one_counts_once(rows: Rows) -> None:
    rows.shipment("ord-1", S.LABELED, generation=2)
    rows.label("ord-1", state=LabelState.VOIDED, cost=Money(5, "USD"))
    rows.label("ord-1", id="second", generation=2, cost=Money(7, "USD"))
    assert spent(rows) == 7
    assert spending.labels_of(rows.connection, "ord", "") == 1
