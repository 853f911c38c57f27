"""post: each condition that keeps a label from being posted, alone, and what a later pass relies on."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from packhouse.errors import ProviderRefused
from packhouse.model.hold import Hold, HoldCode
from packhouse.model.order import Fulfillment, Order
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.model.waiting import WaitKind
from packhouse.providers.manual import ManualProvider
from packhouse.providers.port import Voided, Withdrawn
from packhouse.rules import idempotency
from packhouse.steps.context import OrderJob
from packhouse.steps.post import blocks_posting
from tests.service.harness import Harness
from tests.service.steps.jobs import entries, in_step, label_of, labeled, moved, stored

_S = ShipmentState


def sent(harness: Harness) -> list[tuple[Any, ...]]:
    """The posts that reached the store."""
    return harness.store.seen("fulfill")


def reads(harness: Harness) -> int:
    """How often the order was read from the store."""
    return len(harness.store.seen("order"))


async def carried_by_hand(harness: Harness) -> tuple[OrderJob, Shipment]:
    """A parcel that a person has shipped, and whose number is to be posted."""
    job, shipment, label = await labeled(harness)
    label = replace(label, provider=ManualProvider.account)
    return job, job.update(shipment, label=label, provider=ManualProvider.account)


def hold(code: HoldCode, **more: Any) -> Hold:
    return Hold(
        1, "ord_1", more.pop("shipment_id", ""), code, "", "", more.pop("placed_by", "packhouse"), 1.0, **more
    )


@pytest.mark.parametrize("provider", ["easypost", ManualProvider.account])
@pytest.mark.parametrize(
    ("one", "blocks", "blocks_by_hand"),
    [
        (hold(HoldCode.ADDRESS_INCOMPLETE), True, False),
        (hold(HoldCode.ADDRESS_INCOMPLETE, shipment_id="ord_1-1"), True, True),
        (hold(HoldCode.MANUAL, placed_by="ada"), True, True),
        (hold(HoldCode.MANUAL, placed_by="ada", shipment_id="ord_1-1"), True, True),
        (hold(HoldCode.MANUAL, placed_by="ada", released_at=2.0), False, False),
        (hold(HoldCode.PARCEL_RETURNED, shipment_id="ord_1-1"), False, False),
    ],
)
async def test_a_parcel_on_its_way_is_posted_despite_packhouses_own_hold_on_its_order(
    harness: Harness, provider: str, one: Hold, blocks: bool, blocks_by_hand: bool
) -> None:
    _, _, label = await labeled(harness)
    expected = blocks_by_hand if provider == ManualProvider.account else blocks
    assert blocks_posting(one, replace(label, provider=provider)) is expected


async def test_a_hold_of_packhouse_on_the_order_does_not_stop_a_parcel_on_its_way(harness: Harness) -> None:
    job, _ = await carried_by_hand(harness)
    await harness.context.hold(job, HoldCode.ADDRESS_INCOMPLETE, "no street")
    harness.provider.script(document=ProviderRefused("none"))
    await harness.run_step("post", job)
    assert len(sent(harness)) == 1


async def test_a_label_is_posted_with_its_units_and_its_number(harness: Harness) -> None:
    job, shipment, label = await labeled(harness)
    await harness.run_step("post", job)
    after = await in_step(harness, job)
    assert after.state is _S.FULFILLED
    ((order_id, body, key),) = sent(harness)
    assert (order_id, body.decode(), key) == (job.order_id, after.post_body, after.post_key)
    assert key == idempotency.first(shipment)
    (entry,) = await entries(harness, job, "fulfilled")
    assert entry.why == f"3 units with USPS {label.tracking_number}."
    assert (job.deferred, job.wake_times, job.failures) == ([], [], [])


async def test_nothing_is_posted_for_an_order_that_the_store_does_not_show(harness: Harness) -> None:
    job, _, _ = await labeled(harness)
    job.fetched = None
    await harness.run_step("post", job)
    assert sent(harness) == []


async def test_a_shipment_that_lost_its_label_is_left_alone(harness: Harness) -> None:
    job, shipment, _ = await labeled(harness)
    job.update(shipment, label=None)
    await harness.run_step("post", job)
    assert sent(harness) == []


async def test_a_number_that_the_store_has_already_is_recorded_and_not_posted(harness: Harness) -> None:
    job, _, label = await labeled(harness)
    job.fetched = replace(job.order, fulfillments=(Fulfillment(label.tracking_number),))
    job.paused = "stocktaking"
    await harness.run_step("post", job)
    assert (await in_step(harness, job)).state is _S.FULFILLED
    assert sent(harness) == []
    (entry,) = await entries(harness, job, "fulfilled")
    assert entry.why == f"The store already has USPS {label.tracking_number}."
    assert job.wake_times == []


async def test_a_paused_label_waits_and_says_why(harness: Harness) -> None:
    job, _, _ = await labeled(harness)
    job.paused = "stocktaking"
    await harness.run_step("post", job)
    assert (await in_step(harness, job)).state is _S.LABELED
    assert sent(harness) == []
    assert job.wake_times == [harness.clock.now() + harness.settings.poll.recheck_s]
    assert job.waiting_reason == "Paused: stocktaking"


@pytest.mark.parametrize(
    ("codes", "post_key", "is_kept"),
    [
        ((HoldCode.EXTERNAL_POSTING,), "", True),
        ((HoldCode.EXTERNAL_POSTING,), "key-1", False),
        ((HoldCode.MANUAL,), "", False),
        ((HoldCode.EXTERNAL_POSTING, HoldCode.MANUAL), "", False),
    ],
    ids=str,
)
async def test_a_label_that_another_program_posts_has_its_file_kept_for_it(
    harness: Harness, codes: tuple[HoldCode, ...], post_key: str, is_kept: bool
) -> None:
    job, shipment, _ = await labeled(harness)
    if post_key:
        shipment = await moved(harness, job, _S.LABELED, post_key=post_key)
    for code in codes:
        await harness.context.hold(job, code, "", shipment=shipment)
    job.shipments[:] = [replace(shipment, label=replace(label_of(job), document=""))]
    await harness.run_step("post", job)
    after = job.shipments[0]
    assert sent(harness) == []
    assert bool(label_of(job).document) is is_kept
    assert (after.post_key, after.post_body) == (idempotency.first(shipment) if is_kept else post_key, "")
    assert after.state is _S.LABELED


async def test_a_post_that_the_store_took_and_does_not_show_yet_is_not_sent_again(harness: Harness) -> None:
    job, _, label = await labeled(harness)
    shipment = await moved(harness, job, _S.LABELED, post_key="key-1", post_body="{}")
    harness.context.unshown["key-1"] = harness.clock.monotonic() + 0.5
    await harness.run_step("post", job)
    assert sent(harness) == []
    (failure,) = job.failures
    assert (
        failure.why == f"The store accepted USPS {label.tracking_number}, and its order does not show it yet."
    )
    assert (failure.kind, failure.retry_after_s, failure.account) == ("StoreUnreadable", None, "")
    assert job.shipments == [shipment]


@pytest.mark.parametrize("late_s", [0.0, 1.0])
async def test_a_post_that_should_be_shown_by_now_is_sent_again(harness: Harness, late_s: float) -> None:
    job, _, _ = await labeled(harness)
    await moved(harness, job, _S.LABELED, post_key="key-1", post_body="{}")
    harness.context.unshown["key-1"] = harness.clock.monotonic() - late_s
    harness.store.script(fulfill=True)
    await harness.run_step("post", job)
    assert [key for _, _, key in sent(harness)] == ["key-1"]


async def test_a_body_that_may_have_been_sent_is_sent_again_as_it_is_and_without_a_look_up(
    harness: Harness,
) -> None:
    job, _, label = await labeled(harness)
    await moved(harness, job, _S.LABELED, post_key="key-1", post_body='{"saved": 1}')
    harness.provider.script(lookup=Withdrawn(label.tracking_number, Voided()))
    await harness.clock.advance(100)
    job.shipments[:] = [
        replace(job.shipments[0], label=replace(label, bought_at=harness.clock.now() - 7200.0))
    ]
    harness.store.script(fulfill=True)
    await harness.run_step("post", job)
    assert sent(harness) == [(job.order_id, b'{"saved": 1}', "key-1")]
    assert harness.provider.seen("lookup") == []


@pytest.mark.parametrize(("age_s", "is_read"), [(1.9, False), (2.0, False), (2.1, True)])
async def test_an_order_is_read_again_before_a_post_once_it_is_two_seconds_old(
    harness: Harness, age_s: float, is_read: bool
) -> None:
    job, _, _ = await labeled(harness)
    before = reads(harness)

    async def order(order_id: str) -> Order:
        await harness.clock.advance(1)
        return await harness.store.real.order(order_id)

    harness.store.script(order=order)
    job.fetched_at = harness.clock.monotonic() - age_s
    fetched_at = job.fetched_at
    await harness.run_step("post", job)
    assert reads(harness) - before == int(is_read)
    assert job.fetched_at == (harness.clock.monotonic() if is_read else fetched_at)
    assert len(sent(harness)) == 1


async def read_again(harness: Harness, change: Any, job: OrderJob) -> None:
    """Post a label of an order that the store shows changed in this way at the last look."""
    harness.store.show_orders_as(change)
    await harness.clock.advance(3)
    await harness.run_step("post", job)


def another_status(order: Order) -> Order:
    return replace(order, status="processing")


def another_record(order: Order) -> Order:
    return replace(order, lines=(replace(order.lines[0], partly_shipped=True), *order.lines[1:]))


def another_address(order: Order) -> Order:
    assert order.address is not None
    return replace(order, address=replace(order.address, street1="77 Other Road"))


@pytest.mark.parametrize("change", [another_status, another_record, another_address])
async def test_an_order_that_changed_before_the_post_is_decided_again_at_once(
    harness: Harness, change: Any
) -> None:
    job, _, _ = await labeled(harness)
    await read_again(harness, change, job)
    assert (await stored(harness, job)).state is _S.LABELED
    assert sent(harness) == []
    assert job.wake_times == [harness.clock.now()]
    assert len(job.deferred) == 1, "the body that was not sent is forgotten"
    await harness.context.write(job, lambda tx: None)
    assert (await stored(harness, job)).post_body == ""


@pytest.mark.parametrize("change", [another_status, another_record, another_address])
async def test_a_parcel_that_a_person_has_shipped_is_posted_though_the_order_changed(
    harness: Harness, change: Any
) -> None:
    job, _ = await carried_by_hand(harness)
    harness.provider.script(document=ProviderRefused("none"))
    harness.store.script(fulfill=True)
    await read_again(harness, change, job)
    assert len(sent(harness)) == 1
    assert (await stored(harness, job)).state is _S.FULFILLED


async def test_an_order_that_was_decided_although_it_does_not_fit_is_not_decided_in_a_circle(
    harness: Harness,
) -> None:
    """The pass has seen the conflict; only an order that was read since gives another pass more to know."""
    job, _, _ = await labeled(harness)
    job.fetched = another_address(job.order)
    await harness.run_step("post", job)
    assert sent(harness) == []
    assert job.wake_times == []


@pytest.mark.parametrize("is_paused", [False, True])
async def test_the_number_of_a_parcel_on_its_way_is_recorded_when_it_appears_at_the_last_look(
    harness: Harness, is_paused: bool
) -> None:
    job, shipment = await carried_by_hand(harness)
    number = label_of(job).tracking_number
    row = (Fulfillment(number, units=shipment.units),)
    if is_paused:
        await harness.operations.daemon.pause(reason="stocktaking", actor="ada")
    await read_again(harness, lambda order: replace(order, fulfillments=row), job)
    assert (await stored(harness, job)).state is _S.FULFILLED
    assert sent(harness) == []
    (entry,) = await entries(harness, job, "fulfilled")
    assert entry.why.startswith("The store already has ")
    assert job.wake_times == []


async def test_a_number_that_appears_at_the_last_look_is_left_to_the_next_pass(harness: Harness) -> None:
    job, shipment, label = await labeled(harness)
    row = (Fulfillment(label.tracking_number, units=shipment.units),)
    await read_again(harness, lambda order: replace(order, fulfillments=row), job)
    assert (await stored(harness, job)).state is _S.LABELED
    assert sent(harness) == []
    assert job.wake_times == [harness.clock.now()]


@pytest.mark.parametrize(
    ("state", "is_sent"),
    [
        (_S.FULFILLED, False),
        (_S.DELIVERED, False),
        (_S.BUYING, False),
        (_S.UNKNOWN, False),
        (_S.VOIDED, True),
    ],
)
async def test_units_that_another_parcel_may_have_are_not_posted(
    harness: Harness, state: ShipmentState, is_sent: bool
) -> None:
    job, shipment, _ = await labeled(harness)
    job.shipments.append(replace(shipment, id="another", seq=2, state=state, label=None))
    await harness.run_step("post", job)
    assert len(sent(harness)) == int(is_sent)


async def test_a_pause_at_the_last_moment_stops_the_post(harness: Harness) -> None:
    job, _, _ = await labeled(harness)
    await harness.operations.daemon.pause(reason="stocktaking", actor="ada")
    await harness.run_step("post", job)
    assert (await stored(harness, job)).state is _S.LABELED
    assert sent(harness) == []
    assert job.wake_times == [harness.clock.now() + harness.settings.poll.recheck_s]
    assert "stocktaking" in job.waiting_reason
    assert job.waiting is not None
    assert job.waiting.kind is WaitKind.PAUSED
    await harness.context.write(job, lambda tx: None)
    assert (await stored(harness, job)).post_body == ""


@pytest.mark.parametrize(("answer", "state"), [(True, _S.FULFILLED), (False, _S.LABELED)])
async def test_a_post_that_is_answered_while_the_process_stops_is_recorded(
    harness: Harness, answer: bool, state: ShipmentState
) -> None:
    is_asked = asyncio.Event()

    async def fulfill(order_id: str, body: bytes, key: str) -> bool:
        is_asked.set()
        await asyncio.sleep(0.01)
        return answer

    job, _, _ = await labeled(harness)
    harness.store.script(fulfill=fulfill)
    before = reads(harness)
    task = asyncio.create_task(harness.run_step("post", job))
    await is_asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    after = await in_step(harness, job)
    assert (after.state, bool(after.post_body)) == (state, True)
    assert reads(harness) == before
