"""Counting units: whatever happened to an order, never more ships than was ordered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.model.label import Label
from packhouse.model.money import Money
from packhouse.model.order import Fulfillment, Line, Order, RefundRecord, Units
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.rules.changes import conflict
from packhouse.rules.units import exceeds, remaining, remaining_units

LINES = ("li_1", "li_2", "li_3")
quantities = st.integers(0, 5)
units = st.lists(st.builds(Units, st.sampled_from(LINES), st.integers(1, 5)), max_size=4).map(tuple)


def label(tracking_number: str) -> Label:
    return Label(
        "l", "s", 1, "offline", "USPS", "Ground", tracking_number, "p", Money(1, "USD"), LabelState.BOUGHT, 0
    )


def shipment(state: ShipmentState, some: tuple[Units, ...], tracking_number: str = "") -> Shipment:
    return Shipment("s", "o", 1, state, some, label=label(tracking_number) if tracking_number else None)


def order(lines: dict[str, int], **more: object) -> Order:
    return Order("o", "pending", lines=tuple(Line(name, quantity=n) for name, n in lines.items()), **more)  # type: ignore[arg-type]


def test_a_shipment_of_ours_counts_once_however_the_store_reports_it() -> None:
    ours = shipment(ShipmentState.FULFILLED, (Units("li_1", 2),), "T1")
    reported = order({"li_1": 3}, fulfillments=(Fulfillment("T1", "USPS", (Units("li_1", 2),)),))
    assert remaining(reported, [ours]) == {"li_1": 1}
    assert remaining(order({"li_1": 3}), [ours]) == {"li_1": 1}


def test_cancelled_and_voided_shipments_give_their_units_back() -> None:
    for state in (ShipmentState.CANCELLED, ShipmentState.VOIDED):
        assert remaining(order({"li_1": 2}), [shipment(state, (Units("li_1", 2),), "T1")]) == {"li_1": 2}


def test_units_that_are_refunded_do_not_ship() -> None:
    refunded = order({"li_1": 3}, refunds=(RefundRecord(100, (Units("li_1", 2),)),))
    assert remaining(refunded, []) == {"li_1": 1}


def test_a_planned_shipment_whose_units_another_shipped_no_longer_fits() -> None:
    planned = shipment(ShipmentState.PLANNED, (Units("li_1", 2),))
    assert not exceeds(order({"li_1": 2}), planned)
    assert exceeds(order({"li_1": 2}, fulfillments=(Fulfillment("X", "UPS", (Units("li_1", 1),)),)), planned)
    assert conflict(order({"li_1": 1}), planned)


@given(
    ordered=st.fixed_dictionaries(dict.fromkeys(LINES, quantities)),
    by_others=units,
    refunded=units,
    ours=st.lists(st.tuples(st.sampled_from(ShipmentState), units), max_size=4),
)
def test_what_remains_is_never_more_than_what_is_left_of_the_order(
    ordered: dict[str, int],
    by_others: tuple[Units, ...],
    refunded: tuple[Units, ...],
    ours: list[tuple[ShipmentState, tuple[Units, ...]]],
) -> None:
    reported = order(
        ordered, fulfillments=(Fulfillment("X", "UPS", by_others),), refunds=(RefundRecord(1, refunded),)
    )
    left = remaining(reported, [shipment(state, some) for state, some in ours])
    for line, quantity in ordered.items():
        taken = sum(u.quantity for u in by_others if u.line_id == line)
        taken += sum(
            u.quantity for state, some in ours for u in some if state.reserves_units and u.line_id == line
        )
        paid_back = sum(u.quantity for u in refunded if u.line_id == line)
        assert max(0, quantity - taken - paid_back) <= left[line] <= max(0, quantity - taken)
        if not taken:
            assert left[line] == max(0, quantity - paid_back)


def counting(ordered: int, count: int) -> Order:
    """An order of a store that lists no fulfillments and counts shipped units."""
    lines = (Line("li_1", quantity=ordered, shipped_counts=(count,)),)
    return Order("o", "partially_fulfilled", lines=lines)


def parcel(state: ShipmentState, quantity: int) -> Shipment:
    return shipment(state, (Units("li_1", quantity),), "T1")


@pytest.mark.parametrize(
    ("count", "states", "left"),
    [
        (0, [], 3),
        (1, [], 2),
        (1, [(ShipmentState.FULFILLED, 1), (ShipmentState.PLANNED, 2)], 0),
        (0, [(ShipmentState.FULFILLED, 1), (ShipmentState.LABELED, 2)], 0),
        (3, [(ShipmentState.FULFILLED, 3)], 0),
        (0, [(ShipmentState.DELIVERED, 3)], 0),
    ],
)
def test_our_units_are_not_counted_twice_by_a_store_that_only_counts(
    count: int, states: list[tuple[ShipmentState, int]], left: int
) -> None:
    ours = [parcel(state, quantity) for state, quantity in states]
    found = remaining_units(counting(3, count), ours)
    assert sum(found.left.values()) == left
    assert found.doubtful_shipping == ()


def test_a_count_that_may_lag_behind_our_post_is_doubted_and_ships_nothing_by_itself() -> None:
    """Another tool shipped one of two units, we the other, and the count still says one."""
    found = remaining_units(counting(2, 1), [parcel(ShipmentState.FULFILLED, 1)])
    (doubt,) = found.doubtful_shipping
    assert doubt.overlap == 1
    assert remaining_units(counting(2, 2), [parcel(ShipmentState.FULFILLED, 1)]).doubtful_shipping == ()


def test_a_count_that_has_no_room_for_our_post_besides_includes_it() -> None:
    """Another tool cannot have shipped four of five units if we shipped four."""
    found = remaining_units(counting(5, 4), [parcel(ShipmentState.DELIVERED, 4)])
    assert (found.doubtful_shipping, found.left) == ((), {"li_1": 1})


def test_the_smallest_of_our_parcels_may_be_the_one_that_is_not_counted_yet() -> None:
    large, small = parcel(ShipmentState.FULFILLED, 3), parcel(ShipmentState.FULFILLED, 1)
    for ours in ([large, small], [small, large]):
        (doubt,) = remaining_units(counting(6, 4), ours).doubtful_shipping
        assert (doubt.overlap, doubt.left) == (4, 2)


def test_our_own_fulfillment_without_units_counts_as_our_shipment() -> None:
    reported = order({"li_1": 3}, fulfillments=(Fulfillment("T1", "USPS"),))
    assert remaining(reported, [parcel(ShipmentState.FULFILLED, 2)]) == {"li_1": 1}
