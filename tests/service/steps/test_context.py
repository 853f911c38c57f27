"""What every step writes through its context: moves, holds and releases, with the job kept in step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from packhouse.errors import LeaseLost, ProviderMisconfigured
from packhouse.ledger import holds as hold_records
from packhouse.ledger import kv
from packhouse.ledger.tx import Tx
from packhouse.model.hold import HoldCode
from packhouse.model.journal import Entry
from packhouse.model.order import Units
from packhouse.model.states import LabelState, ShipmentState
from packhouse.providers.manual import ManualProvider
from packhouse.rules.fingerprints import settings_fingerprint
from packhouse.steps.moves import Move
from tests.service.harness import Harness
from tests.service.steps.jobs import entries, held, in_step, job_before, label_of, labeled

_S = ShipmentState


def noted(tx: Tx) -> None:
    kv.write(tx, "noted", "yes")


async def was_noted(harness: Harness) -> bool:
    return bool(await harness.ledger.read(kv.read, "noted"))


def actions(logs: list[Any]) -> list[str]:
    return [one["action"] for one in logs if "action" in one]


async def test_deferred_writes_are_committed_once_with_the_next_write(harness: Harness) -> None:
    job = await job_before(harness, "buy")
    times: list[float] = []
    job.deferred += [noted, lambda tx: times.append(tx.now)]
    assert await harness.context.write(job, lambda tx: "written") == "written"
    assert (await was_noted(harness), len(times), job.deferred) == (True, 1, [])
    await harness.context.write(job, lambda tx: None)
    assert len(times) == 1


async def test_what_is_deferred_while_a_write_runs_is_kept_for_the_next_one(harness: Harness) -> None:
    job = await job_before(harness, "buy")
    job.deferred.append(noted)
    later: list[str] = []
    await harness.context.write(job, lambda tx: job.deferred.append(lambda tx: later.append("done")))
    assert (len(job.deferred), later) == (1, [])
    await harness.context.write(job, lambda tx: None)
    assert (job.deferred, later) == ([], ["done"])


async def test_deferred_writes_stay_where_the_write_fails(harness: Harness) -> None:
    job = await job_before(harness, "buy")
    job.deferred.append(noted)
    harness.ledger.script(write=LeaseLost("another worker has it"))
    with pytest.raises(LeaseLost):
        await harness.context.write(job, lambda tx: None)
    assert job.deferred == [noted]


@pytest.mark.parametrize("is_told", [True, False])
async def test_a_move_is_written_told_and_applied_to_the_job(harness: Harness, is_told: bool) -> None:
    job = await job_before(harness, "buy")
    (shipment,) = job.shipments
    entry = Entry(job.order_id, "cancelled", "Not needed.", shipment.id) if is_told else None
    with capture_logs() as logs:
        after = await harness.context.apply(job, Move(shipment, _S.CANCELLED), entry, also=noted)
    assert after == await in_step(harness, job)
    assert after.state is _S.CANCELLED
    assert await was_noted(harness)
    assert len(await entries(harness, job, "cancelled")) == int(is_told)
    assert actions(logs) == (["cancelled"] if is_told else [])


async def test_a_move_and_what_belongs_to_it_are_written_together_or_not_at_all(harness: Harness) -> None:
    def fails(tx: Tx) -> None:
        raise LeaseLost("another worker has it")

    job = await job_before(harness, "buy")
    before = job.shipments[0]
    with pytest.raises(LeaseLost):
        await harness.context.apply(job, Move(before, _S.CANCELLED), also=fails)
    assert await in_step(harness, job) == before


async def test_a_shipment_and_its_label_move_together(harness: Harness) -> None:
    job, shipment, _ = await labeled(harness)
    entry = Entry(job.order_id, "voiding", "Not needed.", shipment.id)
    due_at = harness.clock.now() + 60
    await harness.context.move_label(
        job, shipment, _S.VOIDING, LabelState.VOIDING, entry, void_refusals=2, void_due_at=due_at
    )
    assert (await in_step(harness, job)).state is _S.VOIDING
    label = label_of(job)
    assert (label.state, label.void_refusals, label.void_due_at) == (LabelState.VOIDING, 2, due_at)
    assert len(await entries(harness, job, "voiding")) == 1


async def test_new_shipments_are_written_told_and_added_to_the_job(harness: Harness) -> None:
    job = await job_before(harness, "buy")
    (first,) = job.shipments
    second = replace(first, id=f"{job.order_id}-2", seq=2, units=(Units("li_9", 1),))
    entry = Entry(job.order_id, "planned", "Another parcel.", second.id)
    with capture_logs() as logs:
        await harness.context.plan(job, [second], [entry])
    assert job.shipments == [first, second]
    assert [one.id for one in await harness.shipments(harness.sandbox.store.orders[job.order_id])] == [
        first.id,
        second.id,
    ]
    assert [one.why for one in await entries(harness, job, "planned")][-1] == "Another parcel."
    assert actions(logs) == ["planned"]


async def test_a_hold_is_written_told_and_known_to_the_job_with_its_move(harness: Harness) -> None:
    job = await job_before(harness, "buy")
    (shipment,) = job.shipments
    with capture_logs() as logs:
        await harness.context.hold(
            job, HoldCode.CAP_REACHED, "It costs 7.00 USD", shipment=shipment, move=Move(shipment, _S.HELD)
        )
    assert (await in_step(harness, job)).state is _S.HELD
    (hold,) = job.active_holds()
    assert tuple(job.holds) == tuple(await harness.ledger.read(hold_records.of_order, job.order_id))
    assert (hold.code, hold.shipment_id, hold.note) == (
        HoldCode.CAP_REACHED,
        shipment.id,
        "It costs 7.00 USD",
    )
    assert hold.fingerprint == harness.context.fingerprint(job, HoldCode.CAP_REACHED) != ""
    (entry,) = await entries(harness, job, "held")
    assert entry.why.endswith(": It costs 7.00 USD")
    assert (entry.shipment_id, entry.data) == (shipment.id, {"code": "cap_reached"})
    assert actions(logs) == ["held"]
    assert "7.00 USD" not in str(logs), "what may be quoted is not logged"


async def test_a_hold_without_a_detail_is_a_sentence(harness: Harness) -> None:
    job = await job_before(harness, "buy")
    await harness.context.hold(job, HoldCode.MANUAL, "")
    (hold,) = job.active_holds()
    assert hold.shipment_id == ""
    (entry,) = await entries(harness, job, "held")
    assert entry.why.endswith(".")
    assert not entry.why.endswith(":.")
    assert job.shipments[0].state is _S.PLANNED


async def test_a_hold_is_told_once_and_each_other_one_too(harness: Harness) -> None:
    job = await job_before(harness, "buy")
    (shipment,) = job.shipments
    with capture_logs() as logs:
        await harness.context.hold(job, HoldCode.NO_RATE, "none", shipment=shipment)
        await harness.context.hold(job, HoldCode.NO_RATE, "still none", shipment=shipment)
        await harness.context.hold(job, HoldCode.NO_RATE, "none")
        await harness.context.hold(job, HoldCode.CAP_REACHED, "dear", shipment=shipment)
        await harness.context.hold(job, HoldCode.NO_RATE, "still none", shipment=shipment)
    assert actions(logs) == ["held"] * 3
    assert sorted(held(job)) == [("cap_reached", shipment.id), ("no_rate", ""), ("no_rate", shipment.id)]


async def test_a_hold_and_its_move_are_written_together_or_not_at_all(harness: Harness) -> None:
    job = await job_before(harness, "buy")
    (shipment,) = job.shipments
    stale = replace(shipment, state=_S.UNKNOWN)
    with pytest.raises(LeaseLost):
        await harness.context.hold(
            job, HoldCode.NO_RATE, "none", shipment=shipment, move=Move(stale, _S.HELD)
        )
    assert await harness.ledger.read(hold_records.of_order, job.order_id) == ()
    assert held(job) == []


async def test_released_holds_leave_the_job_and_the_others_stay(harness: Harness) -> None:
    job = await job_before(harness, "buy")
    await harness.context.hold(job, HoldCode.NO_RATE, "none")
    await harness.context.hold(job, HoldCode.CAP_REACHED, "dear")
    ended = [one for one in job.holds if one.code is HoldCode.NO_RATE]
    with capture_logs() as logs:
        await harness.context.release(job, ended, "There is a rate.")
    assert held(job) == [("cap_reached", "")]
    kept = await harness.ledger.read(hold_records.of_order, job.order_id)
    assert [(one.code.value, one.is_active) for one in kept] == [("no_rate", False), ("cap_reached", True)]
    (entry,) = await entries(harness, job, "released")
    assert entry.why == "no_rate: There is a rate."
    assert actions(logs) == ["released"]


WAIVED = {"released_by": "ada", "released_at": 2.0}


@pytest.mark.parametrize(
    ("change", "is_waived"),
    [
        (WAIVED, True),
        ({}, False),
        ({"released_by": "packhouse", "released_at": 2.0}, False),
        ({"released_by": "ada", "released_at": None}, False),
        (WAIVED | {"fingerprint": "other facts"}, False),
        (WAIVED | {"code": HoldCode.CAP_REACHED}, False),
        (WAIVED | {"shipment_id": ""}, False),
        (WAIVED | {"shipment_id": "ord_9-1"}, False),
    ],
    ids=str,
)
async def test_a_hold_is_waived_by_a_person_for_its_own_facts_and_shipment(
    harness: Harness, change: dict[str, Any], is_waived: bool
) -> None:
    job = await job_before(harness, "buy")
    (shipment,) = job.shipments
    await harness.context.hold(job, HoldCode.NO_RATE, "none", shipment=shipment)
    await harness.context.hold(job, HoldCode.PRICE_DRIFT, "it rose", shipment=shipment)
    job.holds[0] = replace(job.holds[0], **change)
    assert harness.context.is_waived(job, HoldCode.NO_RATE, shipment) is is_waived


async def test_a_hold_on_the_order_is_waived_for_the_order(harness: Harness) -> None:
    job = await job_before(harness, "buy")
    await harness.context.hold(job, HoldCode.NO_RATE, "none")
    job.holds = [replace(one, released_by="ada", released_at=2.0) for one in job.holds]
    assert harness.context.is_waived(job, HoldCode.NO_RATE)
    assert not harness.context.is_waived(job, HoldCode.NO_RATE, job.shipments[0])


async def test_facts_are_those_of_the_order_as_it_was_read(harness: Harness) -> None:
    job = await job_before(harness, "buy")
    first = harness.context.fingerprint(job, HoldCode.ORDER_CHANGED)
    job.fetched = replace(job.order, address=None)
    assert harness.context.fingerprint(job, HoldCode.ORDER_CHANGED) != first
    job.fetched = None
    assert harness.context.fingerprint(job, HoldCode.ORDER_CHANGED) == ""


async def test_what_the_settings_decide_is_derived_once(harness: Harness) -> None:
    assert harness.context.settings_fingerprint == settings_fingerprint(harness.settings)
    job = await job_before(harness, "buy")
    assert await harness.context.products.weights_g(job.order) is not None


async def test_each_account_is_found_by_its_name(harness: Harness) -> None:
    context = harness.context
    assert [one.account for one in context.sellers] == ["easypost"]
    assert context.provider("easypost").account == "easypost"
    assert isinstance(context.provider(ManualProvider.account), ManualProvider)
    with pytest.raises(ProviderMisconfigured, match=r"Restore its section \[providers.closed\]"):
        context.provider("closed")
