"""An order that fails repeatedly is held for an operator and delays no other order."""

from __future__ import annotations

import pytest

from packhouse.errors import ProviderRefused, ProviderUnavailable
from packhouse.providers.port import Prepared, PurchaseRequest
from tests.service.harness import Harness

IMPATIENT = {"retry": {"base_s": 1, "max_s": 60, "hold_after": 5}}


@pytest.mark.harness(settings=IMPATIENT)
async def test_the_hold_for_repeated_failure_stays_until_the_order_succeeds(harness: Harness) -> None:
    harness.provider.script(prepare=ProviderUnavailable("down"))
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    await harness.advance(600, step=30)
    for _ in range(20):
        await harness.advance(60, step=30)
        assert [hold.code for hold in await harness.active_holds(order)] == ["repeated_failure"]
    assert (await harness.journal(order)).count("held") == 1
    harness.provider.script(prepare=None)
    await harness.advance(600, step=30)
    assert await harness.active_holds(order) == []
    assert await harness.states(order) == ["fulfilled"]


@pytest.mark.harness(settings=IMPATIENT)
async def test_the_journal_records_when_a_failing_order_succeeds(harness: Harness) -> None:
    harness.sandbox.faults.set("store.error_before_effect", 1.0)
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    await harness.advance(600, step=30)
    harness.sandbox.faults.clear()
    await harness.advance(1200, step=30)
    actions = await harness.journal(order)
    assert actions.count("held") == actions.count("released") == 1


@pytest.mark.harness(settings={"parcel": {"weight_g": 500, "max_weight_g": 1000}})
async def test_one_parcel_without_rates_does_not_stop_the_others(harness: Harness) -> None:
    async def down_for_the_first(request: PurchaseRequest) -> Prepared:
        if request.reference.endswith("/1/1"):
            raise ProviderUnavailable("down")
        return await harness.provider.real.prepare(request)

    harness.provider.script(prepare=down_for_the_first)
    order = harness.sandbox.place_order("plain")
    order.sale.items[0]["quantity"] = 4
    del order.sale.items[1:]
    await harness.deliver_event(order)
    await harness.advance(100)
    assert sorted(await harness.states(order)) == ["fulfilled", "planned"]


async def test_a_hold_ends_with_its_shipment(harness: Harness) -> None:
    harness.provider.script(prepare=ProviderRefused("no"))
    order = await harness.ship()
    assert [hold.code for hold in await harness.active_holds(order)] == ["provider_refused"]
    harness.sandbox.store.cancel(order)
    await harness.deliver_event(order, "order.cancelled")
    await harness.process_due()
    assert await harness.active_holds(order) == []
    assert await harness.phase(order) == "closed"
