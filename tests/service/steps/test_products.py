"""Whether a product is digital, for orders that name no site: the workspace's own list says it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from packhouse.config.settings import ProductSettings
from packhouse.errors import StoreForbidden, StoreInvalidRequest, StoreNotFound, StoreUnreadable
from packhouse.model.hold import HoldCode
from packhouse.model.order import Product
from tests.service.harness import Harness
from tests.service.steps.hold_situations import restart


def without_site(harness: Harness) -> None:
    harness.store.show_orders_as(lambda order: replace(order, site_slug=""))


async def test_an_order_without_a_site_ships_by_the_list_of_the_workspace(harness: Harness) -> None:
    without_site(harness)
    order = await harness.ship("mixed")
    assert await harness.states(order) == ["fulfilled"]
    assert harness.store.seen("products") == []
    assert len(harness.store.seen("merchant_products")) == 1
    assert harness.problems() == []


@pytest.mark.parametrize("site", ["../merchant", "paper lantern", "a/b", "x" * 300])
async def test_an_order_of_a_site_that_cannot_exist_is_held_and_not_tried_for_ever(
    harness: Harness, site: str
) -> None:
    harness.store.show_orders_as(lambda order: replace(order, site_slug=site))
    order = await harness.ship("mixed")
    assert [hold.code for hold in await harness.active_holds(order)] == [HoldCode.DIGITAL_UNKNOWN]
    assert "failed" not in await harness.journal(order)
    assert harness.store.seen("products") == []


@pytest.mark.harness(settings={"products": (ProductSettings(name="*", weight_g=100),)})
async def test_the_list_is_read_once_for_orders_that_come_together(harness: Harness) -> None:
    without_site(harness)
    listed = 0

    async def slowly(ids: Sequence[str]) -> dict[str, Product]:
        nonlocal listed
        listed += 1
        await asyncio.sleep(0)
        return {one: Product(one, is_digital=False) for one in harness.sandbox.store.products}

    harness.store.script(merchant_products=slowly)
    orders = [await harness.store.order(harness.sandbox.place_order("plain").id) for _ in range(5)]
    found = await asyncio.gather(*(harness.context.products.digital_by_line(order) for order in orders))
    assert all(is_digital is False for lines in found for is_digital in lines.values())
    assert listed == 1


@pytest.mark.parametrize(
    "refusal",
    [
        StoreForbidden("the key lacks read:content", status=403),
        StoreNotFound("no such path", status=404),
        StoreInvalidRequest("limit is too large", status=400),
        StoreUnreadable("no list"),
    ],
)
async def test_where_the_list_may_not_be_read_the_hold_names_the_settings_that_end_it(
    harness: Harness, refusal: Exception
) -> None:
    without_site(harness)
    harness.store.script(merchant_products=refusal)
    order = await harness.ship("plain")
    (hold,) = await harness.active_holds(order)
    assert hold.code is HoldCode.DIGITAL_UNKNOWN
    product = order.sale.items[0]["product_id"]
    assert f'[[products]] with id = "{product}" and digital = false' in hold.note
    assert "(or true) to packhouse.toml" in hold.note
    assert 'site_slug = "SLUG" to its section [store]' in hold.note

    store = harness.settings.store.model_copy(update={"site_slug": "paper-lantern"})
    await restart(harness, store=store)
    await harness.process_due()
    assert await harness.active_holds(order) == []
    assert await harness.states(order) == ["fulfilled"]


async def test_the_entry_that_the_hold_names_ends_it(harness: Harness) -> None:
    without_site(harness)
    harness.store.script(merchant_products=StoreForbidden("the key lacks read:content", status=403))
    order = await harness.ship("plain")
    ids = [item["product_id"] for item in order.sale.items]
    await restart(harness, products=tuple(ProductSettings(id=one, digital=False) for one in ids))
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"]


async def test_a_hold_does_not_advise_a_site_where_the_site_is_known(harness: Harness) -> None:
    order = await harness.ship("unknown_digital")
    (hold,) = await harness.active_holds(order)
    assert '[[products]] with id = "prod_gift_box" and digital = false' in hold.note
    assert "site_slug" not in hold.note
