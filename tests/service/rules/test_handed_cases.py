"""Addresses and parcels that went wrong for people, where this machine has the collection of them.

The right values stand in the other tests of these rules, too, so that they run everywhere.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from packhouse.model.customs import Customs
from packhouse.model.order import Units
from packhouse.model.tariff import read_tariff_number
from packhouse.rules.address import faults
from packhouse.rules.customs import CustomsFacts, Goods, Incomplete, declare
from packhouse.rules.customs_areas import crosses_border
from packhouse.store.protocol import address_from_json, order_from_json

CASES = Path(__file__).parents[3].parent / "shared" / "data" / "cases"
ORDERS = CASES / "orders" / "33-postcodes.json"
HERE = address_from_json(
    {
        "name": "Shop",
        "line1": "1 Pier",
        "city": "San Francisco",
        "state": "CA",
        "zip": "94104",
        "country": "US",
    }
)
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the collection of cases is not on this machine")


def cases(kind: str) -> list[Any]:
    found = [json.loads(path.read_text()) for path in sorted((CASES / "carriers").glob("*.json"))]
    return [pytest.param(case, id=case["case"]) for case in found if case["type"] == kind]


@pytest.mark.parametrize("case", cases("address_parts"))
def test_no_part_of_an_address_vanishes(case: dict[str, Any]) -> None:
    address = address_from_json(case["address"])
    assert address is not None
    lines = f"{address.street1}, {address.street2}"
    for part in case["must_keep"]:
        assert part in lines or any(part in fault for fault in faults(address))


@pytest.mark.parametrize("case", cases("address_ok"))
def test_a_good_address_is_not_held(case: dict[str, Any]) -> None:
    assert faults(address_from_json(case["address"])) == ()


@pytest.mark.parametrize("case", cases("crosses_border"))
def test_a_form_is_made_where_one_is_due(case: dict[str, Any]) -> None:
    sender, to = address_from_json(case["from"]), address_from_json(case["to"])
    assert sender is not None
    assert to is not None
    assert crosses_border(sender, to) is case["want"]


@pytest.mark.parametrize("case", cases("declaration"))
def test_a_declaration_is_right_or_held(case: dict[str, Any]) -> None:
    order = order_from_json({"id": "ord_1", "currency": "USD", "items": case["lines"]})
    units = tuple(Units(line.id, line.quantity) for line in order.lines)
    weights = {line["id"]: line["g"] for line in case["lines"]}
    parcel_g = sum(weights[some.line_id] * some.quantity for some in units)
    to = address_from_json(case["to"])
    assert HERE is not None
    assert to is not None
    facts = CustomsFacts(origin_country="US", signer="Shop")
    made = declare(Goods(order, units, parcel_g, units, {}, weights), HERE, to, facts)
    if case["want"].startswith("held"):
        assert isinstance(made, Incomplete)
    else:
        assert isinstance(made, Customs)
        expected = [weights[some.line_id] * some.quantity for some in units]
        assert [item.weight_g for item in made.items] == expected


@pytest.mark.parametrize("case", cases("option"))
def test_a_tariff_number_as_tariffs_print_it_is_read(case: dict[str, Any]) -> None:
    if written := case["options"].get("customs_hs_code"):
        assert read_tariff_number(written).isdigit()


@pytest.mark.parametrize("case", cases("order_address"))
def test_an_order_tells_what_its_address_needs(case: dict[str, Any]) -> None:
    address = order_from_json(case["order"]).address
    for part, value in case.get("must_have", {}).items():
        assert getattr(address, part) == value


def test_postal_codes_in_their_usual_writings_are_not_held() -> None:
    for raw in json.loads(ORDERS.read_text()):
        assert faults(order_from_json(raw).address) == (), raw["id"]
