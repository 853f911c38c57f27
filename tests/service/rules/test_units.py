"""Counting units: whatever happened to an order, never more ships than was ordered."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from packhouse.model.label import Label
from packhouse.model.money import Money
from packhouse.model.order import Fulfillment, Line, Order, RefundRecord, Units
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.rules.changes import conflict
from packhouse.rules.units import exceeds, remaining

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
        taken = sum(u.quantity for u in (*by_others, *refunded) if u.line_id == line)
        taken += sum(
            u.quantity for state, some in ours for u in some if state.reserves_units and u.line_id == line
        )
        assert left[line] == max(0, quantity - taken)
