"""The store's catalog, remembered for a while: which products are digital, and what they weigh."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
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
from packhouse.store.json_fields import is_id

_REMEMBER_S = 600.0
# A catalog that this key may not read, or that is not there, says nothing.
_NO_CATALOG = (StoreNotFound, StoreForbidden, StoreUnauthorized)
# The workspace's list is read tolerantly: its paging is not documented.
_NO_LIST = (*_NO_CATALOG, StoreInvalidRequest, StoreUnexpectedStatus, StoreUnreadable)
_MOST_REMEMBERED = 20_000


_Lookup = Callable[[Sequence[str]], Awaitable[dict[str, Product]]]


class Catalog(Protocol):
    """The part of the store's client that reads products. Raises StoreError."""

    async def products(self, site_slug: str, ids: Sequence[str]) -> dict[str, Product]:
        """Read products of a site; ids that the store does not know are absent."""

    async def merchant_products(self, ids: Sequence[str]) -> dict[str, Product]:
        """Read products of the whole workspace, and any others that were listed before them."""


class ProductCache:
    """What the catalog says of products, read at most once in ten minutes for each product.

    It remembers `most` products; of more, the oldest are read again when an order needs them.

    An order that names no site, where the settings name none, is looked up in the workspace's own list.
    """

    def __init__(
        self, catalog: Catalog, settings: Settings, clock: Clock, most: int = _MOST_REMEMBERED
    ) -> None:
        self._catalog = catalog
        self._most = most
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
        if site and not is_id(site):
            return {}  # no site has this name, so no catalog knows the products
        if site:
            return await self._recall(site, ids, self._products_of(site), _NO_CATALOG)
        async with self._listing:  # one walk through the list serves the orders that wait for it
            return await self._recall(site, ids, self._catalog.merchant_products, _NO_LIST)

    def _products_of(self, site: str) -> _Lookup:
        async def look_up(ids: Sequence[str]) -> dict[str, Product]:
            return await self._catalog.products(site, ids)

        return look_up

    async def _recall(
        self, site: str, ids: Sequence[str], look_up: _Lookup, says_nothing: tuple[type[Exception], ...]
    ) -> dict[str, Product | None]:
        """Products by id, looked up where they are not remembered.

        What the order needs is taken out of the memory first: nothing that other orders need may push it out.
        """
        now = self._clock.monotonic()
        remembered = {i: self._known[site, i] for i in ids if (site, i) in self._known}
        fresh: dict[str, Product | None] = {
            i: product for i, (until, product) in remembered.items() if until > now
        }
        missing = [i for i in ids if i not in fresh]
        if missing:
            try:
                found = await look_up(missing)
            except says_nothing:
                found = {}
            self._remember(site, [*missing, *found], found)
            fresh |= {i: found.get(i) for i in missing}
        return fresh

    def site_of(self, order: Order) -> str:
        """The site whose catalog has the order's products; "" if neither the order nor the settings say."""
        return order.site_slug or self._settings.store.site_slug

    def _remember(self, site: str, ids: Sequence[str], found: dict[str, Product]) -> None:
        """Remember these as the newest, and forget the oldest where there are too many."""
        until = self._clock.monotonic() + _REMEMBER_S
        for product_id in dict.fromkeys(ids):
            self._known.pop((site, product_id), None)
            self._known[site, product_id] = (until, found.get(product_id))
        for oldest in list(islice(self._known, max(0, len(self._known) - self._most))):
            del self._known[oldest]
