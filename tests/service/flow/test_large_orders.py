"""Orders far too large: nothing is built for them, and nothing is bought before a person agrees."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from packhouse.config.guard import MOST_PARCELS
from packhouse.config.sections import ParcelSettings
from packhouse.config.settings import GuardSettings
from packhouse.ledger import order_limits, shipments
from packhouse.ledger.order_limits import OrderLimits
from packhouse.model.hold import Hold, HoldCode
from packhouse.model.money import Money
from packhouse.model.order import Line, Order, Units
from packhouse.model.states import ShipmentState
from packhouse.packing.boxes import CannotPack, pack
from packhouse.providers.port import PurchaseRequest, Unknown, VoidPending, VoidRefused
from packhouse.rules.size import too_many_lines, too_many_units
from packhouse.sandbox.store.state import StoreOrder
from tests.service.harness import Harness
from tests.service.steps.hold_situations import restart
from tests.service.steps.size_situations import ordered, ship

ONE_EACH = {"parcel": ParcelSettings(weight_g=500, max_weight_g=700), "products": ()}


async def the_hold(harness: Harness, order: StoreOrder, code: HoldCode) -> Hold:
    (hold,) = await harness.active_holds(order)
    assert hold.code is code
    return hold


@pytest.mark.parametrize("quantity", [1_000_000_000, 2**53 - 1, 1001])
async def test_a_line_of_a_billion_units_is_held_and_another_order_ships(
    harness: Harness, quantity: int
) -> None:
    order = ordered(harness, quantity)
    await harness.deliver_event(order)
    began = time.process_time()
    other = await harness.ship()
    assert time.process_time() - began < 5
    hold = await the_hold(harness, order, HoldCode.ORDER_TOO_LARGE)
    assert f"{quantity} units" in hold.note
    assert "guard.max_line_units is 1000" in hold.note
    assert await harness.states(other) == ["fulfilled"]

    await harness.release_hold(hold)
    began = time.process_time()
    await harness.process_due()
    assert time.process_time() - began < 5
    if quantity > 1001:
        hold = await the_hold(harness, order, HoldCode.TOO_MANY_PARCELS)
        await harness.release_hold(hold)
        await harness.process_due()
        hold = await the_hold(harness, order, HoldCode.TOO_MANY_PARCELS)
        assert f"Packhouse plans {MOST_PARCELS} at most, even after a release" in hold.note
        assert await harness.states(order) == []
        assert harness.labels_sold(order) == 0


@pytest.mark.harness(settings={"guard": {"max_line_units": 10_000}})
async def test_ten_thousand_free_samples_are_held_and_no_label_is_bought(harness: Harness) -> None:
    order = await ship(harness, 10_000, 0)
    hold = await the_hold(harness, order, HoldCode.TOO_MANY_PARCELS)
    assert "10000 units in at least 167 parcels" in hold.note
    assert "guard.max_parcels is 20" in hold.note
    assert harness.labels_sold(order, live_only=False) == 0


async def test_an_order_of_too_many_lines_is_held_before_its_units_are_counted(harness: Harness) -> None:
    def longer(order: Order) -> Order:
        return replace(order, lines=tuple(replace(order.lines[0], id=f"li_{n}") for n in range(201)))

    harness.store.show_orders_as(longer)
    order = await harness.ship()
    assert "it has 201 lines" in (await the_hold(harness, order, HoldCode.ORDER_TOO_LARGE)).note
    assert harness.labels_sold(order) == 0


@pytest.mark.harness(settings=ONE_EACH | {"guard": {"max_parcels": 2}})
async def test_parcels_that_shipped_before_count_and_labels_that_are_void_do_not(harness: Harness) -> None:
    order = await ship(harness, 2, 100_000)
    assert await harness.states(order) == ["fulfilled", "fulfilled"]
    order.sale.items[0]["quantity"] = 3
    order.status = "partially_fulfilled"
    order.touch(harness.clock.now())
    await harness.deliver_event(order, "order.updated")
    await harness.process_due()
    hold = await the_hold(harness, order, HoldCode.TOO_MANY_PARCELS)
    assert "the order has 2 already; guard.max_parcels is 2" in hold.note
    await harness.release_hold(hold)
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"] * 3


@pytest.mark.harness(settings=ONE_EACH)
async def test_a_limit_that_is_lowered_stops_parcels_that_are_planned_already(harness: Harness) -> None:
    order = ordered(harness, 3, 100_000)
    await harness.process_until(order, before="buy")
    await restart(harness, guard=GuardSettings(max_parcels=2))
    await harness.advance(300)
    assert sorted(await harness.states(order)) == ["fulfilled", "fulfilled", "held"]
    hold = await the_hold(harness, order, HoldCode.CAP_REACHED)
    await harness.deliver_event(order, "order.updated")
    await harness.process_due()
    assert await the_hold(harness, order, HoldCode.CAP_REACHED) == hold
    assert "has 2 labels that are paid, or may be; guard.max_parcels is 2" in hold.note
    await restart(harness, guard=GuardSettings(max_parcels=3))
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"] * 3


async def test_a_free_sample_ships_and_one_with_a_dear_label_is_held(harness: Harness) -> None:
    cheap = await ship(harness, 1, 0)
    assert await harness.states(cheap) == ["fulfilled"]
    await restart(harness, guard=GuardSettings(total_exempt_minor=100))
    dear = await ship(harness, 1, 0)
    hold = await the_hold(harness, dear, HoldCode.LABELS_EXCEED_TOTAL)
    assert "the order's total is 0.00 USD, and guard.max_total_percent is 100" in hold.note
    await harness.deliver_event(dear, "order.updated")
    await harness.process_due()
    assert await the_hold(harness, dear, HoldCode.LABELS_EXCEED_TOTAL) == hold
    assert harness.labels_sold(dear, live_only=False) == 0
    await harness.release_hold(hold)
    await harness.process_due()
    assert await harness.states(dear) == ["fulfilled"]


@pytest.mark.harness(settings={"guard": {"total_exempt_minor": 0}})
async def test_a_release_is_valid_for_the_total_that_the_operator_saw(harness: Harness) -> None:
    order = await ship(harness, 1, 200)
    hold = await the_hold(harness, order, HoldCode.LABELS_EXCEED_TOTAL)
    harness.provider.script(buy=Unknown("lost"))
    order.sale.totals["total"] = 100
    order.touch(harness.clock.now())
    await harness.release_hold(hold)
    await harness.process_due()
    again = await the_hold(harness, order, HoldCode.LABELS_EXCEED_TOTAL)
    assert again.id != hold.id
    assert harness.provider.seen("buy") == []


@pytest.mark.harness(settings=ONE_EACH | {"guard": {"total_exempt_minor": 0}})
async def test_the_sum_of_an_orders_labels_is_what_counts(harness: Harness) -> None:
    """Each label alone would fit the total."""
    order = await ship(harness, 3, 2000)
    bought = [s.label.cost for s in await harness.shipments(order) if s.label]
    assert 0 < sum(cost.minor for cost in bought) <= 2000
    states = await harness.states(order)
    assert states.count("held") >= 1
    assert {hold.code for hold in await harness.active_holds(order)} == {HoldCode.LABELS_EXCEED_TOTAL}
    assert (
        f"would cost {Money(bought[0].minor * (len(bought) + 1), 'USD')}"
        in (await harness.active_holds(order))[0].note
    )


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ({"currency": "EUR"}, "cannot be compared with the order's total"),
        ({"total_minor": None}, "the store shows no total"),
        ({"currency": ""}, "the store shows no total"),
    ],
)
@pytest.mark.parametrize("exempt", [0, 10_000])
@pytest.mark.harness(settings=ONE_EACH)
async def test_a_total_that_cannot_be_compared_allows_one_label_and_what_is_exempt(
    harness: Harness, shown: dict[str, Any], words: str, exempt: int
) -> None:
    await restart(harness, guard=GuardSettings(total_exempt_minor=exempt))
    harness.store.show_orders_as(lambda order: replace(order, **shown))
    order = await ship(harness, 2, 100_000)
    if exempt:
        assert await harness.states(order) == ["fulfilled", "fulfilled"]
        return
    assert await harness.states(order) == ["fulfilled", "held"]
    assert words in (await the_hold(harness, order, HoldCode.LABELS_EXCEED_TOTAL)).note
    await restart(harness, guard=GuardSettings(total_exempt_minor=0, max_total_percent=0))
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled", "fulfilled"]


@pytest.mark.harness(settings=ONE_EACH | {"guard": {"total_exempt_minor": 0}})
async def test_a_price_that_comes_with_the_label_counts_from_the_next_label_on(harness: Harness) -> None:
    async def untold(request: PurchaseRequest) -> Any:
        prepared = await harness.provider.real.prepare(request)
        return replace(prepared, rates=tuple(replace(one, price=None) for one in prepared.rates))

    harness.provider.script(prepare=untold)
    order = await ship(harness, 2, 100)
    assert await harness.states(order) == ["fulfilled", "held"]
    assert {hold.code for hold in await harness.active_holds(order)} == {HoldCode.LABELS_EXCEED_TOTAL}


@pytest.mark.parametrize("answer", [VoidPending(), VoidRefused("it was scanned"), None])
@pytest.mark.harness(settings={"guard": {"total_exempt_minor": 0}})
async def test_a_label_counts_until_it_is_void(harness: Harness, answer: Any) -> None:
    """A void that is only asked for, or refused, has brought no money back."""
    order = ordered(harness, 1, 100_000)
    await harness.process_until(order, before="post")
    (bought,) = await harness.shipments(order)
    assert bought.label is not None
    if answer is not None:
        harness.provider.script(void=answer)
    harness.sandbox.store.change_address(order, {"line1": "77 Other Road"})
    await harness.clock.advance(130)
    await harness.process_due()
    await harness.advance(120)
    cost = bought.label.cost
    other = replace(bought, id=f"{order.id}-2", seq=2, state=ShipmentState.PLANNED)
    limits = OrderLimits(harness.settings.guard, Money(cost.minor * 2, "USD"), 1)
    paid = 1 if answer is not None else len([s for s in await harness.states(order) if s == "fulfilled"])
    exceeded = await harness.ledger.read(
        order_limits.objection, replace(limits, most_labels=paid), other, Money(1, "USD")
    )
    assert exceeded is not None
    assert exceeded.code is HoldCode.CAP_REACHED
    assert (
        await harness.ledger.read(
            order_limits.objection, replace(limits, most_labels=paid + 1), other, Money(1, "USD")
        )
        is None
    )
    over = await harness.ledger.read(order_limits.over_total, limits, other, Money(cost.minor * 2, "USD"))
    assert bool(over)
    if answer is not None:
        harness.provider.script(void=None)


async def test_a_purchase_in_doubt_counts_as_a_label(harness: Harness) -> None:
    harness.provider.script(buy=Unknown("lost", needs_person=True))
    order = await ship(harness, 1, 100_000)
    await the_hold(harness, order, HoldCode.PURCHASE_UNKNOWN)
    (doubtful,) = await harness.ledger.read(shipments.of_order, order.id)
    assert doubtful.rate is not None and doubtful.rate.price is not None
    other = replace(doubtful, id=f"{order.id}-2", seq=2, state=ShipmentState.PLANNED)
    limits = OrderLimits(GuardSettings(total_exempt_minor=0), doubtful.rate.price, 1)
    exceeded = await harness.ledger.read(order_limits.objection, limits, other, Money(1, "USD"))
    assert exceeded is not None and exceeded.code is HoldCode.CAP_REACHED
    limits = replace(limits, most_labels=2)
    exceeded = await harness.ledger.read(order_limits.objection, limits, other, Money(1, "USD"))
    assert exceeded is not None and exceeded.code is HoldCode.LABELS_EXCEED_TOTAL
    itself = await harness.ledger.read(order_limits.objection, limits, doubtful, doubtful.rate.price)
    assert itself is None


@pytest.mark.harness(settings={"guard": {"currency": "EUR"}})
async def test_what_is_exempt_is_an_amount_of_the_caps_currency(harness: Harness) -> None:
    order = await ship(harness, 1, 0)
    await the_hold(harness, order, HoldCode.LABELS_EXCEED_TOTAL)


def test_limits_are_what_is_still_allowed() -> None:
    limits = GuardSettings(max_lines=2, max_line_units=3)
    lines = tuple(Line(f"li_{n}", name="Mug", quantity=9) for n in range(3))
    assert too_many_lines(Order("ord_1", lines=lines[:2]), limits) == ""
    assert too_many_lines(Order("ord_1", lines=lines), limits)
    assert too_many_units(Order("ord_1", lines=lines), [Units("li_1", 3)], limits) == ""
    assert "4 units of Mug" in too_many_units(Order("ord_1", lines=lines), [Units("li_1", 4)], limits)


@pytest.mark.parametrize(("most", "made"), [(4, 4), (3, 0), (2, 0), (0, 0)])
def test_units_that_fit_badly_make_no_more_parcels_than_allowed(most: int, made: int) -> None:
    """By their weight alone three parcels would do."""
    order = Order("ord_1", lines=(Line("li_1", quantity=4),))
    parcel = ParcelSettings(weight_g=400, max_weight_g=700)
    packed = pack(order, [Units("li_1", 4)], (), parcel, {}, most)
    if made:
        assert isinstance(packed, tuple)
        assert len(packed) == made
    else:
        assert isinstance(packed, CannotPack)
        assert packed.code is HoldCode.TOO_MANY_PARCELS
        assert ("more than 3" if most == 3 else "at least 3") in packed.note
