"""How the parts of an address become its lines: nothing twice, nothing lost, the number where it belongs."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.model.order import Address
from packhouse.store.address import address_from_json

HOME = {"name": "Ann", "company": "Lee Ltd", "city": "Utrecht", "state": "Gelderland", "country": "NL"}


def read(**parts: Any) -> Address:
    address = address_from_json({**HOME, **parts})
    assert address is not None
    return address


def lines(**parts: Any) -> tuple[str, str]:
    address = read(**parts)
    assert address.unplaced == ()
    return address.street1, address.street2


@pytest.mark.parametrize(
    ("parts", "street1"),
    [
        ({"house_number": "12", "suffix": "2"}, "Kade 12-2"),
        ({"house_number": "12", "suffix": "12"}, "Kade 12"),
        ({"house_number": "12/3B", "suffix": "B"}, "Kade 12/3B"),
        ({"house_number": "12", "suffix": "/A"}, "Kade 12/A"),
        ({"house_number": "12", "suffix": "-4"}, "Kade 12-4"),
        ({"house_number": "12", "suffix": "B1"}, "Kade 12 B1"),
        ({"house_number": "12", "suffix": "1B"}, "Kade 12-1B"),
        ({"house_number": "B12", "suffix": "12"}, "Kade B12"),
        ({"house_number": "B", "suffix": "B"}, "Kade B"),
        ({"house_number": "14", "house": "12"}, "Kade 14"),
        ({"house_number": -12}, "Kade"),
    ],
)
def test_a_suffix_follows_its_number_once(parts: dict[str, Any], street1: str) -> None:
    assert read(street="Kade", **parts).street1 == street1


def test_a_number_in_the_street_gets_its_suffix_in_its_place() -> None:
    assert lines(line1="Kade 12 huis 12", house_number="12", suffix="B") == ("Kade 12 B huis 12", "")


def test_a_number_is_written_after_a_street_that_does_not_say_it_though_another_line_does() -> None:
    parts = {"lines": ["Kade", "12 hoog"], "house_number": "12", "suffix": "B"}
    assert lines(**parts) == ("Kade 12 B", "12 hoog")


def test_a_number_that_another_line_says_is_not_repeated() -> None:
    assert lines(lines=["North gate", "Kade 12"], house_number="12") == ("North gate", "Kade 12")


@pytest.mark.parametrize("suffix", ["Jr.", "III", "phd"])
def test_what_follows_a_persons_name_is_no_part_of_a_house_number(suffix: str) -> None:
    address = read(street="Kade", house_number="12", suffix=suffix)
    assert (address.street1, address.unplaced) == ("Kade 12", (f"suffix: {suffix}",))


@pytest.mark.parametrize(
    ("parts", "unplaced"),
    [
        ({"number": "12"}, "number: 12"),
        ({"hausnummer": "12"}, "hausnummer: 12"),
        ({"house": "12"}, "house: 12"),
        ({"house_number": "", "house": "12"}, "house: 12"),
        ({"house_number": 0}, "house_number: 0"),
        ({"house_number": {"value": "12"}}, "house_number: 12"),
        ({"suffix": {"value": "B"}}, "suffix: B"),
        ({"addition": "B"}, "addition: B"),
    ],
)
def test_a_number_without_a_street_is_named_as_the_store_writes_it(
    parts: dict[str, Any], unplaced: str
) -> None:
    address = read(**parts)
    assert (address.street1, address.street2, address.unplaced) == ("", "", (unplaced,))


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"line1": "Kade", "address": "Kade 12"}, ("Kade 12", "")),
        ({"line1": "Kade 12", "address": "Kade"}, ("Kade 12", "")),
        ({"lines": ["Kade", "Rear", "Kade 12"]}, ("Kade", "Rear, Kade 12")),
        ({"line1": "Kade 12", "line2": "Kade"}, ("Kade 12", "")),
        ({"line1": "Kade 12, second court", "line2": "Rear"}, ("Kade 12, second court", "Rear")),
        ({"line1": "Kade 12", "line2": "Kade 1"}, ("Kade 12", "Kade 1")),
    ],
)
def test_a_line_that_another_one_says_is_left_out(parts: dict[str, Any], expected: tuple[str, str]) -> None:
    assert lines(**parts) == expected


@pytest.mark.parametrize(
    ("parts", "street2"),
    [
        ({"care_of": "Bo Lee"}, "c/o Bo Lee"),
        ({"care_of": "c/o Bo Lee"}, "c/o Bo Lee"),
        ({"care_of": "C/O Bo"}, "C/O Bo"),
        ({"attention": "Attn: Bo"}, "Attn: Bo"),
        ({"attention": "Att. Bo"}, "Att. Bo"),
        ({"attention": "4B"}, "Attn 4B"),
        ({"attention": "Ann"}, ""),
        ({"attention": "Lee Ltd"}, ""),
        ({"line2": "Bo Lee", "care_of": "Bo Lee"}, "Bo Lee"),
        ({"line2": "Bo 4", "care_of": "Bo"}, "Bo 4, c/o Bo"),
        ({"building": "B"}, "Building B"),
        ({"building": "AB"}, "AB"),
        ({"building": "Hall 4 west"}, "Hall 4 west"),
        ({"building": "Lee Ltd"}, "Lee Ltd"),
        ({"building": "Utrecht"}, "Utrecht"),
        ({"floor": 0}, "Floor 0"),
        ({"ward": "4"}, "4"),
        ({"district": "Utrecht"}, ""),
        ({"district": "Gelderland"}, ""),
        ({"district": "-"}, ""),
        ({"line2": "Rear", "building": "Rear"}, "Rear"),
    ],
)
def test_a_part_is_written_once_and_with_its_word_where_it_is_bare(
    parts: dict[str, Any], street2: str
) -> None:
    assert lines(line1="Kade 1", **parts) == ("Kade 1", street2)


def test_a_post_box_comes_first_where_there_is_no_street_and_other_parts_keep_their_order() -> None:
    parts = {"building": "B", "floor": "2", "po_box": "12"}
    assert lines(**parts) == ("PO Box 12", "Building B, Floor 2")
    assert lines(line1="Kade 1", **parts) == ("Kade 1", "Building B, Floor 2, PO Box 12")


def test_an_address_of_nothing_but_a_sign_is_empty() -> None:
    assert address_from_json({"district": "-"}) == Address()


def test_a_note_fits_a_line_up_to_35_characters() -> None:
    fits, longer = "Ring twice and leave it at the door", "Ring twice and leave it at the doors"
    assert (len(fits), len(longer)) == (35, 36)
    assert lines(line1="Kade 1", notes=fits) == ("Kade 1", fits)
    address = read(line1="Kade 1", notes=longer)
    assert (address.street2, address.unplaced) == ("", (f"notes: {longer}",))


def test_a_note_that_the_lines_say_is_left_out() -> None:
    assert lines(line1="Kade 1", line2="Back door", notes="back door") == ("Kade 1", "Back door")


def test_twenty_lines_are_an_address_and_more_are_named() -> None:
    many = [f"Part {n}" for n in range(21)]
    assert lines(lines=many[:20]) == ("Part 0", ", ".join(many[1:20]))
    address = read(lines=many)
    assert (address.street1, address.unplaced) == ("", (f"lines: {', '.join(many)}",))


@pytest.mark.parametrize(
    ("zip_", "more", "postcode"),
    [
        ("94110", "1234", "94110-1234"),
        ("94110", "4110", "94110-4110"),
        ("94110", "", "94110"),
        ("94110", "123", "94110"),
        ("94110", "12345", "94110"),
        ("94110-1234", "1234", "94110-1234"),
        ("941101", "1234", "941101"),
        ("", "1234", ""),
    ],
)
def test_only_four_more_digits_are_joined_to_five(zip_: str, more: str, postcode: str) -> None:
    assert address_from_json({"zip": zip_, "zip4": more, "country": "US"}) == Address(
        postcode=postcode, country="US"
    )


def test_a_name_of_its_own_takes_precedence_over_its_parts() -> None:
    names = {"name": "Ann Lee", "first_name": "Bo", "last_name": "Kim", "attention": "Cy"}
    assert address_from_json(names) == Address(name="Ann Lee", street1="Attn Cy")
    assert address_from_json({"last_name": "Kim", "attention": "Cy"}) == Address(
        name="Kim", street1="Attn Cy"
    )
