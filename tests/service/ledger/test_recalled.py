"""Purchases that an account lists and a restored ledger lacks, and which orders were compared since."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from packhouse.errors import LeaseLost
from packhouse.ledger import recalled
from packhouse.ledger.recalled import Left, Recalled, Reference
from packhouse.ledger.tables import orders
from packhouse.ledger.tables import recalled as recalled_table
from packhouse.model.hold import HoldCode
from packhouse.model.states import LabelState, ShipmentState
from tests.service.ledger.rows import NOW, Rows, lease_on

S = ShipmentState
ORD = Reference("ord", 1, 1)


def sold(reference: str = "ord/1/1", provider: str = "easypost", **found: Any) -> Recalled:
    return Recalled(reference, reference.partition("/")[0], provider, found)


def outcomes(rows: Rows) -> dict[str, str]:
    found = rows.connection.execute(select(recalled_table))
    return {row.reference: row.outcome for row in found}


# ---- references -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("ord/1/2", ("ord", 1, 2)),
        ("shop/ord/12/3", ("shop/ord", 12, 3)),
        ("ord/1", None),
        ("ord", None),
        ("", None),
        ("/1/2", None),
        ("ord/a/2", None),
        ("ord/1/b", None),
        ("ord//2", None),
        ("ord/1/", None),
        ("ord/-1/2", None),
        ("a/b/c", None),
    ],
)
def test_a_reference_of_ours_names_its_order_shipment_and_generation(
    text: str, parts: tuple[str, int, int] | None
) -> None:
    assert recalled.read_reference(text) == (Reference(*parts) if parts else None)


# ---- is it known? ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", S)
def test_a_shipment_that_was_begun_knows_its_purchase(rows: Rows, state: ShipmentState) -> None:
    rows.shipment("ord-1", state)
    is_plan = state in (S.PLANNED, S.HELD, S.CANCELLED)
    assert recalled.is_known(rows.connection, ORD, "shp_1") is not is_plan


@pytest.mark.parametrize("other", [("ordx", 1, 1), ("ord", 2, 1), ("ord", 1, 2)])
def test_another_shipment_knows_nothing_of_it(rows: Rows, other: tuple[str, int, int]) -> None:
    rows.shipment("ord-1", S.LABELED)
    assert recalled.is_known(rows.connection, ORD, "") is True
    assert recalled.is_known(rows.connection, Reference(*other), "") is False


@pytest.mark.parametrize(
    ("ours", "theirs", "is_known"),
    [("shp_1", "shp_1", True), ("shp_1", "shp_2", False), ("", "", False), ("shp_1", "", False)],
)
def test_a_plan_that_names_the_purchase_knows_it(rows: Rows, ours: str, theirs: str, is_known: bool) -> None:
    """It was offered for this shipment, and then held."""
    rows.shipment("ord-1", S.HELD, provider_ref=ours)
    assert recalled.is_known(rows.connection, ORD, theirs) is is_known


def test_a_label_is_known_even_if_its_shipment_is_held(rows: Rows) -> None:
    """Its void was refused."""
    rows.shipment("ord-2", S.HELD)
    rows.labeled("ord-1", S.HELD, state=LabelState.VOID_REFUSED)
    assert recalled.is_known(rows.connection, ORD, "") is True
    assert recalled.is_known(rows.connection, Reference("ord", 2, 1), "") is False


@pytest.mark.parametrize(
    ("hold", "is_known"),
    [
        ({}, True),
        ({"shipment_id": "ord-2"}, False),
        ({"code": HoldCode.MANUAL}, False),
        ({"released_at": NOW}, False),
    ],
)
def test_a_purchase_in_doubt_is_known(rows: Rows, hold: dict[str, Any], is_known: bool) -> None:
    rows.shipment("ord-1", S.HELD)
    rows.shipment("ord-2", S.HELD)
    rows.hold("ord", **{"code": HoldCode.PURCHASE_UNKNOWN, "shipment_id": "ord-1", **hold})
    assert recalled.is_known(rows.connection, ORD, "") is is_known


# ---- they are kept until they are matched ---------------------------------------------------------------


def test_a_purchase_that_is_added_makes_its_order_due(rows: Rows) -> None:
    rows.order("ord")
    one, other = sold(tracking_number="1Z"), sold("new/1/1", "shippo")
    recalled.add(rows.tx(), [one, other])
    assert rows.column(orders.c.due_at) == {"ord": NOW, "new": NOW}
    assert recalled.of_order(rows.connection, "ord") == (one,)
    assert recalled.of_order(rows.connection, "new") == (other,)
    assert recalled.unmatched(rows.connection) == (other, one)


def test_a_purchase_that_is_listed_again_keeps_its_outcome(rows: Rows) -> None:
    tx = rows.leased("ord")
    recalled.add(rows.tx(), [sold()])
    recalled.set_outcome(tx, "ord/1/1", "adopted")
    recalled.add(rows.tx(), [sold()])
    assert outcomes(rows) == {"ord/1/1": "adopted"}


def test_an_outcome_is_of_one_purchase(rows: Rows) -> None:
    tx = rows.leased("ord")
    recalled.add(rows.tx(), [sold("ord/2/1"), sold(), sold("ord/3/1")])
    recalled.set_outcome(tx, "ord/2/1", "adopted")
    assert outcomes(rows) == {"ord/1/1": "", "ord/2/1": "adopted", "ord/3/1": ""}
    assert [one.reference for one in recalled.of_order(rows.connection, "ord")] == ["ord/1/1", "ord/3/1"]
    assert len(recalled.unmatched(rows.connection)) == 2


def test_what_an_operator_accepts_is_only_what_is_not_matched(rows: Rows) -> None:
    tx = rows.leased("ord")
    recalled.add(rows.tx(), [sold(), sold("ord/2/1")])
    recalled.set_outcome(tx, "ord/1/1", "adopted")
    recalled.accept_all(rows.tx())
    assert outcomes(rows) == {"ord/1/1": "adopted", "ord/2/1": "accepted"}
    assert recalled.unmatched(rows.connection) == ()


def test_a_worker_that_lost_its_lease_says_nothing(rows: Rows) -> None:
    rows.leased("ord")
    recalled.add(rows.tx(), [sold()])
    lost = rows.tx(lease_on("ord", "other:1"))
    with pytest.raises(LeaseLost):
        recalled.set_outcome(lost, "ord/1/1", "adopted")
    with pytest.raises(LeaseLost):
        recalled.mark_compared(lost, "ord", NOW)
    assert outcomes(rows) == {"ord/1/1": ""}
    assert rows.column(orders.c.compared_at) == {"ord": None}


def test_a_report_names_the_first_twenty_purchases(rows: Rows) -> None:
    recalled.add(rows.tx(), [sold(f"ord/{number}/1") for number in range(21, 0, -1)])
    names = sorted(f"ord/{number}/1" for number in range(1, 22))
    assert [one.reference for one in recalled.unmatched(rows.connection)] == names[:20]


# ---- orders that were compared --------------------------------------------------------------------------


def test_an_order_is_compared_since_the_restore_that_is_named(rows: Rows) -> None:
    """Not since now: the clock may be wrong, and another restore may have been noticed meanwhile."""
    tx = rows.leased("ord")
    rows.order("other")
    recalled.mark_compared(tx, "ord", NOW - 7)
    assert rows.column(orders.c.compared_at) == {"ord": NOW - 7, "other": None}


def test_only_orders_that_are_asked_about_and_were_compared_since_count(rows: Rows) -> None:
    for order_id, at in (("then", NOW), ("later", NOW + 1), ("before", NOW - 0.5), ("never", None)):
        rows.order(order_id, compared_at=at)
    asked = ["then", "before", "never"]
    assert recalled.compared_since(rows.connection, asked, NOW) == {"then"}
    assert recalled.compared_since(rows.connection, [*asked, "later"], NOW) == {"then", "later"}


def test_what_is_left_is_unfinished_and_was_not_compared_since(rows: Rows) -> None:
    rows.order("b_open")
    rows.order("a_held", phase="held", compared_at=NOW - 0.5)
    rows.order("done", compared_at=NOW)
    rows.order("shipped", phase="shipped")
    rows.order("closed", phase="closed", compared_at=NOW - 5)
    assert recalled.to_compare(rows.connection, NOW) == Left(2, ("a_held", "b_open"))


def test_what_is_left_names_the_first_twenty_orders(rows: Rows) -> None:
    for number in range(21, 0, -1):
        rows.order(f"ord_{number:02}")
    names = tuple(f"ord_{number:02}" for number in range(1, 21))
    assert recalled.to_compare(rows.connection, NOW) == Left(21, names)
