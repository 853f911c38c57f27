"""The money guard: every doubt ends in a hold or a wait, never in spending."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from packhouse.errors import OperationRefused
from packhouse.errors import OperationRefused
from packhouse.flow import STEPS, process_order
from packhouse.ledger import guard
from packhouse.model.label import Label
from packhouse.model.money import Money
from packhouse.operations.views import AdoptedLabel
from packhouse.operations.views import AdoptedLabel
from packhouse.providers.port import Bought, NotBought, Safety, Unknown, Voided, VoidPending, VoidRefused
from packhouse.rules.rates import drift
from packhouse.steps.circuit_breaker import CircuitBreaker
from tests.service.house import App, in_house

pytestmark = pytest.mark.usefixtures("engine")


def _capped(**caps: Any) -> dict[str, Any]:
    return {"guard": caps}


@pytest.mark.parametrize("cap", ["max_label_minor", "max_order_minor", "max_day_minor", "max_site_day_minor"])
def test_a_label_over_a_cap_is_held_and_not_bought(tmp_path: Path, cap: str) -> None:
    async def story(house: App) -> None:
        order = await house.ship()
        (hold,) = await house.standing(order)
        assert hold.code == "cap_reached"
        assert "1.00 USD" in hold.note
        assert await house.states(order) == ["held"]
        assert house.labels_sold(order, live_only=False) == 0

    in_house(story, tmp_path, settings=_capped(**{cap: 100}))


def test_a_cap_in_another_currency_holds_rather_than_guesses(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = await house.ship()
        assert [hold.code for hold in await house.standing(order)] == ["cap_reached"]

    in_house(story, tmp_path, settings=_capped(currency="EUR", max_day_minor=10**9))


def test_a_days_cap_lets_orders_go_on_when_the_day_is_over(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        orders = [house.world.place_order("plain") for _ in range(6)]
        for order in orders:
            await house.hear(order)
        await house.job()
        held = [order for order in orders if await house.phase(order) == "held"]
        shipped = [order for order in orders if await house.phase(order) == "shipped"]
        assert held
        assert shipped
        spent = sum(p["cost_minor"] for p in house.world.audit.to_json()["purchases"] if not p["voided"])
        assert spent <= 2500
        await house.pass_time(90_000, step=1800)
        assert sum([await house.phase(order) == "shipped" for order in orders]) > len(shipped)

    in_house(story, tmp_path, settings=_capped(max_day_minor=2500))


def test_a_purchase_that_is_still_unknown_counts_under_the_cap(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        first, second = house.world.place_order("plain"), house.world.place_order("plain")
        await house.hear(first)
        (job,) = await house.claim()
        for step in STEPS:
            if step.name == "buy":
                break
            await step.run(house.context, job)
        buy = house.easypost.buy

        async def lost(purchase: object) -> object:
            from packhouse.providers.port import Unknown

            return Unknown("nobody answered")

        house.easypost.buy = lost  # type: ignore[method-assign, assignment]
        await STEPS[[step.name for step in STEPS].index("buy")].run(house.context, job)
        house.easypost.buy = buy  # type: ignore[method-assign]
        assert await house.states(first) == ["unknown"]
        await house.hear(second)
        await house.job()
        assert [hold.code for hold in await house.standing(second)] == ["cap_reached"]

    in_house(story, tmp_path, settings=_capped(max_day_minor=1500))


def test_a_purchase_that_a_person_is_asked_about_counts_under_the_cap_until_it_is_settled(
    tmp_path: Path,
) -> None:
    async def story(house: App) -> None:
        buy = house.easypost.buy

        async def lost(purchase: object) -> Unknown:
            return Unknown("nobody answered")

        house.easypost.buy = lost  # type: ignore[method-assign, assignment]
        house.easypost.safety = Safety.BLIND  # type: ignore[misc]
        first, second = await house.ship(), house.world.place_order("plain")
        await house.pass_time(60)
        assert [hold.code for hold in await house.standing(first)] == ["purchase_unknown"]
        house.easypost.buy = buy  # type: ignore[method-assign]
        await house.hear(second)
        await house.job()
        assert [hold.code for hold in await house.standing(second)] == ["cap_reached"]
        (doubted,) = await house.shipments(first)
        await house.person_holds(first)
        await house.operations.shipments.record_not_bought(doubted.id, reason="none there", actor="ada")
        await house.pass_time(5000, step=250)
        assert await house.phase(second) == "shipped"

    in_house(story, tmp_path, settings=_capped(max_day_minor=1500))


def test_a_pause_stops_buying_and_posting_but_not_intake_and_a_resume_makes_everything_due(
    tmp_path: Path,
) -> None:
    async def story(house: App) -> None:
        await house.operations.daemon.pause(reason="stock-taking", actor="ada")
        order = house.world.place_order("plain")
        await house.hear(order)
        await house.job()
        assert await house.phase(order) == "open"
        assert "stock-taking" in (await house.row(order)).reason
        assert house.labels_sold(order, live_only=False) == 0
        await house.operations.daemon.resume(reason="done", actor="ada")
        await house.job()
        assert await house.phase(order) == "shipped"

    in_house(story, tmp_path)


def test_a_pause_that_comes_between_look_and_purchase_still_stops_it(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.hear(order)
        (job,) = await house.claim()
        await house.operations.daemon.pause(reason="now", actor="ada")
        await process_order(house.context, job)
        assert house.labels_sold(order, live_only=False) == 0
        assert await house.ledger.read(guard.paused) == "ada: now"

    in_house(story, tmp_path)


def test_a_bought_label_waits_unposted_while_things_are_paused(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.hear(order)
        (job,) = await house.claim()
        for step in STEPS:
            if step.name == "post":
                break
            await step.run(house.context, job)
        await house.operations.daemon.pause(reason="now", actor="ada")
        await house.clock.advance(130)
        await house.job()
        assert await house.states(order) == ["labeled"]
        assert order.fulfillments == []
        await house.operations.daemon.resume(reason="go", actor="ada")
        await house.job()
        assert await house.states(order) == ["fulfilled"]

    in_house(story, tmp_path)


def test_a_carrier_that_refuses_again_and_again_rests_and_is_then_tried_with_one_order(
    tmp_path: Path,
) -> None:
    async def story(house: App) -> None:
        asked = 0
        buy = house.easypost.buy

        async def refuse(purchase: object) -> NotBought:
            nonlocal asked
            asked += 1
            return NotBought("the account is empty", transient=True)

        house.easypost.buy = refuse  # type: ignore[method-assign, assignment]
        house.context.breaker.after = 3
        orders = [house.world.place_order("plain") for _ in range(8)]
        for order in orders:
            await house.hear(order)
        await house.job()
        assert asked == 3
        await house.pass_time(250, step=10)
        assert asked == 3
        house.easypost.buy = buy  # type: ignore[method-assign]
        await house.pass_time(1800, step=30)
        assert {await house.phase(order) for order in orders} == {"shipped"}

    in_house(story, tmp_path)


def test_resting_lets_one_try_after_the_rest_and_forgets_everything_at_a_sale() -> None:
    resting = CircuitBreaker(after=2, breaker_cooldown_s=10.0)
    assert not resting.refused("c", 0.0)
    assert resting.wait_s("c", 0.0) == 0.0
    assert resting.refused("c", 1.0)
    assert resting.wait_s("c", 5.0) == 6.0
    assert resting.wait_s("c", 11.0) == 0.0  # the one who tries
    assert resting.wait_s("c", 11.0) == 10.0  # the others wait for its answer
    resting.sold("c")
    assert resting.wait_s("c", 11.0) == 0.0


@pytest.mark.parametrize(
    ("quoted", "price", "drifts"),
    [
        ((1000, "USD"), (1099, "USD"), False),
        ((1000, "USD"), (1101, "USD"), True),
        ((1000, "USD"), (5, "EUR"), True),
    ],
)
def test_a_price_drifts_when_it_rises_over_the_tolerance_or_changes_currency(
    quoted: tuple[int, str], price: tuple[int, str], drifts: bool
) -> None:
    assert bool(drift(Money(*quoted), Money(*price), 10.0)) is drifts


def test_a_label_that_cost_more_than_its_rate_is_not_posted_before_a_person_looked(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        buy = house.easypost.buy

        async def dear(purchase: Any) -> Any:
            bought = await buy(purchase)
            assert isinstance(bought, Bought)
            return replace(bought, cost=Money(bought.cost.minor * 3, "USD"))

        house.easypost.buy = dear  # type: ignore[method-assign]
        order = await house.ship()
        (hold,) = await house.standing(order)
        assert hold.code == "price_drift"
        assert order.fulfillments == []
        await house.person_releases(hold, "it is right")
        await house.job()
        assert await house.states(order) == ["fulfilled"]

    in_house(story, tmp_path)


def test_a_price_that_rose_since_the_first_offer_is_held_before_buying(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        buy, prepare = house.easypost.buy, house.easypost.prepare

        async def refuse(purchase: object) -> NotBought:
            return NotBought("address refused")

        async def dearer(request: Any) -> Any:
            prepared = await prepare(request)
            rates = tuple(replace(r, price=Money(r.price.minor * 2, "USD")) for r in prepared.rates)
            return replace(prepared, rates=rates)

        house.easypost.buy = refuse  # type: ignore[method-assign, assignment]
        order = await house.ship()
        (refused,) = await house.standing(order)
        house.easypost.buy, house.easypost.prepare = buy, dearer  # type: ignore[method-assign]
        await house.person_releases(refused, "the carrier mended it")
        await house.job()
        (hold,) = await house.standing(order)
        assert hold.code == "price_drift"
        assert house.labels_sold(order, live_only=False) == 0

    in_house(story, tmp_path)


async def _voiding(house: App, answer: object) -> Any:
    """An order whose label is to be voided, at a carrier that answers so."""
    order = house.world.place_order("plain")
    await house.hear(order)
    (job,) = await house.claim()
    for step in STEPS:
        if step.name == "post":
            break
        await step.run(house.context, job)
    house.world.store.cancel(order)

    async def void(label: Label) -> object:
        return answer

    house.easypost.void = void  # type: ignore[method-assign, assignment]
    await house.clock.advance(130)
    return order


def test_a_refused_void_is_asked_again_and_then_a_person_is_told(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = await _voiding(house, VoidRefused("scanned already"))
        await house.job()
        assert await house.states(order) == ["voiding"]
        await house.pass_time(3 * 86_400, step=3600)
        (hold,) = await house.standing(order)
        assert hold.code == "void_refused"
        assert "scanned already" in hold.note
        assert (await house.story(order)).count("void_refused") == 3

        async def at_last(label: Label) -> Voided:
            house.world.easypost.request_void(house.world.easypost.find(label.provider_id))
            return Voided()

        house.easypost.void = at_last  # type: ignore[method-assign, assignment]
        await house.person_releases(hold, "support agreed")
        await house.job()
        assert await house.states(order) == ["voided"]

    in_house(story, tmp_path)


def test_a_void_that_stays_undecided_goes_to_a_person_before_the_window_shuts(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = await _voiding(house, VoidPending())
        await house.pass_time(24 * 86_400, step=7200)
        assert await house.states(order) == ["voiding"]
        await house.pass_time(3 * 86_400, step=7200)
        assert [hold.code for hold in await house.standing(order)] == ["void_refused"]

    in_house(story, tmp_path)


def test_a_person_adopts_the_label_that_nobody_could_tell_of(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order, shipment_id = await _in_doubt(house)
        sold = next(p for p in house.world.audit.to_json()["purchases"])
        label = AdoptedLabel(sold["tracking"], "USPS", "", Money(sold["cost_minor"], "USD"))
        shipments = house.operations.shipments
        await shipments.adopt_label(shipment_id, label, reason="found it", actor="ada")
        with pytest.raises(OperationRefused, match="already"):
            await shipments.adopt_label(shipment_id, label, reason="again", actor="ada")
        await house.job()
        assert await house.states(order) == ["fulfilled"]
        assert house.labels_sold(order, live_only=False) == 1

    in_house(story, tmp_path)


def test_a_person_says_that_nothing_was_bought_and_a_label_is_bought(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order, shipment_id = await _in_doubt(house, bought=False)
        await house.operations.shipments.record_not_bought(shipment_id, reason="I looked", actor="ada")
        await house.job()
        assert await house.states(order) == ["fulfilled"]
        assert house.labels_sold(order, live_only=False) == 1

    in_house(story, tmp_path)


async def _in_doubt(house: App, bought: bool = True) -> tuple[Any, str]:
    """A shipment whose purchase nobody can look up."""
    from packhouse.providers.port import Safety, Unknown

    class Blind(type(house.easypost)):  # type: ignore[misc]
        safety = Safety.BLIND

        async def buy(self, purchase: Any) -> Unknown:
            if bought:
                await super().buy(purchase)
            return Unknown("the line went dead")

    house.easypost.__class__ = Blind
    order = await house.ship()
    await house.pass_time(60)
    (hold,) = await house.standing(order)
    assert hold.code == "purchase_unknown"
    assert f"packhouse shipments retry {order.id}-1 --not-bought" in hold.note
    house.easypost.__class__ = Blind.__mro__[1]
    return order, f"{order.id}-1"
