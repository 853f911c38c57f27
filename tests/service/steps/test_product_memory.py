"""The catalog's memory: bounded, refreshed, and never without what the order at hand needs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from packhouse.config.sections import ParcelSettings
from packhouse.config.settings import Settings
from packhouse.errors import StoreForbidden
from packhouse.model.order import Line, Order, Product
from packhouse.steps.products import ProductCache
from tests.clock import StillClock


class Weights:
    """A catalog in which each product weighs what it says; it notes what it is asked for."""

    def __init__(self, weight_g: int = 700) -> None:
        self.weight_g = weight_g
        self.asked: list[list[str]] = []
        self.refusal: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def products(self, site_slug: str, ids: Sequence[str]) -> dict[str, Product]:
        self.asked.append(list(ids))
        if self.gate:
            await self.gate.wait()
        if self.refusal:
            raise self.refusal
        return {i: Product(i, is_digital=False, weight_g=self.weight_g) for i in ids}

    async def merchant_products(self, ids: Sequence[str]) -> dict[str, Product]:
        return await self.products("", ids)


def order_of(*ids: str, site: str = "shop") -> Order:
    lines = tuple(Line(f"li_{i}", product_id=i, quantity=1) for i in ids)
    return Order("ord_1", site_slug=site, lines=lines)


class Setup:
    def __init__(self, most: int = 20_000) -> None:
        self.clock = StillClock(1000.0)
        self.catalog = Weights()
        settings = Settings(_env_file=None, parcel=ParcelSettings(weight_g=1))  # type: ignore[call-arg]
        self.cache = ProductCache(self.catalog, settings, self.clock, most)

    async def weights(self, *ids: str, site: str = "shop") -> dict[str, int]:
        return await self.cache.weights_g(order_of(*ids, site=site))


@pytest.mark.parametrize("site", ["shop", ""])
async def test_an_order_of_more_products_than_are_remembered_knows_every_weight(site: str) -> None:
    setup = Setup(most=5)
    ids = [f"p{n}" for n in range(12)]
    for _ in range(2):
        assert await setup.weights(*ids, site=site) == dict.fromkeys(ids, 700)
    assert len(setup.cache._known) == 5


async def test_a_weight_that_another_order_pushes_out_meanwhile_is_still_known() -> None:
    """The known weight was taken out before the rest is looked up; another order fills the memory then."""
    setup = Setup(most=3)
    await setup.weights("known")
    setup.catalog.gate = asyncio.Event()
    waiting = asyncio.create_task(setup.weights("known", "new"))
    await asyncio.sleep(0)
    others = asyncio.create_task(setup.weights("a", "b", "c"))
    await asyncio.sleep(0)
    setup.catalog.gate.set()
    await others
    assert await waiting == {"known": 700, "new": 700}


async def test_what_was_read_longest_ago_is_forgotten_first() -> None:
    setup = Setup(most=2)
    for product in ("a", "b", "c"):
        await setup.weights(product)
    setup.catalog.asked.clear()
    await setup.weights("b", "c")
    assert setup.catalog.asked == []
    await setup.weights("a")
    assert setup.catalog.asked == [["a"]]


async def test_a_product_is_read_again_after_ten_minutes_and_not_before() -> None:
    setup = Setup()
    assert await setup.weights("a") == {"a": 700}
    setup.catalog.weight_g = 900
    setup.clock.time += 599
    assert await setup.weights("a") == {"a": 700}
    setup.clock.time += 1
    assert await setup.weights("a") == {"a": 900}
    assert setup.catalog.asked == [["a"], ["a"]]


async def test_a_catalog_that_refuses_says_nothing_and_is_asked_again_later() -> None:
    setup = Setup()
    setup.catalog.refusal = StoreForbidden("no scope", status=403)
    assert await setup.weights("a") == {}
    setup.catalog.refusal = None
    assert await setup.weights("a") == {}
    setup.clock.time += 600
    assert await setup.weights("a") == {"a": 700}


async def test_the_same_product_of_two_sites_is_two_products() -> None:
    setup = Setup()
    await setup.weights("a", site="one")
    setup.catalog.weight_g = 5
    assert await setup.weights("a", site="two") == {"a": 5}


async def test_what_was_read_again_counts_as_new() -> None:
    setup = Setup(most=2)
    await setup.weights("a")
    setup.clock.time += 300
    await setup.weights("b")
    setup.clock.time += 300
    await setup.weights("a")
    await setup.weights("c")
    setup.catalog.asked.clear()
    await setup.weights("a")
    assert setup.catalog.asked == []
