"""A store that shows no fulfillments: only a post whose answer was lost leaves a doubt about its label."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from packhouse.errors import (
    StoreConflict,
    StoreError,
    StoreForbidden,
    StoreInvalidRequest,
    StoreNotFound,
    StoreRefused,
    StoreThrottled,
    StoreUnanswered,
    StoreUnauthorized,
    StoreUnavailable,
    StoreUnreachable,
)
from packhouse.model.order import Order
from packhouse.sandbox.store.state import StoreOrder
from tests.service.harness import Harness

pytestmark = pytest.mark.usefixtures("engine")


def _silent(order: Order) -> Order:
    """A store whose answer carries neither fulfillments nor refunds."""
    return replace(order, fulfillments=None, refunds=None)


@pytest.fixture(autouse=True)
def silent_store(harness: Harness) -> None:
    harness.store.show_orders_as(_silent)


def _cancelling(harness: Harness, error: StoreError) -> Callable[..., Awaitable[Any]]:
    """The buyer cancels while the post is on its way, and the store answers so."""

    async def fulfill(order_id: str, body: bytes, key: str) -> None:
        harness.sandbox.store.cancel(harness.sandbox.store.orders[order_id])
        raise error

    return fulfill


async def _shipping(harness: Harness) -> StoreOrder:
    order = await harness.ship()
    await harness.advance(400)
    return order


@pytest.mark.parametrize(
    "error",
    [
        StoreRefused("422: cancelled", status=422, code="order_cancelled"),
        StoreConflict("409: cancelled", status=409, code="invalid_state"),
        StoreInvalidRequest("400", status=400, code="validation_failed"),
        StoreForbidden("403", status=403, code="insufficient_scope"),
        StoreNotFound("404", status=404, code="not_found"),
        StoreUnauthorized("401", status=401, code="unauthorized"),
        StoreThrottled("429", status=429),
        StoreUnreachable("nothing was sent"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_first_post_that_the_store_refused_leaves_no_doubt(
    harness: Harness, error: StoreError
) -> None:
    harness.store.script(fulfill=_cancelling(harness, error))
    order = await _shipping(harness)
    assert await harness.states(order) == ["voided"]
    assert await harness.active_holds(order) == []
    assert "held" not in await harness.journal(order)
    assert len(harness.store.seen("fulfill")) == 1
    assert harness.labels_sold(order) == 0


@pytest.mark.parametrize(
    "error",
    [
        StoreUnanswered("no complete response in time"),
        StoreUnavailable("502", status=502),
        StoreUnavailable("408", status=408),
        StoreForbidden("403 of a proxy", status=403),
        StoreRefused("422 of a proxy", status=422),
        StoreNotFound("404 of a proxy", status=404),
        StoreConflict("409 of a proxy", status=409),
    ],
    ids=str,
)
async def test_a_post_that_may_have_reached_the_store_is_held_when_the_order_is_cancelled(
    harness: Harness, error: StoreError
) -> None:
    harness.store.script(fulfill=_cancelling(harness, error))
    order = await _shipping(harness)
    assert await harness.states(order) == ["labeled"]
    (hold,) = await harness.active_holds(order)
    assert hold.code == "order_changed"
    assert "may have been posted" in hold.note
    assert harness.labels_sold(order) == 1


async def test_a_refusal_after_a_lost_answer_leaves_the_doubt(harness: Harness) -> None:
    refused = StoreRefused("422: cancelled", status=422, code="order_cancelled")
    tries: list[str] = []

    async def fulfill(order_id: str, body: bytes, key: str) -> None:
        tries.append(key)
        if len(tries) == 1:
            raise StoreUnanswered("no complete response in time")
        harness.sandbox.store.cancel(harness.sandbox.store.orders[order_id])
        raise refused

    harness.store.script(fulfill=fulfill)
    order = await _shipping(harness)
    assert len(tries) == 2
    assert await harness.states(order) == ["labeled"]
    assert [hold.code for hold in await harness.active_holds(order)] == ["order_changed"]


async def test_a_lost_answer_after_refusals_leaves_a_doubt(harness: Harness) -> None:
    answers: list[StoreError] = [
        StoreThrottled("429", status=429),
        StoreUnauthorized("401", status=401, code="unauthorized"),
        StoreUnanswered("no complete response in time"),
    ]

    async def fulfill(order_id: str, body: bytes, key: str) -> None:
        if len(answers) == 1:
            harness.sandbox.store.cancel(harness.sandbox.store.orders[order_id])
        raise answers.pop(0)

    harness.store.script(fulfill=fulfill)
    order = await _shipping(harness)
    assert answers == []
    assert await harness.states(order) == ["labeled"]
    assert [hold.code for hold in await harness.active_holds(order)] == ["order_changed"]


async def test_a_worker_that_dies_while_it_posts_leaves_a_doubt(harness: Harness) -> None:
    class Dies(BaseException):
        """The worker's process dies."""

    order = harness.sandbox.place_order("plain")
    job = await harness.process_until(order, before="post")
    harness.store.script(fulfill=Dies())
    with pytest.raises(Dies):
        await harness.run_step("post", job)
    harness.sandbox.store.cancel(order)
    await harness.clock.advance(130)
    await harness.advance(400)
    assert await harness.states(order) == ["labeled"]
    assert [hold.code for hold in await harness.active_holds(order)] == ["order_changed"]


async def test_a_post_that_a_pause_stopped_was_never_sent(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.process_until(order, before="post")
    await harness.clock.advance(130)

    async def pause_while_fetching(label: Any) -> Any:
        await harness.operations.daemon.pause(reason="stocktaking", actor="ada")
        return await harness.provider.real.document(label)

    harness.provider.script(document=pause_while_fetching)
    await harness.process_due()
    assert harness.store.seen("fulfill") == []
    assert await harness.states(order) == ["labeled"]
    harness.sandbox.store.cancel(order)
    await harness.deliver_event(order, "order.cancelled")
    await harness.operations.daemon.resume(reason="done", actor="ada")
    await harness.advance(400)
    assert await harness.states(order) == ["voided"]


async def test_a_refused_post_is_rebuilt_after_a_release_and_leaves_no_doubt(harness: Harness) -> None:
    harness.store.script(fulfill=StoreInvalidRequest("400", status=400, code="validation_failed"))
    order = await harness.ship()
    (hold,) = await harness.active_holds(order)
    assert hold.code == "store_refused"
    harness.store.script(fulfill=None)
    await harness.release_hold(hold)
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"]
    assert len({key for _, _, key in harness.store.seen("fulfill")}) == 2


async def test_a_proxys_refusal_is_tried_again_with_the_same_bytes(harness: Harness) -> None:
    harness.store.script(fulfill=StoreInvalidRequest("400 of a proxy", status=400))
    order = await harness.ship()
    (hold,) = await harness.active_holds(order)
    harness.store.script(fulfill=None)
    await harness.release_hold(hold)
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"]
    assert len(set(harness.store.seen("fulfill"))) == 1
