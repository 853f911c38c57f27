"""track: when a tracker is asked first, and what each of its reports changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from packhouse.errors import LedgerUnavailable
from packhouse.model.hold import HoldCode
from packhouse.model.states import ShipmentState
from packhouse.providers.port import TrackerState, Tracking
from packhouse.steps.context import OrderJob
from tests.service.harness import Harness
from tests.service.steps.jobs import LEDGER_DOWN, counted, entries, held, label_of, labeled, moved, stored

EVERY_S = 1000.0
DAY_S = 86_400.0
pytestmark = pytest.mark.harness(settings={"poll": {"track_interval_s": EVERY_S}})
_S = ShipmentState
BACK = Tracking(TrackerState.RETURNED, "Address not known")
FAILED = Tracking(TrackerState.FAILURE)
ARRIVED = Tracking(TrackerState.DELIVERED)
OUTCOMES = "packhouse_parcel_outcomes_total"


async def on_its_way(harness: Harness, report: Tracking | None = None, age_s: float = EVERY_S) -> OrderJob:
    """A posted parcel whose label was bought so long ago, and whose tracker said this last."""
    job, _, label = await labeled(harness)
    shipment = await moved(harness, job, _S.FULFILLED)
    now = harness.clock.now()
    known = {"tracking": report, "tracking_changed_at": now, "track_due_at": now + 1} if report else {}
    job.update(shipment, label=replace(label, bought_at=now - age_s, **known))
    return job


async def due_at(harness: Harness, job: OrderJob) -> float | None:
    """When the ledger has the tracker asked, once the deferred writes are on disk."""
    await harness.context.write(job, lambda tx: None)
    label = (await stored(harness, job)).label
    assert label is not None
    return label.track_due_at


@pytest.mark.harness(settings={"poll": {"track_interval_s": 0}})
async def test_nothing_is_tracked_without_an_interval(harness: Harness) -> None:
    job = await on_its_way(harness)
    await harness.run_step("track", job)
    assert await due_at(harness, job) is None


@pytest.mark.harness(settings={"poll": {"track_interval_s": 0}})
async def test_nothing_is_done_without_an_interval_that_was_known_before(harness: Harness) -> None:
    job = await on_its_way(harness, ARRIVED)
    await harness.run_step("track", job)
    assert job.shipments[0].state is _S.FULFILLED


async def test_a_shipment_that_lost_its_label_is_not_tracked(harness: Harness) -> None:
    job = await on_its_way(harness)
    job.update(job.shipments[0], label=None)
    await harness.run_step("track", job)
    assert await due_at(harness, job) is None


async def test_a_label_that_a_person_posted_is_not_tracked(harness: Harness) -> None:
    job = await on_its_way(harness)
    job.update(job.shipments[0], label=replace(label_of(job), provider="manual"))
    await harness.run_step("track", job)
    assert await due_at(harness, job) is None


@pytest.mark.parametrize(("age_s", "is_asked"), [(45 * DAY_S - 1, True), (45 * DAY_S, False)])
async def test_a_parcel_is_tracked_for_as_long_as_a_tracker_has_news(
    harness: Harness, age_s: float, is_asked: bool
) -> None:
    job = await on_its_way(harness, age_s=age_s)
    await harness.run_step("track", job)
    assert (await due_at(harness, job) is not None) is is_asked


async def test_the_first_question_is_set_with_the_pass_that_posts_and_stays(harness: Harness) -> None:
    job = await on_its_way(harness, age_s=0.0)
    writes = len(harness.ledger.seen("write"))
    await harness.run_step("track", job)
    assert len(harness.ledger.seen("write")) == writes, "it needs no commit of its own"
    first = await due_at(harness, job)
    assert first == pytest.approx(harness.clock.now() + 4 * EVERY_S, abs=0.4 * EVERY_S + 1)
    await harness.clock.advance(7)
    await harness.run_step("track", job)
    assert await due_at(harness, job) == first
    assert harness.provider.seen("track") == []


async def in_step_but_time(harness: Harness, job: OrderJob) -> Any:
    """The shipment as the job and the ledger have it, apart from what the test made up of its label."""
    label, known = (await stored(harness, job)).label, label_of(job)
    assert label is not None
    made_up = {"bought_at": known.bought_at, "tracking": known.tracking}
    made_up |= {"tracking_changed_at": known.tracking_changed_at, "track_due_at": known.track_due_at}
    assert replace(label, **made_up) == known
    (shipment,) = job.shipments
    assert replace(await stored(harness, job), label=known) == shipment
    return shipment


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
    assert job.shipments[0].state is _S.FULFILLED
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
    await harness.run_step("track", job)
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
