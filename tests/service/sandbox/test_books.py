"""The checker notices each thing that must never be, and is silent when all is well."""

from __future__ import annotations

from packhouse.sandbox.shop import Shipped
from packhouse.sandbox.world import World
from tests.service.sandbox.worlds import (
    ORDERS,
    SHIPMENTS,
    START,
    ManualClock,
    Receiver,
    ask,
    buy,
    call,
    easypost,
    fulfil_body,
    in_world,
)


async def _ship(world: World, order_id: str, number: str) -> None:
    shown = await ask(world, call("GET", f"{ORDERS}/{order_id}"))
    await ask(world, call("POST", f"{ORDERS}/{order_id}/fulfill", fulfil_body(shown, number), idem=number))


def test_an_order_shipped_as_it_should_be_is_no_problem() -> None:
    async def story(world: World, clock: ManualClock, _: Receiver) -> None:
        order = world.order("plain")
        world.order("part_fulfilled")
        void = await buy(world, f"{order.id}/1/1")
        await ask(world, easypost("POST", f"{SHIPMENTS}/{void['id']}/refund", {}))
        await clock.advance(10)
        bought = await buy(world, f"{order.id}/1/2")
        await _ship(world, order.id, bought["tracking_code"])
        assert world.books.problems(settled=True) == []
        books = world.books.to_json()
        assert [row["voided"] for row in books["purchases"]] == [True, False]
        assert books["purchases"][1]["order_id"] == order.id
        assert {row["by"] for row in books["fulfillments"]} == {"api", "somebody else"}

    in_world(story)


def test_two_live_labels_of_one_shipment_are_a_double_purchase() -> None:
    async def story(world: World, _: ManualClock, __: Receiver) -> None:
        order = world.order("plain")
        first, second = await buy(world, f"{order.id}/1/1"), await buy(world, f"{order.id}/1/2")
        [problem] = world.books.problems()
        assert problem.startswith(f"{order.id}/1: 2 live labels")
        assert first["tracking_code"] in problem
        assert second["tracking_code"] in problem
        await ask(world, easypost("POST", f"{SHIPMENTS}/{first['id']}/refund", {}))
        assert world.books.problems() == []

    in_world(story)


def test_two_shipments_of_one_order_are_no_double_purchase() -> None:
    async def story(world: World, _: ManualClock, __: Receiver) -> None:
        order = world.order("plain")
        await buy(world, f"{order.id}/1/1")
        await buy(world, f"{order.id}/2/1")
        assert world.books.problems() == []

    in_world(story)


def test_a_number_the_carrier_never_sold_is_noticed() -> None:
    async def story(world: World, _: ManualClock, __: Receiver) -> None:
        order = world.order("plain")
        await _ship(world, order.id, "9400100208303000000015")
        assert set(world.books.problems()) == {f"{order.id}: the carrier never sold '9400100208303000000015'"}

    in_world(story)


def test_a_label_used_for_another_order_or_twice_is_noticed() -> None:
    async def story(world: World, _: ManualClock, __: Receiver) -> None:
        one, two = world.orders(2, kinds=("plain",))
        number = (await buy(world, f"{one.id}/1/1"))["tracking_code"]
        await _ship(world, one.id, number)
        assert world.books.problems() == []
        await _ship(world, two.id, number)
        assert set(world.books.problems()) == {
            f"{number}: used by {one.id} and by {two.id}",
            f"{two.id}: {number} was bought for {one.id}/1/1",
        }

    in_world(story)


def test_a_label_given_back_and_used_all_the_same_is_noticed() -> None:
    async def story(world: World, _: ManualClock, __: Receiver) -> None:
        order = world.order("plain")
        bought = await buy(world, f"{order.id}/1/1")
        await _ship(world, order.id, bought["tracking_code"])
        await ask(world, easypost("POST", f"{SHIPMENTS}/{bought['id']}/refund", {}))
        assert any("was given back to the carrier" in problem for problem in world.books.problems())

    in_world(story)


def test_more_units_than_ordered_and_units_after_a_cancellation_are_noticed() -> None:
    async def story(world: World, _: ManualClock, __: Receiver) -> None:
        order, late = world.orders(2, kinds=("plain",))
        line, quantity = next(iter(order.ordered().items()))
        number = (await buy(world, f"{order.id}/1/1"))["tracking_code"]
        # The store itself refuses this: written past it, as a faulty store would.
        order.shipped.append(Shipped("ful_1", line, quantity + 2, "USPS", number, START))
        assert world.books.problems() == [
            f"{order.id}: line {line} shipped {quantity + 2} of {quantity} units"
        ]
        order.shipped.clear()
        world.shop.cancel(late)
        number = (await buy(world, f"{late.id}/1/1"))["tracking_code"]
        late.shipped.append(Shipped("ful_2", "li_1", 1, "USPS", number, START + 1))
        assert world.books.problems() == [f"{late.id}: {number} was recorded after the order was cancelled"]

    in_world(story)


def test_a_digital_line_that_ships_is_noticed() -> None:
    async def story(world: World, _: ManualClock, __: Receiver) -> None:
        order = world.order("mixed")
        number = (await buy(world, f"{order.id}/1/1"))["tracking_code"]
        await _ship(world, order.id, number)
        assert world.books.problems() == [
            f"{order.id}: {number} ships the digital line {order.sale.items[-1]['id']}"
        ]

    in_world(story)


def test_a_reference_nobody_can_read_and_an_order_nobody_knows_are_noticed() -> None:
    async def story(world: World, _: ManualClock, __: Receiver) -> None:
        for reference in ("", "ord_1", "ord_1/x/1", "ord_none/1/1"):
            await buy(world, reference)
        problems = world.books.problems()
        assert sum("is not ORDER/SEQ/GENERATION" in problem for problem in problems) == 3
        assert sum("bought for ord_none" in problem for problem in problems) == 1

    in_world(story)


def test_money_spent_on_a_label_nobody_uses_counts_only_at_the_end() -> None:
    async def story(world: World, _: ManualClock, __: Receiver) -> None:
        order = world.order("plain")
        bought = await buy(world, f"{order.id}/1/1")
        assert world.books.problems() == []
        [problem] = world.books.problems(settled=True)
        assert problem.startswith(bought["tracking_code"])

    in_world(story)
