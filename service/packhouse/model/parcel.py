"""One box of a shipment: weight in grams, size in millimetres, and the units in it."""

from __future__ import annotations

from dataclasses import dataclass

from packhouse.model.order import Units


@dataclass(frozen=True, slots=True)
class Parcel:
    """A box. All four numbers are positive integers."""

    weight_g: int
    length_mm: int
    width_mm: int
    height_mm: int


@dataclass(frozen=True, slots=True)
class PackedParcel:
    """A box and what is in it."""

    parcel: Parcel
    units: tuple[Units, ...]
