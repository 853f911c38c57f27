"""What the sandbox's shop sells and what is ordered there; the same seed orders the same things.

In every forty orders stands a believable share of special cases, one of `KINDS`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from packhouse.sandbox.addresses import draw_address, spoil

SITE = "paper-lantern"


@dataclass(frozen=True, slots=True)
class Good:
    """A product. `is_digital` None: the shop never said. `weight_g` None: nobody has weighed it."""

    id: str
    name: str
    price_minor: int
    weight_g: int | None
    is_digital: bool | None = False
    options: tuple[str, ...] = ("",)

    def to_json(self) -> dict[str, Any]:
        """As the public catalogue shows it: no weight, and no `is_digital` where the shop never said."""
        slug = self.id.removeprefix("prod_")
        product: dict[str, Any] = {
            "id": self.id,
            "slug": slug.replace("_", "-"),
            "name": self.name,
            "price": {"amount": self.price_minor, "currency": "USD"},
            "in_stock": True,
            "tags": [],
            "variants": [
                {
                    "id": self.variant_id(option),
                    "options": {"option": option} if option else {},
                    "price": {"amount": self.price_minor, "currency": "USD"},
                    "stock": 500,
                    "in_stock": True,
                    "sku": f"{slug}-{option}".strip("-").upper().replace("_", "-"),
                }
                for option in self.options
            ],
        }
        if self.is_digital is not None:
            product["is_digital"] = self.is_digital
        return product

    def variant_id(self, option: str) -> str:
        """The id of one variant."""
        return f"var_{self.id.removeprefix('prod_')}" + (f"_{option}" if option else "")


PHYSICAL = (
    Good("prod_lantern", "Paper lantern", 2400, 180, options=("red", "white", "indigo")),
    Good("prod_mug", "Stoneware mug", 2800, 420, options=("sand", "moss")),
    Good("prod_tea_sencha", "Sencha, 100 g tin", 1900, 160),
    Good("prod_tea_hojicha", "Hojicha, 100 g tin", 1700, 160),
    Good("prod_notebook", "Dotted notebook A5", 1450, 310),
    Good("prod_pencils", "Cedar pencils, set of 12", 1200, 90),
    Good("prod_apron", "Linen apron", 5400, 380, options=("natural", "navy")),
    Good("prod_knife", "Paring knife", 6900, 150),
    Good("prod_board", "Cherry cutting board", 7800, 1650),
    Good("prod_candle", "Beeswax candle", 2200, 340),
    Good("prod_tee", "Heavy cotton tee", 3200, 210, options=("s", "m", "l", "xl")),
    Good("prod_puzzle", "Jigsaw puzzle, 1000 pieces", 3600, 780),
    Good("prod_pan", "Cast iron pan", 8900, 3900),
    Good("prod_cards", "Letterpress cards, box of 8", 1800, 140),
)
DIGITAL = (
    Good("prod_pattern", "Sewing pattern (PDF)", 900, 0, is_digital=True),
    Good("prod_recipes", "Recipe collection (e-book)", 1500, 0, is_digital=True),
)
UNDECLARED = Good("prod_gift_box", "Gift box of the month", 4900, 900, is_digital=None)
UNWEIGHED = Good("prod_sculpture", "One-off driftwood sculpture", 24000, None)
GOODS = (*PHYSICAL, *DIGITAL, UNDECLARED, UNWEIGHED)

# How many of each forty orders; the order of a deck is shuffled.
KINDS = {
    "plain": 27,
    "mixed": 3,
    "incomplete_address": 2,
    "digital": 2,
    "unknown_digital": 1,
    "cancelled_soon": 2,
    "part_fulfilled": 2,
    "no_weight": 1,
}


@dataclass(frozen=True, slots=True)
class Sale:
    """What somebody bought, before the store gives it an order id. `items` are in the store's words."""

    kind: str
    buyer: dict[str, str]
    address: dict[str, str]
    items: list[dict[str, Any]]
    totals: dict[str, int]


class Buyers:
    """Everyone who will ever buy here, in a fixed order for a given `random.Random`."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._deck: list[str] = []

    def next_sale(self, kind: str = "") -> Sale:
        """The next sale, of a kind of `KINDS`, or of whatever kind comes next. Raises KeyError for others."""
        if not kind:
            if not self._deck:
                self._deck = [name for name, share in KINDS.items() for _ in range(share)]
                self._rng.shuffle(self._deck)
            kind = self._deck.pop()
        elif kind not in KINDS:
            raise KeyError(kind)
        buyer, address = draw_address(self._rng)
        items = [self._item(index + 1, good) for index, good in enumerate(self._basket(kind))]
        if kind == "incomplete_address":
            address = spoil(address, self._rng)
        if kind == "part_fulfilled":
            items[0]["quantity"] = max(2, items[0]["quantity"])
            items[0]["subtotal"] = items[0]["unit_price"] * items[0]["quantity"]
        return Sale(kind, buyer, address, items, self._totals(items, address))

    def _basket(self, kind: str) -> list[Good]:
        rng = self._rng
        if kind == "digital":
            return rng.sample(DIGITAL, rng.randint(1, len(DIGITAL)))
        goods = rng.sample(PHYSICAL, rng.choices((1, 2, 3, 4), (50, 30, 15, 5))[0])
        if kind == "mixed":
            goods.append(rng.choice(DIGITAL))
        elif kind == "unknown_digital":
            goods.append(UNDECLARED)
        elif kind == "no_weight":
            goods.append(UNWEIGHED)
        return goods

    def _item(self, number: int, good: Good) -> dict[str, Any]:
        rng = self._rng
        option = rng.choice(good.options)
        single = good.is_digital or good is UNWEIGHED
        quantity = 1 if single else rng.choices((1, 2, 3, 5), (65, 22, 9, 4))[0]
        return {
            "id": f"li_{number}",
            "product_id": good.id,
            "variant_id": good.variant_id(option),
            "name": f"{good.name}, {option}" if option else good.name,
            "quantity": quantity,
            "unit_price": good.price_minor,
            "subtotal": good.price_minor * quantity,
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
