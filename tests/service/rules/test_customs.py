"""Customs declarations: what is declared, and what is held because a fact is missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packhouse.config.sections import ProductSettings
from packhouse.config.settings import Settings
from packhouse.model.customs import Customs
from packhouse.model.money import Money
from packhouse.model.order import Address, Line, Order, Units
from packhouse.rules.customs import CustomsFacts, Goods, Incomplete, declare, facts_of, is_needed

HERE = Address(
    name="Ann Lee", street1="1 Pier", city="San Francisco", state="CA", postcode="94104", country="US"
)
BERLIN = Address(name="Jo", street1="Torstr. 1", city="Berlin", postcode="10115", country="DE")
FACTS = CustomsFacts(origin_country="PT", signer="Ann Lee")
ANVIL = Line("l1", "p1", name="Anvil", quantity=1, unit_price_minor=9000)
HOOK = Line("l2", "p2", name="Hook", quantity=3, unit_price_minor=950)


def goods(
    *lines: Line, currency: str = "USD", weights: dict[str, int] | None = None, **changes: Any
) -> Goods:
    lines = lines or (ANVIL, HOOK)
    units = tuple(Units(line.id, line.quantity) for line in lines)
    weights = weights if weights is not None else {line.id: 100 for line in lines}
    made = Goods(
        order=Order("ord_1", currency=currency, lines=lines),
        units=units,
        parcel_g=sum(weights.get(some.line_id, 0) * some.quantity for some in units) + 50,
        sent=units,
        entries={},
        weights_g=weights,
    )
    return replace(made, **changes)


def declared(
    made: Goods, to: Address = BERLIN, sender: Address = HERE, facts: CustomsFacts = FACTS
) -> Customs:
    answer = declare(made, sender, to, facts)
    assert isinstance(answer, Customs), answer
    return answer


def held(made: Goods, to: Address = BERLIN, sender: Address = HERE, facts: CustomsFacts = FACTS) -> str:
    answer = declare(made, sender, to, facts)
    assert isinstance(answer, Incomplete), answer
    return str(answer)


def test_within_one_area_nothing_is_declared() -> None:
    assert declare(goods(), HERE, replace(HERE, name="Jo"), CustomsFacts()) is None
    assert not is_needed(HERE, replace(HERE, name="Jo"))


def test_each_line_has_its_own_weight_value_and_units() -> None:
    customs = declared(goods(weights={"l1": 9000, "l2": 10}))
    anvil, hook = customs.items
    assert (anvil.description, anvil.quantity, anvil.value, anvil.weight_g) == (
        "Anvil", 1, Money(9000, "USD"), 9000,
    )  # fmt: skip
    assert (hook.description, hook.quantity, hook.value, hook.weight_g) == ("Hook", 3, Money(2850, "USD"), 30)
    assert (anvil.origin_country, anvil.tariff_number, customs.signer) == ("PT", "", "Ann Lee")


def test_one_of_several_parcels_declares_only_its_own_units() -> None:
    made = goods()
    customs = declared(replace(made, units=(Units("l2", 2),), parcel_g=250))
    assert [(item.line_id, item.quantity, item.weight_g) for item in customs.items] == [("l2", 2, 200)]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 5000), st.integers(1, 20)), min_size=1, max_size=12),
    st.integers(0, 900),
)
def test_items_never_weigh_nothing_and_never_more_than_their_parcel(
    lines: list[tuple[int, int]], tare_g: int
) -> None:
    made = [Line(f"l{n}", name="X", quantity=count, unit_price_minor=1) for n, (_, count) in enumerate(lines)]
    weights = {f"l{n}": weight for n, (weight, _) in enumerate(lines)}
    packed = goods(*made, weights=weights)
    parcel_g = packed.parcel_g - 50 + tare_g
    # Weights that grew after the parcel was packed, too.
    for heavier in (1, 3):
        now = {line: weight * heavier for line, weight in weights.items()}
        items = declared(replace(packed, parcel_g=parcel_g, weights_g=now)).items
        assert all(item.weight_g >= 1 for item in items)
        assert sum(item.weight_g for item in items) <= parcel_g


def test_a_products_entry_tells_its_own_facts() -> None:
    entry = ProductSettings(
        id="p2",
        tariff_number="7317.00",
        origin_country="IN",
        customs_description="Iron hooks",
        customs_value_minor=120,
    )
    free = replace(HOOK, unit_price_minor=0)
    facts = replace(FACTS, tariff_number="820590")
    anvil, hook = declared(goods(ANVIL, free, entries={"l2": entry}), facts=facts).items
    assert (anvil.tariff_number, anvil.origin_country) == ("820590", "PT")
    assert (hook.tariff_number, hook.origin_country, hook.description) == ("731700", "IN", "Iron hooks")
    assert hook.value == Money(360, "USD")


@pytest.mark.parametrize(
    ("name", "description"),
    [
        ("<b>Mug</b> &amp; saucer", "Mug & saucer"),
        ("Mug 🎁\n blue ", "Mug blue"),
        ("Kaffee-Tasse, weiß", "Kaffee-Tasse, weiß"),
        ("word " * 40, ("word " * 20).strip()),
        ("x" * 300, "x" * 100),
    ],
)
def test_a_description_is_plain_text_of_a_forms_length(name: str, description: str) -> None:
    (item,) = declared(goods(replace(ANVIL, name=name))).items
    assert item.description == description


@pytest.mark.parametrize(
    ("made", "facts", "said"),
    [
        (
            goods(),
            replace(FACTS, origin_country=""),
            'no country of origin for "Anvil", "Hook": set customs.',
        ),
        (goods(), replace(FACTS, signer=""), "set customs.signer or ship_from.name"),
        (
            goods(replace(ANVIL, unit_price_minor=None)),
            FACTS,
            'no price for "Anvil": set customs_value_minor',
        ),
        (
            goods(replace(ANVIL, unit_price_minor=0)),
            FACTS,
            'a price of 0 for "Anvil": set customs_value_minor',
        ),
        (goods(currency=""), FACTS, "the order has no currency"),
        (goods(replace(ANVIL, name="🎁")), FACTS, 'no description of "🎁": set customs_description'),
        (goods(weights={"l1": 1}), FACTS, 'no weight of "Hook"'),
    ],
)
def test_a_missing_fact_is_named_with_its_setting(made: Goods, facts: CustomsFacts, said: str) -> None:
    assert said in held(made, facts=facts)


def test_everything_that_is_missing_is_said_at_once() -> None:
    why = held(goods(replace(ANVIL, unit_price_minor=None), HOOK), facts=CustomsFacts())
    assert all(
        word in why for word in ("customs.signer", 'origin for "Anvil", "Hook":', 'no price for "Anvil":')
    )


def test_many_goods_are_named_by_two_and_a_number() -> None:
    lines = [Line(f"l{n}", name=f"Mug {n}", quantity=1, unit_price_minor=1) for n in range(5)]
    assert 'for "Mug 0", "Mug 1" and 3 more:' in held(goods(*lines), facts=replace(FACTS, origin_country=""))


def test_exports_to_canada_and_from_outside_the_us_have_their_own_codes() -> None:
    toronto = Address("Jo", "", "1 Bay St", "", "Toronto", "ON", "M5J 2R8", "CA")
    assert declared(goods(), to=toronto).export_code == "NOEEI 30.36"
    assert declared(goods(replace(ANVIL, unit_price_minor=900_000)), to=toronto).export_code == "NOEEI 30.36"
    assert declared(goods(), to=HERE, sender=BERLIN).export_code == ""
    assert declared(goods()).export_code == "NOEEI 30.37(a)"


COUNTRIES = [
    Address("Jo", "", "1 St", "", "Tehran", "Tehran", "11936-53471", "IR"),
    Address("Jo", "", "1 St", "", "Havana", "", "10100", "CU"),
    Address("Jo", "", "1 St", "", "Pyongyang", "", "", "KP"),
    Address("Jo", "", "1 St", "", "Damascus", "", "", "SY"),
    Address("Jo", "", "1 St", "", "Moscow", "", "101000", "RU"),
    Address("Jo", "", "1 St", "", "Minsk", "", "220050", "BY"),
    Address("Jo", "", "1 St", "", "Simferopol", "", "95000", "UA"),
    Address("Jo", "", "1 St", "", "Yalta", "Crimea", "", "UA"),
    Address("Jo", "", "1 St", "", "Donetsk", "", "83000", "UA"),
    Address("Jo", "", "1 St", "", "Sevastopol", "Krym", "299000", "UA"),
    Address("Jo", "", "1 St", "", "Kerch", "АР Крим", "", "UA"),
    Address("Jo", "", "1 St", "", "Lugansk", "", "", "UA"),
    Address("Jo", "", "1 St", "", "Mariupol", "UA-14", "", "UA"),
]


@pytest.mark.parametrize("to", COUNTRIES, ids=lambda to: to.city)
def test_an_export_to_an_embargoed_place_is_never_declared_exempt(to: Address) -> None:
    assert "filed whatever their value" in held(goods(replace(ANVIL, unit_price_minor=100)), to=to)


def test_kyiv_and_shanghai_have_the_exemption_by_value() -> None:
    for to in (
        Address("Jo", "", "1 St", "", "Kyiv", "", "01001", "UA"),
        Address("Jo", "", "1 St", "", "Shanghai", "Shanghai", "200000", "CN"),
    ):
        assert declared(goods(), to=to).export_code == "NOEEI 30.37(a)"


def test_an_embargo_of_the_us_does_not_bind_a_shop_elsewhere() -> None:
    assert declared(goods(currency="EUR"), to=COUNTRIES[0], sender=BERLIN).export_code == ""


LAMP = Line("l1", "p1", name="Lamp", quantity=2, unit_price_minor=130_000)


def test_goods_of_one_tariff_number_count_together_although_split_into_boxes() -> None:
    whole = goods(LAMP)
    box = replace(whole, units=(Units("l1", 1),), parcel_g=150)
    assert "2600.00 USD together" in held(box)
    assert declared(replace(box, sent=(Units("l1", 1),))).export_code == "NOEEI 30.37(a)"


def test_goods_of_several_tariff_numbers_have_a_limit_each() -> None:
    lamp, shade = (
        replace(LAMP, quantity=1),
        Line("l2", "p2", name="Shade", quantity=1, unit_price_minor=130_000),
    )
    entries = {
        "l1": ProductSettings(id="p1", tariff_number="9405.21"),
        "l2": ProductSettings(id="p2", tariff_number="9405.99"),
    }
    assert declared(goods(lamp, shade, entries=entries)).export_code == "NOEEI 30.37(a)"
    same = {**entries, "l2": ProductSettings(id="p2", tariff_number="940521")}
    assert "tariff number 940521 in this order" in held(goods(lamp, shade, entries=same))
    assert "2600.00 USD together" in held(goods(lamp, shade))  # without numbers they may be of one


def test_exactly_the_limit_is_exempt() -> None:
    assert (
        declared(goods(replace(LAMP, quantity=1, unit_price_minor=250_000))).export_code == "NOEEI 30.37(a)"
    )
    assert "2500.01 USD" in held(goods(replace(LAMP, quantity=1, unit_price_minor=250_001)))


def test_another_currency_has_no_limit_until_the_settings_tell_one() -> None:
    made = goods(replace(LAMP, quantity=1), currency="EUR")
    assert "customs.filing_limits_minor.EUR" in held(made)
    told = replace(FACTS, limits_minor={"EUR": 200_000})
    assert declared(made, facts=told).export_code == "NOEEI 30.37(a)"
    assert "2600.00 EUR together" in held(goods(LAMP, currency="EUR"), facts=told)


def test_territories_of_the_us_need_a_form_and_no_filing() -> None:
    guam = Address("Jo", "", "1 Marine Dr", "", "Tamuning", "GU", "96913", "US")
    assert declared(goods(), to=guam).export_code == "NOEEI 30.37(a)"
    assert declared(goods(LAMP), to=guam).export_code == "NOEEI 30.2(d)(2)"
    virgin_islands = replace(guam, city="St Thomas", state="VI", postcode="00802")
    assert "2600.00 USD together" in held(goods(LAMP), to=virgin_islands)


@pytest.mark.parametrize(
    "to",
    [
        Address("Jo", "", "1 Calle", "", "San Juan", "PR", "00901", "US"),
        Address("Jo", "", "1 Calle", "", "San Juan", "", "00901", "PR"),
    ],
)
def test_puerto_rico_needs_no_form_and_a_filing_above_the_limit(to: Address) -> None:
    assert declare(goods(), HERE, to, CustomsFacts()) is None
    assert declare(goods(currency="EUR"), HERE, to, CustomsFacts()) is None
    assert "2600.00 USD together" in held(goods(LAMP), to=to, facts=CustomsFacts())
    assert declare(goods(LAMP), to, to, CustomsFacts()) is None


def _settings(**given: Any) -> Settings:
    return Settings(_env_file=None, **given)  # type: ignore[call-arg]


def test_the_customs_section_tells_the_facts_and_the_sender_signs() -> None:
    told = facts_of(
        _settings(
            customs={"origin_country": "DE", "tariff_number": "6109.10", "filing_limits_minor": {"EUR": 1}},
            ship_from={"name": "", "company": "Lee Ltd"},
        )
    )
    assert told == CustomsFacts("DE", "610910", "Lee Ltd", {"EUR": 1})
    assert facts_of(_settings(customs={"signer": "Bo"}, ship_from={"name": "Ann"})).signer == "Bo"


def test_the_options_of_an_account_stand_in_for_the_customs_section() -> None:
    options = {"customs_origin": "US", "customs_hs_code": "6109.10", "customs_signer": "Bo"}
    told = facts_of(_settings(provider="easypost", providers={"easypost": options}))
    assert told == CustomsFacts("US", "610910", "Bo", {})
    elsewhere = facts_of(_settings(provider="offline", providers={"easypost": options}))
    assert elsewhere.origin_country == ""
