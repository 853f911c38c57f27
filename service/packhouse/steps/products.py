"""The store's catalog, remembered for a while: which products are digital, and what they weigh."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from packhouse.clock import Clock
from packhouse.config.settings import Settings
from packhouse.errors import StoreForbidden, StoreNotFound, StoreUnauthorized
from packhouse.model.order import Line, Order, Product
from packhouse.packing.weights import entry_for

_REMEMBER_S = 600.0
_MOST_REMEMBERED = 20_000


class Catalog(Protocol):
    """The part of the store's client that reads products. Raises StoreError."""

    async def products(self, site_slug: str, ids: Sequence[str]) -> dict[str, Product]:
        """Read products; ids that the store does not know are absent."""


class ProductCache:
    """What the catalog says of products, read at most once in ten minutes for each product."""

    def __init__(self, catalog: Catalog, settings: Settings, clock: Clock) -> None:
        self._catalog = catalog
        self._settings = settings
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[float, Product | None]] = {}

    async def digital_by_line(self, order: Order) -> dict[str, bool | None]:
        """Whether each line is digital, by line id; None if neither order, settings nor catalog say."""
        digital: dict[str, bool | None] = {}
        for line in order.lines:
            entry = entry_for(line, self._settings.products)
            digital[line.id] = (
                line.is_digital if line.is_digital is not None else (entry.digital if entry else None)
            )
        unsure = [line for line in order.lines if digital[line.id] is None and line.product_id]
        products = await self._read(order, unsure)
        for line in unsure:
            product = products.get(line.product_id)
            digital[line.id] = product.is_digital if product else None
        return digital

    async def weights_g(self, order: Order) -> dict[str, int]:
        """The catalog's weights in grams by product id, for lines whose weight is not in the settings."""
        unweighed = [line for line in order.lines if line.product_id and not self._has_weight(line)]
        products = await self._read(order, unweighed)
        return {one.id: one.weight_g for one in products.values() if one and one.weight_g}

    def _has_weight(self, line: Line) -> bool:
        entry = entry_for(line, self._settings.products)
        return entry is not None and bool(entry.weight_g)

    async def _read(self, order: Order, lines: list[Line]) -> dict[str, Product | None]:
        """Products by id. A catalog that this key may not read has none."""
        if not lines:
            return {}
        now, site = self._clock.monotonic(), order.site_slug or self._settings.store.site_slug
        ids = list(dict.fromkeys(line.product_id for line in lines))
        missing = [i for i in ids if self._known.get((site, i), (0.0, None))[0] <= now]
        if missing and site:
            try:
                found = await self._catalog.products(site, missing)
            except (StoreNotFound, StoreForbidden, StoreUnauthorized):
                found = {}
            if len(self._known) > _MOST_REMEMBERED:
                self._known.clear()
            for product_id in missing:
                self._known[site, product_id] = (now + _REMEMBER_S, found.get(product_id))
        return {i: self._known.get((site, i), (0.0, None))[1] for i in ids}
