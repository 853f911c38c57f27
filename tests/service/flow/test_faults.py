"""The store or the provider misbehaves: nothing happens twice and nothing is lost."""

from __future__ import annotations

import pytest

from packhouse.errors import LeaseLost, PackhouseError
from packhouse.providers.port import Prepared, PurchaseRequest
from tests.service.harness import Harness

pytestmark = pytest.mark.usefixtures("engine")


@pytest.mark.parametrize(
    "fault",
    [
        "easypost.error_after_effect",
        "easypost.reset_after_effect",
        "easypost.garbage_body",
        "easypost.no_response_after_effect",
        "easypost.error_before_effect",
        "easypost.reset_before_effect",
        "easypost.throttle",
        "easypost.late_effect",
    ],
)
async def test_whatever_the_provider_answers_to_a_purchase_one_label_is_bought(
    harness: Harness, fault: str
) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    (job,) = await harness.claim_due()
    await harness.run_steps(job, before="buy")

    async def prepare_before_the_fault(request: PurchaseRequest) -> Prepared:
        """Preparing is free and comes first: the fault must hit the purchase itself."""
        prepared = await harness.provider.real.prepare(request)
        harness.sandbox.faults.trigger_next(fault)
        return prepared

    harness.provider.script(prepare=prepare_before_the_fault)
    harness.calls_hang = True
    await harness.finish(harness.run_steps(job, start="buy"))
    harness.provider.script(prepare=None)
    assert harness.sandbox.faults.triggered == {fault: 1}
    await harness.clock.advance(130)
    await harness.process_due()
    await harness.advance(200)
    assert await harness.states(order) == ["fulfilled"]
    assert harness.labels_sold(order, live_only=False) == 1


@pytest.mark.parametrize(
    "fault",
    [
        "store.error_after_effect",
        "store.reset_after_effect",
        "store.garbage_body",
        "store.no_response_after_effect",
        "store.error_before_effect",
        "store.throttle",
    ],
)
async def test_whatever_the_store_answers_to_a_fulfillment_it_is_recorded_once(
    harness: Harness, fault: str
) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    (job,) = await harness.claim_due()
    await harness.run_steps(job, before="post")
    harness.sandbox.faults.trigger_next(fault)
    harness.calls_hang = True
    try:
        await harness.finish(harness.run_steps(job, start="post"))
    except PackhouseError as error:
        assert error.transient
    await harness.clock.advance(130)
    await harness.process_due()
    await harness.advance(200)
    assert await harness.states(order) == ["fulfilled"]
    assert len({row.tracking_number for row in order.fulfillments}) == 1
    assert order.unshipped() == dict.fromkeys(order.ordered(), 0)


async def test_a_worker_that_lost_its_lease_writes_nothing(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    (slow,) = await harness.claim_due()
    await harness.run_steps(slow, before="pack")
    await harness.clock.advance(130)
    await harness.process_due()
    assert await harness.phase(order) == "shipped"
    with pytest.raises(LeaseLost):
        await harness.run_steps(slow, start="pack")
    assert harness.labels_sold(order, live_only=False) == 1


@pytest.mark.harness(settings={"retry": {"base_s": 1, "max_s": 60, "hold_after": 5}})
async def test_an_order_that_fails_repeatedly_is_held_and_still_retried(harness: Harness) -> None:
    harness.sandbox.faults.set("store.error_before_effect", 1.0)
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    await harness.process_due()
    await harness.advance(600, step=30)
    assert [hold.code for hold in await harness.active_holds(order)] == ["repeated_failure"]
    harness.sandbox.faults.clear()
    await harness.advance(1200, step=30)
    assert await harness.phase(order) == "shipped"
    assert await harness.active_holds(order) == []
