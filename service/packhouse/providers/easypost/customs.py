"""EasyPost's form of a customs declaration. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from packhouse.model.customs import Customs, CustomsItem

# An ounce is 28.349523125 g.
_NANOGRAMS_PER_G, _NANOGRAMS_PER_OZ = 1_000_000_000, 28_349_523_125


def customs_info(customs: Customs, parcel_g: int) -> dict[str, Any]:
    """EasyPost's `customs_info`. Weights (ounces) and values (decimal text) are those of all units."""
    weights = item_ounces([item.weight_g for item in customs.items], parcel_g)
    info: dict[str, Any] = {
        "customs_certify": True,
        "customs_signer": customs.signer,
        "contents_type": "merchandise",
        "restriction_type": "none",
        "non_delivery_option": "return",
        "customs_items": [_item(*pair) for pair in zip(customs.items, weights, strict=True)],
    }
    if customs.export_code:
        info["eel_pfc"] = customs.export_code
    return info


def _item(item: CustomsItem, ounces: float) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "description": item.description,
        "quantity": item.quantity,
        "value": str(item.value).split(" ", maxsplit=1)[0],
        "currency": item.value.currency,
        "weight": ounces,
        "origin_country": item.origin_country,
    }
    if item.tariff_number:
        shown["hs_tariff_number"] = item.tariff_number
    return shown


def item_ounces(weights_g: Sequence[int], parcel_g: int) -> list[float]:
    """Each item's grams in ounces, rounded down to a tenth, none zero, and together no more than the parcel.

    Where many light items would not fit in tenths of an ounce, they are written in finer parts of one.
    """
    parts = 10
    while True:
        room = parcel_g * parts * _NANOGRAMS_PER_G // _NANOGRAMS_PER_OZ
        shares = [max(grams * parts * _NANOGRAMS_PER_G // _NANOGRAMS_PER_OZ, 1) for grams in weights_g]
        over = sum(shares) - room
        heaviest = max(range(len(shares)), key=shares.__getitem__, default=0)
        if over <= 0 or parts >= 10_000:
            break
        if shares[heaviest] > over:
            shares[heaviest] -= over
            break
        parts *= 10
    return [float(Decimal(share) / parts) for share in shares]
