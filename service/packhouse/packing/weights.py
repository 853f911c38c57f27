"""What the settings say about products: the weight, and whether they are digital."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from packhouse.config.sections import ParcelSettings, ProductSettings
from packhouse.model.order import Line


def entry_for(line: Line, products: tuple[ProductSettings, ...]) -> ProductSettings | None:
    """The first [[products]] entry that matches the line by variant id, product id or name pattern."""
    for entry in products:
        if entry.id and entry.id in (line.variant_id, line.product_id):
            return entry
        if entry.name and fnmatchcase(line.name.lower(), entry.name.lower()):
            return entry
    return None


def unit_weight_g(
    line: Line | None,
    products: tuple[ProductSettings, ...],
    fallback: ParcelSettings,
    catalog_g: Mapping[str, int],
) -> int | None:
    """The weight of one unit in grams: from [[products]], else the catalog, else the fallback parcel."""
    if line is None:
        return fallback.weight_g
    entry = entry_for(line, products)
    return (entry.weight_g if entry else None) or catalog_g.get(line.product_id) or fallback.weight_g
