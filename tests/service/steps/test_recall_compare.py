"""compare: when the order of a restored ledger may be bought again, and purchases without a match."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from packhouse.errors import ProviderUnavailable
from packhouse.ledger import restores
from packhouse.ledger.tx import Tx
from packhouse.model.hold import HoldCode
from packhouse.model.states import LabelState, ShipmentState
from packhouse.providers.port import Safety, Unknown, Voided, Withdrawn
from packhouse.rules.decision import Skip
from packhouse.steps.context import OrderJob
from packhouse.steps.recall import blocks_purchases, compare
from packhouse.steps.reconcile import reconcile
from tests.service.harness import Harness
from tests.service.providers.in_memory import in_memory
from tests.service.steps.restored_orders import (
    NUMBER,
    SOLD,
    actions,
    asked,
    created_after,
    is_compared,
    labeled,
    left,
    listed,
    notice,
    planned,
    reclaimed,
    says,
    stored,
)

_S = ShipmentState
pytestmark = pytest.mark.harness(provider=in_memory())


async def test_an_order_of_which_nothing_was_sold_is_compared_once(harness: Harness) -> None:
    job = await planned(harness)
    assert blocks_purchases(job)
    await compare(harness.context, job)
    assert not blocks_purchases(job)
    assert await is_compared(harness, job)
    assert asked(harness)
    assert job.wake_times == []


async def test_an_order_that_was_compared_is_not_compared_again(harness: Harness) -> None:
    job = await planned(harness)
    job.restored_at = 0.0
    await compare(harness.context, job)
    assert asked(harness) == []
    assert not await is_compared(harness, job)


async def test_an_order_that_was_not_read_and_not_decided_waits(harness: Harness) -> None:
    job = await planned(harness)
    job.fetched = job.decision = None
    await compare(harness.context, job)
    assert blocks_purchases(job)
    assert not await is_compared(harness, job)


async def test_an_order_that_the_store_does_not_have_is_compared_without_a_question(harness: Harness) -> None:
    job = await planned(harness)
    job.fetched, job.decision = None, Skip("The store does not have this order.")
    await compare(harness.context, job)
    assert not blocks_purchases(job)
    assert await is_compared(harness, job)
    assert asked(harness) == []


async def test_an_order_without_a_decision_is_compared_all_the_same(harness: Harness) -> None:
    job = await planned(harness)
    job.decision = None
    await compare(harness.context, job)
    assert await is_compared(harness, job)


async def test_an_order_of_after_the_restore_is_compared_without_a_question(harness: Harness) -> None:
    job = await planned(harness)
    created_after(job, 600.5)
    await compare(harness.context, job)
    assert not blocks_purchases(job)
    assert await is_compared(harness, job)
    assert asked(harness) == []
    assert [one.state for one in job.shipments] == [_S.PLANNED]


async def test_an_order_whose_date_is_in_the_future_is_looked_up(harness: Harness) -> None:
    job = await planned(harness)
    harness.provider.safety = Safety.LOOKUP
    assert job.fetched is not None
    for ahead_s, is_asked in ((599.0, False), (601.0, True)):
        at = datetime.fromtimestamp(harness.clock.now() + ahead_s, UTC)
        job.fetched = replace(job.fetched, created_at=at.isoformat())
        job.restored_at = harness.clock.now() - 600.0
        await compare(harness.context, job)
        assert bool(asked(harness)) is is_asked


async def test_an_account_that_lists_a_purchase_knows_better_than_the_date(harness: Harness) -> None:
    job = await planned(harness)
    await listed(harness, job, tracking_number=NUMBER)
    created_after(job, 600.5)
    await compare(harness.context, job)
    assert blocks_purchases(job)
    assert [one.state for one in job.shipments] == [_S.BUYING]


async def test_nothing_is_compared_while_what_was_lost_is_still_collected(harness: Harness) -> None:
    job = await planned(harness)
    await notice(harness, collected=False)
    await compare(harness.context, job)
    assert blocks_purchases(job)
    assert asked(harness) == []
    assert not await is_compared(harness, job)


@pytest.mark.parametrize("state", [_S.BUYING, _S.UNKNOWN])
async def test_an_order_with_a_purchase_in_doubt_is_compared_later(
    harness: Harness, state: ShipmentState
) -> None:
    job = await planned(harness)
    for to in (_S.BUYING, state):
        await harness.context.move(job, job.shipments[0], to)
    await compare(harness.context, job)
    assert blocks_purchases(job)
    assert not await is_compared(harness, job)


# ---- an account that has not answered the question at the start ----------------------------------------


async def silent(harness: Harness) -> None:
    def write(tx: Tx) -> None:
        restores.begin_check(tx, 0.0)
        restores.save_unasked(tx, harness.provider.account, "no answer")
        restores.allow_claims(tx)

    await harness.ledger.write(write, harness.clock.now())


@pytest.mark.parametrize("is_read", [True, False])
async def test_an_order_of_a_silent_account_is_compared_again_in_the_next_pass(
    harness: Harness, is_read: bool
) -> None:
    job = await planned(harness)
    await silent(harness)
    if not is_read:
        job.fetched, job.decision = None, Skip("The store does not have this order.")
    await compare(harness.context, job)
    assert [one.account for one in job.unasked] == ["in_memory"]
    assert not blocks_purchases(job), "buy.py leaves the silent account out"
    assert not await is_compared(harness, job)


async def test_an_order_of_after_the_restore_waits_for_no_account(harness: Harness) -> None:
    job = await planned(harness)
    await silent(harness)
    created_after(job, 600.5)
    await compare(harness.context, job)
    assert job.unasked == ()
    assert await is_compared(harness, job)


# ---- what an account lists -----------------------------------------------------------------------------


@pytest.mark.parametrize("state", [_S.PLANNED, _S.HELD])
async def test_a_listed_purchase_that_is_planned_by_now_is_begun_and_the_order_processed_again(
    harness: Harness, state: ShipmentState
) -> None:
    job = await planned(harness)
    await harness.context.move(job, job.shipments[0], state)
    await listed(harness, job, tracking_number=NUMBER)
    await compare(harness.context, job)
    assert [one.state for one in await stored(harness, job)] == [_S.BUYING]
    assert await left(harness, job) == []
    assert job.wake_times == [harness.clock.now()]
    assert blocks_purchases(job)
    assert asked(harness) == []


@pytest.mark.parametrize("is_held", [False, True])
async def test_a_listed_purchase_whose_label_the_ledger_has_is_known(harness: Harness, is_held: bool) -> None:
    job = await planned(harness)
    shipment = await labeled(harness, job, job.shipments[0])
    if is_held:
        shipment = await harness.context.move_label(job, shipment, _S.VOIDING, LabelState.VOIDING)
        await harness.context.move_label(job, shipment, _S.HELD, LabelState.VOID_REFUSED)
    before = await stored(harness, job)
    await listed(harness, job, tracking_number=NUMBER)
    await compare(harness.context, job)
    assert await left(harness, job) == []
    assert not blocks_purchases(job)
    assert job.active_holds() == []
    assert await stored(harness, job) == before


async def no_shipment(harness: Harness, job: OrderJob) -> str:
    return await listed(harness, job, "7/1", tracking_number=NUMBER)


async def not_ours(harness: Harness, job: OrderJob) -> str:
    return await listed(harness, job, "gift", tracking_number=NUMBER)


async def cancelled(harness: Harness, job: OrderJob) -> str:
    await harness.context.move(job, job.shipments[0], _S.CANCELLED)
    return await listed(harness, job, tracking_number=NUMBER)


@pytest.mark.parametrize("list_one", [no_shipment, not_ours, cancelled])
async def test_a_purchase_that_matches_nothing_is_held_until_a_person_has_seen_it(
    harness: Harness, list_one: Callable[[Harness, OrderJob], Any]
) -> None:
    job = await planned(harness)
    says(harness, {"7/1": SOLD})
    reference = await list_one(harness, job)
    await compare(harness.context, job)
    (hold,) = job.active_holds()
    assert (hold.code, hold.shipment_id) == (HoldCode.RESTORE_UNCLEAR, "")
    assert f"in_memory sold {NUMBER} as {reference}; no shipment of the order has that reference" in hold.note
    assert blocks_purchases(job)
    assert await left(harness, job) == [reference]
    assert job.wake_times == []

    await harness.release_hold(hold)
    job = await reclaimed(harness, job)
    await compare(harness.context, job)
    assert not blocks_purchases(job)
    assert await left(harness, job) == []
    assert job.active_holds() == []


async def test_the_hold_of_the_first_purchase_without_a_match_stands_for_all(harness: Harness) -> None:
    job = await planned(harness)
    says(harness, {"7/1": SOLD, "8/1": SOLD})
    await listed(harness, job, "8/1", tracking_number="second")
    await listed(harness, job, "7/1")
    await compare(harness.context, job)
    (hold,) = job.active_holds()
    assert "in_memory sold a label as" in hold.note


async def test_an_order_with_a_purchase_without_a_match_is_not_compared_whatever_a_look_up_says(
    harness: Harness,
) -> None:
    """And one whose every listed purchase is matched is not, if a look-up finds another."""
    job = await planned(harness)
    await labeled(harness, job, job.shipments[0])
    says(harness, {"7/1": SOLD})
    await listed(harness, job, "1/1", tracking_number=NUMBER)
    await listed(harness, job, "7/1", tracking_number="other")
    await compare(harness.context, job)
    assert blocks_purchases(job)
    assert len(await left(harness, job)) == 1


# ---- a listed purchase that was voided since -----------------------------------------------------------


async def test_a_purchase_that_was_voided_since_is_recorded_without_units(harness: Harness) -> None:
    job = await planned(harness)
    job.fetched = replace(job.order, fulfillments=None)
    says(harness, {"7/1": Withdrawn(NUMBER, Voided())})
    await listed(harness, job, "7/1", tracking_number=NUMBER, provider_ref="shp_7")
    await compare(harness.context, job)
    _, shipment = await stored(harness, job)
    assert (shipment.seq, shipment.units, shipment.state) == (7, (), _S.BUYING)
    assert (shipment.provider_ref, shipment.post_body) == ("shp_7", "")
    assert job.wake_times == [harness.clock.now()]
    assert blocks_purchases(job)
    assert job.active_holds() == []
    assert "planned" in await actions(harness, job)
    (purchase,) = harness.provider.seen("lookup")[-1]
    assert (purchase.provider_ref, purchase.request.reference) == ("shp_7", f"{job.order_id}/7/1")
    await reconcile(harness.context, job)
    assert [one.state for one in await stored(harness, job)] == [_S.PLANNED, _S.VOIDED]


async def test_a_voided_purchase_without_a_provider_id_is_asked_for_without_one(harness: Harness) -> None:
    job = await planned(harness)
    await listed(harness, job, "7/1", tracking_number=NUMBER)
    await compare(harness.context, job)
    (purchase,) = harness.provider.seen("lookup")[0]
    assert purchase.provider_ref == ""


async def test_a_voided_purchase_of_a_shipment_that_ended_is_held_for_a_person(harness: Harness) -> None:
    job = await planned(harness)
    says(harness, {"1/1": Withdrawn(NUMBER, Voided())})
    await cancelled(harness, job)
    await compare(harness.context, job)
    assert [hold.code for hold in job.active_holds()] == [HoldCode.RESTORE_UNCLEAR]
    assert [one.state for one in await stored(harness, job)] == [_S.CANCELLED]


@pytest.mark.parametrize("answer", [Unknown("busy"), ProviderUnavailable("busy")])
async def test_while_the_account_does_not_say_the_purchase_is_neither_held_nor_recorded(
    harness: Harness, answer: Any
) -> None:
    job = await planned(harness)
    says(harness, {"7/1": answer})
    reference = await listed(harness, job, "7/1", tracking_number=NUMBER)
    await compare(harness.context, job)
    (failure,) = job.failures
    assert "busy" in failure.why
    assert reference in failure.why
    assert job.active_holds() == []
    assert await left(harness, job) == [reference]
    assert len(await stored(harness, job)) == 1
    assert blocks_purchases(job)
