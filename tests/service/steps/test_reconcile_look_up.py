"""reconcile: when a purchase in doubt is looked up, and what each answer leads to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from packhouse.ledger import queries
from packhouse.model.hold import HoldCode
from packhouse.model.states import ShipmentState
from packhouse.model.waiting import WaitKind
from packhouse.providers.port import Absent, Bought, Safety, Unknown, Voided, Whose, Withdrawn
from packhouse.rules.changes import fingerprint
from packhouse.steps import purchase
from packhouse.steps.context import OrderJob
from packhouse.steps.reconcile import reconcile
from tests.service.harness import Harness
from tests.service.providers.in_memory import in_memory
from tests.service.steps.restored_orders import NUMBER, RATE, SOLD, actions, asked, planned, says, stored

_S = ShipmentState
pytestmark = pytest.mark.harness(provider=in_memory())


async def begun(harness: Harness, *, is_settled: bool = True) -> OrderJob:
    """A purchase whose worker is gone; the provider must have finished it."""
    job = await planned(harness)
    at = harness.clock.now()
    fields: dict[str, Any] = {"provider": "in_memory", "provider_ref": "shp_1", "rate": RATE, "intent_at": at}
    shipment = await harness.context.move(job, job.shipments[0], _S.BUYING, **fields)
    if is_settled:
        settle_s = harness.settings.provider_settle_s
        harness.context.settling[purchase.intent_of(shipment)] = harness.clock.monotonic() - settle_s
    job.wake_times = []
    return job


@pytest.mark.parametrize("is_shared", [False, True])
async def test_a_purchase_of_another_process_is_looked_up_once_it_must_have_ended(
    harness: Harness, is_shared: bool
) -> None:
    harness.ledger.shared = is_shared
    harness.clock.skew = 1000.0
    job = await begun(harness, is_settled=False)
    wait_s = harness.settings.provider_settle_s + (harness.settings.provider_timeout_s if is_shared else 0.0)
    until = harness.clock.now() + wait_s
    for _ in range(2):
        await reconcile(harness.context, job)
        assert [one.state for one in await stored(harness, job)] == [_S.UNKNOWN]
        assert asked(harness) == []
        assert job.wake_times == [until]
        assert job.waiting is not None
        assert job.waiting.kind is WaitKind.PURCHASE_UNSETTLED
        job.wake_times = []
        await harness.clock.advance(wait_s - 0.5 if harness.clock.now() < until - 1 else 0.0)
    assert (await actions(harness, job)).count("unknown") == 1
    await harness.clock.advance(0.5)
    await reconcile(harness.context, job)
    assert asked(harness) == ["1/1"]


async def test_a_blind_purchase_is_held_only_once_it_must_have_ended(harness: Harness) -> None:
    harness.provider.safety = Safety.BLIND
    job = await begun(harness, is_settled=False)
    await reconcile(harness.context, job)
    assert job.active_holds() == []
    await harness.clock.advance(harness.settings.provider_settle_s)
    await reconcile(harness.context, job)
    (hold,) = job.active_holds()
    assert (hold.code, hold.shipment_id) == (HoldCode.PURCHASE_UNKNOWN, job.shipments[0].id)
    assert [one.state for one in await stored(harness, job)] == [_S.HELD]
    assert asked(harness) == []


async def test_a_purchase_that_was_made_is_recorded(harness: Harness) -> None:
    job = await begun(harness)
    says(harness, {"1/1": SOLD})
    await reconcile(harness.context, job)
    (shipment,) = await stored(harness, job)
    assert shipment.label is not None
    assert (shipment.state, shipment.label.tracking_number) == (_S.LABELED, NUMBER)
    (asked_for,) = harness.provider.seen("lookup")[0]
    assert (asked_for.provider_ref, asked_for.rate) == ("shp_1", RATE)
    assert asked_for.request.order == job.order


def elsewhere(job: OrderJob, **parts: str) -> Bought:
    assert job.order.address is not None
    return replace(SOLD, to_address=replace(job.order.address, **parts))


@pytest.mark.parametrize(
    "parts",
    [
        {"street1": "9 Elm St"},
        {"city": "Oakland"},
        {"postcode": "94601"},
        {"country": "CA"},
        {"street2": "9"},
    ],
    ids=lambda parts: next(iter(parts)),
)
async def test_a_label_that_goes_elsewhere_fits_no_order(harness: Harness, parts: dict[str, str]) -> None:
    job = await begun(harness)
    says(harness, {"1/1": elsewhere(job, **parts)})
    await reconcile(harness.context, job)
    (shipment,) = await stored(harness, job)
    assert (shipment.state, shipment.fingerprint) == (_S.LABELED, "")


async def test_a_label_is_compared_with_its_order_only_after_a_restore(harness: Harness) -> None:
    """The ledger's own plan is right, and some accounts write addresses in their own way."""
    job = await begun(harness)
    job.restored_at = 0.0
    says(harness, {"1/1": elsewhere(job, street1="1 Main Str.")})
    await reconcile(harness.context, job)
    (shipment,) = await stored(harness, job)
    assert shipment.fingerprint == fingerprint(job.order, shipment.units)


async def test_a_label_that_goes_to_the_order_keeps_its_fingerprint(harness: Harness) -> None:
    job = await begun(harness)
    says(harness, {"1/1": elsewhere(job, name="Ann", company="Lee & Co", phone="1", email="ann@example.com")})
    await reconcile(harness.context, job)
    (shipment,) = await stored(harness, job)
    assert shipment.fingerprint == fingerprint(job.order, shipment.units)


async def test_a_purchase_of_an_order_that_was_not_read_is_looked_up_too(harness: Harness) -> None:
    job = await begun(harness)
    sold = elsewhere(job)
    job.fetched = None
    says(harness, {"1/1": sold})
    await reconcile(harness.context, job)
    (shipment,) = await stored(harness, job)
    assert shipment.state is _S.LABELED
    assert shipment.fingerprint, "nothing is known of the order's address"


async def test_a_purchase_that_was_voided_since_is_recorded_as_void(harness: Harness) -> None:
    job = await begun(harness)
    says(harness, {"1/1": Withdrawn(NUMBER, Voided())})
    await reconcile(harness.context, job)
    (shipment,) = await stored(harness, job)
    assert shipment.label is not None
    assert (shipment.state, shipment.label.provider_id) == (_S.VOIDED, "shp_1")


async def test_a_purchase_that_was_not_made_is_planned_again(harness: Harness) -> None:
    job = await begun(harness)
    says(harness, {"1/1": Absent()})
    await reconcile(harness.context, job)
    assert [one.state for one in await stored(harness, job)] == [_S.PLANNED]
    entry = (await harness.ledger.read(queries.entries, order_id=job.order_id))[-1]
    assert entry.why == f"in_memory has no purchase {job.order_id}/1/1; it is begun again."


async def test_an_account_that_cannot_say_yet_is_asked_again(harness: Harness) -> None:
    job = await begun(harness)
    says(harness, {"1/1": Unknown("busy")})
    await reconcile(harness.context, job)
    (failure,) = job.failures
    assert failure.why == f"The purchase {job.order_id}/1/1 could not be looked up: busy"
    assert [one.state for one in await stored(harness, job)] == [_S.UNKNOWN]
    assert job.waiting is None


async def test_an_account_that_buys_nothing_now_is_waited_for(harness: Harness) -> None:
    job = await begun(harness)
    harness.context.breaker.refused("in_memory", Whose.ACCOUNT, "No funds.", harness.clock)
    says(harness, {"1/1": Unknown("busy.")})
    await reconcile(harness.context, job)
    assert job.failures == []
    assert job.waiting is not None
    assert (job.waiting.kind, job.waiting.account) == (WaitKind.ACCOUNT_REFUSED, "in_memory")
    assert job.waiting_reason.endswith("could not be looked up: busy. in_memory buys no labels: No funds.")
    (wake,) = job.wake_times
    assert wake > harness.clock.now()


async def test_a_purchase_without_a_rate_is_never_looked_up(harness: Harness) -> None:
    job = await begun(harness)
    job.shipments = [replace(job.shipments[0], rate=None)]
    with pytest.raises(ValueError, match="without a rate"):
        await reconcile(harness.context, job)
    assert asked(harness) == []


async def test_an_answer_that_will_not_change_is_held_for_a_person_at_once(harness: Harness) -> None:
    job = await begun(harness)
    says(harness, {"1/1": Unknown("the number cannot be read", needs_person=True)})
    await reconcile(harness.context, job)
    (hold,) = job.active_holds()
    assert hold.code is HoldCode.PURCHASE_UNKNOWN
    assert "the number cannot be read" in hold.note
    assert job.failures == []
