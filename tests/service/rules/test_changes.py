"""Whether a planned or bought shipment still fits its order, and whether the store shows a posted one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from packhouse.model.label import Label
from packhouse.model.money import Money
from packhouse.model.order import Address, Fulfillment, Line, Order, RefundRecord, ReturnRecord, Units
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.rules.changes import conflict, fingerprint, is_missing_at_store, shipping_conflict

HOME = Address("Ann Lee", "", "1 Main St", "", "Austin", "TX", "78701", "US")
MUG, TEE = Line("li_1", "p1", "v1", "Mug", 2), Line("li_2", "p2", "v2", "Tee", 1)
ORDER = Order("o", "pending", lines=(MUG, TEE), address=HOME, fulfillments=(), refunds=())
UNITS = (Units("li_1", 2),)
PLANNED = Shipment("s", "o", 1, ShipmentState.PLANNED, UNITS, fingerprint=fingerprint(ORDER, UNITS))
LABEL = Label("l", "s", 1, "easypost", "USPS", "", "9400", "shp_1", Money(500, "USD"), LabelState.BOUGHT, 0.0)
POSTED = replace(PLANNED, state=ShipmentState.FULFILLED, label=LABEL)


def test_a_shipment_fits_the_order_that_it_was_planned_for() -> None:
    assert conflict(ORDER, PLANNED) == ""
    assert shipping_conflict(ORDER, PLANNED) == ""


@pytest.mark.parametrize(
    ("status", "records"),
    [
        ("cancelled", {}),
        ("refunded", {"refunds": (RefundRecord(6000),), "total_minor": 6000}),
        ("returned", {"returned": (ReturnRecord("r", "received", (Units("li_1", 2), Units("li_2", 1))),)}),
    ],
)
def test_nothing_of_an_order_that_has_ended_may_ship(status: str, records: dict[str, Any]) -> None:
    ended = replace(ORDER, status=status, fulfillments=None, **records)
    assert shipping_conflict(ended, PLANNED) == f"the order is {status}"


@pytest.mark.parametrize("status", ["refunded", "returned"])
def test_a_status_alone_does_not_take_a_label_from_an_order_that_may_owe_its_units(status: str) -> None:
    labeled = replace(PLANNED, state=ShipmentState.LABELED, label=LABEL)
    assert shipping_conflict(replace(ORDER, status=status), labeled) == ""


def test_a_plan_has_no_unit_in_doubt_and_a_label_keeps_it() -> None:
    counted = replace(ORDER, lines=(replace(MUG, shipped_counts=(1,)), TEE))
    labeled = replace(PLANNED, state=ShipmentState.LABELED, label=LABEL)
    assert conflict(counted, PLANNED) == "the order no longer has these units to ship"
    assert conflict(counted, labeled) == ""


def test_a_post_whose_answer_was_lost_is_not_a_parcel_of_another() -> None:
    """A store that only counts may count our own units already."""
    counting = replace(ORDER, fulfillments=None, lines=(replace(MUG, shipped_counts=(2,)), TEE))
    sent = replace(PLANNED, state=ShipmentState.LABELED, label=LABEL, post_body="{}")
    assert conflict(counting, sent) == ""
    assert conflict(counting, replace(sent, post_body="")) == "the order no longer has these units to ship"


@pytest.mark.parametrize(("count", "is_missing"), [(0, True), (1, True), (2, False)])
def test_a_store_that_only_counts_shows_a_post_in_its_count(count: int, is_missing: bool) -> None:
    counting = replace(ORDER, fulfillments=None, lines=(replace(MUG, shipped_counts=(count,)), TEE))
    assert is_missing_at_store(counting, POSTED) is is_missing


def test_the_highest_of_a_lines_counts_shows_a_post() -> None:
    counting = replace(ORDER, fulfillments=None, lines=(replace(MUG, shipped_counts=(1, 2)), TEE))
    assert not is_missing_at_store(counting, POSTED)


@pytest.mark.parametrize("status", ["cancelled", "refunded", "returned"])
def test_in_an_order_that_has_ended_no_fulfillment_is_missed(status: str) -> None:
    for fulfillments in ((), None):
        lines = (replace(MUG, shipped_counts=(0,)), TEE)
        ended = replace(ORDER, status=status, fulfillments=fulfillments, lines=lines)
        assert not is_missing_at_store(ended, POSTED)


def test_that_the_store_reports_all_as_fulfilled_is_said_before_the_units() -> None:
    fewer = replace(ORDER, status="fulfilled", fulfillments=None, lines=(replace(MUG, quantity=1), TEE))
    assert conflict(fewer, PLANNED) == "the store reports every unit as fulfilled"


def test_a_fulfillment_that_was_cancelled_is_missing() -> None:
    rows = (Fulfillment("9400", "USPS", UNITS, "cancelled"),)
    assert is_missing_at_store(replace(ORDER, status="partially_fulfilled", fulfillments=rows), POSTED)


@pytest.mark.parametrize(
    "changed",
    [
        replace(ORDER, address=replace(HOME, street1="77 Other Road")),
        replace(ORDER, address=None),
        replace(ORDER, lines=(replace(MUG, product_id="p9"), TEE)),
        replace(ORDER, lines=(replace(MUG, variant_id="v9"), TEE)),
    ],
    ids=["address", "no address", "product", "variant"],
)
def test_another_address_or_other_items_conflict_with_the_plan(changed: Order) -> None:
    assert conflict(changed, PLANNED) == "the address or the items changed after planning"


@pytest.mark.parametrize(
    "changed",
    [
        replace(ORDER, lines=(MUG, replace(TEE, product_id="p9"))),
        replace(ORDER, lines=(MUG, replace(TEE, quantity=5))),
        replace(ORDER, lines=(replace(MUG, name="Large mug"), TEE)),
    ],
    ids=["another product", "another quantity", "another name"],
)
def test_changes_of_lines_outside_the_parcel_are_no_conflict(changed: Order) -> None:
    assert conflict(changed, PLANNED) == ""


@pytest.mark.parametrize(
    "changed",
    [
        replace(ORDER, lines=(replace(MUG, quantity=1), TEE)),
        replace(ORDER, lines=(TEE,)),
        replace(ORDER, refunds=(RefundRecord(None, (Units("li_1", 1),)),)),
        replace(ORDER, fulfillments=(Fulfillment("OTHER", "UPS", (Units("li_1", 1),)),)),
    ],
    ids=["fewer units", "no line", "refunded", "shipped elsewhere"],
)
def test_units_that_are_no_longer_to_ship_conflict_with_the_plan(changed: Order) -> None:
    assert conflict(changed, PLANNED) == "the order no longer has these units to ship"


def test_units_that_another_shipment_needs_conflict_with_the_plan() -> None:
    other = replace(PLANNED, id="s2", seq=2, units=(Units("li_1", 1),))
    assert conflict(ORDER, PLANNED, [other]) == "the order no longer has these units to ship"
    assert conflict(ORDER, PLANNED, [replace(other, units=(Units("li_2", 1),))]) == ""


def test_a_fulfilled_order_without_details_conflicts_only_before_the_label_is_bought() -> None:
    fulfilled = replace(ORDER, status="fulfilled", fulfillments=None)
    assert conflict(fulfilled, PLANNED) == "the store reports every unit as fulfilled"
    assert conflict(fulfilled, replace(PLANNED, label=LABEL)) == ""


@pytest.mark.parametrize(
    ("order", "missing"),
    [
        (replace(ORDER, fulfillments=(Fulfillment("9400", "USPS", UNITS),)), False),
        (replace(ORDER, fulfillments=(Fulfillment("OTHER", "UPS", UNITS),)), True),
        (replace(ORDER, fulfillments=()), True),
        (replace(ORDER, fulfillments=(Fulfillment("", "USPS"),)), False),
        (replace(ORDER, fulfillments=None), True),
        (replace(ORDER, fulfillments=None, status="fulfilled"), False),
        (replace(ORDER, fulfillments=(), status="cancelled"), False),
    ],
    ids=["recorded", "another", "none", "no number", "pending", "fulfilled", "cancelled"],
)
def test_a_posted_shipment_is_missing_when_the_store_does_not_show_it(order: Order, missing: bool) -> None:
    assert is_missing_at_store(order, POSTED) is missing


def test_a_shipment_without_a_label_is_never_missing() -> None:
    assert not is_missing_at_store(ORDER, PLANNED)
