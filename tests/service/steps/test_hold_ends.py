"""sync_holds: in which way each kind of hold ends, and that it stands until then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from packhouse.ledger import holds
from packhouse.model.hold import HoldCode
from packhouse.model.label import Rate
from packhouse.model.money import Money
from packhouse.model.order import Fulfillment
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.rules.decision import NeedsHold, Reason, Skip, Withdraw
from packhouse.steps.context import OrderJob
from packhouse.steps.sync_holds import sync_holds
from tests.service.harness import Harness
from tests.service.providers.in_memory import in_memory
from tests.service.steps.restored_orders import actions, another, labeled, planned

_S = ShipmentState
_C = HoldCode
SKIP = Skip("nothing to do")
pytestmark = pytest.mark.harness(provider=in_memory())


async def held(
    harness: Harness, code: HoldCode, *, on: str = "order", price: Any = 495, note: str = "because"
) -> OrderJob:
    """An order with a hold of this kind, on it or on its held shipment, which has a rate of this price."""
    job = await planned(harness)
    rate = Rate("r", "Bike", "standard", None if price == "unknown" else Money(price or 0, "USD"))
    shipment = await harness.context.move(job, job.shipments[0], _S.HELD, rate=rate if price else None)
    await harness.context.hold(job, code, note, shipment=shipment if on == "shipment" else None)
    job.decision = SKIP
    return job


async def stands(harness: Harness, job: OrderJob) -> bool:
    """Whether its hold is active after the step."""
    await sync_holds(harness.context, job)
    order = harness.sandbox.store.orders[job.order_id]
    assert job.active_holds() == await harness.active_holds(order)
    return bool(job.active_holds())


async def test_a_hold_ends_when_its_reason_is_gone_and_says_so(harness: Harness) -> None:
    job = await held(harness, _C.WEIGHT_MISSING)
    assert not await stands(harness, job)
    assert (await actions(harness, job))[-2:] == ["released", "resumed"]
    (hold,) = await harness.ledger.read(holds.of_order, job.order_id)
    assert hold.release_reason == "The reason no longer applies."


async def test_a_hold_stands_while_the_decision_gives_its_reason(harness: Harness) -> None:
    job = await held(harness, _C.WEIGHT_MISSING)
    job.decision = NeedsHold((Reason(_C.WEIGHT_MISSING, "because"),))
    before = job.active_holds()
    assert await stands(harness, job)
    assert job.active_holds() == before


async def test_a_hold_of_another_reason_ends_all_the_same(harness: Harness) -> None:
    job = await held(harness, _C.WEIGHT_MISSING)
    job.decision = NeedsHold((Reason(_C.TOO_HEAVY, "because"),))
    await sync_holds(harness.context, job)
    assert [hold.code for hold in job.active_holds()] == [_C.TOO_HEAVY]
    assert (await actions(harness, job))[-2:] == ["released", "held"]


async def test_a_hold_that_an_operator_placed_never_ends_here(harness: Harness) -> None:
    job = await held(harness, _C.WEIGHT_MISSING)
    job.holds = [replace(job.holds[0], placed_by="ada")]
    await sync_holds(harness.context, job)
    assert len(job.active_holds()) == 1
    assert "released" not in await actions(harness, job)


async def test_a_hold_that_was_released_before_is_not_released_again(harness: Harness) -> None:
    job = await held(harness, _C.WEIGHT_MISSING)
    job.holds = [replace(job.holds[0], released_by="ada", released_at=1.0)]
    await sync_holds(harness.context, job)
    assert len(job.holds) == 1
    assert "released" not in await actions(harness, job)


@pytest.mark.parametrize("code", [_C.PRICE_DRIFT, _C.ORDER_CHANGED, _C.VOID_PENDING])
async def test_a_hold_that_only_a_person_or_another_step_ends_stands(
    harness: Harness, code: HoldCode
) -> None:
    assert await stands(harness, await held(harness, code, on="shipment"))


# ---- its shipment has ended ----------------------------------------------------------------------------


@pytest.mark.parametrize("state", [_S.CANCELLED, _S.VOIDED])
async def test_a_hold_on_a_shipment_ends_with_the_shipment(harness: Harness, state: ShipmentState) -> None:
    job = await held(harness, _C.PRICE_DRIFT, on="shipment")
    await another(harness, job)
    job.update(job.shipments[0], state=state)
    assert not await stands(harness, job)


async def test_an_operators_hold_stands_whatever_becomes_of_its_shipment(harness: Harness) -> None:
    job = await held(harness, _C.PRICE_DRIFT, on="shipment")
    job.holds = [replace(job.holds[0], placed_by="ada")]
    job.update(job.shipments[0], state=_S.CANCELLED)
    await sync_holds(harness.context, job)
    assert len(job.active_holds()) == 1
    assert "released" not in await actions(harness, job)


@pytest.mark.parametrize("on", ["shipment", "order"])
async def test_a_hold_does_not_end_with_another_shipment(harness: Harness, on: str) -> None:
    job = await held(harness, _C.PRICE_DRIFT, on=on)
    await another(harness, job, state=_S.CANCELLED)
    assert await stands(harness, job)


# ---- the facts it rests on -----------------------------------------------------------------------------


@pytest.mark.parametrize("is_changed", [True, False])
async def test_a_hold_for_a_missing_rate_ends_when_the_address_changes(
    harness: Harness, is_changed: bool
) -> None:
    job = await held(harness, _C.NO_RATE, on="shipment")
    address = job.order.address
    assert address is not None
    street = "9 Elm Street" if is_changed else address.street1
    job.fetched = replace(job.order, address=replace(address, street1=street))
    assert await stands(harness, job) is not is_changed


async def test_an_order_that_was_not_read_has_no_new_facts(harness: Harness) -> None:
    job = await held(harness, _C.NO_RATE, on="shipment")
    job.fetched = None
    assert await stands(harness, job)


# ---- caps ----------------------------------------------------------------------------------------------

CAP = {"guard": {"max_label_minor": 495}}
capped = pytest.mark.harness(provider=in_memory(), settings=CAP)


@capped
@pytest.mark.parametrize(("price", "is_over"), [(496, True), (495, False), ("unknown", True), (None, False)])
async def test_a_reached_cap_has_room_for_what_it_allows_and_for_what_has_no_price_yet(
    harness: Harness, price: Any, is_over: bool
) -> None:
    assert await stands(harness, await held(harness, _C.CAP_REACHED, on="shipment", price=price)) is is_over


@capped
async def test_a_reached_cap_is_that_of_its_own_shipment(harness: Harness) -> None:
    job = await held(harness, _C.CAP_REACHED, on="shipment", price=100)
    await another(harness, job, state=_S.HELD)
    second = await another(harness, job, state=_S.HELD, rate=Rate("r", "Bike", "s", Money(496, "USD")))
    await harness.context.hold(job, _C.CAP_REACHED, "because", shipment=second)
    await sync_holds(harness.context, job)
    assert [hold.shipment_id for hold in job.active_holds()] == [second.id]


@capped
@pytest.mark.parametrize("code", [_C.CAP_REACHED, _C.PRICE_UNKNOWN])
async def test_a_cap_ends_its_hold_when_the_shipment_waits_for_it_no_more(
    harness: Harness, code: HoldCode
) -> None:
    job = await held(harness, code, on="shipment", price=496)
    job.update(job.shipments[0], state=_S.UNKNOWN)
    assert not await stands(harness, job)


@capped
@pytest.mark.parametrize(("price", "is_over"), [(496, True), (495, False)])
async def test_a_reached_cap_is_checked_for_an_order_that_was_not_read_too(
    harness: Harness, price: int, is_over: bool
) -> None:
    job = await held(harness, _C.CAP_REACHED, on="shipment", price=price)
    job.fetched = None
    assert await stands(harness, job) is is_over


@capped
@pytest.mark.parametrize("price", [None, "unknown"])
async def test_a_price_that_is_not_known_is_held_while_a_cap_is_set(harness: Harness, price: Any) -> None:
    assert await stands(harness, await held(harness, _C.PRICE_UNKNOWN, on="shipment", price=price))


async def test_a_price_that_is_not_known_is_held_for_no_cap(harness: Harness) -> None:
    assert not await stands(harness, await held(harness, _C.PRICE_UNKNOWN, on="shipment", price="unknown"))


TOTAL = {"guard": {"max_total_percent": 100, "total_exempt_minor": 0}}
of_total = pytest.mark.harness(provider=in_memory(), settings=TOTAL)


def total(job: OrderJob, minor: int) -> None:
    job.fetched = replace(job.order, total_minor=minor, currency="USD")


@of_total
@pytest.mark.parametrize(("minor", "is_over"), [(494, True), (495, False)])
async def test_labels_that_exceed_the_total_are_held_until_they_do_not(
    harness: Harness, minor: int, is_over: bool
) -> None:
    job = await held(harness, _C.LABELS_EXCEED_TOTAL, on="shipment")
    await paid_before(harness, job)
    total(job, 495 + minor)
    assert await stands(harness, job) is is_over


async def paid_before(harness: Harness, job: OrderJob) -> None:
    """Another label of the order costs as much."""
    await labeled(harness, job, await another(harness, job, state=_S.PLANNED))


@of_total
async def test_the_total_of_an_order_that_was_not_read_is_not_known(harness: Harness) -> None:
    job = await held(harness, _C.LABELS_EXCEED_TOTAL, on="shipment")
    job.fetched = None
    assert await stands(harness, job)


@of_total
async def test_a_total_that_is_exceeded_is_no_cap_that_is_reached(harness: Harness) -> None:
    job = await held(harness, _C.CAP_REACHED, on="shipment")
    await paid_before(harness, job)
    total(job, 500)
    assert not await stands(harness, job)


@pytest.mark.harness(provider=in_memory(), settings={"guard": {"max_label_minor": 1}})
async def test_a_cap_that_is_reached_is_no_total_that_is_exceeded(harness: Harness) -> None:
    assert not await stands(harness, await held(harness, _C.LABELS_EXCEED_TOTAL, on="shipment"))


@pytest.mark.harness(provider=in_memory(), settings={"guard": {"max_parcels": 1}})
async def test_an_order_that_has_all_the_labels_it_may_have_stays_at_its_cap(harness: Harness) -> None:
    job = await held(harness, _C.CAP_REACHED, on="shipment")
    await paid_before(harness, job)
    assert await stands(harness, job)


# ---- the store, and orders that stop -------------------------------------------------------------------


async def posted(harness: Harness) -> tuple[OrderJob, Shipment]:
    job = await planned(harness)
    await another(harness, job)
    shipment = await labeled(harness, job, job.shipments[0])
    shipment = await harness.context.move(job, shipment, _S.FULFILLED)
    await harness.context.hold(job, _C.FULFILLMENT_MISSING, "number", shipment=shipment)
    job.decision = SKIP
    return job, shipment


def missing(job: OrderJob, number: str) -> None:
    job.fetched = replace(job.order, fulfillments=(Fulfillment("1Z999AA10123456784"),))


def there(job: OrderJob, number: str) -> None:
    job.fetched = replace(job.order, fulfillments=(Fulfillment(number),))


def not_read(job: OrderJob, number: str) -> None:
    job.fetched = None


@pytest.mark.parametrize(("show", "is_held"), [(missing, True), (there, False), (not_read, True)])
async def test_a_missing_fulfillment_is_held_until_the_store_shows_it(
    harness: Harness, show: Callable[[OrderJob, str], None], is_held: bool
) -> None:
    job, shipment = await posted(harness)
    assert shipment.label is not None
    show(job, shipment.label.tracking_number)
    assert await stands(harness, job) is is_held


async def test_a_missing_fulfillment_of_another_shipment_does_not_count(harness: Harness) -> None:
    job, first = await posted(harness)
    second = await labeled(harness, job, job.shipments[1], tracking_number="second")
    await harness.context.move(job, second, _S.FULFILLED)
    assert first.label is not None
    there(job, first.label.tracking_number)
    assert not await stands(harness, job)


@pytest.mark.parametrize(("decision", "is_held"), [(Withdraw("cancelled"), False), (SKIP, True)])
async def test_a_pending_void_is_held_until_the_order_stops(
    harness: Harness, decision: Any, is_held: bool
) -> None:
    job = await held(harness, _C.VOID_PENDING, on="shipment")
    job.decision = decision
    assert await stands(harness, job) is is_held
