"""The buyers of the fake store and their orders; the same seed gives the same orders.

Every forty orders contain a realistic share of special cases, the `KINDS`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from packhouse.sandbox.store.addresses import make_incomplete, random_address
from packhouse.sandbox.store.products import DIGITAL, PHYSICAL, UNDECLARED, UNWEIGHED, Product

# How many of each forty orders are of each kind.
KINDS = {
    "plain": 22,
    "mixed": 3,
    "incomplete_address": 2,
    "digital": 2,
    "unknown_digital": 1,
    "cancelled_soon": 2,
    "part_fulfilled": 2,
    "no_weight": 1,
    "refunded_after_shipping": 1,
    "returned_in_part": 1,
    "express": 1,
    "pickup": 1,
    "odd_option": 1,
    # Orders that attack or show a mistake; only on request.
    "huge_quantity": 0,
    "free_samples": 0,
    "odd_text": 0,
    "long_text": 0,
}
# Half an emoji, NUL, an escape sequence and a C1 control: JSON can carry them, databases cannot keep all.
_ODD = " \ud83d\0\x1b[2K\x9b"

# What the buyers of some kinds chose at the checkout; the others were not asked.
_OPTIONS = {
    "express": {"id": "express_1", "name": "Express Overnight"},
    "pickup": {"id": "local_pickup", "name": "Local pickup"},
    "odd_option": {"id": "bike", "name": "Cargo bike"},
}
_WORDS = ("name", "line1", "city")
# Some units of these have left with another tool before the order is seen.
_BEGUN = ("part_fulfilled", "refunded_after_shipping", "returned_in_part")


@dataclass(frozen=True, slots=True)
class Sale:
    """What a buyer bought, before the store gives it an order id. `items` are in the store's JSON."""

    kind: str
    buyer: dict[str, str]
    address: dict[str, str]
    items: list[dict[str, Any]]
    totals: dict[str, int]
    shipping_option: dict[str, str] | None = None


class Buyers:
    """A stream of sales, always the same for the same `random.Random`."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._kinds: list[str] = []

    def next_sale(self, kind: str = "") -> Sale:
        """The next sale, of this kind or, by default, of the next kind in turn. Raises KeyError."""
        if not kind:
            if not self._kinds:
                self._kinds = [name for name, share in KINDS.items() for _ in range(share)]
                self._rng.shuffle(self._kinds)
            kind = self._kinds.pop()
        elif kind not in KINDS:
            raise KeyError(kind)
        buyer, address = random_address(self._rng)
        items = [self._item(index + 1, product) for index, product in enumerate(self._products(kind))]
        if kind == "incomplete_address":
            address = make_incomplete(address, self._rng)
        if kind in _BEGUN:
            items[0]["quantity"] = max(2, items[0]["quantity"])
            items[0]["subtotal"] = items[0]["unit_price"] * items[0]["quantity"]
        totals = self._totals(items, address)
        if kind == "huge_quantity":
            items[0]["quantity"] = 1_000_000_000
        elif kind == "free_samples":
            items[0] |= {"quantity": 10_000, "unit_price": 0, "subtotal": 0}
            del items[1:]
            totals = dict.fromkeys(totals, 0)
        elif kind in ("odd_text", "long_text"):
            more = _ODD if kind == "odd_text" else "x" * 100_000
            address = {name: text + more if name in _WORDS else text for name, text in address.items()}
            items = [item | {"name": item["name"] + more} for item in items]
        return Sale(kind, buyer, address, items, totals, _OPTIONS.get(kind))

    def _products(self, kind: str) -> list[Product]:
        rng = self._rng
        if kind == "digital":
            return rng.sample(DIGITAL, rng.randint(1, len(DIGITAL)))
        products = rng.sample(PHYSICAL, rng.choices((1, 2, 3, 4), (50, 30, 15, 5))[0])
        if kind == "mixed":
            products.append(rng.choice(DIGITAL))
        elif kind == "unknown_digital":
            products.append(UNDECLARED)
        elif kind == "no_weight":
            products.append(UNWEIGHED)
        return products

    def _item(self, number: int, product: Product) -> dict[str, Any]:
        rng = self._rng
        option = rng.choice(product.options)
        single = product.is_digital or product is UNWEIGHED
        quantity = 1 if single else rng.choices((1, 2, 3, 5), (65, 22, 9, 4))[0]
        return {
            "id": f"li_{number}",
            "product_id": product.id,
            "variant_id": product.variant_id(option),
            "name": f"{product.name}, {option}" if option else product.name,
            "quantity": quantity,
            "unit_price": product.price_minor,
            "subtotal": product.price_minor * quantity,
        }

    @staticmethod
    def _totals(items: list[dict[str, Any]], address: dict[str, str]) -> dict[str, int]:
        subtotal = sum(item["subtotal"] for item in items)
        abroad = address["country"] != "US"
        shipping = (
            0 if all("PDF" in i["name"] or "e-book" in i["name"] for i in items) else 1900 if abroad else 700
        )
        tax = 0 if abroad else subtotal * 8 // 100
        return {
            "subtotal": subtotal,
            "shipping": shipping,
            "tax": tax,
            "discount": 0,
            "total": subtotal + shipping + tax,
        }
