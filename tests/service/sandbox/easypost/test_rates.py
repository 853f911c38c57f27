"""Prices grow with weight and distance, and tracking numbers have the right check digits."""

from __future__ import annotations

from packhouse.sandbox.easypost.rates import (
    s10_check_digit,
    service_rates,
    tracking_number,
    ups_check_digit,
    usps_check_digit,
)


def test_a_heavier_parcel_and_a_farther_zone_cost_more() -> None:
    def cheapest(ounces: float, to_zip: str) -> int:
        return min(rate.cents for rate in service_rates(ounces, "US", "US", to_zip))

    assert cheapest(5, "02116") < cheapest(40, "02116") < cheapest(160, "02116")
    assert cheapest(5, "02116") < cheapest(5, "97205")
    assert all("International" in rate.service for rate in service_rates(5, "US", "JP", "150-0001"))


def test_a_recorded_tracking_number_is_reproduced() -> None:
    # Recorded from a test-mode purchase.
    assert tracking_number("USPS", "Priority", 10950565) == "9400100208303109505657"


def test_no_tracking_number_occurs_twice() -> None:
    for carrier, service in (
        ("USPS", "Priority"),
        ("UPSDAP", "Ground"),
        ("USPS", "PriorityMailInternational"),
    ):
        assert len({tracking_number(carrier, service, serial) for serial in range(5000)}) == 5000


def test_check_digits_are_those_of_published_numbers() -> None:
    assert ups_check_digit("5R8939035756712") == "7"
    assert ups_check_digit("999AA1012345678") == "4"
    assert s10_check_digit("12345678") == "5"
    assert usps_check_digit("940011120108080548301") == "6"
    assert tracking_number("USPS", "PriorityMailInternational", 12345678) == "LZ123456785US"
    number = tracking_number("UPSDAP", "Ground", 1)
    assert number == "1Z999AA1030000001" + ups_check_digit("999AA1030000001")
