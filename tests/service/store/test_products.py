"""What the catalogue says of a product: digital or not, and its weight where it has a unit."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import StoreUnreadable
from packhouse.model.order import Product
from packhouse.store.protocol import (
    MerchantSearch,
    StoreResponse,
    product_from_json,
    read_product,
    read_products,
)

MUG = {"id": "prod_1", "name": "Mug", "is_digital": False, "price": {"amount": 2100, "currency": "USD"}}
BOOK = {"id": "prod_2", "name": "E-book", "is_digital": True}


def answer(value: Any) -> StoreResponse:
    return StoreResponse(200, {}, json.dumps(value).encode())


@pytest.mark.parametrize("value", [MUG, {"product": MUG}, {"data": MUG}])
def test_a_product_is_bare_or_wrapped(value: Any) -> None:
    assert read_product(answer(value), "prod_1") == Product("prod_1", "Mug", is_digital=False)


@pytest.mark.parametrize(
    "value", [[MUG, BOOK], {"products": [MUG, BOOK]}, {"data": [MUG, BOOK]}, {"items": [MUG, BOOK], "x": 1}]
)
def test_a_batch_is_read_by_id_in_any_envelope(value: Any) -> None:
    found = read_products(answer(value))
    assert {key: product.is_digital for key, product in found.items()} == {"prod_1": False, "prod_2": True}


def test_a_batch_may_know_none_of_them() -> None:
    assert read_products(answer({"products": []})) == {}


@pytest.mark.parametrize(
    "value", [{}, {"products": [MUG, MUG]}, {"products": [{"name": "Mug"}]}, {"error": "x"}]
)
def test_a_batch_that_cannot_be_told_apart_is_refused(value: Any) -> None:
    with pytest.raises(StoreUnreadable):
        read_products(answer(value))


@pytest.mark.parametrize("value", [BOOK, {}, [MUG], None, {"product": BOOK}])
def test_another_product_than_the_one_asked_for_is_refused(value: Any) -> None:
    with pytest.raises(StoreUnreadable):
        read_product(answer(value), "prod_1")


@pytest.mark.parametrize(
    ("says", "weight"),
    [
        ({"weight_g": 350}, 350),
        ({"grams": 350}, 350),
        ({"grams": 1}, 1),
        ({"weight_g": 0, "shipping": {"grams": 2}}, 2),
        ({"shipping": {"weight_grams": 350}}, 350),
        ({"weight": 350}, None),
        ({"weight_g": 0}, None),
        ({"weight_g": 350.5}, None),
        ({"weight_g": "350"}, None),
        ({"weight_g": True}, None),
        ({}, None),
    ],
)
def test_a_weight_counts_only_with_its_unit(says: dict[str, Any], weight: int | None) -> None:
    assert product_from_json({"id": "prod_1", **says}).weight_g == weight


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "products", "product", "data", "items"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(_json)
def test_any_answer_is_products_or_unreadable(value: Any) -> None:
    for read in (read_products, lambda a: read_product(a, "prod_1")):
        try:
            read(answer(value))
        except StoreUnreadable:
            continue


def page(*ids: str, cursor: str | None = None) -> StoreResponse:
    body: dict[str, Any] = {"products": [{"id": one, "is_digital": False} for one in ids]}
    return answer(body | ({"next_cursor": cursor} if cursor else {}))


def test_the_workspaces_list_is_read_up_to_the_last_product_that_is_looked_for() -> None:
    search = MerchantSearch(["prod_3"])
    first = search.next_request()
    assert first is not None
    assert first.target == "/merchant/products?limit=100"
    search.take(page("prod_1", "prod_2", cursor="c2"))
    second = search.next_request()
    assert second is not None
    assert second.target == "/merchant/products?limit=100&cursor=c2"
    search.take(page("prod_3", "prod_4", cursor="c3"))
    assert search.next_request() is None
    assert set(search.found) == {"prod_1", "prod_2", "prod_3", "prod_4"}


def test_the_list_ends_without_a_cursor_and_where_it_goes_in_a_circle() -> None:
    whole, circle = MerchantSearch(["prod_9"]), MerchantSearch(["prod_9"])
    whole.take(page("prod_1"))
    assert whole.next_request() is None
    circle.take(page("prod_1", cursor="c2"))
    circle.take(page("prod_2", cursor="c2"))
    assert circle.next_request() is None


def test_a_list_without_end_is_left_after_a_hundred_pages() -> None:
    search, pages = MerchantSearch(["prod_9"]), 0
    while search.next_request():
        pages += 1
        search.take(page(f"prod_x{pages}", cursor=f"c{pages}"))
    assert pages == 100


@pytest.mark.parametrize(
    "envelope", [lambda rows: rows, lambda rows: {"data": rows}, lambda rows: {"items": rows}]
)
def test_a_product_that_cannot_be_read_hides_no_other(envelope: Any) -> None:
    search = MerchantSearch(["prod_2"])
    search.take(answer(envelope([{"name": "without an id"}, {"id": "prod_2", "is_digital": True}])))
    assert search.found["prod_2"].is_digital is True
    assert search.next_request() is None
