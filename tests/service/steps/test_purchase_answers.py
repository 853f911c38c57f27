"""What is recorded about a purchase that was not made, or whose outcome is not known."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.errors import LeaseLost, LedgerUnavailable
from packhouse.model.hold import HoldCode
from packhouse.model.money import Money
from packhouse.model.states import ShipmentState
from packhouse.model.waiting import WaitKind
from packhouse.providers.port import Bought, NotBought, Safety, Unknown, Whose
from packhouse.steps.purchase import (
    hold_for_requote,
    hold_unknown,
    intent_of,
    record_absent,
    record_not_bought,
    record_outcome,
)
from tests.service.harness import Harness
from tests.service.steps.jobs import (
    LEDGER_DOWN,
    add_account,
    begun,
    counted,
    entries,
    held,
    in_step,
    moved,
    stored,
)

_S = ShipmentState
TWO_ACCOUNTS = pytest.mark.harness(settings={"provider": ("easypost", "second")})
SOLD = Bought("id-1", "BIKE1", "Bike", "standard", None)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (SOLD, "bought"),
        (Unknown("no response"), "unknown"),
        (NotBought("no such street"), "notbought"),
        (NotBought("no funds", Whose.ACCOUNT), "notbought"),
    ],
    ids=str,
)
@pytest.mark.parametrize("is_down", [False, True])
async def test_every_outcome_is_counted_even_if_the_ledger_cannot_record_it(
    harness: Harness, answer: Any, outcome: str, is_down: bool
) -> None:
    job, shipment = await begun(harness)
    if is_down:
        harness.ledger.script(write=LEDGER_DOWN)
        with pytest.raises(LedgerUnavailable):
            await record_outcome(harness.context, job, shipment, answer)
    else:
        await record_outcome(harness.context, job, shipment, answer)
    assert counted(harness, "packhouse_purchases_total", provider="easypost", outcome=outcome) == 1


async def tried_after_a_cooldown(harness: Harness) -> None:
    """The account was refused, its cooldown is over, and the order at hand is the one that tries it."""
    breaker = harness.context.breaker
    breaker.refused("easypost", Whose.ACCOUNT, "no funds", harness.clock)
    await harness.clock.advance(breaker.cooldown_s)
    assert breaker.wait_s("easypost", harness.clock.monotonic()) == 0
    assert breaker.wait_s("easypost", harness.clock.monotonic()) > 0


@pytest.mark.parametrize("is_down", [False, True])
async def test_a_refusal_of_the_order_leaves_the_try_of_the_account_to_the_next_order(
    harness: Harness, is_down: bool
) -> None:
    job, shipment = await begun(harness)
    await tried_after_a_cooldown(harness)
    harness.ledger.script(write=LEDGER_DOWN if is_down else None)
    try:
        await record_outcome(harness.context, job, shipment, NotBought("no such street"))
    except LedgerUnavailable:
        assert is_down
    assert harness.context.breaker.wait_s("easypost", harness.clock.monotonic()) == 0
    assert harness.context.breaker.states(harness.clock) != ()


@pytest.mark.parametrize("is_down", [False, True])
async def test_a_sale_opens_the_account_for_all_orders_even_if_it_cannot_be_recorded(
    harness: Harness, is_down: bool
) -> None:
    job, shipment = await begun(harness)
    await tried_after_a_cooldown(harness)
    harness.ledger.script(write=LEDGER_DOWN if is_down else None)
    try:
        await record_outcome(harness.context, job, shipment, SOLD)
    except LedgerUnavailable:
        assert is_down
    assert harness.context.breaker.states(harness.clock) == ()


async def test_a_refusal_of_the_order_holds_it_with_the_providers_words_and_asks_for_rates_again(
    harness: Harness,
) -> None:
    job, shipment = await begun(harness, quoted=Money(700, "USD"))
    await record_outcome(harness.context, job, shipment, NotBought("no such street"))
    after = await in_step(harness, job)
    assert (after.state, after.provider_ref, after.rate, after.quoted) == (
        _S.HELD,
        "",
        None,
        Money(700, "USD"),
    )
    (hold,) = job.active_holds()
    assert (hold.code, hold.note, hold.shipment_id) == (
        HoldCode.PROVIDER_REFUSED,
        "easypost: no such street",
        shipment.id,
    )
    (entry,) = await entries(harness, job, "not_bought")
    assert (entry.why, entry.shipment_id) == ("Not bought. no such street", shipment.id)


@pytest.mark.parametrize(
    ("safety", "needs_person", "is_held"),
    [
        (Safety.LOOKUP, False, False),
        (Safety.KEYED, False, False),
        (Safety.LOOKUP, True, True),
        (Safety.BLIND, False, True),
        (Safety.BLIND, True, True),
    ],
)
@pytest.mark.parametrize("known_before", [False, True])
async def test_an_unknown_outcome_is_looked_up_unless_only_a_person_can_find_out(
    harness: Harness, safety: Safety, needs_person: bool, is_held: bool, known_before: bool
) -> None:
    harness.provider.safety = safety
    job, shipment = await begun(harness)
    if known_before:
        shipment = await moved(harness, job, _S.UNKNOWN)
    await record_outcome(harness.context, job, shipment, Unknown("no response", needs_person))
    after = await in_step(harness, job)
    assert after.state is (_S.HELD if is_held else _S.UNKNOWN)
    assert held(job) == ([("purchase_unknown", shipment.id)] if is_held else [])
    settled_at = harness.clock.now() + harness.settings.provider_settle_s
    assert job.wake_times == ([] if is_held else [settled_at])
    if not is_held:
        assert job.waiting is not None
        assert (job.waiting.kind, job.waiting.account) == (WaitKind.PURCHASE_UNSETTLED, "easypost")
        assert job.waiting.until == settled_at
        assert shipment.id in job.waiting.sentence
    looked_up = "" if is_held else "; the purchase will be looked up"
    written = [f"The outcome is not known{looked_up}. no response"]
    assert [entry.why for entry in await entries(harness, job, "unknown")] == (
        [] if known_before else written
    )


@pytest.mark.parametrize(
    ("reason", "added"), [("", ""), ("it hung up", ": it hung up"), ("x" * 2000, ": " + "x" * 2000)]
)
async def test_a_hold_on_a_doubt_names_the_reference_the_account_and_what_the_provider_said(
    harness: Harness, reason: str, added: str
) -> None:
    job, _ = await begun(harness)
    shipment = await moved(harness, job, _S.UNKNOWN)
    await hold_unknown(harness.context, job, shipment, reason)
    (hold,) = job.active_holds()
    assert hold.code is HoldCode.PURCHASE_UNKNOWN
    assert hold.note == f"reference {shipment.reference}, provider account easypost{added}"[:1000]
    assert (await in_step(harness, job)).state is _S.HELD


NO_FUNDS = NotBought("no funds", Whose.ACCOUNT)
BUSY = NotBought("too many requests", Whose.MOMENT, 30.0)
OVER = NotBought("the offer is over", Whose.MOMENT, None, prepare_again=True)


@pytest.mark.parametrize(
    ("answer", "is_new", "is_kept"),
    [
        (NO_FUNDS, True, False),
        (NO_FUNDS, False, True),
        (BUSY, True, True),
        (BUSY, False, True),
        (OVER, True, False),
        (OVER, False, False),
    ],
)
@TWO_ACCOUNTS
async def test_only_an_account_that_refuses_the_first_try_loses_the_purchase_to_another(
    harness: Harness, answer: NotBought, is_new: bool, is_kept: bool
) -> None:
    add_account(harness)
    job, shipment = await begun(harness)
    await record_outcome(harness.context, job, shipment, answer, is_new=is_new)
    after = await in_step(harness, job)
    assert after.state is _S.PLANNED
    assert (after.provider_ref, after.rate) == (
        (shipment.provider_ref, shipment.rate) if is_kept else ("", None)
    )
    moves_on = answer is NO_FUNDS and is_new
    assert after.quoted == (None if moves_on else shipment.quoted)
    assert (job.waiting_reason == "easypost buys no labels: no funds") is moves_on
    assert held(job) == []
    (entry,) = await entries(harness, job, "not_bought")
    assert entry.why == f"Not bought; it is tried again. {answer.reason}"


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize("answer", [NO_FUNDS, BUSY])
async def test_a_single_account_that_sells_nothing_now_keeps_what_it_has_prepared(
    harness: Harness, answer: NotBought, is_new: bool
) -> None:
    job, shipment = await begun(harness)
    await record_outcome(harness.context, job, shipment, answer, is_new=is_new)
    after = await in_step(harness, job)
    assert (after.provider_ref, after.rate, after.quoted) == (
        shipment.provider_ref,
        shipment.rate,
        shipment.quoted,
    )


@TWO_ACCOUNTS
async def test_a_price_that_an_earlier_account_has_set_binds_the_next_one_too(harness: Harness) -> None:
    add_account(harness)
    job, shipment = await begun(harness, quoted=Money(500, "USD"))
    await record_outcome(harness.context, job, shipment, NO_FUNDS, is_new=True)
    assert (await in_step(harness, job)).quoted == Money(500, "USD")


@TWO_ACCOUNTS
async def test_a_purchase_without_a_rate_moves_on_with_its_price(harness: Harness) -> None:
    add_account(harness)
    job, shipment = await begun(harness, rate=None, quoted=Money(500, "USD"))
    await record_outcome(harness.context, job, shipment, NO_FUNDS, is_new=True)
    assert (await in_step(harness, job)).quoted == Money(500, "USD")


async def test_a_failure_of_the_moment_is_tried_again_when_the_provider_says(harness: Harness) -> None:
    job, shipment = await begun(harness)
    await record_outcome(harness.context, job, shipment, BUSY, is_new=True)
    (failure,) = job.failures
    assert failure == ("Not bought: too many requests", 30.0, "NotBought", "easypost")
    assert job.wake_times == []


@pytest.mark.parametrize(("answer", "is_counted"), [(BUSY, True), (OVER, False)])
async def test_an_offer_that_is_over_does_not_count_against_its_account(
    harness: Harness, answer: NotBought, is_counted: bool
) -> None:
    harness.context.breaker.threshold = 1
    job, shipment = await begun(harness)
    await record_outcome(harness.context, job, shipment, answer)
    assert bool(harness.context.breaker.states(harness.clock)) is is_counted


@pytest.mark.parametrize("second_is_open", [False, True])
@TWO_ACCOUNTS
async def test_an_order_moves_on_at_once_if_another_account_may_sell_and_waits_if_none_does(
    harness: Harness, second_is_open: bool
) -> None:
    add_account(harness)
    if not second_is_open:
        harness.context.breaker.refused("second", Whose.ACCOUNT, "closed", harness.clock)
    job, shipment = await begun(harness)
    await record_outcome(harness.context, job, shipment, NO_FUNDS, is_new=True)
    (wake_at,) = job.wake_times
    assert (wake_at == harness.clock.now()) is second_is_open
    assert job.waiting is not None
    assert (job.waiting.kind is WaitKind.ACCOUNT_REFUSED) is not second_is_open
    assert job.failures == []


@TWO_ACCOUNTS
async def test_an_order_that_stays_with_a_refusing_account_waits_for_it_while_another_sells(
    harness: Harness,
) -> None:
    add_account(harness)
    job, shipment = await begun(harness)
    await record_outcome(harness.context, job, shipment, NO_FUNDS)
    (wake_at,) = job.wake_times
    assert wake_at > harness.clock.now() + harness.context.breaker.cooldown_s
    assert job.waiting is not None
    assert (job.waiting.kind, job.waiting.account) == (WaitKind.ACCOUNT_REFUSED, "easypost")


async def test_the_order_that_was_refused_comes_after_all_orders_that_wait(harness: Harness) -> None:
    job, shipment = await begun(harness)
    await record_outcome(harness.context, job, shipment, NO_FUNDS)
    (wake_at,) = job.wake_times
    open_at = harness.clock.now() + harness.context.breaker.cooldown_s
    base_s = harness.settings.retry.base_s
    assert open_at + base_s <= wake_at <= open_at + 2 * base_s


async def test_a_purchase_that_a_look_up_does_not_find_is_planned_again(harness: Harness) -> None:
    job, shipment = await begun(harness)
    harness.context.settling[intent_of(shipment)] = 1.0
    await record_absent(harness.context, job, shipment, "easypost has no such label.")
    assert (await in_step(harness, job)).state is _S.PLANNED
    (entry,) = await entries(harness, job, "not_bought")
    assert (entry.why, entry.shipment_id) == ("easypost has no such label.", shipment.id)
    assert harness.context.settling == {}


async def test_a_look_up_whose_lease_is_lost_keeps_its_time_to_settle(harness: Harness) -> None:
    job, shipment = await begun(harness)
    harness.context.settling[intent_of(shipment)] = 1.0
    harness.ledger.script(write=LeaseLost("another worker has it"))
    with pytest.raises(LeaseLost):
        await record_absent(harness.context, job, shipment, "easypost has no such label.")
    assert harness.context.settling == {intent_of(shipment): 1.0}


async def test_a_purchase_that_moved_no_money_has_nothing_left_to_settle(harness: Harness) -> None:
    job, shipment = await begun(harness)
    harness.context.settling[intent_of(shipment)] = 1.0
    after = await record_not_bought(harness.context, job, shipment, "Paused.", "no", provider_ref="")
    assert after == await in_step(harness, job)
    assert (after.state, after.provider_ref, after.rate) == (_S.PLANNED, "", shipment.rate)
    assert harness.context.settling == {}


async def test_an_answer_that_nothing_was_bought_is_recorded_after_the_lease_is_lost(
    harness: Harness,
) -> None:
    job, shipment = await begun(harness)
    await harness.operations.orders.place_hold(job.order_id, reason="wait", actor="ada")
    await harness.clock.advance(130)
    await harness.claim_due()
    with pytest.raises(LeaseLost):
        await record_not_bought(harness.context, job, shipment, "Not bought.", "no", rate=None)
    after = await stored(harness, job)
    assert (after.state, after.rate) == (_S.PLANNED, None)


@pytest.mark.parametrize(
    ("accepted", "binding"), [(None, Money(500, "USD")), (Money(900, "USD"), Money(900, "USD"))]
)
async def test_a_price_that_a_hold_names_binds_instead_of_the_first_one(
    harness: Harness, accepted: Money | None, binding: Money
) -> None:
    job, shipment = await begun(harness, quoted=Money(500, "USD"))
    shipment = await moved(harness, job, _S.PLANNED)
    await hold_for_requote(harness.context, job, shipment, HoldCode.PRICE_DRIFT, "it rose", accepted)
    after = await in_step(harness, job)
    assert (after.state, after.provider_ref, after.rate) == (_S.HELD, "", None)
    assert after.quoted == binding
    assert held(job) == [("price_drift", shipment.id)]
