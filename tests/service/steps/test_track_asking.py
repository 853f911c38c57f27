"""track: when a parcel is asked about, and what each report changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from packhouse.errors import LedgerUnavailable, ProviderUnavailable
from packhouse.model.hold import HoldCode
from packhouse.model.label import Label
from packhouse.model.states import ShipmentState
from packhouse.providers.port import TrackerState, Tracking
from packhouse.steps.context import OrderJob
from tests.service.harness import Harness
from tests.service.steps.jobs import LEDGER_DOWN, counted, entries, held, in_step, label_of, labeled, moved

EVERY_S = 1000.0
DAY_S = 86_400.0
pytestmark = pytest.mark.harness(settings={"poll": {"track_interval_s": EVERY_S}})
_S = ShipmentState
BACK = Tracking(TrackerState.RETURNED, "Address not known")
FAILED = Tracking(TrackerState.FAILURE)
ARRIVED = Tracking(TrackerState.DELIVERED)
OUTCOMES = "packhouse_parcel_outcomes_total"


async def on_its_way(harness: Harness, report: Any = None, age_s: float = EVERY_S) -> OrderJob:
    """A posted parcel whose label was bought so long ago, at a carrier that reports this."""
    job, _, label = await labeled(harness)
    shipment = await moved(harness, job, _S.FULFILLED)
    job.update(shipment, label=replace(label, bought_at=harness.clock.now() - age_s))
    harness.provider.script(track=report or Tracking())
    return job


def asked(harness: Harness) -> int:
    return len(harness.provider.seen("track"))


@pytest.mark.harness(settings={"poll": {"track_interval_s": 0}})
async def test_nothing_is_tracked_without_an_interval(harness: Harness) -> None:
    job = await on_its_way(harness, ARRIVED)
    await harness.run_step("track", job)
    assert (asked(harness), job.recheck_times) == (0, [])


async def test_a_shipment_that_lost_its_label_is_not_tracked(harness: Harness) -> None:
    job = await on_its_way(harness)
    job.update(job.shipments[0], label=None)
    await harness.run_step("track", job)
    assert (asked(harness), job.recheck_times) == (0, [])


@pytest.mark.parametrize(("age_s", "is_asked"), [(45 * DAY_S, True), (45 * DAY_S + 1, False)])
async def test_a_parcel_is_tracked_for_as_long_as_a_tracker_has_news(
    harness: Harness, age_s: float, is_asked: bool
) -> None:
    job = await on_its_way(harness, age_s=age_s)
    await harness.run_step("track", job)
    assert (asked(harness), len(job.recheck_times)) == (int(is_asked), int(is_asked))


@pytest.mark.parametrize(
    ("age_s", "is_asked"), [(0.0, False), (749.0, False), (750.0, True), (1000.0, True), (1500.0, True)]
)
async def test_a_parcel_is_first_asked_about_an_interval_after_its_purchase_or_a_little_sooner(
    harness: Harness, age_s: float, is_asked: bool
) -> None:
    job = await on_its_way(harness, age_s=age_s)
    await harness.run_step("track", job)
    assert asked(harness) == int(is_asked)
    assert job.recheck_times == [harness.clock.now() + (EVERY_S if is_asked else EVERY_S - age_s)]


@pytest.mark.parametrize(("since_s", "is_asked"), [(0.0, False), (749.0, False), (750.0, True), (9e4, True)])
async def test_a_parcel_is_asked_about_again_an_interval_later(
    harness: Harness, since_s: float, is_asked: bool
) -> None:
    job = await on_its_way(harness, age_s=10 * DAY_S)
    harness.context.tracked[label_of(job).id] = harness.clock.monotonic() - since_s
    harness.clock.skew = -3600.0  # a wall clock that was set back changes nothing
    await harness.run_step("track", job)
    assert asked(harness) == int(is_asked)
    assert job.recheck_times == [harness.clock.now() + (EVERY_S if is_asked else EVERY_S - since_s)]


async def test_the_time_of_a_question_counts_from_when_it_was_asked(harness: Harness) -> None:
    async def slowly(label: Label) -> Tracking:
        await harness.clock.advance(7)
        return Tracking()

    job = await on_its_way(harness, slowly)
    await harness.run_step("track", job)
    assert harness.context.tracked == {label_of(job).id: harness.clock.monotonic() - 7}


async def test_a_carrier_that_does_not_answer_is_asked_again_later(harness: Harness) -> None:
    job = await on_its_way(harness, ProviderUnavailable("down"))
    await harness.run_step("track", job)
    assert (await in_step_but_time(harness, job)).state is _S.FULFILLED
    assert job.recheck_times == [harness.clock.now() + EVERY_S]
    await harness.run_step("track", job)
    assert asked(harness) == 1


async def in_step_but_time(harness: Harness, job: OrderJob) -> Any:
    """The shipment as the job and the ledger have it, apart from when its label was bought."""
    label = label_of(job)
    bought_at = harness.clock.now()
    job.update(job.shipments[0], label=replace(label, bought_at=bought_at))
    return await in_step(harness, job)


async def troubled(harness: Harness, report: Tracking) -> OrderJob:
    """A parcel with holds of each kind that a report may end, and of some that it may not."""
    job = await on_its_way(harness, report)
    (shipment,) = job.shipments
    for code in (HoldCode.PARCEL_FAILED, HoldCode.PARCEL_RETURNED, HoldCode.PRICE_DRIFT):
        await harness.context.hold(job, code, "x", shipment=shipment)
    await harness.context.hold(job, HoldCode.PARCEL_FAILED, "of another shipment")
    return job


def of_the_parcel(job: OrderJob) -> list[str]:
    return sorted(code for code, shipment_id in held(job) if shipment_id)


async def test_a_delivery_ends_the_parcels_troubles_and_its_tracking(harness: Harness) -> None:
    job = await troubled(harness, ARRIVED)
    await harness.run_step("track", job)
    assert (await in_step_but_time(harness, job)).state is _S.DELIVERED
    assert of_the_parcel(job) == ["price_drift"]
    assert ("parcel_failed", "") in held(job)
    assert harness.context.tracked == {}
    assert job.recheck_times == []
    assert counted(harness, OUTCOMES, provider="easypost", outcome="delivered") == 1
    (entry,) = await entries(harness, job, "delivered")
    assert (entry.why, entry.shipment_id) == ("The carrier delivered the parcel.", job.shipments[0].id)
    released = [one.why for one in await entries(harness, job, "released")]
    assert sorted(released) == [
        "parcel_failed: The carrier delivered the parcel.",
        "parcel_returned: The carrier delivered the parcel.",
    ]


async def test_a_delivery_that_cannot_be_recorded_is_not_counted(harness: Harness) -> None:
    job = await troubled(harness, ARRIVED)
    harness.ledger.script(write=LEDGER_DOWN)
    with pytest.raises(LedgerUnavailable):
        await harness.run_step("track", job)
    assert list(harness.context.tracked) == [label_of(job).id]
    assert counted(harness, OUTCOMES, provider="easypost", outcome="delivered") == 0


MOVING = (TrackerState.IN_TRANSIT, TrackerState.OUT_FOR_DELIVERY, TrackerState.READY_FOR_PICKUP)


@pytest.mark.parametrize("state", [*MOVING, TrackerState.PRE_TRANSIT, TrackerState.UNKNOWN])
async def test_a_parcel_that_moves_on_has_not_failed(harness: Harness, state: TrackerState) -> None:
    job = await troubled(harness, Tracking(state))
    await harness.run_step("track", job)
    assert of_the_parcel(job) == ([] if state in MOVING else ["parcel_failed"]) + [
        "parcel_returned",
        "price_drift",
    ]
    assert ("parcel_failed", "") in held(job)
    assert job.shipments[0].state is _S.FULFILLED
    told = [one.why for one in await entries(harness, job, "released")]
    assert told == (["parcel_failed: The carrier carries the parcel on."] if state in MOVING else [])


@pytest.mark.parametrize("state", [*MOVING, TrackerState.DELIVERED])
async def test_a_parcel_without_troubles_has_nothing_to_release(
    harness: Harness, state: TrackerState
) -> None:
    job = await on_its_way(harness, Tracking(state))
    writes = len(harness.ledger.seen("write"))
    await harness.run_step("track", job)
    assert len(harness.ledger.seen("write")) - writes == int(state is TrackerState.DELIVERED)


@pytest.mark.parametrize(
    ("report", "code", "words"),
    [
        (BACK, "parcel_returned", "Address not known"),
        (FAILED, "parcel_failed", "failure"),
    ],
    ids=["returned", "failed"],
)
async def test_a_parcel_in_trouble_is_told_and_counted_once(
    harness: Harness, report: Tracking, code: str, words: str
) -> None:
    job = await on_its_way(harness, report)
    await harness.context.hold(job, HoldCode.PRICE_DRIFT, "it rose", shipment=job.shipments[0])
    await harness.run_step("track", job)
    label = label_of(job)
    notes = {one.code.value: one.note for one in job.active_holds()}
    assert notes[code] == f"{label.carrier} {label.tracking_number}: {words}"
    assert counted(harness, OUTCOMES, provider="easypost", outcome=report.state.value) == 1
    harness.context.tracked.clear()
    await harness.run_step("track", job)
    assert asked(harness) == 2
    assert counted(harness, OUTCOMES, provider="easypost", outcome=report.state.value) == 1
    assert of_the_parcel(job) == sorted([code, "price_drift"])


@pytest.mark.parametrize(("by", "is_told"), [("ada", False), ("packhouse", True)])
async def test_a_trouble_that_a_person_has_released_is_not_told_again(
    harness: Harness, by: str, is_told: bool
) -> None:
    job = await on_its_way(harness, BACK)
    await harness.context.hold(job, HoldCode.PARCEL_RETURNED, "x", shipment=job.shipments[0])
    job.holds = [replace(one, released_by=by, released_at=2.0) for one in job.holds]
    await harness.run_step("track", job)
    assert bool(of_the_parcel(job)) is is_told


async def test_the_trouble_of_another_parcel_hides_nothing(harness: Harness) -> None:
    job = await on_its_way(harness, BACK)
    await harness.context.hold(job, HoldCode.PARCEL_RETURNED, "x")
    await harness.run_step("track", job)
    assert of_the_parcel(job) == ["parcel_returned"]
