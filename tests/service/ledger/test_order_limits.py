"""How many labels an order gets, and what they may cost in comparison with what its buyer paid."""

from __future__ import annotations

import pytest

from packhouse.config.guard import GuardSettings
from packhouse.ledger import order_limits
from packhouse.ledger.order_limits import OrderLimits
from packhouse.model.hold import HoldCode
from packhouse.model.money import Money
from packhouse.model.states import ShipmentState
from tests.service.ledger.rows import Rows

USD_100 = Money(100_00, "USD")


def over_total(
    rows: Rows,
    price: Money | None,
    total: Money | None = USD_100,
    *,
    percent: int = 100,
    exempt: int = 0,
    currency: str = "USD",
) -> str:
    """What the limit says to this price for shipment ord-9."""
    guard = GuardSettings(max_total_percent=percent, total_exempt_minor=exempt, currency=currency)
    limits = OrderLimits(guard, total, 20)
    shipment = rows.shipment("ord-9", ShipmentState.PLANNED)
    return order_limits.over_total(rows.connection, limits, shipment, price)


@pytest.mark.parametrize(
    ("minor", "percent", "is_over"),
    [
        (100_00, 100, False),
        (100_01, 100, True),
        (50_00, 50, False),
        (50_01, 50, True),
        (250_00, 250, False),
        (250_01, 250, True),
        (999_999, 0, False),
    ],
)
def test_labels_may_cost_the_percentage_of_the_total_and_not_a_cent_more(
    rows: Rows, minor: int, percent: int, is_over: bool
) -> None:
    why = over_total(rows, Money(minor, "USD"), percent=percent)
    assert bool(why) == is_over
    if is_over:
        assert why == (
            f"With it the labels of this order would cost {Money(minor, 'USD')}; the order's total is "
            f"100.00 USD, and guard.max_total_percent is {percent}."
        )


def test_the_other_labels_of_the_order_count_and_those_of_other_orders_do_not(rows: Rows) -> None:
    rows.labeled("ord-1", cost=Money(60_00, "USD"))
    rows.labeled("other-1", cost=Money(500_00, "USD"))
    assert over_total(rows, Money(40_01, "USD")) != ""


def test_labels_that_fill_the_total_exactly_are_allowed(rows: Rows) -> None:
    rows.labeled("ord-1", cost=Money(60_00, "USD"))
    rows.labeled("other-1", cost=Money(500_00, "USD"))
    assert over_total(rows, Money(40_00, "USD")) == ""


@pytest.mark.parametrize(
    ("minor", "currency", "exempt", "is_over"),
    [(200_00, "USD", 200_00, False), (200_01, "USD", 200_00, True), (200_00, "EUR", 200_00, True)],
)
def test_cheap_labels_are_not_compared_with_the_total(
    rows: Rows, minor: int, currency: str, exempt: int, is_over: bool
) -> None:
    """The exempt amount is in the currency of the caps."""
    why = over_total(rows, Money(minor, "USD"), exempt=exempt, currency=currency)
    assert bool(why) == is_over


@pytest.mark.parametrize("total", [Money(0, "USD"), Money(0, "EUR"), None])
def test_labels_that_cost_nothing_may_be_bought_whatever_the_total(rows: Rows, total: Money | None) -> None:
    rows.labeled("ord-1", cost=Money(0, "USD"))
    assert over_total(rows, Money(0, "USD"), total, currency="EUR") == ""


def test_no_label_may_cost_anything_for_an_order_that_cost_nothing(rows: Rows) -> None:
    assert "the order's total is 0.00 USD" in over_total(rows, Money(1, "USD"), Money(0, "USD"))


def test_a_price_that_comes_with_the_label_counts_from_the_next_label_on(rows: Rows) -> None:
    assert over_total(rows, None) == ""


@pytest.mark.parametrize(("paid", "is_over"), [(100_00, False), (100_01, True)])
def test_a_label_of_unknown_price_is_not_bought_once_the_others_exceed_the_total(
    rows: Rows, paid: int, is_over: bool
) -> None:
    """They are added up in the currency of the total, whatever that of the caps is."""
    rows.labeled("ord-1", cost=Money(paid, "USD"))
    assert bool(over_total(rows, None, currency="EUR")) == is_over


def test_a_label_of_unknown_price_after_others_needs_a_total(rows: Rows) -> None:
    """Without one, they are added up in the currency of the caps."""
    rows.labeled("ord-1", cost=Money(5, "EUR"))
    assert over_total(rows, None, None, currency="EUR") == (
        "With it the labels of this order would cost 0.05 EUR, and the store shows no total to compare that "
        "with."
    )


@pytest.mark.parametrize("total", [None, Money(1, "EUR")])
def test_the_first_label_needs_no_total_to_compare_with(rows: Rows, total: Money | None) -> None:
    rows.labeled("other-1")
    assert over_total(rows, Money(999_99, "USD"), total) == ""


def test_the_second_label_needs_a_total(rows: Rows) -> None:
    rows.labeled("ord-1", cost=Money(1_00, "USD"))
    assert over_total(rows, Money(1_00, "USD"), None) == (
        "With it the labels of this order would cost 2.00 USD, and the store shows no total to compare that "
        "with."
    )


def test_the_second_label_needs_a_total_in_its_currency(rows: Rows) -> None:
    rows.labeled("ord-1", cost=Money(1_00, "USD"))
    assert over_total(rows, Money(1_00, "USD"), Money(900_00, "EUR")) == (
        "With it the labels of this order would cost 2.00 USD; that cannot be compared with the order's "
        "total, 900.00 EUR."
    )


@pytest.mark.parametrize(("most", "allowed"), [(1, False), (2, False), (3, True)])
def test_an_order_gets_so_many_labels(rows: Rows, most: int, allowed: bool) -> None:
    rows.labeled("ord-1")
    rows.labeled("ord-2")
    shipment = rows.shipment("ord-9", ShipmentState.PLANNED)
    limits = OrderLimits(GuardSettings(), USD_100, most)
    why = order_limits.too_many_labels(rows.connection, limits, shipment)
    assert why == (
        "" if allowed else f"The order has 2 labels that are paid, or may be; guard.max_parcels is {most}."
    )


@pytest.mark.parametrize(
    ("most", "price", "is_waived", "code"),
    [
        (2, Money(1_00, "USD"), False, None),
        (1, Money(1_00, "USD"), False, HoldCode.CAP_REACHED),
        (1, Money(500_00, "USD"), False, HoldCode.CAP_REACHED),
        (1, Money(1_00, "USD"), True, HoldCode.CAP_REACHED),
        (2, Money(500_00, "USD"), False, HoldCode.LABELS_EXCEED_TOTAL),
        (2, Money(500_00, "USD"), True, None),
    ],
)
def test_each_limit_has_its_own_kind_of_hold_and_a_person_waives_only_the_total(
    rows: Rows, most: int, price: Money, is_waived: bool, code: HoldCode | None
) -> None:
    rows.labeled("ord-1")
    shipment = rows.shipment("ord-9", ShipmentState.PLANNED)
    limits = OrderLimits(GuardSettings(), USD_100, most, is_waived)
    found = order_limits.objection(rows.connection, limits, shipment, price)
    assert (found.code if found else None) == code
    if code is HoldCode.CAP_REACHED:
        assert found is not None
        assert "guard.max_parcels" in found.why
