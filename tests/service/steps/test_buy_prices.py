"""buy: which prices are bought, which a person accepts first, and what the intent says about them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from packhouse.model.hold import HoldCode
from packhouse.model.label import Rate
from packhouse.model.money import Money
from packhouse.model.order import Order, ShippingOption
from packhouse.model.states import ShipmentState
from packhouse.providers.port import Prepared, Unknown, Whose
from packhouse.steps.context import OrderJob
from tests.service.harness import Harness
from tests.service.steps.jobs import add_account, entries, held, in_step, job_before, moved

_S = ShipmentState
CAPPED = pytest.mark.harness(settings={"guard": {"max_label_minor": 600}})


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def offers(price: Money | None, is_estimate: bool = False) -> Prepared:
    """One rate at this price."""
    rate = Rate("rate_1", "USPS", "GroundAdvantage", price, is_estimate=is_estimate)
    return Prepared("shp_1", (rate,))


async def buying(harness: Harness, prepared: Prepared, **before: Any) -> OrderJob:
    """An order for which a label is bought at this offer, with an answer that is lost."""
    job = await job_before(harness, "buy")
    if before:
        await moved(harness, job, _S.PLANNED, **before)
    harness.provider.script(prepare=prepared, buy=Unknown("no response"))
    await harness.run_step("buy", job)
    await in_step(harness, job)
    return job


async def released(harness: Harness, job: OrderJob) -> OrderJob:
    """The job after an operator has released its one hold, right before the purchase."""
    (hold,) = job.active_holds()
    await harness.release_hold(hold)
    await harness.clock.advance(130)
    (job,) = await harness.claim_due()
    await harness.run_steps(job, before="buy")
    return job


@pytest.mark.parametrize(
    ("quoted", "price", "is_estimate", "is_held"),
    [
        (None, usd(900), False, False),
        (usd(500), usd(550), False, False),
        (usd(500), usd(551), False, True),
        (usd(500), usd(400), False, False),
        (usd(500), usd(900), True, False),
        (usd(500), Money(500, "EUR"), False, True),
    ],
    ids=str,
)
async def test_a_price_above_the_first_one_is_accepted_by_a_person(
    harness: Harness, quoted: Money | None, price: Money, is_estimate: bool, is_held: bool
) -> None:
    job = await buying(harness, offers(price, is_estimate), quoted=quoted)
    (shipment,) = job.shipments
    assert held(job) == ([("price_drift", shipment.id)] if is_held else [])
    assert shipment.state is (_S.HELD if is_held else _S.UNKNOWN)
    if is_held:
        assert (shipment.quoted, shipment.rate, shipment.provider_ref) == (price, None, "")
        assert await entries(harness, job, "buying") == []
        assert harness.provider.seen("buy") == []


@pytest.mark.parametrize(
    ("before", "price", "is_estimate", "binding"),
    [
        (None, usd(500), False, usd(500)),
        (None, usd(500), True, None),
        (None, None, False, None),
        (usd(480), usd(500), False, usd(480)),
        (usd(480), usd(500), True, usd(480)),
        (usd(480), None, False, usd(480)),
    ],
    ids=str,
)
async def test_the_first_price_that_is_no_estimate_binds_every_later_try(
    harness: Harness, before: Money | None, price: Money | None, is_estimate: bool, binding: Money | None
) -> None:
    job = await buying(harness, offers(price, is_estimate), quoted=before)
    assert job.shipments[0].quoted == binding


async def test_the_price_of_an_earlier_choice_does_not_bind_the_buyers_new_one(harness: Harness) -> None:
    earlier = replace(offers(usd(500)).rates[0], chosen_by="fastest of all")
    before = {"provider": "easypost", "provider_ref": "shp_0", "rate": earlier, "quoted": usd(500)}
    job = await buying(harness, offers(usd(900)), **before)
    assert held(job) == []
    assert job.shipments[0].quoted == usd(900)


@pytest.mark.parametrize(
    ("price", "is_estimate", "told"),
    [
        (usd(500), False, "USPS GroundAdvantage for 5.00 USD."),
        (usd(500), True, "USPS GroundAdvantage for about 5.00 USD."),
        (None, False, "USPS GroundAdvantage at a price that comes with the label."),
    ],
    ids=str,
)
async def test_the_intent_is_written_with_its_price(
    harness: Harness, price: Money | None, is_estimate: bool, told: str
) -> None:
    job = await buying(harness, offers(price, is_estimate))
    (shipment,) = job.shipments
    assert shipment.state is _S.UNKNOWN
    assert (shipment.provider, shipment.provider_ref) == ("easypost", "shp_1")
    assert shipment.rate is not None
    assert (shipment.rate.id, shipment.rate.price) == ("rate_1", price)
    assert shipment.intent_at == harness.clock.now()
    (entry,) = await entries(harness, job, "buying")
    assert entry.why == told
    assert entry.data == {
        "reference": shipment.reference,
        "provider": "easypost",
        "provider_ref": "shp_1",
    }


@pytest.mark.harness(settings={"provider": ("easypost", "second")})
async def test_the_intent_names_its_account_where_there_are_several(harness: Harness) -> None:
    add_account(harness).script(prepare=offers(usd(900)))
    job = await buying(harness, offers(usd(500)))
    (entry,) = await entries(harness, job, "buying")
    assert entry.why.startswith("USPS GroundAdvantage for 5.00 USD at easypost.")


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("Standard", 'USPS GroundAdvantage for 5.00 USD. The buyer chose "Standard": cheapest, by the '),
        ("", "USPS GroundAdvantage for 5.00 USD."),
    ],
)
async def test_the_intent_names_the_buyers_choice(harness: Harness, option: str, told: str) -> None:
    order = harness.sandbox.place_order("plain")
    order.shipping_option = option
    job = await harness.process_until(order, before="buy")
    harness.provider.script(prepare=offers(usd(500)), buy=Unknown("no response"))
    await harness.run_step("buy", job)
    (entry,) = await entries(harness, job, "buying")
    assert entry.why.startswith(told)
    assert bool(option) or entry.why == told


async def test_a_choice_that_nothing_explains_is_not_told_as_one(harness: Harness) -> None:
    def with_cargo_bike(order: Order) -> Order:
        return replace(order, shipping_options=(ShippingOption("", "Cargo bike"),))

    job = await job_before(harness, "buy")
    job.fetched = with_cargo_bike(job.order)
    harness.store.show_orders_as(with_cargo_bike)
    harness.provider.script(prepare=offers(usd(500)), buy=Unknown("no response"))
    await harness.run_step("buy", job)
    (entry,) = await entries(harness, job, "buying")
    assert entry.why == "USPS GroundAdvantage for 5.00 USD."


async def test_an_unknown_price_is_bought_where_no_cap_is_set(harness: Harness) -> None:
    job = await buying(harness, offers(None))
    assert held(job) == []
    assert len(harness.provider.seen("buy")) == 1


@CAPPED
@pytest.mark.parametrize("quoted", [None, usd(480)], ids=str)
async def test_an_unknown_price_is_held_where_a_cap_is_set_and_bought_after_a_release(
    harness: Harness, quoted: Money | None
) -> None:
    job = await buying(harness, offers(None), quoted=quoted)
    (hold,) = job.active_holds()
    assert (hold.code, hold.shipment_id) == (HoldCode.PRICE_UNKNOWN, job.shipments[0].id)
    assert hold.note == "easypost: set providers.easypost.estimate_minor"
    assert job.shipments[0].quoted == quoted
    assert harness.provider.seen("buy") == []
    assert await entries(harness, job, "buying") == []
    job = await released(harness, job)
    await harness.run_step("buy", job)
    assert (await in_step(harness, job)).state is _S.UNKNOWN
    assert held(job) == []


@CAPPED
async def test_a_price_over_a_cap_is_held_with_its_offer_and_bought_after_a_release(
    harness: Harness,
) -> None:
    job = await buying(harness, offers(usd(700)))
    (shipment,) = job.shipments
    (hold,) = job.active_holds()
    assert (hold.code, hold.shipment_id) == (HoldCode.CAP_REACHED, shipment.id)
    assert "7.00 USD" in hold.note
    assert (shipment.state, shipment.provider_ref, shipment.quoted) == (_S.HELD, "shp_1", usd(700))
    assert harness.provider.seen("buy") == []
    assert await entries(harness, job, "buying") == []
    job = await released(harness, job)
    await harness.run_step("buy", job)
    assert (await in_step(harness, job)).state is _S.UNKNOWN


@CAPPED
async def test_a_released_cap_says_nothing_of_a_price_that_is_not_known(harness: Harness) -> None:
    job = await released(harness, await buying(harness, offers(usd(700))))
    await moved(harness, job, _S.PLANNED, rate=None, provider_ref="")
    harness.provider.script(prepare=offers(None))
    await harness.run_step("buy", job)
    assert held(job) == [("price_unknown", job.shipments[0].id)]


@CAPPED
async def test_a_release_of_an_unknown_price_does_not_release_the_caps(harness: Harness) -> None:
    job = await released(harness, await buying(harness, offers(None)))
    harness.provider.script(prepare=offers(usd(700)))
    await harness.run_step("buy", job)
    assert held(job) == [("cap_reached", job.shipments[0].id)]
    assert harness.provider.seen("buy") == []


async def test_an_account_whose_price_is_held_is_tried_by_the_next_order(harness: Harness) -> None:
    breaker = harness.context.breaker
    breaker.refused("easypost", Whose.ACCOUNT, "no funds", harness.clock)
    await harness.clock.advance(breaker.cooldown_s)
    job = await buying(harness, offers(usd(900)), quoted=usd(500))
    assert held(job) != []
    assert breaker.wait_s("easypost", harness.clock.monotonic()) == 0
