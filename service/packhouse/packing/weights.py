"""What the settings say about products: the weight, and whether they are digital."""

from __future__ import annotations

from fnmatch import fnmatchcase

from packhouse.config.sections import ProductSettings
from packhouse.model.order import Line


def entry_for(line: Line, products: tuple[ProductSettings, ...]) -> ProductSettings | None:
    """The first [[products]] entry that matches the line by variant id, product id or name pattern."""
    for entry in products:
        if entry.id and entry.id in (line.variant_id, line.product_id):
            return entry
        if entry.name and fnmatchcase(line.name.lower(), entry.name.lower()):
            return entry
    return None
