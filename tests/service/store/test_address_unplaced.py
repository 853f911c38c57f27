"""What an address says and has no place for is named, so that a person sees it; nothing else is."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.model.order import Address
from packhouse.store.address import address_from_json
from packhouse.store.address_fields import is_harmless, plain

HOME = {"name": "Ann", "line1": "Kade 1", "city": "Utrecht", "postcode": "3511 AB", "country": "NL"}
READ = Address(name="Ann", street1="Kade 1", city="Utrecht", postcode="3511 AB", country="NL")


def unplaced(**parts: Any) -> tuple[str, ...]:
    address = address_from_json({**HOME, **parts})
    assert address is not None
    return address.unplaced


def test_an_outer_field_takes_precedence_and_an_inner_one_that_contradicts_it_is_named() -> None:
    address = address_from_json({"details": {"postcode": "1000 AA", "city": "Utrecht", "state": ""}, **HOME})
    assert address is not None
    assert (address.postcode, address.city) == ("3511 AB", "Utrecht")
    assert address.unplaced == ("details.postcode: 1000 AA",)


@pytest.mark.parametrize("second", ["zipCode", "zipcode"])
def test_of_one_name_in_two_writings_the_first_is_read_and_the_other_is_named(second: str) -> None:
    address = address_from_json({"zip_code": "10001", second: "10002"})
    assert address == Address(postcode="10001", unplaced=(f"{second}: 10002",))


def test_a_second_name_of_the_country_that_contradicts_it_is_named_though_it_looks_like_an_id() -> None:
    address = address_from_json({"country_id": "NL", "details": {"country_id": "DE"}})
    assert address == Address(country="NL", unplaced=("details.country_id: DE",))


def test_an_inner_field_is_named_with_its_path() -> None:
    assert unplaced(details={"zone_name": "North", "person": {"desk": "4"}}) == (
        "details.zone_name: North",
        "details.person.desk: 4",
    )


def test_a_name_is_the_streets_only_in_the_street() -> None:
    assert address_from_json({"street": {"name": "Kade", "number": 1}}) == Address(street1="Kade 1")
    assert address_from_json({"person": {"name": "Ann", "phone": "5"}}) == Address(name="Ann", phone="5")


@pytest.mark.parametrize(
    "names", [{"country": "Atlantis", "country_name": "Lemuria"}, {"country_id": "840"}, {"country": 0}]
)
def test_the_first_name_of_a_country_that_is_not_known_is_named(names: dict[str, Any]) -> None:
    name, said = next(iter(names.items()))
    assert address_from_json({"city": "Poseidonis", **names}) == Address(
        city="Poseidonis", unplaced=(f"{name}: {said}",)
    )


def test_a_country_that_is_not_known_gives_way_to_one_that_is() -> None:
    assert address_from_json({"country": "Atlantis", "country_code": "NL"}) == Address(country="NL")


@pytest.mark.parametrize(
    ("country", "code"),
    [
        ({"code": "", "name": "Germany"}, "DE"),
        ({"code": None, "iso2": "DE"}, "DE"),
        ({"Alpha-2": "DE", "name": "France"}, "DE"),
        ({"id": "DE"}, "DE"),
        ({"flag": "de.svg"}, ""),
    ],
)
def test_an_object_says_its_country_by_code_before_name(country: dict[str, Any], code: str) -> None:
    assert address_from_json({"name": "Ann", "country": country}) == Address(name="Ann", country=code)


@pytest.mark.parametrize(
    ("name", "read"), [("city", Address(city="Utrecht")), ("state", Address(state="Utrecht"))]
)
def test_a_city_or_state_in_an_object_is_its_name(name: str, read: Address) -> None:
    assert address_from_json({name: {"id": 7, "name": "Utrecht"}}) == read


def test_texts_deep_in_a_field_are_named_without_the_harmless_ones() -> None:
    point = {"id": "pp_1", "names": ["Kiosk", {"floor": "2", "lat": "1.5"}], "open": True, "size": 2.5}
    assert unplaced(pickup_point=point) == ("pickup_point: Kiosk, 2",)


def test_a_field_with_many_texts_shows_fifty() -> None:
    assert unplaced(hall=[f"row {n}" for n in range(60)]) == (
        f"hall: {', '.join(f'row {n}' for n in range(50))}",
    )


def test_fifty_fields_are_named_and_that_there_are_more() -> None:
    many = {f"hall_{n}": "x" for n in range(60)}
    assert unplaced(**many) == (*(f"hall_{n}: x" for n in range(50)), "…: and more fields")
    del many["hall_0"]
    assert len(unplaced(**dict(list(many.items())[:49]))) == 49


@pytest.mark.parametrize("value", ["", " ", None, 2.5, -1, True, False, [], {}, [None], {"note": ""}])
def test_a_field_without_text_is_not_named(value: Any) -> None:
    assert address_from_json({**HOME, "hall": value}) == READ


@pytest.mark.parametrize(
    "name",
    [
        "id",
        "Created-At",
        "shippedAt",
        "store_id",
        "customerID",
        "isDefault",
        "is_gift",
        "details.lat",
        "map_url",
    ],
)
def test_names_that_say_nothing_about_the_place(name: str) -> None:
    assert is_harmless(name)


@pytest.mark.parametrize("name", ["hall", "island", "flat", "beside", "id.hall", "valid_hall"])
def test_names_that_may_say_something_about_the_place(name: str) -> None:
    assert not is_harmless(name)


def test_a_name_is_compared_without_case_and_separators() -> None:
    assert plain("House-Number") == plain("house_number") == plain("houseNumber") == "housenumber"
