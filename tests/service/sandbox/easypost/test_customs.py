"""The fake EasyPost offers no rates for a shipment whose customs form is missing or wrong."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.sandbox.easypost.customs import customs_fault

ITEM = {"description": "Mug", "quantity": 1, "value": "5.00", "weight": 10.0, "origin_country": "US"}
FORM: dict[str, Any] = {"eel_pfc": "NOEEI 30.37(a)", "customs_items": [ITEM]}
US = {"country": "US", "state": "CA"}


def fault(to: dict[str, str], form: Any = None, sender: dict[str, str] = US) -> str:
    request = {"to_address": to, "from_address": sender} | ({"customs_info": form} if form else {})
    return customs_fault(request, 10.0)


@pytest.mark.parametrize(
    "to", [{"country": "DE"}, {"country": "US", "state": "GU"}, {"country": "US", "state": "AE"}]
)
def test_a_form_is_required_abroad_and_in_territories(to: dict[str, str]) -> None:
    assert "is required for this destination" in fault(to)
    assert fault(to, FORM) == ""


@pytest.mark.parametrize("to", [US, {"country": "US", "state": "PR"}, {"country": "PR"}])
def test_no_form_is_wanted_within_the_customs_area(to: dict[str, str]) -> None:
    assert fault(to) == ""
    assert "not needed" in fault(to, FORM)


def test_parcels_from_elsewhere_are_not_checked() -> None:
    assert fault({"country": "FR"}, None, {"country": "DE"}) == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"eel_pfc": ""}, "eel_pfc"),
        ({"customs_items": []}, "is required"),
        ({"customs_items": [{**ITEM, "weight": 0}]}, "above 0"),
        ({"customs_items": [ITEM, ITEM]}, "weigh more than the parcel"),
        ({"customs_items": [{**ITEM, "origin_country": ""}]}, "need description, origin_country and value"),
    ],
)
def test_a_wrong_form_is_refused(change: dict[str, Any], said: str) -> None:
    assert said in fault({"country": "DE"}, {**FORM, **change})
