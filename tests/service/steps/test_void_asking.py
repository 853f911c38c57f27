"""void: when the provider is asked, what each answer means, and when a person is asked for help."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from packhouse.errors import LeaseLost, LedgerUnavailable
from packhouse.model.hold import HoldCode
from packhouse.model.label import Label
from packhouse.model.states import LabelState, ShipmentState
from packhouse.model.waiting import WaitKind
from packhouse.providers.port import Voided, VoidPending, VoidRefused
from packhouse.rules.decision import NeedsHold, Skip
from packhouse.steps.context import OrderJob
from packhouse.steps.moves import Move
from tests.service.harness import Harness
from tests.service.steps.jobs import LEDGER_DOWN, entries, held, in_step, label_of, labeled, stored

pytestmark = pytest.mark.harness(settings={"poll": {"recheck_s": 300}, "retry": {"base_s": 10}})
_S = ShipmentState
DAY_S = 86_400.0
LATER = VoidRefused("not yet", final=False)
NEVER = VoidRefused("scanned already")


async def voiding(harness: Harness, answer: Any = None, **label: Any) -> OrderJob:
    """An order whose label is in its void, at a provider that answers so."""
    job, shipment, _ = await labeled(harness)
    if label:
        shipment = job.update(shipment, label=replace(label_of(job), **label))
    await harness.context.apply(job, Move(shipment, _S.VOIDING, LabelState.VOIDING))
    if kept := {
        name: label[name] for name in ("void_due_at", "void_again", "void_refusals") if name in label
    }:
        job.update(job.shipments[0], label=replace(label_of(job), **kept))
    harness.provider.script(void=answer)
    return job


def asked(harness: Harness) -> int:
    return len(harness.provider.seen("void"))


def waits_until(job: OrderJob, at: float) -> bool:
    """Whether the order waits for the void until then, and says for which label."""
    label = label_of(job)
    assert job.waiting is not None
    assert (job.waiting.kind, job.waiting.until) == (WaitKind.VOID_UNSETTLED, at)
    assert job.waiting.account == label.provider
    assert label.tracking_number in job.waiting.sentence
    return job.wake_times == [at]


async def test_only_labels_in_their_void_are_voided(harness: Harness) -> None:
    job, shipment, _ = await labeled(harness)
    harness.provider.script(void=Voided())
    await harness.run_step("void", job)
    assert asked(harness) == 0
    job.update(shipment, state=_S.VOIDING, label=None)
    await harness.run_step("void", job)
    assert asked(harness) == 0


@pytest.mark.parametrize(
    ("due_in_s", "again", "is_asked"),
    [
        (None, False, True),
        (-1.0, False, True),
        (0.0, False, True),
        (1.0, False, False),
        (1.0, True, True),
        (DAY_S, False, False),
        (DAY_S + 1, False, True),
    ],
)
async def test_the_provider_is_asked_when_it_is_due_or_a_person_wants_it(
    harness: Harness, due_in_s: float | None, again: bool, is_asked: bool
) -> None:
    due_at = None if due_in_s is None else harness.clock.now() + due_in_s
    job = await voiding(harness, Voided(), void_due_at=due_at, void_again=again)
    await harness.run_step("void", job)
    assert asked(harness) == int(is_asked)
    assert is_asked or waits_until(job, due_at or 0)


@pytest.mark.parametrize("charged_only_if_used", [False, True])
async def test_a_void_label_ends_with_what_becomes_of_its_money(
    harness: Harness, charged_only_if_used: bool
) -> None:
    job = await voiding(harness, Voided(charged_only_if_used))
    cost = label_of(job).cost
    await harness.run_step("void", job)
    assert (await in_step(harness, job)).state is _S.VOIDED
    assert label_of(job).state is LabelState.VOIDED
    (entry,) = await entries(harness, job, "voided")
    assert entry.shipment_id == job.shipments[0].id
    assert entry.why == (
        f"No money comes back: {cost} would be charged only if the label is used."
        if charged_only_if_used
        else f"{cost} is credited."
    )
    assert job.wake_times == [harness.clock.now()], "its units may be planned again"


@pytest.mark.parametrize("answer", [Voided(), VoidPending()])
async def test_a_void_that_is_granted_while_the_process_stops_is_recorded(
    harness: Harness, answer: Any
) -> None:
    is_asked = asyncio.Event()

    async def void(label: Label) -> Any:
        is_asked.set()
        await asyncio.sleep(0.01)
        return answer

    job = await voiding(harness, void)
    task = asyncio.create_task(harness.run_step("void", job))
    await is_asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await in_step(harness, job)).state is (_S.VOIDED if answer == Voided() else _S.VOIDING)


@pytest.mark.parametrize(
    ("refusals", "wait_s"), [(0, 300 * 4), (1, 300 * 16), (3, 300 * 4**4), (4, DAY_S), (50, DAY_S)]
)
async def test_a_void_that_may_be_granted_later_is_asked_for_less_and_less_often(
    harness: Harness, refusals: int, wait_s: float
) -> None:
    job = await voiding(harness, LATER, void_refusals=refusals)
    await harness.run_step("void", job)
    due_at = harness.clock.now() + wait_s
    assert (await in_step(harness, job)).state is _S.VOIDING
    label = label_of(job)
    assert (label.state, label.void_refusals) == (LabelState.VOIDING, refusals + 1)
    assert (label.void_due_at, label.void_again) == (due_at, False)
    assert waits_until(job, due_at)
    (entry,) = await entries(harness, job, "void_refused")
    assert entry.why == "The provider is asked again later. not yet"
    assert held(job) == []


@pytest.mark.harness(settings={"poll": {"recheck_s": 0.01}})
async def test_the_wait_stops_growing_after_ten_refusals(harness: Harness) -> None:
    job = await voiding(harness, LATER, void_refusals=50)
    await harness.run_step("void", job)
    assert label_of(job).void_due_at == pytest.approx(harness.clock.now() + 0.01 * 4**10, abs=1)


async def test_a_refusal_is_known_although_the_lease_is_lost(harness: Harness) -> None:
    job = await voiding(harness, LATER)
    await harness.clock.advance(130)
    assert len(await harness.claim_due()) == 1
    with pytest.raises(LeaseLost):
        await harness.run_step("void", job)
    label = (await stored(harness, job)).label
    assert label is not None
    assert (label.void_refusals, label.void_due_at) == (1, harness.clock.now() + 300 * 4)


async def test_a_void_that_is_refused_for_good_is_held(harness: Harness) -> None:
    job = await voiding(harness, NEVER, void_refusals=2)
    await harness.run_step("void", job)
    assert (await in_step(harness, job)).state is _S.HELD
    label = label_of(job)
    assert (label.state, label.void_refusals) == (LabelState.VOID_REFUSED, 2)
    (hold,) = job.active_holds()
    assert (hold.code, hold.shipment_id) == (HoldCode.VOID_REFUSED, job.shipments[0].id)
    assert hold.note == f"easypost: {label.cost} for {label.tracking_number}: scanned already"


async def test_a_refusal_that_a_person_has_released_is_asked_for_quietly(harness: Harness) -> None:
    job = await voiding(harness, NEVER)
    await harness.context.hold(job, HoldCode.VOID_REFUSED, "no", shipment=job.shipments[0])
    job.holds = [replace(one, released_by="ada", released_at=2.0) for one in job.holds]
    await harness.run_step("void", job)
    assert job.shipments[0].state is _S.VOIDING
    assert held(job) == []
    assert len(await entries(harness, job, "void_refused")) == 1


@pytest.mark.parametrize(
    ("carrier", "days"),
    [
        ("USPS", 25),
        ("usps", 25),
        ("UPS", 85),
        ("UPSDAP", 85),
        ("FedEx", 85),
        ("FedExDefault", 85),
        ("DHL", 25),
    ],
)
@pytest.mark.parametrize(("late_s", "is_held"), [(0.0, False), (1.0, True)])
@pytest.mark.parametrize("answer", [LATER, VoidPending()], ids=["refused", "pending"])
async def test_a_person_is_asked_some_days_before_the_carriers_window_closes(
    harness: Harness, carrier: str, days: int, late_s: float, is_held: bool, answer: Any
) -> None:
    bought_at = harness.clock.now() - days * DAY_S - late_s
    job = await voiding(harness, answer, carrier=carrier, bought_at=bought_at)
    await harness.run_step("void", job)
    assert held(job) == ([("void_refused", job.shipments[0].id)] if is_held else [])


@pytest.mark.parametrize(("note", "told"), [("", "the void is still pending"), ("in review", "in review")])
async def test_a_pending_void_is_held_with_the_providers_words(
    harness: Harness, note: str, told: str
) -> None:
    job = await voiding(harness, VoidPending(note), bought_at=harness.clock.now() - 26 * DAY_S)
    await harness.run_step("void", job)
    (hold,) = job.active_holds()
    assert hold.note.endswith(f": {told}")
    assert job.shipments[0].state is _S.HELD


@pytest.mark.parametrize(
    ("age_s", "wait_s"), [(None, 10.0), (0.0, 10.0), (9.0, 10.0), (60.0, 60.0), (5_000.0, 300.0)]
)
async def test_a_pending_void_is_asked_about_less_often_the_older_it_is(
    harness: Harness, age_s: float | None, wait_s: float
) -> None:
    now = harness.clock.now()
    requested_at = None if age_s is None else now - age_s
    job = await voiding(harness, VoidPending(), void_requested_at=requested_at, void_again=True)
    if age_s is None:
        job.update(job.shipments[0], label=replace(label_of(job), void_requested_at=None))
    await harness.run_step("void", job)
    label = label_of(job)
    assert (label.void_due_at, label.void_again) == (now + wait_s, False)
    assert waits_until(job, now + wait_s)
    kept = (await in_step(harness, job)).label if age_s is not None else None
    assert kept is None or kept.void_due_at == now + wait_s
    await harness.run_step("void", job)
    assert asked(harness) == 1


async def awaited(harness: Harness, *, is_due: bool, **more: Any) -> OrderJob:
    """An order that ships again after the void of its label, which was requested five minutes ago."""
    now = harness.clock.now()
    more = {"void_requested_at": now - 300.0, "void_due_at": None if is_due else now + 60.0} | more
    job = await voiding(harness, VoidPending(), **more)
    job.decision = Skip("the units are reserved")
    return job


@pytest.mark.parametrize("is_due", [True, False])
@pytest.mark.parametrize("decision", [Skip("reserved"), NeedsHold(())])
async def test_an_order_that_waits_for_a_void_to_ship_again_is_not_left_unseen(
    harness: Harness, is_due: bool, decision: Any
) -> None:
    job = await awaited(harness, is_due=is_due)
    job.decision = decision
    await harness.run_step("void", job)
    label = label_of(job)
    (hold,) = job.active_holds()
    assert (hold.code, hold.shipment_id) == (HoldCode.VOID_PENDING, job.shipments[0].id)
    assert hold.note == f"{label.cost} for {label.tracking_number}"
    assert job.shipments[0].state is _S.VOIDING
    assert len(job.wake_times) == 1


async def quiet(harness: Harness, job: OrderJob) -> bool:
    await harness.run_step("void", job)
    return held(job) == []


async def test_a_void_that_is_young_is_waited_for_without_a_hold(harness: Harness) -> None:
    assert await quiet(
        harness, await awaited(harness, is_due=False, void_requested_at=harness.clock.now() - 299.0)
    )


async def test_a_void_whose_request_has_no_time_is_young(harness: Harness) -> None:
    job = await awaited(harness, is_due=False)
    job.update(job.shipments[0], label=replace(label_of(job), void_requested_at=None))
    assert await quiet(harness, job)


async def test_a_void_that_no_shipment_waits_for_needs_no_hold(harness: Harness) -> None:
    job = await awaited(harness, is_due=False)
    job.decision = None
    assert await quiet(harness, job)


async def test_a_void_of_an_order_that_the_store_does_not_show_needs_no_hold(harness: Harness) -> None:
    job = await awaited(harness, is_due=False)
    job.fetched = None
    assert await quiet(harness, job)


async def test_a_void_whose_units_an_operator_has_freed_needs_no_hold(harness: Harness) -> None:
    job = await awaited(harness, is_due=False)
    await harness.context.hold(job, HoldCode.VOID_PENDING, "wait", shipment=job.shipments[0])
    job.holds = [replace(one, released_by="ada", released_at=2.0) for one in job.holds]
    assert await quiet(harness, job)


async def test_a_void_whose_units_are_not_to_ship_any_more_needs_no_hold(harness: Harness) -> None:
    job = await awaited(harness, is_due=False)
    job.fetched = replace(job.order, lines=())
    assert await quiet(harness, job)


@pytest.mark.parametrize("answer", [Voided(), VoidPending(), LATER], ids=str)
async def test_an_answer_that_cannot_be_written_changes_nothing_in_the_job(
    harness: Harness, answer: Any
) -> None:
    job = await voiding(harness, answer)
    (before,) = job.shipments
    harness.ledger.script(write=LEDGER_DOWN)
    with pytest.raises(LedgerUnavailable):
        await harness.run_step("void", job)
    assert (job.shipments, job.wake_times, job.waiting) == ([before], [], None)


async def test_a_hold_that_cannot_be_written_is_not_followed_by_a_wait(harness: Harness) -> None:
    job = await awaited(harness, is_due=False)
    harness.ledger.script(write=LEDGER_DOWN)
    with pytest.raises(LedgerUnavailable):
        await harness.run_step("void", job)
    assert (job.wake_times, job.waiting) == ([], None)


async def test_a_person_learns_of_a_long_void_before_the_next_question_is_planned(harness: Harness) -> None:
    async def write(unit: Any, now: float, *args: Any) -> Any:
        if len(harness.ledger.seen("write")) - writes > 1:
            raise LEDGER_DOWN
        return await harness.ledger.real.write(unit, now, *args)

    job = await awaited(harness, is_due=True)
    writes = len(harness.ledger.seen("write"))
    harness.ledger.script(write=write)
    with pytest.raises(LedgerUnavailable):
        await harness.run_step("void", job)
    assert [code for code, _ in held(job)] == ["void_pending"]
