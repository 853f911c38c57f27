"""The one reader of tracking numbers: what it refuses, what it accepts, and which writings are the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from packhouse.model.order import Fulfillment, Order
from packhouse.model.tracking_number import (
    NotATrackingNumber,
    canonical,
    read_tracking_number,
    same_number,
)

TABLE = Path(__file__).parents[3].parent / "shared/data/tracking-numbers"
USPS, UPS = "9400111202555582846137", "1Z999AA10123456784"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("9.40011E+21", "rounded"),
        ("9.40011e+21", "rounded"),
        ("9,40011E+21", "rounded"),
        ("9.4E21", "rounded"),
        ("94001E+17", "rounded"),
        (9.40011e21, "rounded"),
        (9400111202555583000000, "may be rounded"),
        (9400111202555582742528, "may be rounded"),
        ("9400111202555583000000", "rounded"),
        ("9400111202555580000000", "rounded"),
        ("9400110000000000000000", "rounded"),
        ("1234567890.0", "decimal"),
        ("1234567890.", "decimal"),
        (1234567890.0, "decimal"),
        ("5.49", "decimal"),
        ("2026-11-30", "date"),
        ("2026-11-30T00:00:00", "date"),
        ("11/30/2026", "date"),
        ("null", "missing"),
        ("NULL", "missing"),
        ("(null)", "missing"),
        ("None", "missing"),
        ("nan", "missing"),
        ("NaN", "missing"),
        ("N/A", "missing"),
        ("n.a.", "missing"),
        ("#N/A", "missing"),
        ("#REF!", "missing"),
        ("#VALUE!", "missing"),
        ("#DIV/0!", "missing"),
        ("[object Object]", "missing"),
        ("undefined", "missing"),
        ("TBD", "missing"),
        ("pending", "missing"),
        ("not yet", "missing"),
        ("-", "missing"),
        ("--", "missing"),
        ("?", "missing"),
        ("...", "missing"),
        ("0", "missing"),
        ("000000", "missing"),
        ("xxxx", "missing"),
        (0, "missing"),
        (-1, "missing"),
        ("", "empty"),
        ("  ", "empty"),
        ("\u200b\ufeff", "empty"),
        (None, "empty"),
        (True, "not text"),
        ([USPS], "not text"),
        ({"number": USPS}, "not text"),
        ("9400100\n0000001", "line break"),
        ("9400100\r\n0000001", "line break"),
        ("9400100\u20280000001", "line break"),
        ("9400100\t0000001", "control"),
        ("9400100\x000000001", "control"),
        (f"https://tools.usps.com/go?tLabels={USPS}", "link"),
        ("www.ups.com/track", "link"),
        ("kim@example.test", "e-mail"),
        (f"{UPS}, 1Z999AA10123456795", "more than one"),
        (f"{UPS} 1Z999AA10123456795", "more than one"),
        (f"{UPS}/1Z999AA10123456795", "more than one"),
        ("$5.49", "character"),
        ("<b>1</b>", "character"),
        ("№ 12345", "character"),
        ("will follow on 3 May", "sentence"),
        ("1" * 121, "longer"),
    ],
)
def test_what_is_no_tracking_number_is_refused_with_the_reason(given: Any, why: str) -> None:
    with pytest.raises(NotATrackingNumber, match=why):
        read_tracking_number(given)


@pytest.mark.parametrize(
    ("given", "number"),
    [
        ("9400 1112 0255 5582 8461 37", USPS),
        ("9400-1112-0255-5582-8461-37", USPS),
        ("9400–1112–0255–5582–8461–37", USPS),
        (" 9400\u00a01112\u20090255 5582 8461 37\r\n", USPS),
        ("\ufeff9400111202555582846137\u200b", USPS),
        ("９４００１１１２０２５５５５８２８４６１３７", USPS),
        ("٩٤٠٠١١١٢٠٢٥٥٥٥٨٢٨٤٦١٣٧", USPS),
        ("'9400111202555582846137", USPS),
        ('="9400111202555582846137"', USPS),
        ('"9400111202555582846137"', USPS),
        ("420941109400111202555582846137", USPS),
        ("USPS 9400111202555582846137", USPS),
        (9400111202555582846137, USPS),
        ("1z 999 aa1 01 2345 6784", UPS),
        ("UPS: 1Z999AA10123456784", UPS),
        ("Tracking number: 1Z999AA10123456784", UPS),
        ("Tracking #: 1Z999AA10123456784", UPS),
        ("rb123456785gb", "RB123456785GB"),
        ("#12345678", "12345678"),
        (12345, "12345"),
    ],
)
def test_a_number_is_read_without_what_spreadsheets_and_people_put_around_it(given: Any, number: str) -> None:
    assert read_tracking_number(given) == number
    assert read_tracking_number(number) == number
    assert same_number(str(given), number)


@pytest.mark.parametrize(
    "number",
    [
        "VAN-ord_1",
        "van-7a",
        "1LS7119013618127-1",
        "99.00.123456.12345678",
        "1234-5678-9012",
        "12E345678",
        "9400100000000000000000",
        "LOCAL",
        "T1",
        "1Z999",
        "SAMPLE123456",
    ],
)
def test_an_unknown_format_is_accepted_and_keeps_its_dashes_and_case(number: str) -> None:
    assert read_tracking_number(number) == number
    assert same_number(number, number.lower())


@pytest.mark.skipif(not TABLE.exists(), reason="the table of carriers' formats is not here")
def test_every_valid_number_of_the_published_table_is_accepted_in_all_its_writings() -> None:
    numbers = [
        number
        for file in sorted(TABLE.glob("*.json"))
        for form in json.loads(file.read_text())["tracking_numbers"]
        for number in form["test_numbers"]["valid"]
    ]
    assert len(numbers) > 90
    for number in numbers:
        posted = read_tracking_number(number)
        bare = "".join(number.split())
        assert posted == bare or bare.startswith("420"), number
        assert posted == read_tracking_number(posted)
        assert same_number(posted.lower(), number)
        assert same_number("-".join(bare), number)


@pytest.mark.skipif(not TABLE.exists(), reason="the table of carriers' formats is not here")
def test_different_numbers_of_the_published_table_stay_different() -> None:
    numbers = {
        "".join(number.split()).removeprefix("420")
        for file in sorted(TABLE.glob("*.json"))
        for form in json.loads(file.read_text())["tracking_numbers"]
        for number in form["test_numbers"]["valid"]
        if not "".join(number.split()).startswith("420")
    }
    assert len({canonical(number) for number in numbers}) == len(numbers)


def test_no_number_is_the_same_as_a_missing_one() -> None:
    assert not same_number("", "")
    assert not same_number("-", "")
    assert not same_number("VAN-1", "VAN-2")


def test_the_store_has_a_number_in_any_writing() -> None:
    order = Order("ord_1", fulfillments=(Fulfillment("9400 1112 0255 5582 8461 37"),))
    assert order.has_tracking(USPS)
    assert order.has_tracking("9400-1112-0255-5582-8461-37")
    assert not order.has_tracking("9400111202555582846138")
    assert not Order("ord_1", fulfillments=(Fulfillment(""),)).has_tracking("")
