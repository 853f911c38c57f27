"""The daemon's own clients, the real ones, ship an order against the sandbox without a socket."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import SecretStr

from packhouse.errors import StoreConflict, StoreRefused, StoreThrottled, StoreUnanswered, StoreUnreadable
from packhouse.model.label import Label, LabelFormat
from packhouse.model.order import Address, Order, Units
from packhouse.model.parcel import Parcel
from packhouse.model.states import LabelState
from packhouse.providers.easypost.adapter import EasyPostProvider
from packhouse.providers.easypost.options import EasyPostOptions
from packhouse.providers.port import (
    Bought,
    NotBought,
    Prepared,
    ProviderContext,
    Purchase,
    PurchaseRequest,
    Unknown,
    Voided,
    VoidPending,
)
from packhouse.sandbox.catalogue import SITE
from packhouse.sandbox.transport import WorldTransport
from packhouse.sandbox.world import CARRIER_KEY, STORE_KEY, World
from packhouse.store import protocol
from packhouse.store.async_client import AsyncStoreClient
from packhouse.store.event import read_event
from packhouse.store.protocol import OrdersQuery
from packhouse.store.signature import SignatureVerdict, verify
from tests.service.sandbox.worlds import ManualClock, Receiver, in_world

SENDER = Address(
    name="Paper Lantern", street1="1 Pier", city="San Francisco", state="CA", postcode="94110", country="US"
)


def _unobserved(peer: str, call: str, outcome: str, seconds: float) -> None:
    pass


def _store(world: World, clock: ManualClock) -> AsyncStoreClient:
    return AsyncStoreClient(
        "http://sandbox.invalid/api/storefront/v1",
        STORE_KEY,
        timeout_s=5,
        rate_limit_per_s=0,
        clock=clock,
        observe=_unobserved,
        transport=WorldTransport(world),
    )


def _carrier(world: World, clock: ManualClock) -> EasyPostProvider:
    options = EasyPostOptions(api_key=SecretStr(CARRIER_KEY), url="http://sandbox.invalid/easypost/v2")
    context = ProviderContext(clock, 5, SENDER, LabelFormat.ZPL, _unobserved)
    return EasyPostProvider(options, context, WorldTransport(world))


def _request(order: Order) -> PurchaseRequest:
    units = tuple(Units(line.id, line.quantity) for line in order.lines)
    assert order.address is not None
    return PurchaseRequest(f"{order.id}/1/1", order, units, order.address, Parcel(500, 200, 150, 100))


async def _prepared(world: World, clock: ManualClock) -> tuple[Order, Purchase]:
    order = await _store(world, clock).order(world.order("plain").id)
    prepared: Prepared = await _carrier(world, clock).prepare(_request(order))
    cheapest = min(prepared.rates, key=lambda rate: rate.price.minor)
    return order, Purchase(_request(order), prepared.provider_ref, cheapest)


def _label(bought: Bought) -> Label:
    return Label(
        id="lb_1",
        shipment_id="sh_1",
        generation=1,
        provider="easypost",
        carrier=bought.carrier,
        service=bought.service,
        tracking_number=bought.tracking_number,
        provider_id=bought.provider_id,
        cost=bought.cost,
        state=LabelState.BOUGHT,
        bought_at=0.0,
        document_source=bought.document_source,
    )


def test_an_order_goes_all_the_way_and_leaves_clean_books() -> None:
    async def story(world: World, clock: ManualClock, receiver: Receiver) -> None:
        store, carrier = _store(world, clock), _carrier(world, clock)
        await carrier.check()
        order, purchase = await _prepared(world, clock)
        await clock.advance(0)
        headers, body = receiver.got[0]
        secrets = [b"whsec_sandbox"]
        assert verify(headers["x-aly-signature"], body, secrets, clock.now(), 300) is SignatureVerdict.OK
        assert read_event(body).order_id == order.id
        products = await store.products(SITE, tuple({line.product_id for line in order.lines}))
        assert all(product.is_digital is False for product in products.values())
        bought = await carrier.buy(purchase)
        assert isinstance(bought, Bought)
        document = await carrier.document(_label(bought))
        assert document.format is LabelFormat.ZPL
        wish = protocol.fulfill_body(purchase.request.units, bought.carrier, bought.tracking_number)
        await store.fulfill(order.id, wish, "key-1")
        await store.fulfill(order.id, wish, "key-1")
        after = await store.order(order.id)
        assert after.status == "fulfilled"
        assert after.has_tracking(bought.tracking_number)
        assert after.fulfillments is not None
        shipped = {unit for fulfillment in after.fulfillments for unit in fulfillment.units}
        assert shipped == set(purchase.request.units)
        assert world.books.problems(settled=True) == []

    in_world(story)


def test_pages_are_walked_to_the_end() -> None:
    async def story(world: World, clock: ManualClock, _: Receiver) -> None:
        made = {order.id for order in world.orders(45)}
        store, seen, cursor = _store(world, clock), set(), ""
        while True:
            page = await store.orders(OrdersQuery(limit=20, cursor=cursor))
            seen |= {order.id for order in page.orders}
            if page.next_cursor is None:
                break
            cursor = page.next_cursor
        assert seen == made

    in_world(story)


@pytest.mark.parametrize(
    ("fault", "bought"),
    [
        ("carrier.error_after_effect", 1),
        ("carrier.error_before_effect", 0),
        ("carrier.reset_after_effect", 1),
        ("carrier.reset_before_effect", 0),
        ("carrier.garbage_body", 1),
    ],
)
def test_a_purchase_that_went_wrong_is_unknown_and_the_lookup_tells(fault: str, bought: int) -> None:
    async def story(world: World, clock: ManualClock, _: Receiver) -> None:
        carrier = _carrier(world, clock)
        _order, purchase = await _prepared(world, clock)
        world.faults.strike_next(fault)
        assert isinstance(await carrier.buy(purchase), Unknown)
        assert isinstance(await carrier.lookup(purchase), Bought) is bool(bought)
        assert len(world.books.purchases()) == bought

    in_world(story)


def test_a_purchase_without_an_answer_times_out_and_may_come_true_later() -> None:
    async def story(world: World, clock: ManualClock, _: Receiver) -> None:
        carrier = _carrier(world, clock)
        _order, purchase = await _prepared(world, clock)
        world.pace["carrier"].late_s = 8
        world.faults.strike_next("carrier.late_effect")
        buying = asyncio.create_task(carrier.buy(purchase))
        await clock.advance(4.9)
        assert not buying.done()
        await clock.advance(0.2)
        assert isinstance(await buying, Unknown)
        assert world.books.purchases() == []
        await clock.advance(5)
        assert isinstance(await carrier.lookup(purchase), Bought)

    in_world(story)


def test_a_client_that_gives_up_does_not_stop_what_it_asked_for() -> None:
    async def story(world: World, clock: ManualClock, _: Receiver) -> None:
        carrier = _carrier(world, clock)
        _order, purchase = await _prepared(world, clock)
        world.pace["carrier"].slow_s = 7
        world.faults.strike_next("carrier.slow")
        buying = asyncio.create_task(carrier.buy(purchase))
        await clock.advance(5.1)
        assert isinstance(await buying, Unknown)
        assert world.books.purchases() == []
        await clock.advance(2)
        assert len(world.books.purchases()) == 1

    in_world(story)


def test_a_refused_address_is_certainly_not_bought() -> None:
    async def story(world: World, clock: ManualClock, _: Receiver) -> None:
        _order, purchase = await _prepared(world, clock)
        world.faults.strike_next("carrier.refuse")
        outcome = await _carrier(world, clock).buy(purchase)
        assert isinstance(outcome, NotBought)
        assert not outcome.transient
        assert "not served" in outcome.reason

    in_world(story)


def test_a_label_given_back_is_followed_to_its_end() -> None:
    async def story(world: World, clock: ManualClock, _: Receiver) -> None:
        carrier = _carrier(world, clock)
        _order, purchase = await _prepared(world, clock)
        bought = await carrier.buy(purchase)
        assert isinstance(bought, Bought)
        assert isinstance(await carrier.void(_label(bought)), VoidPending)
        await clock.advance(3)
        assert isinstance(await carrier.void(_label(bought)), Voided)

    in_world(story)


def test_the_stores_refusals_arrive_as_what_they_are() -> None:
    async def story(world: World, clock: ManualClock, _: Receiver) -> None:
        store = _store(world, clock)
        order = await store.order(world.order("plain").id)
        body = protocol.fulfill_body([Units("li_1", order.lines[0].quantity)], "USPS", "N1")
        world.faults.strike_next("store.throttle")
        with pytest.raises(StoreThrottled) as throttled:
            await store.fulfill(order.id, body, "k")
        assert throttled.value.retry_after_s == 1
        world.faults.strike_next("store.reset_after_effect")
        with pytest.raises(StoreUnanswered):
            await store.fulfill(order.id, body, "k")
        await store.fulfill(order.id, body, "k")
        with pytest.raises(StoreConflict):
            await store.fulfill(order.id, body, "another")
        cancelled = world.order("plain")
        world.shop.cancel(cancelled)
        with pytest.raises(StoreRefused):
            await store.fulfill(cancelled.id, body, "k")
        world.faults.strike_next("store.garbage_body")
        with pytest.raises(StoreUnreadable):
            await store.order(order.id)

    in_world(story)
