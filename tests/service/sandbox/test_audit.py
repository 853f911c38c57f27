"""The audit reports each thing that is wrong, and nothing when all is correct."""

from __future__ import annotations

from packhouse.sandbox.sandbox import Sandbox
from packhouse.sandbox.store.state import Fulfillment
from tests.clock import START, ManualClock
from tests.service.sandbox.harness import (
    ORDERS,
    SHIPMENTS,
    Receiver,
    ask,
    buy,
    call,
    easypost,
    fulfill_body,
    in_sandbox,
)


async def _ship(sandbox: Sandbox, order_id: str, number: str) -> None:
    shown = await ask(sandbox, call("GET", f"{ORDERS}/{order_id}"))
    await ask(sandbox, call("POST", f"{ORDERS}/{order_id}/fulfill", fulfill_body(shown, number), idem=number))


def test_a_correctly_shipped_order_is_no_problem() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        order = sandbox.place_order("plain")
        sandbox.place_order("part_fulfilled")
        void = await buy(sandbox, f"{order.id}/1/1")
        await ask(sandbox, easypost("POST", f"{SHIPMENTS}/{void['id']}/refund", {}))
        await clock.advance(10)
        bought = await buy(sandbox, f"{order.id}/1/2")
        await _ship(sandbox, order.id, bought["tracking_code"])
        assert sandbox.audit.problems(final=True) == []
        audit = sandbox.audit.to_json()
        assert [row["voided"] for row in audit["purchases"]] == [True, False]
        assert audit["purchases"][1]["order_id"] == order.id
        assert {row["by"] for row in audit["fulfillments"]} == {"api", "external"}

    in_sandbox(story)


def test_two_live_labels_of_one_shipment_are_reported() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        order = sandbox.place_order("plain")
        first, second = await buy(sandbox, f"{order.id}/1/1"), await buy(sandbox, f"{order.id}/1/2")
        [problem] = sandbox.audit.problems()
        assert problem.startswith(f"{order.id}/1: 2 live labels")
        assert first["tracking_code"] in problem
        assert second["tracking_code"] in problem
        await ask(sandbox, easypost("POST", f"{SHIPMENTS}/{first['id']}/refund", {}))
        assert sandbox.audit.problems() == []

    in_sandbox(story)


def test_two_shipments_of_one_order_are_no_problem() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        order = sandbox.place_order("plain")
        await buy(sandbox, f"{order.id}/1/1")
        await buy(sandbox, f"{order.id}/2/1")
        assert sandbox.audit.problems() == []

    in_sandbox(story)


def test_a_tracking_number_that_easypost_never_sold_is_reported() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        order = sandbox.place_order("plain")
        await _ship(sandbox, order.id, "9400100208303000000015")
        assert set(sandbox.audit.problems()) == {f"{order.id}: EasyPost never sold '9400100208303000000015'"}

    in_sandbox(story)


def test_a_label_used_for_another_order_or_twice_is_reported() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        one, two = sandbox.place_orders(2, kinds=("plain",))
        number = (await buy(sandbox, f"{one.id}/1/1"))["tracking_code"]
        await _ship(sandbox, one.id, number)
        assert sandbox.audit.problems() == []
        await _ship(sandbox, two.id, number)
        assert set(sandbox.audit.problems()) == {
            f"{number}: used by {one.id} and by {two.id}",
            f"{two.id}: {number} was bought for {one.id}/1/1",
        }

    in_sandbox(story)


def test_a_voided_label_that_is_used_is_reported() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        order = sandbox.place_order("plain")
        bought = await buy(sandbox, f"{order.id}/1/1")
        await _ship(sandbox, order.id, bought["tracking_code"])
        await ask(sandbox, easypost("POST", f"{SHIPMENTS}/{bought['id']}/refund", {}))
        assert any("its label was voided" in problem for problem in sandbox.audit.problems())

    in_sandbox(story)


def test_more_units_than_ordered_and_units_after_a_cancellation_are_reported() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        order, late = sandbox.place_orders(2, kinds=("plain",))
        line, quantity = next(iter(order.ordered().items()))
        number = (await buy(sandbox, f"{order.id}/1/1"))["tracking_code"]
        # The store refuses this, so the row is written directly, as a faulty store would.
        order.fulfillments.append(Fulfillment("ful_1", line, quantity + 2, "USPS", number, START))
        assert sandbox.audit.problems() == [
            f"{order.id}: line {line} shipped {quantity + 2} of {quantity} units"
        ]
        order.fulfillments.clear()
        sandbox.store.cancel(late)
        number = (await buy(sandbox, f"{late.id}/1/1"))["tracking_code"]
        late.fulfillments.append(Fulfillment("ful_2", "li_1", 1, "USPS", number, START + 1))
        assert sandbox.audit.problems() == [f"{late.id}: {number} was recorded after the order was cancelled"]

    in_sandbox(story)


def test_a_digital_line_that_ships_is_reported() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        order = sandbox.place_order("mixed")
        number = (await buy(sandbox, f"{order.id}/1/1"))["tracking_code"]
        await _ship(sandbox, order.id, number)
        assert sandbox.audit.problems() == [
            f"{order.id}: {number} ships the digital line {order.sale.items[-1]['id']}"
        ]

    in_sandbox(story)


def test_an_unreadable_reference_and_an_unknown_order_are_reported() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        for reference in ("", "ord_1", "ord_1/x/1", "ord_none/1/1"):
            await buy(sandbox, reference)
        problems = sandbox.audit.problems()
        assert sum("is not ORDER/SEQ/GENERATION" in problem for problem in problems) == 3
        assert sum("bought for ord_none" in problem for problem in problems) == 1

    in_sandbox(story)


def test_an_unused_live_label_is_reported_only_by_the_final_check() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        order = sandbox.place_order("plain")
        bought = await buy(sandbox, f"{order.id}/1/1")
        assert sandbox.audit.problems() == []
        [problem] = sandbox.audit.problems(final=True)
        assert problem.startswith(bought["tracking_code"])

    in_sandbox(story)
