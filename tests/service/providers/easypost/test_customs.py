"""EasyPost's form of a customs declaration."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.model.customs import Customs, CustomsItem
from packhouse.model.label import LabelFormat
from packhouse.model.money import Money
from packhouse.model.order import Address
from packhouse.providers.conformance import sample_request
from packhouse.providers.easypost import wire
from packhouse.providers.easypost.customs import customs_info, item_ounces

ANVIL = CustomsItem("l1", "Anvil", 1, Money(9000, "USD"), 9000, "PT", "820590")
HOOK = CustomsItem("l2", "Hook", 3, Money(2850, "USD"), 30, "IN")
CUSTOMS = Customs((ANVIL, HOOK), "Ann Lee", "NOEEI 30.37(a)")


def test_each_item_has_its_own_weight_value_and_origin() -> None:
    info: Any = customs_info(CUSTOMS, 9080)
    assert info == {
        "customs_certify": True,
        "customs_signer": "Ann Lee",
        "contents_type": "merchandise",
        "restriction_type": "none",
        "non_delivery_option": "return",
        "eel_pfc": "NOEEI 30.37(a)",
        "customs_items": [
            {
                "description": "Anvil",
                "quantity": 1,
                "value": "90.00",
                "currency": "USD",
                "weight": 317.4,
                "origin_country": "PT",
                "hs_tariff_number": "820590",
            },
            {
                "description": "Hook",
                "quantity": 3,
                "value": "28.50",
                "currency": "USD",
                "weight": 1.0,
                "origin_country": "IN",
            },
        ],
    }


def test_an_export_from_elsewhere_has_no_us_code() -> None:
    assert "eel_pfc" not in customs_info(replace(CUSTOMS, export_code=""), 9080)


def test_the_declaration_is_part_of_the_shipment() -> None:
    request = replace(sample_request("ord_1/1/1"), customs=CUSTOMS)
    body = wire.shipment_body(request, Address(), LabelFormat.PDF, (), customs_info(CUSTOMS, 9080))
    assert json.loads(body)["shipment"]["customs_info"]["customs_items"][0]["weight"] == 317.4


@given(st.lists(st.integers(1, 30_000), min_size=1, max_size=60), st.integers(0, 500))
def test_no_item_weighs_nothing_and_together_they_weigh_no_more_than_the_parcel(
    weights_g: list[int], tare_g: int
) -> None:
    parcel_g = sum(weights_g) + tare_g
    ounces = item_ounces(weights_g, parcel_g)
    assert all(weight > 0 for weight in ounces)
    assert round(sum(ounces), 5) <= wire.ounces(parcel_g)
    for grams, weight in zip(weights_g, ounces, strict=True):
        assert weight <= max(grams / 28.349523125, 0.1) + 1e-9
        assert weight >= grams / 28.349523125 - 0.1 * len(weights_g) - 0.1


@pytest.mark.parametrize("lines", [1, 30, 200])
def test_many_light_items_are_written_in_finer_parts(lines: int) -> None:
    ounces = item_ounces([1] * lines, lines)
    assert all(weight > 0 for weight in ounces)
    assert sum(ounces) <= wire.ounces(lines)
