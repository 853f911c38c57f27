"""What EasyPost answers to a purchase, taken through the whole flow with the sandbox."""

from __future__ import annotations

import pytest

from packhouse.providers.port import NotBought, Purchase, Unknown, Whose
from tests.service.harness import Harness

pytestmark = pytest.mark.usefixtures("engine")


async def test_a_label_with_a_fee_costs_both_and_is_posted(harness: Harness) -> None:
    harness.sandbox.faults.trigger_next("easypost.insure")
    order = await harness.ship()
    (shipment,) = await harness.shipments(order)
    assert shipment.label
    assert shipment.rate
    assert shipment.label.cost.minor == shipment.rate.price.minor + 100
    assert await harness.states(order) == ["fulfilled"]
    assert await harness.active_holds(order) == []
    (sold,) = harness.sandbox.audit.purchases()
    assert sold.cost_minor == shipment.label.cost.minor
    assert "packhouse_label_spend_minor_total" in harness.metrics.render().decode()


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_firewalls_answer_to_a_purchase_is_looked_up_and_one_label_is_bought(
    harness: Harness, when: str
) -> None:
    order = harness.sandbox.place_order("plain")
    job = await harness.process_until(order, before="buy")
    name = f"easypost.firewall_{when}_effect"

    async def buy(purchase: object) -> object:
        harness.sandbox.faults.trigger_next(name)
        return await harness.provider.real.buy(purchase)  # type: ignore[arg-type]

    harness.provider.script(buy=buy)
    await harness.run_step("buy", job)
    assert await harness.states(order) == ["unknown"]
    harness.provider.script(buy=None)
    await harness.clock.advance(130)
    await harness.advance(300)
    assert await harness.states(order) == ["fulfilled"]
    assert harness.labels_sold(order, live_only=False) == 1


async def test_a_prepared_shipment_that_is_gone_is_prepared_again_and_bought(harness: Harness) -> None:
    async def gone(purchase: object) -> NotBought:
        harness.provider.script(buy=None)
        return NotBought("EasyPost answered 404", Whose.MOMENT, prepare_again=True)

    harness.provider.script(buy=gone)
    order = await harness.ship()
    await harness.advance(60)
    assert await harness.states(order) == ["fulfilled"]
    assert len(harness.provider.seen("prepare")) == 2
    first, second = harness.provider.seen("buy")
    assert first[0].provider_ref != second[0].provider_ref


async def test_every_word_of_a_refusal_reaches_the_hold(harness: Harness) -> None:
    harness.sandbox.faults.trigger_next("easypost.refuse")
    order = await harness.ship()
    (hold,) = await harness.active_holds(order)
    assert "to_address: The delivery address is not served by this carrier." in hold.sentence


async def test_a_rejected_void_is_asked_again_until_the_money_is_back(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.process_until(order, before="post")
    (sold,) = harness.sandbox.easypost.by_tracking_number.values()
    sold.status_override = "pre_transit"  # nobody hands it to the carrier
    harness.sandbox.faults.trigger_next("easypost.reject_void")
    await harness.clock.advance(130)
    harness.sandbox.store.cancel(order)
    await harness.deliver_event(order, "order.cancelled")
    await harness.process_due()
    assert await harness.states(order) == ["voiding"]
    await harness.advance(12 * 3600, step=600)
    assert await harness.states(order) == ["voided"]
    assert harness.labels_sold(order) == 0
    assert await harness.active_holds(order) == []


async def test_a_void_that_is_not_applicable_is_complete(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.process_until(order, before="post")
    harness.sandbox.faults.trigger_next("easypost.bill_on_scan")
    await harness.clock.advance(130)
    harness.sandbox.store.cancel(order)
    await harness.deliver_event(order, "order.cancelled")
    await harness.process_due()
    assert await harness.states(order) == ["voided"]
    assert await harness.active_holds(order) == []
    assert harness.problems() == []


@pytest.mark.parametrize("commits", ["before the next purchase", "during the next purchase", "after it"])
async def test_a_provider_that_commits_after_it_was_looked_up_sells_one_label(
    harness: Harness, commits: str
) -> None:
    """The look-up finds nothing, and the purchase of the earlier try is made after all."""
    order = harness.sandbox.place_order("plain")
    job = await harness.process_until(order, before="buy")
    lost = list[Purchase]()

    async def unanswered(purchase: Purchase) -> Unknown:
        lost.append(purchase)
        return Unknown("no response")

    async def buy_again(purchase: Purchase) -> object:
        if commits == "during the next purchase":
            await harness.provider.real.buy(lost[0])
        return await harness.provider.real.buy(purchase)

    async def look_up(purchase: Purchase) -> object:
        found = await harness.provider.real.lookup(purchase)
        if commits == "before the next purchase":
            await harness.provider.real.buy(lost[0])
        harness.provider.script(buy=buy_again, lookup=None)
        return found

    harness.provider.script(buy=unanswered, lookup=look_up)
    await harness.run_step("buy", job)
    await harness.clock.advance(130)
    await harness.process_due()
    await harness.advance(100)
    assert len(harness.provider.seen("lookup")) >= 1
    assert "not_bought" in await harness.journal(order)
    await harness.provider.real.buy(lost[0])
    await harness.advance(300, step=20)
    assert await harness.states(order) == ["fulfilled"]
    assert harness.labels_sold(order, live_only=False) == 1
    assert len(harness.provider.seen("prepare")) == 1
