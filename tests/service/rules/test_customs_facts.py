"""Where each fact of a declaration comes from, and what is said where one is missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from packhouse.config.sections import ProductSettings
from packhouse.config.settings import Settings
from packhouse.model.customs import CustomsItem
from packhouse.model.money import Money
from packhouse.model.order import Address, Line, Units
from packhouse.rules.customs import Incomplete, declare, facts_of, is_needed
from tests.service.rules.test_customs import ANVIL, BERLIN, FACTS, HERE, HOOK, declared, goods, held

SAN_JUAN = Address("Jo", "", "1 Calle", "", "San Juan", "PR", "00901", "US")


def only(*lines: Line, **changes: Any) -> CustomsItem:
    """The one item of the declaration of these goods."""
    (item,) = declared(goods(*lines, **changes)).items
    return item


def test_a_declaration_or_a_check_is_needed_across_a_border_and_to_puerto_rico() -> None:
    assert is_needed(BERLIN, replace(BERLIN, country="CH", postcode="3000"))
    assert is_needed(HERE, SAN_JUAN)
    assert not is_needed(BERLIN, replace(BERLIN, country="FR", postcode="75001"))


def test_a_product_that_customs_would_not_know_by_name_has_its_sku() -> None:
    assert only(replace(ANVIL, name="", sku="ANV-1")).description == "ANV-1"


@pytest.mark.parametrize(("line", "name"), [("", "line l1"), ("ANV-1", "ANV-1")])
def test_goods_without_a_name_are_named_by_their_sku_or_their_line(line: str, name: str) -> None:
    nameless = replace(ANVIL, name="", sku=line)
    assert f'no weight of "{name}"' in held(goods(nameless, weights={}))


def test_units_of_a_line_that_the_order_no_longer_has_are_named_by_its_id() -> None:
    made = goods(ANVIL, units=(Units("l9", 1),))
    why = held(made).split("; ")
    assert why == [
        'no price for "line l9": set customs_value_minor in [[products]]',
        'no description of "line l9": set customs_description in [[products]]',
        'no weight of "line l9"',
    ]


@pytest.mark.parametrize(("price", "value"), [(-5, 700), (0, 700), (None, 700), (1, 1)])
def test_only_a_price_above_zero_is_a_value_and_else_the_products_own_counts(
    price: int | None, value: int
) -> None:
    entry = ProductSettings(id="p1", customs_value_minor=700)
    assert only(replace(ANVIL, unit_price_minor=price), entries={"l1": entry}).value == Money(value, "USD")


def test_a_negative_price_without_a_value_is_no_price() -> None:
    assert held(goods(replace(ANVIL, unit_price_minor=-5))) == (
        'no price for "Anvil": set customs_value_minor in [[products]]'
    )


def test_an_order_without_a_currency_has_no_values_and_says_that_once() -> None:
    assert (
        held(goods(replace(ANVIL, unit_price_minor=None), HOOK, currency="")) == "the order has no currency"
    )


@pytest.mark.parametrize(
    ("count", "said"), [(1, '"A"'), (2, '"A", "B"'), (3, '"A", "B" and 1 more'), (4, '"A", "B" and 2 more')]
)
def test_two_names_are_said_and_more_are_counted(count: int, said: str) -> None:
    lines = [Line(f"l{name}", name=name, quantity=1, unit_price_minor=1) for name in "ABCD"[:count]]
    assert held(goods(*lines, weights={})) == f"no weight of {said}"


@pytest.mark.parametrize(
    ("name", "description"),
    [
        (f"{'x' * 60} {'y' * 39}", f"{'x' * 60} {'y' * 39}"),
        (f"{'x' * 60} {'y' * 39} z", f"{'x' * 60} {'y' * 39}"),
        (f"{'x' * 60} {'y' * 40} z", "x" * 60),
        ("Mug\u200b\x07 blue", "Mug blue"),
        ("Glass® 20° ©", "Glass® 20° ©"),
        ("Mug ★ + saucer", "Mug + saucer"),
    ],
    ids=["100 signs", "102 signs", "a word too long by one", "unseen signs", "signs of trade", "pictograms"],
)
def test_a_description_is_cut_at_a_word_and_has_no_pictures(name: str, description: str) -> None:
    assert only(replace(ANVIL, name=name)).description == description


def test_weights_that_grew_after_packing_share_the_parcels_weight() -> None:
    made = goods(weights={"l1": 150, "l2": 50}, units=(Units("l1", 1), Units("l2", 1)), parcel_g=100)
    assert [item.weight_g for item in declared(made).items] == [75, 25]
    assert [item.weight_g for item in declared(replace(made, parcel_g=200)).items] == [150, 50]
    tiny = replace(made, weights_g={"l1": 500, "l2": 1})
    assert [item.weight_g for item in declared(tiny).items] == [99, 1]


def test_goods_without_a_tariff_number_are_just_goods() -> None:
    lamp = Line("l1", "p1", name="Lamp", quantity=1, unit_price_minor=260_000)
    why = (
        "worth 2600.00 USD together, and above 2500.00 USD a US export has to be filed first "
        "(15 CFR 30.37(a))"
    )
    assert held(goods(lamp)) == f"goods in this order are {why}"
    numbered = replace(FACTS, tariff_number="940521")
    assert held(goods(lamp), facts=numbered) == f"goods of tariff number 940521 in this order are {why}"


def test_puerto_rico_in_another_currency_is_asked_for_no_limit() -> None:
    lamp = Line("l1", "p1", name="Lamp", quantity=1, unit_price_minor=260_000)
    assert declare(goods(lamp, currency="EUR"), HERE, SAN_JUAN, FACTS) is None
    over = declare(goods(lamp, currency="EUR"), HERE, SAN_JUAN, replace(FACTS, limits_minor={"EUR": 1}))
    assert isinstance(over, Incomplete)


def _settings(**given: Any) -> Settings:
    return Settings(_env_file=None, **given)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("given", "signer"),
    [
        ({"ship_from": {"name": "Ann", "company": "Lee Ltd"}}, "Ann"),
        ({"ship_from": {"company": "Lee Ltd"}}, "Lee Ltd"),
        ({"ship_from": {"name": "Ann"}, "customs": {"signer": "Bo"}}, "Bo"),
        ({"ship_from": {"name": "Ann"}, "providers": {"easypost": {"customs_signer": "Cy"}}}, "Cy"),
        ({}, ""),
    ],
)
def test_the_most_particular_name_signs(given: dict[str, Any], signer: str) -> None:
    assert facts_of(_settings(provider="easypost", **given)).signer == signer


def test_the_customs_section_comes_before_the_accounts_and_the_first_account_before_others() -> None:
    accounts = {
        "easypost": {"customs_origin": ""},
        "shippo": {"customs_origin": " de ", "customs_hs_code": "6109.10"},
    }
    settings = _settings(provider=["easypost", "shippo"], providers=accounts)
    assert (facts_of(settings).origin_country, facts_of(settings).tariff_number) == ("DE", "610910")
    own = _settings(
        provider="shippo", providers=accounts, customs={"origin_country": "PT", "tariff_number": "9405.21"}
    )
    assert (facts_of(own).origin_country, facts_of(own).tariff_number) == ("PT", "940521")


def test_an_accounts_tariff_number_that_is_none_is_left_out() -> None:
    wrong = {"easypost": {"customs_hs_code": "mugs"}}
    assert facts_of(_settings(provider="easypost", providers=wrong)).tariff_number == ""
