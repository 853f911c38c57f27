"""The store's catalog, remembered for a while: which products are digital, and what they weigh."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from packhouse.clock import Clock
from packhouse.config.settings import Settings
from packhouse.errors import (
    StoreForbidden,
    StoreInvalidRequest,
    StoreNotFound,
    StoreUnauthorized,
    StoreUnexpectedStatus,
    StoreUnreadable,
)
from packhouse.model.order import Line, Order, Product
from packhouse.packing.weights import entry_for

_REMEMBER_S = 600.0
# A catalog that this key may not read, or that is not there, says nothing.
_NO_CATALOG = (StoreNotFound, StoreForbidden, StoreUnauthorized)
# The workspace's list is read tolerantly: its paging is not documented.
_NO_LIST = (*_NO_CATALOG, StoreInvalidRequest, StoreUnexpectedStatus, StoreUnreadable)
_MOST_REMEMBERED = 20_000


class Catalog(Protocol):
    """The part of the store's client that reads products. Raises StoreError."""

    async def products(self, site_slug: str, ids: Sequence[str]) -> dict[str, Product]:
        """Read products of a site; ids that the store does not know are absent."""

    async def merchant_products(self, ids: Sequence[str]) -> dict[str, Product]:
        """Read products of the whole workspace, and any others that were listed before them."""


class ProductCache:
    """What the catalog says of products, read at most once in ten minutes for each product.

    An order that names no site, where the settings name none, is looked up in the workspace's own list.
    """

    def __init__(self, catalog: Catalog, settings: Settings, clock: Clock) -> None:
        self._catalog = catalog
        self._settings = settings
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[float, Product | None]] = {}
        self._listing = asyncio.Lock()

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
        site = self.site_of(order)
        ids = list(dict.fromkeys(line.product_id for line in lines))
        if site:
            if missing := self._missing(site, ids):
                try:
                    found = await self._catalog.products(site, missing)
                except _NO_CATALOG:
                    found = {}
                self._remember(site, missing, found)
        else:
            async with self._listing:  # one walk through the list serves the orders that wait for it
                if missing := self._missing(site, ids):
                    try:
                        found = await self._catalog.merchant_products(missing)
                    except _NO_LIST:
                        found = {}
                    self._remember(site, [*missing, *found], found)
        return {i: self._known.get((site, i), (0.0, None))[1] for i in ids}

    def site_of(self, order: Order) -> str:
        """The site whose catalog has the order's products; "" if neither the order nor the settings say."""
        return order.site_slug or self._settings.store.site_slug

    def _missing(self, site: str, ids: Sequence[str]) -> list[str]:
        now = self._clock.monotonic()
        return [i for i in ids if self._known.get((site, i), (0.0, None))[0] <= now]

    def _remember(self, site: str, ids: Sequence[str], found: dict[str, Product]) -> None:
        if len(self._known) > _MOST_REMEMBERED:
            self._known.clear()
        until = self._clock.monotonic() + _REMEMBER_S
        for product_id in ids:
            self._known[site, product_id] = (until, found.get(product_id))
