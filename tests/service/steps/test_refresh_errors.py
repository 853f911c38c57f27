"""refresh: what is kept of the store's answer, and which errors are an answer about the order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from packhouse.errors import (
    StoreError,
    StoreForbidden,
    StoreNotFound,
    StoreUnavailable,
    StoreUnreachable,
    StoreUnreadable,
)
from packhouse.ledger import queries
from packhouse.model.hold import HoldCode
from packhouse.model.journal import MACHINE
from packhouse.model.states import ShipmentState
from packhouse.rules.decision import NeedsHold, Skip, Withdraw
from packhouse.steps.context import OrderJob
from packhouse.steps.refresh import refresh
from packhouse.store.protocol import TOO_LARGE
from tests.service.harness import Harness
from tests.service.providers.in_memory import in_memory
from tests.service.steps.order_jobs import order_of, plan

_S = ShipmentState
GONE = StoreNotFound("no such order", status=404, code="not_found")
pytestmark = pytest.mark.harness(provider=in_memory())


async def unread(harness: Harness) -> OrderJob:
    job = await order_of(harness, 1)
    job.fetched, job.fetched_at, job.deferred = None, 0.0, []
    return job


async def test_the_order_is_kept_with_its_times(harness: Harness) -> None:
    job = await unread(harness)
    harness.clock.skew = 50.0
    await refresh(harness.context, job)
    assert job.order == await harness.store.real.order(job.order_id)
    assert job.fetched_at == harness.clock.monotonic()
    await harness.context.write(job, lambda tx: None)
    row = await harness.ledger.read(queries.order_row, job.order_id)
    assert row is not None
    assert row.fetched_at == harness.clock.now()
    assert job.decision is None


async def refuse(harness: Harness, job: OrderJob, error: StoreError) -> None:
    harness.store.script(order=error)
    with pytest.raises(StoreError) as raised:
        await refresh(harness.context, job)
    assert job.decision is None
    assert job.fetched is None
    if isinstance(error, StoreNotFound):
        assert isinstance(raised.value, StoreUnavailable)
        assert raised.value.status == 404
        assert job.order_id in str(raised.value)
    else:
        assert raised.value is error


async def test_an_order_is_gone_when_the_store_says_so_the_sixth_time_in_a_row(harness: Harness) -> None:
    job = await unread(harness)
    for _ in range(5):
        await refuse(harness, job, GONE)
    await refresh(harness.context, job)
    assert job.decision == Skip("The store does not have this order.")


@pytest.mark.parametrize(
    "between", [StoreUnavailable("busy", status=503), StoreUnreadable("cut off", code="cut"), None]
)
async def test_any_other_answer_begins_the_count_again(harness: Harness, between: StoreError | None) -> None:
    job = await unread(harness)
    for _ in range(5):
        await refuse(harness, job, GONE)
    if between:
        await refuse(harness, job, between)
    else:
        harness.store.script(order=None)
        await refresh(harness.context, job)
        job.fetched = None
    for _ in range(5):
        await refuse(harness, job, GONE)


async def test_a_404_without_the_stores_own_code_never_counts(harness: Harness) -> None:
    job = await unread(harness)
    for _ in range(8):
        await refuse(harness, job, StoreNotFound("nginx", status=404))
    assert harness.context.missing == {}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StoreForbidden("no scope read:orders", status=403), HoldCode.STORE_FORBIDS),
        (StoreUnreadable("9000 lines", code=TOO_LARGE), HoldCode.ORDER_TOO_LARGE),
    ],
)
async def test_what_a_person_must_see_is_held_in_the_stores_words(
    harness: Harness, error: StoreError, code: HoldCode
) -> None:
    job = await unread(harness)
    harness.store.script(order=error)
    await refresh(harness.context, job)
    assert isinstance(job.decision, NeedsHold)
    (reason,) = job.decision.reasons
    assert (reason.code, reason.note) == (code, str(error))
    assert job.fetched is None
    assert job.deferred == []


@pytest.mark.parametrize(
    "error", [StoreUnreachable("no route", code=TOO_LARGE), StoreUnreadable("cut off", code="cut")], ids=type
)
async def test_other_errors_are_tried_again(harness: Harness, error: StoreError) -> None:
    await refuse(harness, await unread(harness), error)


# ---- an order that is gone and paid for ------------------------------------------------------------------


async def gone(harness: Harness, *to: ShipmentState) -> OrderJob:
    job = await order_of(harness, 1)
    await plan(harness, job, *to)
    job.fetched = None
    harness.store.script(order=GONE)
    harness.context.missing[job.order_id] = 5
    return job


@pytest.mark.parametrize(
    ("to", "decision"),
    [
        ((), Skip),
        ((_S.HELD,), Skip),
        ((_S.BUYING,), NeedsHold),
        ((_S.BUYING, _S.UNKNOWN), NeedsHold),
        ((_S.LABELED,), NeedsHold),
        ((_S.LABELED, _S.FULFILLED), Skip),
    ],
)
async def test_a_person_decides_about_an_order_that_is_gone_if_a_label_was_paid_for(
    harness: Harness, to: tuple[ShipmentState, ...], decision: Any
) -> None:
    job = await gone(harness, *to)
    await refresh(harness.context, job)
    assert isinstance(job.decision, decision)
    if isinstance(job.decision, NeedsHold):
        assert [reason.code for reason in job.decision.reasons] == [HoldCode.ORDER_UNREADABLE]


RELEASED: dict[str, Any] = {"released_by": "ada", "released_at": 1.0}


@pytest.mark.parametrize(
    ("changes", "is_decided"),
    [
        (RELEASED, True),
        ({"released_by": "ada"}, False),
        (RELEASED | {"released_by": MACHINE}, False),
        (RELEASED | {"code": HoldCode.STORE_FORBIDS}, False),
    ],
    ids=["released", "active", "released by Packhouse", "another hold"],
)
async def test_its_label_is_withdrawn_once_a_person_has_released_the_hold(
    harness: Harness, changes: dict[str, Any], is_decided: bool
) -> None:
    job = await gone(harness, _S.LABELED)
    for code in (HoldCode.ORDER_UNREADABLE, HoldCode.MANUAL):
        await harness.context.hold(job, code, "gone")
    job.holds = [replace(job.holds[0], **changes), job.holds[1]]
    await refresh(harness.context, job)
    assert isinstance(job.decision, Withdraw if is_decided else NeedsHold)
