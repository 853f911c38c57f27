"""After a pass without failure: the phase of an order, its reason, and when it is processed again."""

from __future__ import annotations

import pytest

from packhouse.ledger import holds
from packhouse.model.hold import HoldCode
from packhouse.model.states import OrderPhase, ShipmentState
from packhouse.model.waiting import Waiting, WaitKind
from packhouse.next_check import finish
from packhouse.rules.decision import Decision, Ship, Skip, Withdraw
from packhouse.steps.context import OrderJob
from tests.clock import START
from tests.service.flow.one_pass import (
    HIGHEST,
    LOWEST,
    claimed,
    drawing,
    entries,
    place,
    row,
    shipment,
)
from tests.service.harness import Harness

S, PHASE = ShipmentState, OrderPhase
RECHECK_S, CONFIRM_S = 3600.0, 60.0
WAITING = Waiting(WaitKind.PAUSED, "Paused: ada said so")


async def finished(harness: Harness, job: OrderJob) -> tuple[str, float | None, str]:
    """The phase, the seconds until the next check, and the reason, after the pass of this job."""
    await finish(harness.context, job)
    after = await row(harness, job)
    assert after.lease is None
    return after.phase, None if after.due_at is None else after.due_at - START, after.reason


WAYS: list[tuple[list[ShipmentState], Decision, str, float | None, str]] = [
    ([], Skip("All are digital."), "closed", None, "All are digital."),
    ([], Withdraw("The order is cancelled."), "closed", None, "The order is cancelled."),
    ([S.VOIDED, S.CANCELLED], Withdraw("It is over."), "closed", None, "It is over."),
    ([], Skip("Shipped elsewhere.", shipped=True), "shipped", None, "Shipped elsewhere."),
    ([S.FULFILLED], Skip("All are ours.", shipped=True), "shipped", CONFIRM_S, "Every unit has shipped."),
    ([S.DELIVERED], Ship(()), "shipped", CONFIRM_S, "Every unit has shipped."),
    ([S.LABELED], Skip("In progress.", shipped=True), "open", RECHECK_S, "In progress."),
    ([S.PLANNED], Ship(()), "open", RECHECK_S, ""),
    ([S.BUYING], Ship(()), "open", RECHECK_S, ""),
    ([S.UNKNOWN], Ship(()), "open", RECHECK_S, ""),
    ([S.VOIDING], Withdraw("It is over."), "open", RECHECK_S, "It is over."),
    ([S.FULFILLED, S.LABELED], Ship(()), "open", RECHECK_S, ""),
]


async def test_the_shipments_and_the_decision_say_how_an_order_goes_on(harness: Harness) -> None:
    for states, decision, phase, due_in, reason in WAYS:
        job = await claimed(harness, *states)
        job.decision = decision
        assert await finished(harness, job) == (phase, due_in, reason), (states, decision)


async def test_what_was_there_to_do_again_comes_first_and_the_soonest_of_it(harness: Harness) -> None:
    job = await claimed(harness, S.PLANNED)
    job.recheck_at(START + 5)
    job.wake_at(START + 30, WAITING)
    job.wake_at(START + 10)
    assert await finished(harness, job) == ("open", 10, WAITING.sentence)


async def test_a_held_order_that_has_something_to_do_is_due_for_that(harness: Harness) -> None:
    job = await claimed(harness, S.PLANNED)
    hold = await place(harness, job, HoldCode.MANUAL, "wait for Ann")
    job.wake_at(START + 30, WAITING)
    assert await finished(harness, job) == ("held", 30, hold.sentence)
    after = await row(harness, job)
    assert (after.waiting, after.waiting_since) == ("", None)


@pytest.mark.parametrize(("seed", "share"), [(LOWEST, 0.8), (HIGHEST, 1.2)])
async def test_held_orders_are_checked_again_at_times_that_are_spread(
    harness: Harness, seed: int, share: float
) -> None:
    job = await claimed(harness, S.HELD, S.LABELED)
    await place(harness, job, HoldCode.MANUAL)
    with drawing(seed):
        phase, due_in, _ = await finished(harness, job)
    assert phase == "held"
    assert due_in == pytest.approx(share * RECHECK_S, rel=0.001)


async def test_a_held_order_is_checked_sooner_where_a_step_asks_for_it(harness: Harness) -> None:
    job = await claimed(harness, S.HELD)
    await place(harness, job, HoldCode.MANUAL)
    job.recheck_at(START + 900)
    job.recheck_at(START + 9000)
    assert (await finished(harness, job))[:2] == ("held", 900)


async def test_the_oldest_hold_explains_a_held_order(harness: Harness) -> None:
    job = await claimed(harness, S.HELD)
    first = await place(harness, job, HoldCode.MANUAL, "first")
    await place(harness, job, HoldCode.NO_RATE, "second")
    job.waiting = WAITING
    assert (await finished(harness, job))[2] == first.sentence


@pytest.mark.parametrize(("times", "due_in"), [([], None), ([900.0, 500.0], 500.0)])
async def test_a_shipped_order_that_is_confirmed_is_processed_only_when_a_step_asks(
    harness: Harness, times: list[float], due_in: float | None
) -> None:
    job = await claimed(harness, S.FULFILLED, phase=PHASE.SHIPPED)
    for after in times:
        job.recheck_at(START + after)
    assert await finished(harness, job) == ("shipped", due_in, "Every unit has shipped.")


async def test_a_shipped_order_is_confirmed_first_whatever_a_step_asks(harness: Harness) -> None:
    job = await claimed(harness, S.FULFILLED)
    job.recheck_at(START + 5)
    assert (await finished(harness, job))[:2] == ("shipped", CONFIRM_S)


NEWS: list[tuple[list[ShipmentState], OrderPhase, list[tuple[str, str]]]] = [
    ([], PHASE.OPEN, [("closed", "It is over.")]),
    ([], PHASE.SHIPPED, [("closed", "It is over.")]),
    ([], PHASE.CLOSED, []),
    ([S.FULFILLED], PHASE.OPEN, [("shipped", "Every unit has shipped.")]),
    ([S.FULFILLED], PHASE.SHIPPED, []),
    ([S.PLANNED], PHASE.CLOSED, []),
]


async def test_the_end_of_an_order_is_news_once(harness: Harness) -> None:
    for states, before, news in NEWS:
        job = await claimed(harness, *states, phase=before)
        job.decision = Withdraw("It is over.")
        await finish(harness.context, job)
        written = [(one.action, one.why) for one in await entries(harness, job)]
        assert written == news, (states, before)


@pytest.mark.parametrize(("waits", "attempts"), [(False, 0), (True, 3)])
async def test_a_pass_ends_a_row_of_failures_unless_it_only_waited(
    harness: Harness, waits: bool, attempts: int
) -> None:
    job = await claimed(harness, S.PLANNED, attempts=3)
    if waits:
        job.defer(START + 10, "The account rests.")
    await finish(harness.context, job)
    assert (await row(harness, job)).attempts == attempts


async def test_an_open_order_shows_what_it_waits_for_and_a_shipped_one_does_not(harness: Harness) -> None:
    job = await claimed(harness, S.PLANNED)
    job.wake_at(START + 10, WAITING)
    await finish(harness.context, job)
    assert (await row(harness, job)).waiting == "paused"
    await harness.clock.advance(10)
    (again,) = await harness.claim_due()
    again.shipments = [shipment(S.FULFILLED)]
    again.waiting = WAITING
    await finish(harness.context, again)
    assert (await row(harness, job)).waiting == ""


@pytest.mark.parametrize(("state", "due_in"), [(S.PLANNED, 0.0), (S.FULFILLED, CONFIRM_S)])
async def test_an_order_that_is_woken_meanwhile_is_due_at_once_or_when_its_store_has_settled(
    harness: Harness, state: ShipmentState, due_in: float
) -> None:
    job = await claimed(harness, state)
    await harness.deliver_event(job.order_id, "order.updated")
    assert (await finished(harness, job))[1] == due_in


DONE = "The order was processed successfully."
NOTHING = "Nothing is left to post."
OVER, SKIP = Withdraw("It is over."), Skip("All are digital.")


ENDS: list[tuple[HoldCode, Decision, list[ShipmentState], bool, str]] = [
    (HoldCode.REPEATED_FAILURE, Ship(()), [S.PLANNED], False, DONE),
    (HoldCode.PROCESS_CRASHED, SKIP, [], False, DONE),
    (HoldCode.REPEATED_FAILURE, Ship(()), [S.PLANNED], True, ""),
    (HoldCode.REPEATED_FAILURE, SKIP, [], True, ""),
    (HoldCode.MANUAL, SKIP, [], False, ""),
    (HoldCode.MANUAL, Ship(()), [S.PLANNED], False, ""),
    (HoldCode.TAKEN_OVER, SKIP, [], False, NOTHING),
    (HoldCode.EXTERNAL_POSTING, OVER, [S.FULFILLED, S.VOIDED], False, NOTHING),
    (HoldCode.EXTERNAL_POSTING, SKIP, [], True, NOTHING),
    (HoldCode.TAKEN_OVER, Ship(()), [], False, ""),
    (HoldCode.TAKEN_OVER, SKIP, [S.LABELED], False, ""),
    (HoldCode.TAKEN_OVER, OVER, [S.HELD], False, ""),
    (HoldCode.TAKEN_OVER, SKIP, [S.PLANNED], False, ""),
]


async def test_a_hold_ends_with_what_it_waits_for(harness: Harness) -> None:
    for code, decision, states, waits, why in ENDS:
        job = await claimed(harness, *states)
        await place(harness, job, code)
        job.decision, job.waiting_reason = decision, "The account rests." if waits else ""
        phase, due_in, _ = await finished(harness, job)
        (hold,) = await harness.ledger.read(holds.of_order, job.order_id)
        case = (code, decision, states, waits)
        assert (hold.released_by, hold.release_reason) == (("packhouse", why) if why else ("", "")), case
        written = [one.why for one in await entries(harness, job, "released")]
        assert written == ([f"{code}: {why}"] if why else []), case
        assert phase == "held"
        assert due_in is not None
        assert (due_in == 0) is bool(why), case
