"""The daemon's real clients ship an order against the sandbox, without a socket."""

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
    Whose,
)
from packhouse.sandbox.sandbox import EASYPOST_KEY, STORE_KEY, Sandbox
from packhouse.sandbox.store.products import SITE
from packhouse.sandbox.transport import SandboxTransport
from packhouse.store import protocol
from packhouse.store.async_client import AsyncStoreClient
from packhouse.store.event import read_event
from packhouse.store.protocol import OrdersQuery
from packhouse.store.signature import SignatureVerdict, verify
from tests.clock import ManualClock
from tests.service.sandbox.harness import Receiver, in_sandbox

SENDER = Address(
    name="Paper Lantern", street1="1 Pier", city="San Francisco", state="CA", postcode="94110", country="US"
)


def _unobserved(peer: str, call: str, outcome: str, seconds: float) -> None:
    pass


def _store(sandbox: Sandbox, clock: ManualClock) -> AsyncStoreClient:
    return AsyncStoreClient(
        "http://sandbox.invalid/api/storefront/v1",
        STORE_KEY,
        timeout_s=5,
        clock=clock,
        observe=_unobserved,
        transport=SandboxTransport(sandbox),
    )


def _provider(sandbox: Sandbox, clock: ManualClock) -> EasyPostProvider:
    options = EasyPostOptions(api_key=SecretStr(EASYPOST_KEY), url="http://sandbox.invalid/easypost/v2")
    context = ProviderContext(clock, 5, SENDER, LabelFormat.ZPL, _unobserved)
    return EasyPostProvider(options, context, SandboxTransport(sandbox))


def _request(order: Order) -> PurchaseRequest:
    units = tuple(Units(line.id, line.quantity) for line in order.lines)
    assert order.address is not None
    return PurchaseRequest(f"{order.id}/1/1", order, units, order.address, Parcel(500, 200, 150, 100))


async def _prepared(sandbox: Sandbox, clock: ManualClock) -> tuple[Order, Purchase]:
    order = await _store(sandbox, clock).order(sandbox.place_order("plain").id)
    prepared: Prepared = await _provider(sandbox, clock).prepare(_request(order))
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


def test_an_order_is_shipped_and_the_audit_finds_no_problem() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, receiver: Receiver) -> None:
        store, provider = _store(sandbox, clock), _provider(sandbox, clock)
        await provider.check()
        order, purchase = await _prepared(sandbox, clock)
        await clock.advance(0)
        headers, body = receiver.got[0]
        secrets = [b"whsec_sandbox"]
        assert verify(headers["x-aly-signature"], body, secrets, clock.now(), 300) is SignatureVerdict.OK
        assert read_event(body).order_id == order.id
        products = await store.products(SITE, tuple({line.product_id for line in order.lines}))
        assert all(product.is_digital is False for product in products.values())
        bought = await provider.buy(purchase)
        assert isinstance(bought, Bought)
        document = await provider.document(_label(bought))
        assert document.format is LabelFormat.ZPL
        body = protocol.fulfill_body(purchase.request.units, bought.carrier, bought.tracking_number)
        await store.fulfill(order.id, body, "key-1")
        await store.fulfill(order.id, body, "key-1")
        after = await store.order(order.id)
        assert after.status == "fulfilled"
        assert after.has_tracking(bought.tracking_number)
        assert after.fulfillments is not None
        shipped = {unit for fulfillment in after.fulfillments for unit in fulfillment.units}
        assert shipped == set(purchase.request.units)
        assert sandbox.audit.problems(final=True) == []

    in_sandbox(story)


def test_all_pages_are_read() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        made = {order.id for order in sandbox.place_orders(45)}
        store, seen, cursor = _store(sandbox, clock), set(), ""
        while True:
            page = await store.orders(OrdersQuery(limit=20, cursor=cursor))
            seen |= {order.id for order in page.orders}
            if page.next_cursor is None:
                break
            cursor = page.next_cursor
        assert seen == made

    in_sandbox(story)


@pytest.mark.parametrize(
    ("fault", "bought"),
    [
        ("easypost.error_after_effect", 1),
        ("easypost.error_before_effect", 0),
        ("easypost.reset_after_effect", 1),
        ("easypost.reset_before_effect", 0),
        ("easypost.garbage_body", 1),
    ],
)
def test_a_failed_purchase_is_unknown_and_the_lookup_finds_its_outcome(fault: str, bought: int) -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        provider = _provider(sandbox, clock)
        _order, purchase = await _prepared(sandbox, clock)
        sandbox.faults.trigger_next(fault)
        assert isinstance(await provider.buy(purchase), Unknown)
        assert isinstance(await provider.lookup(purchase), Bought) is bool(bought)
        assert len(sandbox.audit.purchases()) == bought

    in_sandbox(story)


def test_a_purchase_without_a_response_times_out_and_may_take_effect_later() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        provider = _provider(sandbox, clock)
        _order, purchase = await _prepared(sandbox, clock)
        sandbox.latency["easypost"].late_s = 8
        sandbox.faults.trigger_next("easypost.late_effect")
        buying = asyncio.create_task(provider.buy(purchase))
        await clock.advance(4.9)
        assert not buying.done()
        await clock.advance(0.2)
        assert isinstance(await buying, Unknown)
        assert sandbox.audit.purchases() == []
        await clock.advance(5)
        assert isinstance(await provider.lookup(purchase), Bought)

    in_sandbox(story)


def test_a_client_that_times_out_does_not_stop_its_call() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        provider = _provider(sandbox, clock)
        _order, purchase = await _prepared(sandbox, clock)
        sandbox.latency["easypost"].slow_s = 7
        sandbox.faults.trigger_next("easypost.slow")
        buying = asyncio.create_task(provider.buy(purchase))
        await clock.advance(5.1)
        assert isinstance(await buying, Unknown)
        assert sandbox.audit.purchases() == []
        await clock.advance(2)
        assert len(sandbox.audit.purchases()) == 1

    in_sandbox(story)


def test_a_purchase_for_a_refused_address_is_not_bought() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        _order, purchase = await _prepared(sandbox, clock)
        sandbox.faults.trigger_next("easypost.refuse")
        outcome = await _provider(sandbox, clock).buy(purchase)
        assert isinstance(outcome, NotBought)
        assert outcome.whose is Whose.ORDER
        assert "not served" in outcome.reason

    in_sandbox(story)


def test_a_void_is_pending_and_then_completes() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        provider = _provider(sandbox, clock)
        _order, purchase = await _prepared(sandbox, clock)
        bought = await provider.buy(purchase)
        assert isinstance(bought, Bought)
        assert isinstance(await provider.void(_label(bought)), VoidPending)
        await clock.advance(3)
        assert isinstance(await provider.void(_label(bought)), Voided)

    in_sandbox(story)


def test_the_stores_errors_arrive_as_their_own_exceptions() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        store = _store(sandbox, clock)
        order = await store.order(sandbox.place_order("plain").id)
        body = protocol.fulfill_body([Units("li_1", order.lines[0].quantity)], "USPS", "N1")
        sandbox.faults.trigger_next("store.throttle")
        with pytest.raises(StoreThrottled) as throttled:
            await store.fulfill(order.id, body, "k")
        assert throttled.value.retry_after_s == 1
        sandbox.faults.trigger_next("store.reset_after_effect")
        with pytest.raises(StoreUnanswered):
            await store.fulfill(order.id, body, "k")
        await store.fulfill(order.id, body, "k")
        with pytest.raises(StoreConflict):
            await store.fulfill(order.id, body, "another")
        cancelled = sandbox.place_order("plain")
        sandbox.store.cancel(cancelled)
        with pytest.raises(StoreRefused):
            await store.fulfill(cancelled.id, body, "k")
        sandbox.faults.trigger_next("store.garbage_body")
        with pytest.raises(StoreUnreadable):
            await store.order(order.id)

    in_sandbox(story)
