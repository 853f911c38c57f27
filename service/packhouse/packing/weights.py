"""What the settings say about products: the weight, whether they are digital."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from packhouse.config.sections import ParcelSettings, ProductSettings
from packhouse.model.order import Line


def entry_for(line: Line, products: tuple[ProductSettings, ...]) -> ProductSettings | None:
    """What the [[products]] entries say that match the line by variant id, product id or name pattern.

    Of several entries, each field is from the first that sets it: a later entry completes an earlier one.
    """
    matching = [entry for entry in products if _matches(entry, line)]
    if len(matching) < 2:
        return matching[0] if matching else None
    said: dict[str, object] = {}
    for entry in reversed(matching):
        said |= {name: value for name, value in entry if value not in (None, "")}
    return matching[0].model_copy(update=said)


def _matches(entry: ProductSettings, line: Line) -> bool:
    if entry.id and entry.id in (line.variant_id, line.product_id):
        return True
    return bool(entry.name) and fnmatchcase(line.name.lower(), entry.name.lower())


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
