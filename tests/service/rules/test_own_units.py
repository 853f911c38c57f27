"""Our own shipments among what the store reports: counted once, and never taken for another's."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from packhouse.model.order import Fulfillment, Line, Order, Units
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.rules.units import exceeds, own_units, remaining, remaining_units, with_own_units
from tests.service.rules.test_units import label

S = ShipmentState
TWO = (Units("li_1", 2),)


def ours(state: ShipmentState = S.LABELED, quantity: int = 2, number: str = "T1", **more: Any) -> Shipment:
    units = (Units("li_1", quantity),)
    return Shipment(f"s{number}", "o", 1, state, units, label=label(number) if number else None, **more)


def order(quantity: int, *rows: Fulfillment, **line: Any) -> Order:
    """An order of one line, with these fulfillments."""
    return Order("o", "pending", lines=(Line("li_1", quantity=quantity, **line),), fulfillments=rows)


def row(number: str, quantity: int = 0, status: str = "") -> Fulfillment:
    """A fulfillment of so many units; of none: it does not say which."""
    return Fulfillment(number, "USPS", (Units("li_1", quantity),) if quantity else (), status)


@pytest.mark.parametrize(
    ("shipment", "rows", "posted", "unlisted"),
    [
        (ours(S.FULFILLED), (row("T1", 2),), 2, 0),
        (ours(S.DELIVERED), (row("T1", 2),), 2, 0),
        (ours(S.FULFILLED), (), 2, 2),
        (ours(S.FULFILLED), (row("T1"),), 2, 2),
        (ours(S.FULFILLED), (row("T1", 2, "cancelled"),), 2, 2),
        (ours(S.FULFILLED), (row("OTHER", 2),), 2, 2),
        (ours(S.LABELED), (row("T1", 2),), 2, 0),
        (ours(S.LABELED), (row("t1", 2, "pending"),), 2, 0),
        (ours(S.LABELED), (), 0, 0),
        (ours(S.LABELED), (row("OTHER", 2),), 0, 0),
        (ours(S.VOIDED), (row("T1", 2),), 0, 0),
        (ours(S.PLANNED, number=""), (row("", 2),), 0, 0),
    ],
)
def test_our_units_are_posted_by_their_state_or_by_the_stores_record(
    shipment: Shipment, rows: tuple[Fulfillment, ...], posted: int, unlisted: int
) -> None:
    own = own_units(order(2, *rows), [shipment])
    assert own.posted == Counter({"li_1": posted})
    assert own.unlisted == Counter({"li_1": unlisted})


@pytest.mark.parametrize(
    ("state", "is_filled"),
    [(S.LABELED, True), (S.FULFILLED, True), (S.DELIVERED, True), (S.VOIDING, False), (S.VOIDED, False)],
)
def test_a_fulfillment_of_ours_that_names_no_units_has_those_of_its_shipment(
    state: ShipmentState, is_filled: bool
) -> None:
    vague = order(3, row("t1"), row("OTHER"))
    read = with_own_units(vague, [ours(state)])
    assert read.fulfillments is not None
    assert [one.units for one in read.fulfillments] == [TWO if is_filled else (), ()]


def test_units_that_the_store_names_are_kept() -> None:
    named = order(3, row("T1", 1))
    assert with_own_units(named, [ours(S.FULFILLED)]) == named
    silent = replace(named, fulfillments=None)
    assert with_own_units(silent, [ours(S.FULFILLED)]) == silent


def test_a_label_whose_post_the_store_shows_is_not_reserved_a_second_time() -> None:
    assert remaining(order(3, row("T1", 2)), [ours(S.LABELED)]) == {"li_1": 1}
    assert remaining(order(3, row("OTHER", 1)), [ours(S.LABELED)]) == {}


def test_units_that_are_reserved_are_unshipped_and_not_left() -> None:
    found = remaining_units(order(3), [ours(S.PLANNED, number="")])
    assert (dict(found.left), dict(found.unshipped)) == ({"li_1": 1}, {"li_1": 3})


@pytest.mark.parametrize(
    ("other", "rows"),
    [
        (ours(S.FULFILLED, 1, "T2"), ()),
        (ours(S.FULFILLED, 1, "T2"), (row("T2", 1),)),
        (ours(S.LABELED, 1, "T2"), (row("T2", 1),)),
        (ours(S.LABELED, 1, "T2"), ()),
        (ours(S.PLANNED, 1, ""), ()),
    ],
    ids=["posted, not shown", "posted, shown", "labeled, shown", "labeled", "planned"],
)
def test_another_shipment_of_ours_takes_its_units_once(
    other: Shipment, rows: tuple[Fulfillment, ...]
) -> None:
    planned = ours(S.PLANNED, 2, "")
    assert not exceeds(order(3, *rows), planned, [other])
    assert exceeds(order(2, *rows), planned, [other])


def test_one_line_too_much_is_too_much() -> None:
    two = Order("o", lines=(Line("li_1", quantity=2), Line("li_2", quantity=1)), fulfillments=())
    parcel = replace(ours(S.PLANNED, number=""), units=(Units("li_1", 2), Units("li_2", 2)))
    assert exceeds(two, parcel)
    assert not exceeds(two, replace(parcel, units=(Units("li_1", 2), Units("li_2", 1))))
    assert exceeds(two, replace(parcel, units=(Units("li_9", 1),)))


VAGUE = row("OTHER")


@pytest.mark.parametrize(
    ("shown", "is_too_much"),
    [
        (order(2, row("T1", 2)), False),
        (order(2, row("T1", 2), row("OTHER", 1)), True),
        (order(2, row("OTHER", 1)), True),
        (order(3, row("T1", 2), row("OTHER", 2), shipped_counts=(4,)), True),
        (order(4, row("T1", 2), row("OTHER", 2), shipped_counts=(4,)), False),
        (order(2, row("T1", 2), VAGUE, shipped_counts=(2,)), False),
        (order(2, VAGUE, shipped_counts=(2,)), True),
    ],
)
def test_what_the_store_shows_of_a_label_leaves_its_own_units_to_it(shown: Order, is_too_much: bool) -> None:
    assert exceeds(shown, ours(S.FULFILLED, post_body="{}")) is is_too_much


@pytest.mark.parametrize(
    ("shipment", "line", "is_too_much"),
    [
        (ours(S.FULFILLED), {"shipped_counts": (2,)}, False),
        (ours(S.DELIVERED), {"shipped_counts": (2,)}, False),
        (ours(S.LABELED, post_body="{}"), {"shipped_counts": (2,)}, False),
        (ours(S.LABELED), {"shipped_counts": (2,)}, True),
        (ours(S.PLANNED, number="", post_body="{}"), {"shipped_counts": (2,)}, True),
        (ours(S.FULFILLED), {"shipped_counts": (3,)}, True),
        (ours(S.FULFILLED), {"shipped_counts": (1,)}, False),
        (ours(S.FULFILLED), {"open_counts": (0,)}, False),
        (ours(S.LABELED), {"open_counts": (0,)}, True),
        (ours(S.FULFILLED), {}, False),
    ],
)
def test_a_store_that_only_counts_may_count_our_post(
    shipment: Shipment, line: dict[str, Any], is_too_much: bool
) -> None:
    counting = replace(order(2, **line), fulfillments=None)
    assert exceeds(counting, shipment) is is_too_much


def test_a_count_of_another_line_is_left_alone() -> None:
    counting = order(2, shipped_counts=(2,))
    two = replace(
        counting,
        fulfillments=None,
        lines=(*counting.lines, Line("li_2", quantity=1, shipped_counts=(1,))),
    )
    assert exceeds(two, replace(ours(S.LABELED, post_body="{}"), units=(*TWO, Units("li_2", 1)))) is False
    other = replace(ours(S.PLANNED, number=""), units=(Units("li_2", 1),))
    assert exceeds(two, other, [ours(S.FULFILLED)])
