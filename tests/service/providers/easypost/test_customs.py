"""Customs declarations, and the parcels that are held because a fact is missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from packhouse.errors import ProviderRefused
from packhouse.model.order import Address, Line, Units
from packhouse.model.parcel import Parcel
from packhouse.providers.conformance import sample_request
from packhouse.providers.easypost.customs import crosses_border, declaration
from packhouse.providers.easypost.options import EasyPostOptions
from packhouse.providers.port import PurchaseRequest

HERE = Address(
    name="Ann Lee", street1="1 Pier", city="San Francisco", state="CA", postcode="94110", country="US"
)
OPTIONS = EasyPostOptions(api_key=SecretStr("EZTK_x"), customs_origin="PT")


def _to(country: str, postcode: str = "1000", state: str = "") -> Address:
    return Address(name="N", street1="s", city="c", state=state, postcode=postcode, country=country)


def _abroad(price_minor: int | None = 1250, currency: str = "USD", country: str = "GB") -> PurchaseRequest:
    plain = sample_request("ord_1/1/1")
    lines = (
        Line("li_1", "p1", name="Lantern", quantity=3, unit_price_minor=price_minor),
        Line("li_2", "p2", name="Tea", quantity=1, unit_price_minor=300),
    )
    order = replace(plain.order, lines=lines, currency=currency)
    units = (Units("li_1", 2), Units("li_2", 1))
    return replace(
        plain, order=order, units=units, to_address=_to(country), parcel=Parcel(450, 250, 200, 100)
    )


@pytest.mark.parametrize(
    ("sender", "to", "crosses"),
    [
        (HERE, _to("US"), False),
        (HERE, _to("PR"), False),
        (HERE, _to("GU"), True),
        (HERE, _to("US", "09012", "AE"), True),
        (HERE, _to("CA"), True),
        (_to("DE", "10119"), _to("FR"), False),
        (_to("DE", "10119"), _to("ES", "28001"), False),
        (_to("DE", "10119"), _to("ES", "35001"), True),
        (_to("DE", "10119"), _to("DE", "27498"), True),
        (_to("DE", "10119"), _to("GB"), True),
        (_to("CH"), _to("LI"), False),
    ],
)
def test_a_declaration_is_needed_where_a_customs_area_is_left(
    sender: Address, to: Address, crosses: bool
) -> None:
    assert crosses_border(sender, to) is crosses


def test_within_one_area_nothing_is_declared() -> None:
    assert declaration(sample_request("ord_1/1/1"), HERE, OPTIONS) is None


def test_each_line_is_declared_with_its_own_units_value_and_share_of_the_weight() -> None:
    info: Any = declaration(_abroad(), HERE, OPTIONS)
    assert info["customs_signer"] == "Ann Lee"
    assert info["customs_certify"] is True
    assert info["eel_pfc"] == "NOEEI 30.37(a)"
    first, second = info["customs_items"]
    assert (first["description"], first["quantity"], first["value"]) == ("Lantern", 2, "25.00")
    assert (second["description"], second["quantity"], second["value"]) == ("Tea", 1, "3.00")
    assert {item["origin_country"] for item in info["customs_items"]} == {"PT"}
    assert "hs_tariff_number" not in first
    ounces = first["weight"] + second["weight"]
    assert 15.5 < ounces <= 450 / 28.349523125


def test_the_configured_tariff_number_and_signer_are_declared() -> None:
    options = OPTIONS.model_copy(update={"customs_hs_code": "940550", "customs_signer": "Bo"})
    info: Any = declaration(_abroad(), HERE, options)
    assert info["customs_items"][0]["hs_tariff_number"] == "940550"
    assert info["customs_signer"] == "Bo"


def test_exports_to_canada_and_from_outside_the_us_have_their_own_codes() -> None:
    canada: Any = declaration(_abroad(country="CA"), HERE, OPTIONS)
    assert canada["eel_pfc"] == "NOEEI 30.36"
    german: Any = declaration(_abroad(currency="EUR"), replace(HERE, country="DE"), OPTIONS)
    assert "eel_pfc" not in german


@pytest.mark.parametrize(
    ("request_", "sender", "options", "said"),
    [
        (
            _abroad(),
            HERE,
            OPTIONS.model_copy(update={"customs_origin": ""}),
            "providers.easypost.customs_origin",
        ),
        (_abroad(), replace(HERE, name=""), OPTIONS, "providers.easypost.customs_signer"),
        (_abroad(price_minor=None), HERE, OPTIONS, "no price for line li_1"),
        (_abroad(currency=""), HERE, OPTIONS, "no price for line li_1"),
        (_abroad(price_minor=200_000), HERE, OPTIONS, "2500.00 USD"),
        (_abroad(currency="EUR"), HERE, OPTIONS, "US dollars"),
    ],
)
def test_a_missing_customs_fact_is_never_guessed(
    request_: PurchaseRequest, sender: Address, options: EasyPostOptions, said: str
) -> None:
    with pytest.raises(ProviderRefused, match=said):
        declaration(request_, sender, options)
