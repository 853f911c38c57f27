"""Answers that are not the store's, or say less than they seem to: the order is read before they count."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace

import pytest

from packhouse.model.order import Order
from packhouse.sandbox.sandbox import STORE_KEY
from packhouse.sandbox.transport import SandboxTransport
from packhouse.store.async_client import AsyncStoreClient
from tests.service.harness import Harness
from tests.service.store.lying_proxy import PAGE, Lie, LyingProxy

pytestmark = pytest.mark.usefixtures("engine")

_JSON = {"content-type": "application/json"}


def behind_a_proxy(harness: Harness) -> LyingProxy:
    proxy = LyingProxy(SandboxTransport(harness.sandbox))
    harness.store.real = AsyncStoreClient(
        "http://sandbox.invalid/api/storefront/v1",
        STORE_KEY,
        timeout_s=15,
        clock=harness.clock,
        observe=harness.metrics.call,
        transport=proxy,
    )
    return proxy


LIES = {
    "a page": Lie(),
    "a page that claims to be JSON": Lie(PAGE, headers=_JSON),
    "an error with 200": Lie(b'{"error":{"code":"upstream","message":"no backend"}}', headers=_JSON),
    "another order": Lie(b'{"id":"ord_other","totals":{},"fulfillments":[]}', headers=_JSON),
    "another order, wrapped": Lie(b'{"order":{"id":"ord_other"}}', headers=_JSON),
    "another number": Lie(b'{"fulfillment":{"tracking_number":"1Z999AA10123456784"}}', headers=_JSON),
    "a failure": Lie(b'{"success":false}', headers=_JSON),
    "a failed fulfillment": Lie(b'{"id":"ful_1","status":"failed"}', headers=_JSON),
    "half a JSON": Lie(b'{"id":"ord_', headers=_JSON),
    "Latin-1": Lie('{"id":"\xe9"}'.encode("latin-1"), headers=_JSON),
    "compressed": Lie(gzip.compress(b"{}"), headers=_JSON | {"content-encoding": "gzip"}),
    "nothing": Lie(b"", status=204, headers={}),
    "an empty object": Lie(b"{}", headers=_JSON),
    "an empty list": Lie(b"[]", headers=_JSON),
    "null": Lie(b"null", headers=_JSON),
    "accepted": Lie(b'{"ok":true}', status=202, headers=_JSON),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_fulfillment_that_the_store_never_got_is_not_taken_as_posted(
    harness: Harness, lie: str
) -> None:
    proxy = behind_a_proxy(harness)
    proxy.answer("POST", LIES[lie])
    order = await harness.ship()
    assert await harness.states(order) == ["labeled"]
    assert order.fulfillments == []
    await harness.advance(200)
    assert await harness.states(order) == ["fulfilled"]
    posts = [(target, body, key) for method, target, body, key in proxy.seen if method == "POST"]
    assert (len(posts), len(set(posts))) == (2, 1)
    assert len(order.fulfillments) == 3  # a row for each line, once
    assert await harness.active_holds(order) == []


@pytest.mark.parametrize("lie", LIES)
async def test_an_answer_that_hides_a_recorded_fulfillment_costs_one_read_and_no_second_post(
    harness: Harness, lie: str
) -> None:
    proxy = behind_a_proxy(harness)
    proxy.answer("POST", replace(LIES[lie], forwards=True))
    order = await harness.ship()
    assert await harness.states(order) == ["fulfilled"]
    assert [method for method, *_ in proxy.seen].count("POST") == 1


async def test_an_answer_that_shows_the_number_needs_no_further_read(harness: Harness) -> None:
    proxy = behind_a_proxy(harness)

    def row_alone(own: bytes) -> bytes:
        (first, *_) = json.loads(own)["fulfillments"]
        return b"\xef\xbb\xbf" + json.dumps({"data": first | {"id": "ful_1"}}).encode()

    proxy.answer("POST", Lie(row_alone, headers=_JSON, forwards=True))
    order = await harness.ship()
    assert await harness.states(order) == ["fulfilled"]
    assert proxy.seen[-1][0] == "POST"


async def test_a_store_that_shows_a_fulfillment_late_gets_no_second_one_meanwhile(harness: Harness) -> None:
    proxy = behind_a_proxy(harness)
    proxy.answer("POST", Lie(b"", status=204, headers={}, forwards=True))
    until, first = harness.clock.now() + 15, list[Order]()

    async def lagging(order_id: str) -> Order:
        """The order as it was first read, until the store catches up."""
        first.append(await harness.store.real.order(order_id))
        return first[0] if harness.clock.now() < until else first[-1]

    harness.store.script(order=lagging)
    order = await harness.ship()
    assert await harness.states(order) == ["labeled"]
    assert (await harness.order_row(order)).reason.startswith("The store accepted USPS")
    await harness.advance(40)
    assert await harness.states(order) == ["fulfilled"]
    assert [method for method, *_ in proxy.seen].count("POST") == 1


@pytest.mark.harness(settings={"retry": {"hold_after": 5}})
async def test_a_proxy_that_stays_in_the_way_is_reported_and_the_label_waits(harness: Harness) -> None:
    proxy = behind_a_proxy(harness)
    proxy.answer("POST", *[Lie()] * 60)
    order = await harness.ship()
    await harness.advance(900, step=30)
    assert await harness.states(order) == ["labeled"]
    (hold,) = await harness.active_holds(order)
    assert hold.code == "repeated_failure"
    assert "it is no JSON" in hold.note
    assert len({key for method, _, _, key in proxy.seen if method == "POST"}) == 1


@pytest.mark.parametrize("lie", [one for one in LIES if one != "nothing"])
async def test_a_store_whose_orders_show_no_fulfillments_is_believed_only_in_its_own_words(
    harness: Harness, lie: str
) -> None:
    proxy = behind_a_proxy(harness)
    harness.store.show_orders_as(lambda order: replace(order, fulfillments=None))
    proxy.answer("POST", replace(LIES[lie], forwards=True))
    order = await harness.ship()
    accepted = lie in ("an empty object", "an empty list", "null", "accepted")
    assert await harness.states(order) == ["fulfilled" if accepted else "labeled"]
    await harness.advance(60)
    assert await harness.states(order) == ["fulfilled"]  # the store replays its own answer for the key
    assert len(order.fulfillments) == 3


READS = {
    **{name: lie for name, lie in LIES.items() if name != "nothing"},
    "an empty body": Lie(b"", headers=_JSON),
    "a list of orders": Lie(b'{"orders":[]}', headers=_JSON),
    **{
        f"a redirect {code}": Lie(b"", code, {"location": "http://login.invalid/"})
        for code in (301, 302, 303, 307, 308)
    },
}


@pytest.mark.parametrize("lie", READS)
async def test_an_order_read_through_a_liar_is_read_again_and_nothing_is_bought_from_it(
    harness: Harness, lie: str
) -> None:
    proxy = behind_a_proxy(harness)
    proxy.answer("GET", *[READS[lie]] * 3)
    order = await harness.ship()
    assert await harness.states(order) == []
    assert harness.labels_sold(order) == 0
    await harness.advance(200)
    assert await harness.states(order) == ["fulfilled"]
    assert {target.partition("/")[0] for _, target, *_ in proxy.seen} == {""}  # never another host
