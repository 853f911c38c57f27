"""After a restore: labels that were not posted, and parcels that the store has and the ledger lacks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from packhouse.ledger import restores
from packhouse.model.hold import HoldCode
from packhouse.model.order import Fulfillment
from packhouse.model.states import ShipmentState
from packhouse.providers.port import Absent, Safety, Unknown, Voided, Withdrawn
from packhouse.rules import idempotency
from packhouse.steps.recall import blocks_purchases, compare, recall
from packhouse.store.protocol import fulfill_body
from tests.service.harness import Harness
from tests.service.providers.in_memory import InMemoryProvider, in_memory
from tests.service.steps.restored_orders import (
    NUMBER,
    SOLD,
    SOME,
    Lister,
    another,
    asked,
    is_compared,
    labeled,
    notice,
    planned,
    reclaimed,
    says,
    second_account,
    shown,
    stored,
    unplanned,
)

_S = ShipmentState
GAP = "The guard log has a gap after the backup."
VOIDED = Withdrawn(NUMBER, Voided())
pytestmark = pytest.mark.harness(provider=in_memory())


# ---- labels that were not posted -----------------------------------------------------------------------


@pytest.mark.parametrize("log_problem", [GAP, "", None])
async def test_a_label_that_may_have_been_posted_since_counts_as_posted_only_if_the_log_has_a_gap(
    harness: Harness, log_problem: str | None
) -> None:
    job = await planned(harness)
    label = (await labeled(harness, job, job.shipments[0])).label
    job.fetched = replace(job.order, fulfillments=None)
    if log_problem is not None:
        await notice(harness, log_problem)
    await recall(harness.context, job)
    (shipment,) = await stored(harness, job)
    body = fulfill_body(shipment.units, harness.settings.store.name_of("Bike"), NUMBER).decode()
    saved = (idempotency.first(shipment), body) if log_problem else ("", "")
    assert (shipment.state, shipment.post_key, shipment.post_body) == (_S.LABELED, *saved)
    assert shipment.label == label


async def test_a_label_that_the_store_would_show_is_not_counted_as_posted(harness: Harness) -> None:
    job = await planned(harness)
    await labeled(harness, job, job.shipments[0])
    shown(job)
    await notice(harness, GAP)
    await recall(harness.context, job)
    assert [one.post_body for one in await stored(harness, job)] == [""]


async def test_a_label_that_was_voided_since_is_found(harness: Harness) -> None:
    job = await planned(harness)
    await labeled(harness, job, job.shipments[0], bought_at=job.restored_at)
    says(harness, {"1/1": VOIDED})
    await compare(harness.context, job)
    assert [one.state for one in await stored(harness, job)] == [_S.VOIDED]
    assert await is_compared(harness, job)


@pytest.mark.parametrize(
    "label",
    [{"provider": "manual"}, {"bought_at": 2_000_000_000.0}],
    ids=["by a person", "since the restore"],
)
@pytest.mark.parametrize("safety", [Safety.LOOKUP, Safety.BLIND])
async def test_a_label_that_was_not_lost_is_not_asked_about(
    harness: Harness, label: dict[str, Any], safety: Safety
) -> None:
    job = await planned(harness)
    await labeled(harness, job, job.shipments[0], **label)
    await notice(harness, GAP)
    harness.provider.safety = safety
    says(harness, {"1/1": VOIDED})
    await compare(harness.context, job)
    assert [one.state for one in job.shipments] == [_S.LABELED]
    assert job.active_holds() == []
    assert asked(harness) == []
    assert await is_compared(harness, job)


async def test_a_label_whose_number_the_store_shows_is_not_asked_about(harness: Harness) -> None:
    job = await planned(harness)
    await labeled(harness, job, job.shipments[0])
    shown(job, Fulfillment(NUMBER))
    says(harness, {"1/1": VOIDED})
    await compare(harness.context, job)
    assert asked(harness) == []
    assert [one.state for one in job.shipments] == [_S.LABELED]


async def test_a_label_of_a_blind_account_is_held_if_the_log_has_a_gap(harness: Harness) -> None:
    job = await planned(harness)
    await labeled(harness, job, job.shipments[0])
    harness.provider.safety = Safety.BLIND
    await notice(harness, GAP)
    await compare(harness.context, job)
    (hold,) = job.active_holds()
    assert (hold.code, hold.shipment_id) == (HoldCode.RESTORE_UNCLEAR, job.shipments[0].id)
    assert hold.note == f"in_memory cannot say whether {NUMBER} was voided since the backup"
    assert blocks_purchases(job)


@pytest.mark.parametrize("safety", [Safety.BLIND, Safety.LOOKUP])
async def test_a_label_is_not_held_if_the_log_is_whole_or_the_account_can_say(
    harness: Harness, safety: Safety
) -> None:
    job = await planned(harness)
    await labeled(harness, job, job.shipments[0])
    harness.provider.safety = safety
    await notice(harness, GAP if safety is Safety.LOOKUP else "")
    await compare(harness.context, job)
    assert job.active_holds() == []
    assert await is_compared(harness, job)
    assert asked(harness) == ["1/1"] * (safety is Safety.LOOKUP)


@pytest.mark.parametrize("released", [0, 1])
async def test_each_label_of_a_blind_account_is_confirmed_before_the_order_is_compared(
    harness: Harness, released: int
) -> None:
    job = await planned(harness)
    await another(harness, job)
    for number, shipment in enumerate(tuple(job.shipments)):
        await labeled(harness, job, shipment, tracking_number=f"{NUMBER}{number}")
    harness.provider.safety = Safety.BLIND
    await notice(harness, GAP)
    await compare(harness.context, job)
    assert len(job.active_holds()) == 2
    await harness.release_hold(job.active_holds()[released])
    job = await reclaimed(harness, job)
    await compare(harness.context, job)
    assert blocks_purchases(job)
    await harness.release_hold(job.active_holds()[0])
    job = await reclaimed(harness, job)
    await compare(harness.context, job)
    assert await is_compared(harness, job)


async def test_what_is_not_clear_about_a_plan_is_not_forgotten_for_a_label(harness: Harness) -> None:
    job = await planned(harness)
    first = await another(harness, job)
    await labeled(harness, job, first)
    says(harness, {"1/1": SOLD, "1/2": SOLD})
    await compare(harness.context, job)
    assert blocks_purchases(job)


# ---- parcels that the store has and the ledger lacks ---------------------------------------------------

POSTED = Fulfillment(NUMBER, units=SOME)


@pytest.mark.parametrize("answer", [SOLD, VOIDED])
async def test_a_parcel_that_the_account_sold_gets_its_shipment(harness: Harness, answer: Any) -> None:
    job = await unplanned(harness, POSTED)
    says(harness, {"1/1": answer})
    await recall(harness.context, job)
    (shipment,) = await stored(harness, job)
    assert (shipment.id, shipment.state, shipment.units) == (f"{job.order_id}-1", _S.BUYING, SOME)
    assert shipment.provider == "in_memory"
    assert asked(harness) == ["1/1"]
    assert await harness.ledger.read(restores.current) is not None


async def test_it_is_asked_for_under_the_number_after_the_highest(harness: Harness) -> None:
    job = await planned(harness)
    for shipment in (job.shipments[0], await another(harness, job)):
        await harness.context.move(job, shipment, _S.CANCELLED)
    shown(job, Fulfillment(NUMBER, units=job.shipments[0].units))
    says(harness, {"3/1": SOLD})
    await recall(harness.context, job)
    assert [one.state for one in await stored(harness, job)] == [_S.CANCELLED, _S.CANCELLED, _S.BUYING]


@pytest.mark.parametrize(
    "answer", [replace(SOLD, tracking_number="1Z999AA10123456784"), Unknown("busy"), Absent()]
)
async def test_a_parcel_that_the_account_did_not_sell_gets_none(harness: Harness, answer: Any) -> None:
    job = await unplanned(harness, POSTED)
    says(harness, {"1/1": answer})
    await recall(harness.context, job)
    assert await stored(harness, job) == []
    assert asked(harness) == ["1/1"]
    assert await harness.ledger.read(restores.current) is None


@pytest.mark.parametrize("rows", [None, (), (Fulfillment(NUMBER), Fulfillment("other"))], ids=str)
async def test_a_parcel_of_which_the_store_names_no_units_is_not_asked_for(
    harness: Harness, rows: Any
) -> None:
    job = await unplanned(harness)
    job.fetched = replace(job.order, fulfillments=rows)
    says(harness, {"1/1": SOLD})
    await recall(harness.context, job)
    assert asked(harness) == []


@pytest.mark.parametrize("is_known", [True, False])
async def test_only_a_parcel_whose_label_the_ledger_lacks_is_asked_for(
    harness: Harness, is_known: bool
) -> None:
    job = await planned(harness)
    await another(harness, job)
    await labeled(harness, job, job.shipments[0], tracking_number=NUMBER if is_known else "1Z999AA1")
    await harness.context.move(job, job.shipments[1], _S.CANCELLED)
    shown(job, Fulfillment(NUMBER, units=job.shipments[0].units))
    await recall(harness.context, job)
    assert asked(harness) == ([] if is_known else ["3/1"])


@pytest.mark.parametrize("state", [_S.PLANNED, _S.HELD, _S.BUYING, _S.UNKNOWN])
async def test_a_parcel_that_a_shipment_in_progress_may_be_is_not_asked_for(
    harness: Harness, state: ShipmentState
) -> None:
    job = await planned(harness)
    for to in {_S.UNKNOWN: (_S.BUYING, _S.UNKNOWN)}.get(state, (state,)):
        await harness.context.move(job, job.shipments[0], to)
    shown(job, Fulfillment(NUMBER, units=job.shipments[0].units))
    await recall(harness.context, job)
    assert "2/1" not in asked(harness)


@pytest.mark.parametrize("safety", [Safety.BLIND, Safety.KEYED])
async def test_an_account_that_is_not_asked_by_reference_is_not_asked_for_a_parcel(
    harness: Harness, safety: Safety
) -> None:
    job = await unplanned(harness, POSTED)
    harness.provider.safety = safety
    await recall(harness.context, job)
    assert asked(harness) == []


@pytest.mark.harness(provider=lambda context, folder: Lister(context.clock))
async def test_an_account_that_lists_what_it_sold_is_not_asked_for_a_parcel(harness: Harness) -> None:
    job = await unplanned(harness, POSTED)
    await recall(harness.context, job)
    assert asked(harness) == []


@pytest.mark.harness(provider=in_memory(), settings={"provider": ("in_memory", "second")})
@pytest.mark.parametrize("seller", ["in_memory", "second"])
async def test_the_accounts_are_asked_for_a_parcel_until_one_has_sold_it(
    harness: Harness, seller: str
) -> None:
    second = second_account(harness, InMemoryProvider(harness.clock))
    job = await unplanned(harness, POSTED)
    says(harness, {"1/1": SOLD if seller == "in_memory" else Absent()})
    second.script(lookup=SOLD)
    await recall(harness.context, job)
    assert [one.provider for one in await stored(harness, job)] == [seller]
    assert len(second.seen("lookup")) == (seller == "second")
