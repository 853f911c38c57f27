"""The circuit breaker: an account that refuses, or keeps failing, is not asked for a while, and says so."""

from __future__ import annotations

import pytest

from packhouse.errors import ProviderMisconfigured, ProviderRefused, ProviderUnavailable
from packhouse.ledger import queries
from packhouse.model.account import AccountState
from packhouse.providers.port import Absent, NotBought, Unknown, Whose
from packhouse.sandbox.store.state import StoreOrder
from packhouse.steps.circuit_breaker import CircuitBreaker
from tests.clock import ManualClock
from tests.service.harness import Harness

NO_FUNDS = NotBought("Insufficient funds.", Whose.ACCOUNT)
IMPATIENT = {"retry": {"base_s": 1, "max_s": 60, "hold_after": 5}}


async def _placed(harness: Harness, count: int) -> list[StoreOrder]:
    orders = [harness.sandbox.place_order("plain") for _ in range(count)]
    for order in orders:
        await harness.deliver_event(order)
    await harness.process_due()
    return orders


@pytest.mark.usefixtures("engine")
async def test_an_account_without_funds_rests_at_once_and_holds_no_order(harness: Harness) -> None:
    harness.provider.script(buy=NO_FUNDS)
    orders = await _placed(harness, 8)
    assert len(harness.provider.seen("buy")) == 1
    (state,) = harness.context.breaker.states(harness.clock)
    assert (state.account, state.whose, state.reason) == ("easypost", Whose.ACCOUNT, "Insufficient funds.")
    assert state.until > harness.clock.now()
    for order in orders:
        assert await harness.active_holds(order) == []
        row = await harness.order_row(order)
        assert row.reason == "easypost buys no labels: Insufficient funds."
        assert row.attempts == 0
    await harness.advance(250, step=10)
    assert len(harness.provider.seen("buy")) == 1
    harness.provider.script(buy=None)
    await harness.advance(1800, step=30)
    assert {await harness.phase(order) for order in orders} == {"shipped"}
    assert harness.context.breaker.states(harness.clock) == ()


@pytest.mark.harness(settings={"retry": {"base_s": 120, "max_s": 240, "hold_after": 5}})
async def test_hours_without_funds_hold_no_order_and_lose_none(harness: Harness) -> None:
    harness.provider.script(buy=NO_FUNDS)
    orders = await _placed(harness, 3)
    await harness.advance(5 * 3600, step=60)
    assert len(harness.provider.seen("buy")) > 30
    for order in orders:
        assert await harness.active_holds(order) == []
    tried = {purchase.request.order.id for (purchase,) in harness.provider.seen("buy")}
    assert tried == {order.id for order in orders}  # each has its turn, so one alone cannot keep it closed
    harness.provider.script(buy=None)
    await harness.advance(1800, step=30)
    assert {await harness.phase(order) for order in orders} <= {"shipped", "open"}
    assert all([await harness.states(order) != ["planned"] for order in orders])


@pytest.mark.parametrize("error", [ProviderMisconfigured("the key is refused"), ProviderUnavailable("down")])
@pytest.mark.harness(settings=IMPATIENT)
async def test_an_order_waits_without_a_hold_while_its_account_cannot_prepare(
    harness: Harness, error: Exception
) -> None:
    harness.context.breaker.threshold = 3
    harness.provider.script(prepare=error)
    (order,) = await _placed(harness, 1)
    await harness.advance(4 * 3600, step=150)
    assert await harness.active_holds(order) == []
    assert str(error) in (await harness.order_row(order)).reason
    assert await harness.states(order) == ["planned"]
    harness.provider.script(prepare=None)
    await harness.advance(700, step=30)
    assert await harness.states(order) == ["fulfilled"]


async def test_a_refused_key_rests_the_account_with_the_first_order(harness: Harness) -> None:
    harness.provider.script(prepare=ProviderMisconfigured("the key is refused"))
    await _placed(harness, 5)
    assert len(harness.provider.seen("prepare")) == 1
    (state,) = harness.context.breaker.states(harness.clock)
    assert state.whose is Whose.ACCOUNT


async def test_failures_of_the_moment_rest_the_account_only_after_many_in_a_row(harness: Harness) -> None:
    harness.context.breaker.threshold = 3
    harness.provider.script(buy=NotBought("too many requests", Whose.MOMENT))
    await _placed(harness, 2)
    assert harness.context.breaker.states(harness.clock) == ()
    await _placed(harness, 2)
    (state,) = harness.context.breaker.states(harness.clock)
    assert (state.whose, state.refusals) == (Whose.MOMENT, 3)
    assert len(harness.provider.seen("buy")) == 3


@pytest.mark.parametrize(
    "refusal",
    [ProviderRefused("Customs: the origin of Tea is not told."), ProviderRefused("no such street")],
)
async def test_orders_that_are_refused_stop_no_other_order(harness: Harness, refusal: Exception) -> None:
    harness.context.breaker.threshold = 3
    harness.provider.script(prepare=refusal)
    refused = await _placed(harness, 6)
    assert len(harness.provider.seen("prepare")) == 6
    for order in refused:
        assert [hold.code for hold in await harness.active_holds(order)] == ["provider_refused"]
    assert harness.context.breaker.states(harness.clock) == ()
    harness.provider.script(prepare=None)
    (other,) = await _placed(harness, 1)
    assert await harness.states(other) == ["fulfilled"]


async def test_purchases_that_the_provider_refuses_for_the_order_never_count(harness: Harness) -> None:
    harness.context.breaker.threshold = 3
    harness.provider.script(buy=NotBought("The address cannot be found."))
    await _placed(harness, 6)
    assert len(harness.provider.seen("buy")) == 6
    assert harness.context.breaker.states(harness.clock) == ()


async def test_purchases_without_an_answer_never_count(harness: Harness) -> None:
    harness.context.breaker.threshold = 3
    harness.provider.script(buy=Unknown("QUEUED"), lookup=Unknown("QUEUED"))
    await _placed(harness, 6)
    await harness.advance(3600, step=60)
    assert harness.context.breaker.states(harness.clock) == ()
    harness.provider.script(buy=None)
    (other,) = await _placed(harness, 1)
    assert await harness.states(other) == ["fulfilled"]


@pytest.mark.harness(settings=IMPATIENT)
async def test_a_look_up_waits_without_a_hold_while_its_account_rests(harness: Harness) -> None:
    harness.provider.script(buy=Unknown("no response"), lookup=Unknown("the key is refused"))
    (doubted,) = await _placed(harness, 1)
    harness.provider.script(buy=NO_FUNDS)
    await _placed(harness, 1)
    await harness.advance(7200, step=60)
    assert await harness.states(doubted) == ["unknown"]
    assert await harness.active_holds(doubted) == []
    harness.provider.script(buy=None, lookup=Absent())
    await harness.advance(7200, step=60)
    assert await harness.states(doubted) == ["fulfilled"]
    assert harness.labels_sold(doubted, live_only=False) == 1


@pytest.mark.harness(settings=IMPATIENT)
async def test_a_label_file_that_cannot_be_fetched_waits_while_its_account_rests(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.process_until(order, before="post")
    harness.provider.script(buy=NO_FUNDS, document=ProviderMisconfigured("the key is refused"))
    await _placed(harness, 1)
    await harness.clock.advance(130)
    await harness.advance(7200, step=60)
    assert await harness.active_holds(order) == []
    row = await harness.order_row(order)
    assert row.reason == "the key is refused. easypost buys no labels: Insufficient funds."
    harness.provider.script(buy=None, document=None)
    await harness.advance(1800, step=60)
    assert await harness.states(order) == ["fulfilled"]


async def test_the_journal_of_an_order_that_waits_names_the_refusal(harness: Harness) -> None:
    harness.provider.script(buy=NO_FUNDS)
    (order,) = await _placed(harness, 1)
    entries = await harness.ledger.read(queries.entries, order_id=order.id)
    (refused,) = [entry for entry in entries if entry.action == "not_bought"]
    assert "Insufficient funds" in refused.why


def test_the_breaker_lets_one_try_after_the_cooldown_and_closes_at_a_sale() -> None:
    clock = ManualClock()
    start = clock.monotonic()
    breaker = CircuitBreaker(threshold=2, cooldown_s=10.0)
    assert not breaker.refused("c", Whose.MOMENT, "down", clock)
    assert breaker.wait_s("c", start) == 0.0
    assert breaker.refused("c", Whose.MOMENT, "still down", clock)
    assert breaker.wait_s("c", start + 4.0) == 6.0
    assert breaker.wait_s("c", start + 11.0) == 0.0  # this order tries
    assert breaker.wait_s("c", start + 11.0) == 10.0  # the others wait for its result
    assert breaker.sold("c")
    assert breaker.wait_s("c", start + 11.0) == 0.0
    assert not breaker.sold("c")


def test_an_order_that_says_nothing_of_the_account_leaves_the_try_to_the_next() -> None:
    clock = ManualClock()
    start = clock.monotonic()
    breaker = CircuitBreaker(threshold=1, cooldown_s=10.0)
    breaker.refused("c", Whose.MOMENT, "down", clock)
    assert breaker.wait_s("c", start + 10.0) == 0.0
    breaker.not_tried("c", start + 10.0)
    assert breaker.wait_s("c", start + 10.0) == 0.0
    assert breaker.wait_s("c", start + 11.0) == 9.0
    breaker.not_tried("unknown", start + 11.0)
    assert breaker.wait_s("unknown", start + 11.0) == 0.0


def test_the_state_of_an_account_tells_whose_problem_since_when_and_until_when() -> None:
    clock = ManualClock()
    breaker = CircuitBreaker(threshold=20, cooldown_s=10.0)
    assert breaker.refused("second", Whose.ACCOUNT, "The key is refused.", clock)
    assert not breaker.refused("second", Whose.ACCOUNT, "The key was revoked.", clock)
    now = clock.now()
    assert breaker.states(clock) == (
        AccountState("second", Whose.ACCOUNT, "The key was revoked.", now, now + 10.0, 2),
    )
    (state,) = breaker.states(clock)
    assert state.sentence == "second buys no labels: The key was revoked."


def test_a_provider_that_asks_for_a_longer_wait_gets_it() -> None:
    clock = ManualClock()
    breaker = CircuitBreaker(threshold=1, cooldown_s=10.0)
    breaker.refused("c", Whose.MOMENT, "slow down", clock, retry_after_s=600.0)
    assert breaker.wait_s("c", clock.monotonic()) == 600.0
