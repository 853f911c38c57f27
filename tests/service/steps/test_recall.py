"""recall: a purchase that an account lists, and the ledger lacks, is given its shipment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from packhouse.ledger import queries
from packhouse.model.label import Rate
from packhouse.model.money import Money
from packhouse.model.order import Fulfillment, Units
from packhouse.model.parcel import Parcel
from packhouse.model.states import ShipmentState
from packhouse.rules import idempotency
from packhouse.rules.changes import fingerprint
from packhouse.steps.context import OrderJob
from packhouse.steps.recall import recall
from packhouse.steps.reconcile import reconcile
from packhouse.store.protocol import fulfill_body
from tests.service.harness import Harness
from tests.service.providers.in_memory import in_memory
from tests.service.steps.restored_orders import (
    NUMBER,
    SOLD,
    SOME,
    actions,
    another,
    created_after,
    label_of,
    left,
    listed,
    notice,
    planned,
    says,
    shown,
    stored,
    unplanned,
)

_S = ShipmentState
pytestmark = pytest.mark.harness(provider=in_memory())
RATE = {
    "id": "r1",
    "carrier": "USPS",
    "service": "First",
    "price": {"minor": 495, "currency": "USD"},
    "days": 3,
}


def read_not(job: OrderJob) -> None:
    job.fetched = None


def restored_not(job: OrderJob) -> None:
    job.restored_at = 0.0


def undated(job: OrderJob) -> None:
    job.fetched = replace(job.order, created_at="")


def restored_not_and_undated(job: OrderJob) -> None:
    restored_not(job)
    undated(job)


async def test_a_listed_purchase_is_begun_with_what_the_account_says(harness: Harness) -> None:
    job = await planned(harness)
    at = harness.clock.now() - 50
    await listed(harness, job, tracking_number=NUMBER, provider_ref="shp_1", at=at, rate=RATE)
    await recall(harness.context, job)
    (shipment,) = await stored(harness, job)
    assert (shipment.state, shipment.provider, shipment.provider_ref) == (_S.BUYING, "in_memory", "shp_1")
    assert shipment.rate == Rate("r1", "USPS", "First", Money(495, "USD"), 3)
    assert (shipment.intent_at, shipment.post_body) == (at, "")
    assert await left(harness, job) == []
    entry = (await harness.ledger.read(queries.entries, order_id=job.order_id))[-1]
    assert (entry.action, entry.shipment_id) == ("recalled", shipment.id)
    assert f"in_memory sold {NUMBER} as {shipment.reference}" in entry.why


async def test_a_listed_purchase_of_which_nothing_else_is_known_is_begun_now(harness: Harness) -> None:
    job = await planned(harness)
    await listed(harness, job)
    await recall(harness.context, job)
    (shipment,) = await stored(harness, job)
    assert (shipment.state, shipment.provider_ref) == (_S.BUYING, "")
    assert shipment.rate == Rate("", "", "", None)
    assert shipment.intent_at == harness.clock.now()
    entry = (await harness.ledger.read(queries.entries, order_id=job.order_id))[-1]
    assert "sold a label as" in entry.why


async def test_what_was_begun_ended_long_ago_and_is_looked_up_in_the_same_pass(harness: Harness) -> None:
    job = await planned(harness)
    says(harness, {"1/1": SOLD})
    await listed(harness, job, tracking_number=NUMBER)
    await recall(harness.context, job)
    await reconcile(harness.context, job)
    (shipment,) = await stored(harness, job)
    assert shipment.state is _S.LABELED


@pytest.mark.parametrize(
    "change",
    [restored_not, restored_not_and_undated, read_not],
    ids=["no restore", "an order without a date", "an order that was not read"],
)
async def test_nothing_is_begun_for(harness: Harness, change: Callable[[OrderJob], None]) -> None:
    job = await planned(harness)
    await listed(harness, job, tracking_number=NUMBER)
    change(job)
    await recall(harness.context, job)
    (shipment,) = await stored(harness, job)
    assert shipment.state is _S.PLANNED
    assert await left(harness, job)
    assert harness.provider.seen("lookup") == []


async def test_an_order_of_after_the_restore_is_not_looked_up(harness: Harness) -> None:
    job = await planned(harness)
    created_after(job, 600.5)
    await recall(harness.context, job)
    assert harness.provider.seen("lookup") == []


@pytest.mark.parametrize(
    "change",
    [lambda job: created_after(job, 600.0), lambda job: created_after(job, 600.5), undated],
    ids=["skew", "a wrong date", "no date"],
)
async def test_an_order_that_may_be_older_than_the_restore_is_recalled(
    harness: Harness, change: Callable[[OrderJob], None]
) -> None:
    job = await planned(harness)
    await listed(harness, job, tracking_number=NUMBER)
    change(job)
    await recall(harness.context, job)
    assert [one.state for one in job.shipments] == [_S.BUYING]


async def test_nothing_is_begun_while_what_was_lost_is_still_collected(harness: Harness) -> None:
    job = await planned(harness)
    await listed(harness, job, tracking_number=NUMBER)
    await notice(harness, collected=False)
    await recall(harness.context, job)
    assert [one.state for one in await stored(harness, job)] == [_S.PLANNED]
    await notice(harness)
    await recall(harness.context, job)
    assert [one.state for one in await stored(harness, job)] == [_S.BUYING]


async def test_a_held_shipment_is_begun_too(harness: Harness) -> None:
    job = await planned(harness)
    await harness.context.move(job, job.shipments[0], _S.HELD)
    await listed(harness, job, tracking_number=NUMBER)
    await recall(harness.context, job)
    assert [one.state for one in await stored(harness, job)] == [_S.BUYING]


@pytest.mark.parametrize("state", [_S.BUYING, _S.CANCELLED])
async def test_a_shipment_that_was_begun_or_ended_is_not_begun_again(
    harness: Harness, state: ShipmentState
) -> None:
    job = await planned(harness)
    before = await harness.context.move(job, job.shipments[0], state)
    await listed(harness, job, tracking_number=NUMBER)
    await recall(harness.context, job)
    assert await stored(harness, job) == [before]
    assert await left(harness, job)


async def test_a_held_shipment_with_a_label_is_not_begun_again(harness: Harness) -> None:
    job = await planned(harness)
    first = await harness.context.move(job, job.shipments[0], _S.HELD)
    before = job.update(first, label=label_of(first))
    await listed(harness, job, tracking_number=NUMBER)
    await recall(harness.context, job)
    assert job.shipments == [before]
    assert await left(harness, job)


@pytest.mark.parametrize(("parts", "begun"), [("2/1", 1), ("1/2", 2), ("1/1", 0)])
async def test_the_shipment_is_that_of_the_number_and_the_generation(
    harness: Harness, parts: str, begun: int
) -> None:
    job = await planned(harness)
    await another(harness, job)
    await another(harness, job, id=f"{job.order_id}-1.2", seq=1, generation=2)
    await listed(harness, job, parts, tracking_number=NUMBER)
    await recall(harness.context, job)
    states = [one.state for one in job.shipments]
    assert states == [_S.BUYING if place == begun else _S.PLANNED for place in range(3)]


async def test_a_reference_that_is_not_ours_begins_and_plans_nothing(harness: Harness) -> None:
    job = await planned(harness)
    shown(job, Fulfillment(NUMBER))
    await listed(harness, job, "gift", tracking_number=NUMBER)
    await recall(harness.context, job)
    assert [one.state for one in await stored(harness, job)] == [_S.PLANNED]
    assert await left(harness, job)


# ---- what was posted -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("parts", "number"), [("1/1", "-1"), ("3/2", "-3.2")])
async def test_a_purchase_that_was_posted_gets_a_shipment_of_its_units(
    harness: Harness, parts: str, number: str
) -> None:
    job = await unplanned(harness, Fulfillment("other"), Fulfillment(NUMBER, units=SOME))
    parcel = {"length_mm": 10, "width_mm": 20, "height_mm": 30, "weight_g": 40}
    await listed(harness, job, parts, tracking_number=NUMBER, parcel=parcel)
    await recall(harness.context, job)
    (shipment,) = await stored(harness, job)
    seq, generation = map(int, parts.split("/"))
    assert (shipment.id, shipment.order_id) == (f"{job.order_id}{number}", job.order_id)
    assert (shipment.seq, shipment.generation, shipment.state) == (seq, generation, _S.BUYING)
    assert (shipment.units, shipment.fingerprint) == (SOME, fingerprint(job.order, SOME))
    assert shipment.parcel == Parcel(**parcel)
    assert await left(harness, job) == []
    assert (await actions(harness, job))[-2:] == ["planned", "recalled"]


async def test_a_parcel_that_nobody_knows_is_the_smallest(harness: Harness) -> None:
    job = await unplanned(harness, Fulfillment(NUMBER, units=SOME))
    await listed(harness, job, tracking_number=NUMBER)
    await recall(harness.context, job)
    assert [one.parcel for one in await stored(harness, job)] == [Parcel(1, 1, 1, 1)]


async def test_the_only_fulfillment_without_units_has_every_unit_that_ships(harness: Harness) -> None:
    job = await unplanned(harness, Fulfillment(NUMBER))
    await listed(harness, job, tracking_number=NUMBER)
    await recall(harness.context, job)
    assert [one.units for one in await stored(harness, job)] == [(Units("li_1", 2), Units("li_2", 1))]


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ((Fulfillment("other", units=SOME),), {"tracking_number": NUMBER}),
        ((Fulfillment(NUMBER), Fulfillment("other")), {"tracking_number": NUMBER}),
        ((Fulfillment("", units=SOME),), {}),
        ((Fulfillment("None", units=SOME),), {}),
        ((), {"tracking_number": NUMBER}),
    ],
    ids=["other number", "units not named", "no number", "no number said", "nothing posted"],
)
async def test_what_the_store_does_not_show_with_units_is_not_planned(
    harness: Harness, rows: tuple[Fulfillment, ...], found: dict[str, Any]
) -> None:
    job = await unplanned(harness, *rows)
    await listed(harness, job, **found)
    await recall(harness.context, job)
    assert await stored(harness, job) == []
    assert await left(harness, job)


async def test_a_store_that_lists_no_fulfillments_names_no_units(harness: Harness) -> None:
    job = await unplanned(harness)
    job.fetched = replace(job.order, fulfillments=None)
    await listed(harness, job, tracking_number=NUMBER)
    await recall(harness.context, job)
    assert await stored(harness, job) == []


# ---- what may have been posted -------------------------------------------------------------------------


async def test_a_purchase_that_may_have_been_posted_keeps_what_would_have_been(harness: Harness) -> None:
    job = await planned(harness)
    job.fetched = replace(job.order, fulfillments=None)
    await listed(harness, job, tracking_number=NUMBER, rate=RATE)
    await recall(harness.context, job)
    (shipment,) = await stored(harness, job)
    assert shipment.post_key == idempotency.first(shipment)
    carrier = harness.settings.store.name_of("USPS")
    assert shipment.post_body == fulfill_body(shipment.units, carrier, NUMBER).decode()


async def test_a_body_that_was_saved_before_is_kept(harness: Harness) -> None:
    job = await planned(harness)
    job.fetched = replace(job.order, fulfillments=None)
    await harness.context.move(job, job.shipments[0], _S.PLANNED, post_key="key", post_body="body")
    await listed(harness, job, tracking_number=NUMBER, rate=RATE)
    await recall(harness.context, job)
    (shipment,) = await stored(harness, job)
    assert (shipment.post_key, shipment.post_body) == ("key", "body")
