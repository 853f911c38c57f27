"""After a restore: an account is asked by reference what it sold, before anything is bought again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from packhouse.errors import ProviderUnavailable
from packhouse.ledger import restores
from packhouse.model.hold import HoldCode
from packhouse.model.label import Rate
from packhouse.model.money import Money
from packhouse.model.states import ShipmentState
from packhouse.providers.port import Safety, Unknown, Voided, Withdrawn
from packhouse.steps.recall import blocks_purchases, compare, recall
from tests.service.harness import Harness
from tests.service.providers.in_memory import in_memory
from tests.service.steps.restored_orders import (
    NUMBER,
    SOLD,
    Lister,
    another,
    asked,
    is_compared,
    label_of,
    labeled,
    notice,
    planned,
    reclaimed,
    says,
    stored,
)

_S = ShipmentState
GAP = "The guard log has a gap after the backup."
pytestmark = pytest.mark.harness(provider=in_memory())


@pytest.mark.parametrize("step", [recall, compare])
@pytest.mark.parametrize("answer", [SOLD, Withdrawn(NUMBER, Voided())])
async def test_what_was_sold_under_the_reference_is_begun_and_is_a_restore(
    harness: Harness, step: Any, answer: Any
) -> None:
    job = await planned(harness)
    says(harness, {"1/1": answer})
    await step(harness.context, job)
    (shipment,) = await stored(harness, job)
    assert (shipment.state, shipment.provider) == (_S.BUYING, "in_memory")
    assert asked(harness) == ["1/1", "1/2"]
    assert job.wake_times == [harness.clock.now()]
    assert job.active_holds() == []
    assert blocks_purchases(job)
    restore = await harness.ledger.read(restores.current)
    assert restore is not None
    assert restore.cause is restores.Cause.PROVIDER


async def test_a_restore_that_was_noticed_is_not_noticed_again(harness: Harness) -> None:
    job = await planned(harness)
    await notice(harness)
    before = await harness.ledger.read(restores.current)
    await harness.clock.advance(5.0)
    says(harness, {"1/1": SOLD})
    await recall(harness.context, job)
    assert await harness.ledger.read(restores.current) == before
    assert asked(harness) == ["1/1", "1/2"]


async def test_only_the_planned_reference_is_asked_for_until_a_restore_is_noticed(harness: Harness) -> None:
    job = await planned(harness)
    await compare(harness.context, job)
    assert asked(harness) == ["1/1"]
    assert await is_compared(harness, job)


async def test_after_a_restore_what_may_have_followed_is_asked_for_too(harness: Harness) -> None:
    job = await planned(harness)
    await another(harness, job)
    await notice(harness)
    await compare(harness.context, job)
    assert asked(harness) == ["1/1", "1/2", "3/1", "2/1", "2/2", "3/1"]
    assert await is_compared(harness, job)


@pytest.mark.parametrize(
    ("sold", "named"), [("1/2", "1/2,"), ("2/1", "2/1,"), ("1/1 1/2", "1/1 and perhaps a later one,")]
)
async def test_what_matches_no_planned_shipment_is_held_until_a_person_has_seen_it(
    harness: Harness, sold: str, named: str
) -> None:
    job = await planned(harness)
    await notice(harness)
    says(harness, dict.fromkeys(sold.split(), SOLD))
    await compare(harness.context, job)
    (hold,) = job.active_holds()
    assert (hold.code, hold.shipment_id) == (HoldCode.RESTORE_UNCLEAR, job.shipments[0].id)
    assert f"in_memory sold {NUMBER} as {job.order_id}/{named} which matches no shipment" in hold.note
    assert [one.state for one in await stored(harness, job)] == [_S.PLANNED]
    assert blocks_purchases(job)
    await harness.release_hold(hold)
    job = await reclaimed(harness, job)
    await compare(harness.context, job)
    assert await is_compared(harness, job)


async def test_a_shipment_is_asked_about_once_in_a_pass(harness: Harness) -> None:
    job = await planned(harness)
    await recall(harness.context, job)
    await compare(harness.context, job)
    assert asked(harness) == ["1/1"]
    assert await is_compared(harness, job)


async def test_a_shipment_that_is_not_clear_is_asked_about_again_in_the_same_pass(harness: Harness) -> None:
    job = await planned(harness)
    await notice(harness)
    says(harness, {"1/1": Unknown("busy")})
    await recall(harness.context, job)
    await compare(harness.context, job)
    assert asked(harness) == ["1/1", "1/1"]
    assert blocks_purchases(job)


async def test_the_account_is_asked_with_the_rate_that_was_chosen(harness: Harness) -> None:
    job = await planned(harness)
    rate = Rate("r1", "Bike", "express", Money(900, "USD"))
    await another(harness, job, rate=rate)
    await recall(harness.context, job)
    purchases = [purchase for (purchase,) in harness.provider.seen("lookup")]
    assert [one.rate for one in purchases] == [Rate("", "", "", None), rate]
    assert {one.provider_ref for one in purchases} == {""}


async def test_what_was_never_packed_or_has_a_label_is_not_asked_about(harness: Harness) -> None:
    job = await planned(harness)
    await another(harness, job, parcel=None)
    held = await another(harness, job, state=_S.HELD)
    job.update(held, label=label_of(held))
    await recall(harness.context, job)
    assert asked(harness) == ["1/1"]


async def test_one_shipment_that_is_not_clear_keeps_the_order_from_being_compared(harness: Harness) -> None:
    job = await planned(harness)
    await another(harness, job)
    says(harness, {"1/1": SOLD, "1/2": SOLD})
    await compare(harness.context, job)
    assert blocks_purchases(job)
    assert not await is_compared(harness, job)


# ---- an account that does not say ----------------------------------------------------------------------

SILENCES = pytest.mark.parametrize("answer", [Unknown("busy"), ProviderUnavailable("busy")], ids=type)


@SILENCES
async def test_after_a_restore_an_account_that_does_not_say_is_asked_again(
    harness: Harness, answer: Any
) -> None:
    job = await planned(harness)
    await notice(harness)
    says(harness, {"1/1": answer})
    await compare(harness.context, job)
    (failure,) = job.failures
    assert f"in_memory was asked about {job.order_id}/1/1" in failure.why
    assert failure.why.endswith(": busy")
    assert asked(harness) == ["1/1"]
    assert blocks_purchases(job)
    assert job.active_holds() == []


@pytest.mark.harness(provider=in_memory(), settings={"retry": {"hold_after": 1}})
@SILENCES
async def test_an_account_that_had_sold_nothing_stops_no_order(harness: Harness, answer: Any) -> None:
    job = await planned(harness)
    says(harness, {"1/1": answer})
    await compare(harness.context, job)
    assert await is_compared(harness, job)
    assert job.failures == []
    assert job.holds == []


async def had_sold(harness: Harness, **label: Any) -> None:
    """Another order got a label before the restore."""
    job = await planned(harness)
    await labeled(harness, job, job.shipments[0], **label)


@SILENCES
async def test_an_account_that_had_sold_is_asked_again_before_anything_is_bought(
    harness: Harness, answer: Any
) -> None:
    await had_sold(harness)
    job = await planned(harness)
    says(harness, {"1/1": answer})
    await compare(harness.context, job)
    (failure,) = job.failures
    assert failure.why.endswith(": busy")
    assert blocks_purchases(job)
    assert not await is_compared(harness, job)
    assert job.active_holds() == []


@pytest.mark.parametrize("label", [{"provider": "second"}, {"bought_at": 2_000_000_000.0}], ids=str)
async def test_what_another_account_sold_or_this_one_sold_since_stops_no_order(
    harness: Harness, label: dict[str, Any]
) -> None:
    await had_sold(harness, **label)
    job = await planned(harness)
    says(harness, {"1/1": Unknown("busy")})
    await compare(harness.context, job)
    assert await is_compared(harness, job)


@pytest.mark.harness(provider=in_memory(), settings={"retry": {"hold_after": 3}})
@pytest.mark.parametrize(("attempts", "is_held"), [(1, False), (2, True)])
async def test_after_many_tries_a_person_decides_about_an_account_that_does_not_say(
    harness: Harness, attempts: int, is_held: bool
) -> None:
    await had_sold(harness)
    job = await planned(harness)
    job.lease = replace(job.lease, attempts=attempts)
    says(harness, {"1/1": Unknown("busy")})
    await compare(harness.context, job)
    assert blocks_purchases(job)
    assert [hold.code for hold in job.active_holds()] == [HoldCode.RESTORE_UNCLEAR] * is_held
    assert len(job.failures) == (not is_held)
    if is_held:
        (hold,) = job.active_holds()
        assert (hold.shipment_id, hold.note[-4:]) == (job.shipments[0].id, "busy")


@pytest.mark.harness(provider=in_memory(), settings={"retry": {"hold_after": 2}})
async def test_once_a_person_has_decided_the_account_is_not_waited_for(harness: Harness) -> None:
    await had_sold(harness)
    job = await planned(harness)
    job.lease = replace(job.lease, attempts=1)
    says(harness, {"1/1": Unknown("busy")})
    await compare(harness.context, job)
    (hold,) = job.active_holds()
    await harness.release_hold(hold)
    job = await reclaimed(harness, job)
    await compare(harness.context, job)
    assert job.failures == []
    assert await is_compared(harness, job)


# ---- what kind of account is asked ---------------------------------------------------------------------


@pytest.mark.parametrize("log_problem", [None, ""])
async def test_a_blind_account_is_not_asked_and_stops_nothing_while_the_log_is_whole(
    harness: Harness, log_problem: str | None
) -> None:
    harness.provider.safety = Safety.BLIND
    job = await planned(harness)
    if log_problem is not None:
        await notice(harness, log_problem)
    await compare(harness.context, job)
    assert asked(harness) == []
    assert job.active_holds() == []
    assert await is_compared(harness, job)


async def test_a_blind_account_and_a_gap_in_the_log_hold_the_shipment(harness: Harness) -> None:
    harness.provider.safety = Safety.BLIND
    job = await planned(harness)
    await notice(harness, GAP)
    await compare(harness.context, job)
    (hold,) = job.active_holds()
    assert (hold.code, hold.shipment_id) == (HoldCode.RESTORE_UNCLEAR, job.shipments[0].id)
    assert hold.note == f"in_memory cannot say whether it sold {job.order_id}/1/1 since the backup"
    assert asked(harness) == []
    assert blocks_purchases(job)
    await harness.release_hold(hold)
    job = await reclaimed(harness, job)
    await compare(harness.context, job)
    assert asked(harness) == []
    assert await is_compared(harness, job)


async def test_an_account_that_can_be_asked_is_asked_whatever_the_log_lacks(harness: Harness) -> None:
    job = await planned(harness)
    await notice(harness, GAP)
    await compare(harness.context, job)
    assert asked(harness) == ["1/1", "1/2", "2/1"]
    assert job.active_holds() == []
    assert await is_compared(harness, job)


async def test_an_account_with_a_key_is_not_asked(harness: Harness) -> None:
    harness.provider.safety = Safety.KEYED
    job = await planned(harness)
    await compare(harness.context, job)
    assert asked(harness) == []
    assert await is_compared(harness, job)


@pytest.mark.harness(provider=lambda context, folder: Lister(context.clock))
async def test_an_account_that_lists_what_it_sold_is_not_asked_by_reference(harness: Harness) -> None:
    job = await planned(harness)
    await compare(harness.context, job)
    assert asked(harness) == []
    assert await is_compared(harness, job)
