"""Reads products of the store's public catalog: whether each is digital, and its weight."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packhouse.errors import StoreUnreadable
from packhouse.model.order import Product
from packhouse.store.json_fields import digital, first_text, mapping, required_id
from packhouse.store.responses import StoreResponse, json_of, one_object, read_list

_GRAMS = ("weight_g", "weight_grams", "grams")  # a plain "weight" has no unit and is never read


def read_product(answer: StoreResponse, expected_id: str) -> Product:
    """The product of a GET: bare or under "product". Raises StoreUnreadable, also for another product."""
    value = json_of(answer, f"reading product {expected_id}")
    return product_from_json(one_object(value, "product", expected_id))


def read_products(answer: StoreResponse) -> dict[str, Product]:
    """The products of a batch by id, without those that the store does not know. Raises StoreUnreadable."""
    found = read_list(json_of(answer, "reading products"), "products")
    products = [product_from_json(row) for row in found.rows]
    by_id = {product.id: product for product in products}
    if len(by_id) != len(products):
        raise StoreUnreadable("The store's list of products has the same id twice.")
    return by_id


def product_from_json(raw: Mapping[str, Any]) -> Product:
    """Read one bare product object. Raises StoreUnreadable when it has no id."""
    return Product(
        id=required_id(raw.get("id"), "product id"),
        name=first_text(raw, ("name", "title")),
        is_digital=digital(raw),
        weight_g=_weight_g(raw),
        raw=dict(raw),
    )


def _weight_g(raw: Mapping[str, Any]) -> int | None:
    for source in (raw, mapping(raw.get("shipping"))):
        for name in _GRAMS:
            value = source.get(name)
            if type(value) is int and value > 0:
                return value
    return None
