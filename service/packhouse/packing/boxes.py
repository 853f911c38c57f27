"""Packs units into boxes by weight: one box if they fit, more if they do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from packhouse.config.guard import MOST_PARCELS
from packhouse.config.sections import ParcelSettings, ProductSettings
from packhouse.model.hold import HoldCode
from packhouse.model.order import Line, Order, Units, counted
from packhouse.model.parcel import PackedParcel, Parcel
from packhouse.model.product_entries import entries_to_add
from packhouse.packing.weights import unit_weight_g


@dataclass(frozen=True, slots=True)
class CannotPack:
    """Why units cannot be packed: the kind of hold and its detail."""

    code: HoldCode
    note: str


def pack(
    order: Order,
    units: Sequence[Units],
    products: tuple[ProductSettings, ...],
    fallback: ParcelSettings,
    catalog_g: Mapping[str, int],
    most: int = MOST_PARCELS,
) -> tuple[PackedParcel, ...] | CannotPack:
    """Pack units into as few boxes as first-fit by weight finds, none over the heaviest allowed.

    `catalog_g` are the weights in the store's catalog, by product id. An unknown weight is never guessed.
    No more than `most` boxes are ever built, however many units there are.
    """
    weights: dict[str, int] = {}
    unknown: list[Line] = []
    for some in units:
        line = order.line(some.line_id)
        weight = unit_weight_g(line, products, fallback, catalog_g)
        if weight is None:
            unknown.append(line or Line(some.line_id))
        else:
            weights[some.line_id] = weight
    if unknown:
        return CannotPack(HoldCode.WEIGHT_MISSING, _not_weighed(unknown))
    room = fallback.max_weight_g - fallback.tare_g
    for some in units:
        if weights[some.line_id] > room:
            note = f"a unit of line {some.line_id} weighs {weights[some.line_id]} g, a parcel holds {room} g"
            return CannotPack(HoldCode.TOO_HEAVY, note)
    least = -(-sum(weights[some.line_id] * some.quantity for some in units) // room)
    boxes = _first_fit(units, weights, room, most) if least <= most else None
    if boxes is None:
        needed = f"at least {least}" if least > most else f"more than {most}"
        return CannotPack(HoldCode.TOO_MANY_PARCELS, f"{counted(units)} in {needed} parcels of {room} g")
    return tuple(_boxed(content, weights, fallback) for content in boxes)


def _not_weighed(unknown: Sequence[Line]) -> str:
    """The names of the lines, and the settings that say what a unit weighs."""
    names = "; ".join(line.name or line.id for line in unknown)
    return f"{names}. Add {entries_to_add(unknown, 'weight_g = GRAMS')} to packhouse.toml"


def _first_fit(
    units: Sequence[Units], weights: Mapping[str, int], room: int, most: int
) -> list[dict[str, int]] | None:
    """Each unit goes into the first box with room for it; heavier lines first, else in the order's order.

    None if that takes more than `most` boxes.
    """
    boxes: list[dict[str, int]] = []
    spare: list[int] = []
    for some in sorted(units, key=lambda some: -weights[some.line_id]):
        weight, left = weights[some.line_id], some.quantity
        for at in range(len(boxes)):
            fits = min(left, spare[at] // weight)
            if fits:
                boxes[at][some.line_id] = fits
                spare[at] -= fits * weight
                left -= fits
        while left:
            if len(boxes) == most:
                return None
            fits = min(left, room // weight)
            boxes.append({some.line_id: fits})
            spare.append(room - fits * weight)
            left -= fits
    return boxes


def _boxed(content: Mapping[str, int], weights: Mapping[str, int], fallback: ParcelSettings) -> PackedParcel:
    weight = fallback.tare_g + sum(weights[line_id] * quantity for line_id, quantity in content.items())
    box = Parcel(weight, fallback.length_mm, fallback.width_mm, fallback.height_mm)
    return PackedParcel(box, tuple(Units(line_id, quantity) for line_id, quantity in content.items()))
