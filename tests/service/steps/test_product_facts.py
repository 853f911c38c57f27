"""What the catalog, the settings and the order together say of each line's product."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from packhouse.config.sections import ParcelSettings, ProductSettings, StoreSettings
from packhouse.config.settings import Settings
from packhouse.errors import (
    StoreForbidden,
    StoreInvalidRequest,
    StoreNotFound,
    StoreUnauthorized,
    StoreUnavailable,
    StoreUnexpectedStatus,
    StoreUnreadable,
)
from packhouse.model.order import Line, Order, Product
from packhouse.steps.products import ProductCache
from tests.clock import StillClock


class Shelves:
    """A catalog of some products; it notes the site ("*": the workspace) and the ids."""

    def __init__(self, *products: Product) -> None:
        self.known = {product.id: product for product in products}
        self.asked: list[tuple[str, list[str]]] = []
        self.refusal: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def products(self, site_slug: str, ids: Sequence[str]) -> dict[str, Product]:
        self.asked.append((site_slug, list(ids)))
        await self.gate.wait()
        if self.refusal:
            raise self.refusal
        return {one: self.known[one] for one in ids if one in self.known}

    async def merchant_products(self, ids: Sequence[str]) -> dict[str, Product]:
        await self.products("*", ids)
        return self.known


FACTS = (
    Product("paper", is_digital=False, weight_g=300),
    Product("song", is_digital=True),
    Product("mystery", weight_g=50),
)
ENTRIES = (
    ProductSettings(name="Known*", digital=True, weight_g=20),
    ProductSettings(name="Heavy*", weight_g=900),
    ProductSettings(name="Printed*", digital=False),
)


def cache(catalog: Shelves, site: str = "") -> ProductCache:
    settings = Settings(  # type: ignore[call-arg]
        _env_file=None,
        parcel=ParcelSettings(weight_g=1),
        products=ENTRIES,
        store=StoreSettings(site_slug=site),
    )
    return ProductCache(catalog, settings, StillClock(1000.0))


def order(*lines: Line, site: str = "shop") -> Order:
    return Order("ord_1", site_slug=site, lines=lines)


@pytest.mark.parametrize(
    ("line", "digital", "asked"),
    [
        (Line("li", product_id="song", is_digital=False), False, []),
        (Line("li", product_id="paper", is_digital=True), True, []),
        (Line("li", product_id="paper", name="Known book"), True, []),
        (Line("li", product_id="song", name="Printed song"), False, []),
        (Line("li", product_id="song", name="Known book", is_digital=False), False, []),
        (Line("li", product_id="song", name="Heavy song"), True, ["song"]),
        (Line("li", product_id="song"), True, ["song"]),
        (Line("li", product_id="paper"), False, ["paper"]),
        (Line("li", product_id="mystery"), None, ["mystery"]),
        (Line("li", product_id="elsewhere"), None, ["elsewhere"]),
        (Line("li"), None, []),
    ],
    ids=lambda value: f"{value.product_id} {value.name}" if isinstance(value, Line) else None,
)
async def test_a_line_is_digital_as_the_order_or_the_settings_or_the_catalog_say(
    line: Line, digital: bool | None, asked: list[str]
) -> None:
    catalog = Shelves(*FACTS)
    assert await cache(catalog).digital_by_line(order(line)) == {"li": digital}
    assert catalog.asked == ([("shop", asked)] if asked else [])


async def test_each_line_is_known_by_its_own_id() -> None:
    catalog = Shelves(*FACTS)
    lines = (Line("a", product_id="song"), Line("b", product_id="song"), Line("c", product_id="paper"))
    assert await cache(catalog).digital_by_line(order(*lines)) == {"a": True, "b": True, "c": False}
    assert catalog.asked == [("shop", ["song", "paper"])]


@pytest.mark.parametrize(
    ("line", "weights", "asked"),
    [
        (Line("li", product_id="paper"), {"paper": 300}, ["paper"]),
        (Line("li", product_id="paper", name="Heavy book"), {}, []),
        (Line("li", product_id="paper", name="Printed book"), {"paper": 300}, ["paper"]),
        (Line("li", product_id="song"), {}, ["song"]),
        (Line("li", product_id="elsewhere"), {}, ["elsewhere"]),
        (Line("li", name="Loose"), {}, []),
    ],
    ids=lambda value: f"{value.product_id} {value.name}" if isinstance(value, Line) else None,
)
async def test_the_catalog_weighs_what_the_settings_do_not(
    line: Line, weights: dict[str, int], asked: list[str]
) -> None:
    catalog = Shelves(*FACTS)
    assert await cache(catalog).weights_g(order(line)) == weights
    assert catalog.asked == ([("shop", asked)] if asked else [])


@pytest.mark.parametrize(
    ("of_order", "of_settings", "asked"),
    [("shop", "", "shop"), ("shop", "other", "shop"), ("", "other", "other"), ("", "", "*")],
)
async def test_the_site_is_that_of_the_order_or_else_that_of_the_settings(
    of_order: str, of_settings: str, asked: str
) -> None:
    catalog = Shelves(*FACTS)
    products = cache(catalog, of_settings)
    some = order(Line("li", product_id="paper"), site=of_order)
    assert await products.weights_g(some) == {"paper": 300}
    assert catalog.asked == [(asked, ["paper"])]
    assert products.site_of(some) == asked.strip("*")


async def test_a_site_that_cannot_exist_is_asked_for_nothing() -> None:
    catalog = Shelves(*FACTS)
    assert await cache(catalog).weights_g(order(Line("li", product_id="paper"), site="a/b")) == {}
    assert catalog.asked == []


async def test_what_the_list_of_the_workspace_shows_besides_is_remembered() -> None:
    catalog = Shelves(*FACTS)
    products = cache(catalog)
    await products.weights_g(order(Line("li", product_id="song"), site=""))
    assert await products.weights_g(order(Line("li", product_id="paper"), site="")) == {"paper": 300}
    assert catalog.asked == [("*", ["song"])]


async def test_an_order_that_needs_no_product_does_not_wait_for_the_list() -> None:
    catalog = Shelves(*FACTS)
    products = cache(catalog)
    catalog.gate.clear()
    other = asyncio.create_task(products.weights_g(order(Line("li", product_id="paper"), site="")))
    await asyncio.sleep(0)
    async with asyncio.timeout(60):
        assert await products.weights_g(order(Line("li", name="Loose"), site="")) == {}
    catalog.gate.set()
    assert await other == {"paper": 300}


SILENT = [StoreNotFound("404"), StoreForbidden("403"), StoreUnauthorized("401")]
LISTS_ONLY = [StoreInvalidRequest("400"), StoreUnexpectedStatus("418"), StoreUnreadable("cut off")]


@pytest.mark.parametrize("refusal", [*SILENT, *LISTS_ONLY, StoreUnavailable("503")], ids=type)
@pytest.mark.parametrize("site", ["shop", ""])
async def test_a_catalog_that_cannot_be_read_says_nothing_and_one_that_fails_is_an_error(
    site: str, refusal: Any
) -> None:
    catalog = Shelves(*FACTS)
    catalog.refusal = refusal
    asked = cache(catalog).weights_g(order(Line("li", product_id="paper"), site=site))
    if refusal in SILENT or (refusal in LISTS_ONLY and not site):
        assert await asked == {}
    else:
        with pytest.raises(type(refusal)):
            await asked
