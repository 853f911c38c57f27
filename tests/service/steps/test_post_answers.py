"""post: what each answer of the store proves, and what is done about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from packhouse.errors import (
    LedgerUnavailable,
    StoreConflict,
    StoreError,
    StoreForbidden,
    StoreInvalidRequest,
    StoreNotFound,
    StoreRefused,
    StoreThrottled,
    StoreUnanswered,
    StoreUnauthorized,
    StoreUnavailable,
    StoreUnexpectedStatus,
    StoreUnreachable,
    StoreUnreadable,
)
from packhouse.model.hold import HoldCode
from packhouse.model.order import Fulfillment, Order
from packhouse.model.states import ShipmentState
from packhouse.providers.manual import ManualProvider
from packhouse.rules import idempotency
from packhouse.rules.timeouts import longest_post_s
from packhouse.steps.context import OrderJob
from packhouse.steps.post import leaves_no_doubt
from tests.service.harness import Harness
from tests.service.steps.jobs import LEDGER_DOWN, entries, held, label_of, labeled, moved, stored

_S = ShipmentState
REFUSED = StoreRefused("the carrier is not known", status=422, code="unknown_carrier")
PROXY = StoreRefused("a proxy's page", status=422)
FORBIDDEN = StoreForbidden("the key may not", status=403, code="insufficient_scope")
TEAPOT = StoreUnexpectedStatus("418", status=418)


@pytest.mark.parametrize(
    ("error", "is_certain"),
    [
        (StoreUnreachable("nothing was sent"), True),
        (StoreThrottled("429", status=429), True),
        (REFUSED, True),
        (PROXY, False),
        (StoreConflict("409", status=409, code="invalid_state"), True),
        (StoreInvalidRequest("400", status=400, code="validation_failed"), True),
        (StoreNotFound("404", status=404, code="not_found"), True),
        (FORBIDDEN, True),
        (StoreUnauthorized("401", status=401, code="unauthorized"), True),
        (StoreUnauthorized("401", status=401), False),
        (StoreUnavailable("502", status=502, code="bad_gateway"), False),
        (StoreUnanswered("no answer"), False),
        (StoreUnexpectedStatus("418", status=418, code="teapot"), False),
    ],
    ids=str,
)
def test_only_a_refusal_in_the_stores_own_words_or_an_unsent_post_leaves_no_doubt(
    error: StoreError, is_certain: bool
) -> None:
    assert leaves_no_doubt(error) is is_certain


class _Posting:
    """A post that the store answers so, after which its order looks so."""

    def __init__(self, harness: Harness, answer: Any, **order: Any) -> None:
        self.harness, self.answer, self.order = harness, answer, order

    async def fulfill(self, order_id: str, body: bytes, key: str) -> bool:
        self.harness.store.show_orders_as(lambda order: replace(order, **self.order))
        if isinstance(self.answer, Exception):
            raise self.answer
        return bool(self.answer)


async def posted(
    harness: Harness, answer: Any, *, again: bool = False, by_hand: bool = False, **order: Any
) -> OrderJob:
    """Post a label; again: its body was sent before, and the answer was lost."""
    job, shipment, label = await labeled(harness)
    if again:
        shipment = await moved(harness, job, _S.LABELED, post_key="key-1", post_body="{}")
    if by_hand:
        label = replace(label, provider=ManualProvider.account)
        job.update(shipment, label=label, provider=ManualProvider.account)
    order = {name: value(job) if callable(value) else value for name, value in order.items()}
    harness.store.script(fulfill=_Posting(harness, answer, **order).fulfill)
    await harness.run_step("post", job)
    return job


def shown(job: OrderJob) -> tuple[Fulfillment, ...]:
    return (Fulfillment(label_of(job).tracking_number),)


async def body_of(harness: Harness, job: OrderJob) -> str:
    """The body that the ledger keeps, once the job's deferred writes are committed."""
    await harness.context.write(job, lambda tx: None)
    return (await stored(harness, job)).post_body


async def is_fulfilled(harness: Harness, job: OrderJob, why: str) -> bool:
    (entry,) = await entries(harness, job, "fulfilled")
    assert entry.why == why.format(number=label_of(job).tracking_number)
    assert (job.failures, held(job)) == ([], [])
    return job.shipments[0].state is (await stored(harness, job)).state is _S.FULFILLED


async def test_an_answer_that_shows_the_fulfillment_is_believed_without_another_look(
    harness: Harness,
) -> None:
    job, _, _ = await labeled(harness)
    before = len(harness.store.seen("order"))
    harness.context.unshown[idempotency.first(job.shipments[0])] = 0.0
    await harness.run_step("post", job)
    assert len(harness.store.seen("order")) == before
    assert await is_fulfilled(harness, job, "3 units with USPS {number}.")
    assert harness.context.unshown == {}


@pytest.mark.parametrize("answer", [False, StoreUnreadable("no JSON", status=200)], ids=str)
async def test_an_answer_that_shows_nothing_is_settled_by_the_order(harness: Harness, answer: Any) -> None:
    job = await posted(harness, answer, fulfillments=shown)
    assert await is_fulfilled(harness, job, "The store shows USPS {number}.")


async def test_a_store_that_cannot_show_fulfillments_is_taken_at_its_word(harness: Harness) -> None:
    job = await posted(harness, False, fulfillments=None)
    assert await is_fulfilled(
        harness, job, "The store accepted USPS {number}. Its orders do not show fulfillments."
    )


async def test_an_answer_that_may_not_be_the_stores_is_no_word_of_the_store(harness: Harness) -> None:
    job = await posted(harness, StoreUnreadable("no JSON", status=200), fulfillments=None)
    assert (await stored(harness, job)).state is _S.LABELED
    assert [(one.why, one.kind) for one in job.failures] == [("no JSON", "StoreUnreadable")]
    assert harness.context.unshown == {}
    assert await body_of(harness, job), "the same bytes are sent again"


async def test_a_store_that_does_not_show_the_fulfillment_yet_is_given_its_time(harness: Harness) -> None:
    job = await posted(harness, False)
    number = label_of(job).tracking_number
    assert (await stored(harness, job)).state is _S.LABELED
    why = f"The store accepted USPS {number}, and its order does not show it yet."
    assert [(one.why, one.kind) for one in job.failures] == [(why, "StoreUnreadable")]
    settled_at = harness.clock.monotonic() + longest_post_s(harness.settings)
    key = job.shipments[0].post_key
    assert harness.context.unshown == {key: settled_at}
    assert await body_of(harness, job)
    await harness.clock.advance(settled_at - harness.clock.monotonic())
    await harness.run_step("post", job)
    assert harness.context.unshown == {key: settled_at}, "it gets its time once"
    assert len(harness.store.seen("fulfill")) == 2


@pytest.mark.parametrize("answer", [False, REFUSED], ids=str)
async def test_the_order_that_was_read_after_an_answer_counts_for_the_next_parcels(
    harness: Harness, answer: Any
) -> None:
    async def slowly(order_id: str) -> Order:
        await harness.clock.advance(7)
        return replace(await harness.store.real.order(order_id), site_slug="read-again")

    async def fulfill(order_id: str, body: bytes, key: str) -> bool:
        harness.store.script(order=slowly)
        if isinstance(answer, Exception):
            raise answer
        return False

    job, _, _ = await labeled(harness)
    harness.store.script(fulfill=fulfill)
    await harness.run_step("post", job)
    assert job.order.site_slug == "read-again"
    assert job.fetched_at == harness.clock.monotonic()


@pytest.mark.parametrize("answer", [False, REFUSED], ids=str)
async def test_the_age_of_an_order_counts_from_when_it_was_read(harness: Harness, answer: Any) -> None:
    async def write(unit: Any, now: float, *args: Any, **more: Any) -> Any:
        await harness.clock.advance(7)
        return await harness.ledger.real.write(unit, now, *args, **more)

    async def fulfill(order_id: str, body: bytes, key: str) -> bool:
        harness.store.show_orders_as(lambda order: replace(order, fulfillments=shown(job)))
        harness.ledger.script(write=write)
        if isinstance(answer, Exception):
            raise answer
        return False

    job, _, _ = await labeled(harness)
    harness.store.script(fulfill=fulfill)
    await harness.run_step("post", job)
    assert (await stored(harness, job)).state is _S.FULFILLED
    assert job.fetched_at == harness.clock.monotonic() - 7


@pytest.mark.parametrize(
    ("error", "is_forgotten"),
    [
        (StoreUnavailable("502", status=502), False),
        (StoreUnanswered("no answer"), False),
        (StoreThrottled("429", status=429), True),
        (StoreUnreachable("nothing was sent"), True),
        (StoreUnauthorized("401", status=401, code="unauthorized"), True),
    ],
    ids=str,
)
@pytest.mark.parametrize("again", [False, True])
async def test_a_failure_that_may_pass_ends_the_pass_and_keeps_a_body_that_may_have_arrived(
    harness: Harness, error: StoreError, is_forgotten: bool, again: bool
) -> None:
    job, _, _ = await labeled(harness)
    if again:
        await moved(harness, job, _S.LABELED, post_key="key-1", post_body="{}")
    harness.store.script(fulfill=error)
    before = len(harness.store.seen("order"))
    with pytest.raises(type(error)):
        await harness.run_step("post", job)
    assert len(harness.store.seen("order")) == before
    assert bool(job.shipments[0].post_body) is (again or not is_forgotten)
    assert bool(await body_of(harness, job)) is (again or not is_forgotten)
    assert (await stored(harness, job)).post_key == job.shipments[0].post_key != ""


@pytest.mark.parametrize("error", [REFUSED, FORBIDDEN, TEAPOT, PROXY], ids=str)
async def test_a_refused_post_whose_number_the_store_has_is_fulfilled(
    harness: Harness, error: StoreError
) -> None:
    job = await posted(harness, error, fulfillments=shown)
    assert await is_fulfilled(harness, job, "The store already had USPS {number}.")


@pytest.mark.parametrize(
    ("error", "code", "is_rebuilt"),
    [
        (REFUSED, HoldCode.STORE_REFUSED, True),
        (FORBIDDEN, HoldCode.STORE_FORBIDS, True),
        (TEAPOT, HoldCode.STORE_REFUSED, False),
        (PROXY, HoldCode.STORE_REFUSED, True),
    ],
    ids=str,
)
async def test_a_refused_post_is_held_and_rebuilt_under_another_key_if_nothing_was_recorded(
    harness: Harness, error: StoreError, code: HoldCode, is_rebuilt: bool
) -> None:
    job = await posted(harness, error)
    (hold,) = job.active_holds()
    assert (hold.code, hold.shipment_id, hold.note) == (code, job.shipments[0].id, str(error))
    (shipment,) = job.shipments
    first = idempotency.first(shipment)
    assert shipment.post_key == (idempotency.after(first) if is_rebuilt else first)
    assert bool(shipment.post_body) is not is_rebuilt
    after = await stored(harness, job)
    assert (after.state, after.post_key) == (_S.LABELED, shipment.post_key)
    assert bool(await body_of(harness, job)) is not is_rebuilt
    assert job.wake_times == []


@pytest.mark.parametrize(
    ("error", "again", "lists", "is_rebuilt"),
    [
        (REFUSED, False, False, True),
        (REFUSED, True, False, False),
        (REFUSED, True, True, True),
        (PROXY, False, False, False),
        (PROXY, False, True, True),
    ],
)
async def test_a_refusal_leaves_a_doubt_where_an_earlier_answer_was_lost_and_the_store_shows_nothing(
    harness: Harness, error: StoreError, again: bool, lists: bool, is_rebuilt: bool
) -> None:
    job = await posted(harness, error, again=again, fulfillments=() if lists else None)
    (shipment,) = job.shipments
    first = "key-1" if again else idempotency.first(shipment)
    assert held(job) == [("store_refused", shipment.id)]
    assert shipment.post_key == (idempotency.after(first) if is_rebuilt else first)
    assert bool(shipment.post_body) is not is_rebuilt


async def test_a_refused_post_of_a_cancelled_order_voids_its_label(harness: Harness) -> None:
    job = await posted(harness, REFUSED, status="cancelled")
    assert (await stored(harness, job)).state is _S.VOIDING
    (entry,) = await entries(harness, job, "voiding")
    assert entry.why == "The store refused the fulfillment: the order is cancelled. The void is requested."
    assert (held(job), job.wake_times) == ([], [])


@pytest.mark.parametrize(
    ("lists", "code"), [(True, "store_refused"), (False, "order_changed")], ids=["lists", "does not list"]
)
async def test_a_parcel_that_a_person_has_shipped_is_never_voided_by_a_refusal(
    harness: Harness, lists: bool, code: str
) -> None:
    job = await posted(harness, REFUSED, by_hand=True, status="cancelled", fulfillments=() if lists else None)
    assert held(job) == [(code, job.shipments[0].id)]
    assert (await stored(harness, job)).state is _S.LABELED


async def test_a_refused_post_of_an_order_that_no_longer_fits_is_decided_again(harness: Harness) -> None:
    job = await posted(harness, REFUSED, address=None)
    assert job.wake_times == [harness.clock.now()]
    assert held(job) == []
    assert (await stored(harness, job)).state is _S.LABELED


async def test_a_refused_post_of_a_parcel_that_a_person_has_shipped_is_held_though_the_order_changed(
    harness: Harness,
) -> None:
    job = await posted(harness, REFUSED, by_hand=True, address=None)
    assert held(job) == [("store_refused", job.shipments[0].id)]
    assert job.wake_times == []


@pytest.mark.parametrize("is_down", [True, False])
async def test_a_store_gets_its_time_to_show_a_post_until_the_fulfillment_is_recorded(
    harness: Harness, is_down: bool
) -> None:
    job, _, _ = await labeled(harness)
    await moved(harness, job, _S.LABELED, post_key="key-1", post_body="{}")
    job.fetched = replace(job.order, fulfillments=shown(job))
    harness.context.unshown["key-1"] = 5.0
    harness.ledger.script(write=LEDGER_DOWN if is_down else None)
    try:
        await harness.run_step("post", job)
    except LedgerUnavailable:
        assert is_down
    assert harness.context.unshown == ({"key-1": 5.0} if is_down else {})
