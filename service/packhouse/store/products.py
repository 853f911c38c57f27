"""Reads products of the store's catalog: whether each is digital, and its weight."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from packhouse.errors import StoreUnreadable
from packhouse.model.order import Product
from packhouse.store.json_fields import digital, first_text, mapping, required_id
from packhouse.store.requests import StoreRequest, merchant_products
from packhouse.store.responses import StoreResponse, json_of, one_object, read_list

_MOST_PAGES = 100
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


class MerchantSearch:
    """The way through the workspace's list of products, which has no filter by id, to some of them.

    Send each `next_request()` and give its answer to `take()`, until the request is None; then `found` has
    the products of the list by id, so far as it was read. The list is read up to the last product that is
    looked for, and at most 100 pages of it.
    """

    def __init__(self, ids: Iterable[str]) -> None:
        self.found: dict[str, Product] = {}
        self._missing = set(ids)
        self._cursors: list[str] = [""]
        self._is_at_end = False

    def next_request(self) -> StoreRequest | None:
        """The next page; None when every product is found, or the list cannot be followed further."""
        if self._is_at_end or not self._missing or len(self._cursors) > _MOST_PAGES:
            return None
        return merchant_products(self._cursors[-1])

    def take(self, answer: StoreResponse) -> None:
        """Take a page, without rows that cannot be read. Raises StoreUnreadable for what is no list."""
        page = read_list(json_of(answer, "listing products"), "products")
        for row in page.rows:
            try:
                product = product_from_json(row)
            except StoreUnreadable:
                continue
            self.found[product.id] = product
            self._missing.discard(product.id)
        self._is_at_end = page.next_cursor is None or page.next_cursor in self._cursors
        if page.next_cursor is not None:
            self._cursors.append(page.next_cursor)


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
