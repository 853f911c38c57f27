"""What a buyer's shipping option means: by the shop's settings, by its usual words, or not at all."""

from __future__ import annotations

import pytest

from packhouse.config.sections import RateSettings
from packhouse.model.hold import HoldCode
from packhouse.model.order import Order, ShippingOption
from packhouse.rules.shipping_options import Choice, choice_of, rates_for, reason_to_hold
from packhouse.rules.shipping_words import is_neutral, usual_meaning


def order(*options: ShippingOption) -> Order:
    return Order("ord_1", shipping_options=options)


def named(name: str) -> Order:
    return order(ShippingOption(name=name))


CHEAPEST = """Standard; STANDARD SHIPPING; Economy; Economy Shipping; Free; Free shipping; Free Standard;
    Standard (3-5 business days); flat_rate:3; standard-shipping; Ground; Basic; Envío estándar; Gratis;
    Standardversand; Kostenloser Versand; StandardShipping; free_shipping; Livraison gratuite"""
FASTEST = """Express; express_1; Express Overnight; Overnight; Next Day; Next-Day Air; Next business day;
    Expedited; Free Express; Expressversand; Livraison express; Envío exprés; ExpressDelivery; Rush"""
PICKUP = """Pickup; Local pickup; local_pickup; LocalPickup; Pick up in store; Pick-up; In-Store Pickup;
    Collect; Click & Collect; Collect in store; collect_in_store; Collection; Free pickup; Abholung;
    Selbstabholung; Retrait en magasin; Recogida en tienda; Afhalen"""
NOT_CERTAIN = """Standard Express; Express pickup; UPS Next Day; DHL Express; USPS Priority Mail
    Standard (USPS); Pickup point; Parcel shop pickup; DHL Packstation; Relay point; Freight collect
    Cash on delivery; Same day; Same-day express; Cargo bike; White glove; Two-day
    Priority; No pickup; 運送; !!!"""


def names(text: str) -> list[str]:
    return [name.strip() for line in text.splitlines() for name in line.split(";") if name.strip()]


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        *((name, "cheapest") for name in names(CHEAPEST)),
        *((name, "fastest") for name in names(FASTEST)),
        *((name, "pickup") for name in names(PICKUP)),
        *((name, "") for name in names(NOT_CERTAIN)),
    ],
)
def test_usual_names_are_known_and_uncertain_ones_are_not(name: str, meaning: str) -> None:
    assert usual_meaning(name) == meaning


@pytest.mark.parametrize("name", ["Shipping", "Home delivery", "Worldwide shipping", "Versand", "DELIVERY"])
def test_a_name_that_says_only_that_the_order_is_shipped_is_no_choice(name: str) -> None:
    assert is_neutral(name)
    assert choice_of(named(name), {}) is None


def test_an_order_without_an_option_has_no_choice() -> None:
    assert choice_of(order(), {}) is None


def test_the_id_tells_as_much_as_the_name() -> None:
    choice = choice_of(order(ShippingOption("local_pickup", "At our bakery")), {})
    assert choice is not None
    assert (choice.names, choice.meaning) == (("At our bakery",), "pickup")


def test_an_id_and_a_name_that_contradict_each_other_are_not_certain() -> None:
    choice = choice_of(order(ShippingOption("standard", "Express")), {})
    assert choice is not None
    assert choice.meaning == ""


@pytest.mark.parametrize("key", ["Cargo bike", "cargo-bike", "CARGO  BIKE", "opt_7", "CargoBike"])
def test_the_shops_table_names_an_option_by_its_name_or_its_id(key: str) -> None:
    choice = choice_of(order(ShippingOption("opt_7", "Cargo Bike")), {key: "fastest"})
    assert choice is not None
    assert str(choice) == 'The buyer chose "Cargo Bike": fastest, by [shipping_options].'


def test_an_option_without_a_name_goes_by_its_id() -> None:
    choice = choice_of(order(ShippingOption("opt_7")), {})
    assert choice is not None
    assert (choice.names, choice.unknown, choice.meaning) == (("opt_7",), ("opt_7",), "")


def test_names_of_signs_alone_are_different_names() -> None:
    choice = choice_of(named(" ★★ "), {"★": "fastest", "★★": "cheapest"})
    assert choice is not None
    assert choice.meaning == "cheapest"
    unknown = choice_of(named("!!!"), {"★": "fastest"})
    assert unknown is not None
    assert unknown.unknown == ("!!!",)


def test_a_name_of_signs_alone_or_of_more_than_the_usual_words_says_something() -> None:
    assert not is_neutral("!!!")
    assert not is_neutral("")
    assert not is_neutral("Shipping insurance")


def test_the_shops_table_wins_over_the_usual_words() -> None:
    choice = choice_of(named("Express"), {"express": "USPS/Priority"})
    assert choice is not None
    assert choice.meaning == "USPS/Priority"


def test_two_options_that_mean_the_same_are_one_choice_and_others_are_uncertain() -> None:
    same = choice_of(order(ShippingOption(name="Economy"), ShippingOption(name="Standard")), {})
    assert same is not None
    assert same.meaning == "cheapest"
    other = choice_of(order(ShippingOption(name="Express"), ShippingOption(name="Standard")), {})
    assert other is not None
    reason = reason_to_hold(other)
    assert reason is not None
    assert reason.note == '"Express" and "Standard" mean different things'


def test_a_pickup_beside_a_shipped_option_is_uncertain_and_held() -> None:
    mixed = choice_of(order(ShippingOption(name="Standard"), ShippingOption(name="Pickup")), {})
    assert mixed is not None
    assert reason_to_hold(mixed) is not None


def test_the_hold_of_an_unknown_option_has_the_line_to_add() -> None:
    choice = choice_of(named('The "quick" one'), {})
    assert choice is not None
    reason = reason_to_hold(choice)
    assert reason is not None
    assert reason.code is HoldCode.SHIPPING_OPTION_UNKNOWN
    assert '"The \\"quick\\" one" = "cheapest"' in reason.note


@pytest.mark.parametrize(
    ("meaning", "code"),
    [
        ("pickup", HoldCode.PICKUP),
        ("hold", HoldCode.SHIPPING_OPTION_HELD),
        ("cheapest", None),
        ("fastest", None),
        ("USPS/Ground", None),
    ],
)
def test_only_pickup_and_hold_stop_an_order(meaning: str, code: HoldCode | None) -> None:
    choice = choice_of(named("Any"), {"any": meaning})
    assert choice is not None
    reason = reason_to_hold(choice)
    assert (reason.code if reason else None) == code


def test_a_choice_replaces_the_shops_preference_and_a_service_the_allowed_ones() -> None:
    shop = RateSettings(prefer="fastest", services=("USPS", "UPS"))
    assert rates_for(choice_of(named("Economy"), {}), shop) == RateSettings(
        prefer="cheapest", services=("USPS", "UPS")
    )
    mapped = choice_of(named("Economy"), {"Economy": "DHL/Parcel"})
    assert rates_for(mapped, shop) == RateSettings(prefer="fastest", services=("DHL/Parcel",))
    assert rates_for(None, shop) is shop


@pytest.mark.parametrize("meaning", ["", "pickup", "hold"])
def test_a_choice_that_buys_nothing_leaves_the_rules_for_rates_alone(meaning: str) -> None:
    shop = RateSettings(prefer="fastest", services=("USPS", "UPS"))
    assert rates_for(Choice(("Any",), meaning), shop) == shop
