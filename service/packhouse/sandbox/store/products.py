"""The products of the fake store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SITE = "paper-lantern"


@dataclass(frozen=True, slots=True)
class Product:
    """A product. `is_digital` None: the store does not say. `weight_g` None: the weight is not known."""

    id: str
    name: str
    price_minor: int
    weight_g: int | None
    is_digital: bool | None = False
    options: tuple[str, ...] = ("",)

    def to_json(self) -> dict[str, Any]:
        """The product in the public list: without the weight, and without `is_digital` where that is None."""
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
        """The id of the variant with this option."""
        return f"var_{self.id.removeprefix('prod_')}" + (f"_{option}" if option else "")


PHYSICAL = (
    Product("prod_lantern", "Paper lantern", 2400, 180, options=("red", "white", "indigo")),
    Product("prod_mug", "Stoneware mug", 2800, 420, options=("sand", "moss")),
    Product("prod_tea_sencha", "Sencha, 100 g tin", 1900, 160),
    Product("prod_tea_hojicha", "Hojicha, 100 g tin", 1700, 160),
    Product("prod_notebook", "Dotted notebook A5", 1450, 310),
    Product("prod_pencils", "Cedar pencils, set of 12", 1200, 90),
    Product("prod_apron", "Linen apron", 5400, 380, options=("natural", "navy")),
    Product("prod_knife", "Paring knife", 6900, 150),
    Product("prod_board", "Cherry cutting board", 7800, 1650),
    Product("prod_candle", "Beeswax candle", 2200, 340),
    Product("prod_tee", "Heavy cotton tee", 3200, 210, options=("s", "m", "l", "xl")),
    Product("prod_puzzle", "Jigsaw puzzle, 1000 pieces", 3600, 780),
    Product("prod_pan", "Cast iron pan", 8900, 3900),
    Product("prod_cards", "Letterpress cards, box of 8", 1800, 140),
)
DIGITAL = (
    Product("prod_pattern", "Sewing pattern (PDF)", 900, 0, is_digital=True),
    Product("prod_recipes", "Recipe collection (e-book)", 1500, 0, is_digital=True),
)
UNDECLARED = Product("prod_gift_box", "Gift box of the month", 4900, 900, is_digital=None)
UNWEIGHED = Product("prod_sculpture", "One-off driftwood sculpture", 24000, None)
PRODUCTS = (*PHYSICAL, *DIGITAL, UNDECLARED, UNWEIGHED)
