"""What comes back to the sandbox store: returns through their states, and exchanges."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.sandbox.shop import ShopOrder
from packhouse.sandbox.world import World
from tests.service.sandbox.worlds import ORDERS, ManualClock, Receiver, ask, call, in_world


def shipped(world: World, kind: str = "plain") -> ShopOrder:
    order = world.order(kind)
    units = [(line, left) for line, left in order.left().items() if left]
    world.shop.fulfil(order, units, "USPS", f"N-{order.id}")
    return order


def asked(order: ShopOrder, quantity: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "items": [{"line_item_id": "li_1", "quantity": quantity}],
        "reason": "Wrong size",
        **more,
    }


def test_a_return_goes_through_its_states_and_each_is_told() -> None:
    async def story(world: World, clock: ManualClock, receiver: Receiver) -> None:
        order = shipped(world)
        url = f"{ORDERS}/{order.id}/returns"
        made = (await ask(world, call("POST", url, asked(order)), 201))["return"]
        assert (made["status"], made["rma_number"], made["reason"]) == ("requested", None, "Wrong size")
        approved = (await ask(world, call("POST", f"{url}/{made['id']}/approve")))["return"]
        assert (approved["status"], approved["rma_number"]) == ("approved", "RMA-00001")
        received = (await ask(world, call("POST", f"{url}/{made['id']}/receive")))["return"]
        assert received["status"] == "received"
        shown = await ask(world, call("GET", f"{ORDERS}/{order.id}"))
        assert [row["status"] for row in shown["returns"]] == ["received"]
        await clock.advance(0)
        told = [name for name in receiver.types() if "return" in name]
        assert told == [f"order.return_{name}" for name in ("requested", "approved", "received")]

    in_world(story)


@pytest.mark.parametrize(
    ("steps", "last"),
    [
        ((), "receive"),
        (("approve",), "approve"),
        (("reject",), "approve"),
        (("approve", "receive"), "reject"),
    ],
)
def test_a_step_that_the_state_forbids_is_a_conflict(steps: tuple[str, ...], last: str) -> None:
    async def story(world: World, _: ManualClock, __: Receiver) -> None:
        order = shipped(world)
        url = f"{ORDERS}/{order.id}/returns"
        made = (await ask(world, call("POST", url, asked(order)), 201))["return"]
        for step in steps:
            await ask(world, call("POST", f"{url}/{made['id']}/{step}"))
        error = await ask(world, call("POST", f"{url}/{made['id']}/{last}"), 409)
        assert error["error"]["code"] == "invalid_state"

    in_world(story)


def test_no_more_can_come_back_than_went_out_and_a_rejected_return_frees_its_units() -> None:
    async def story(world: World, _: ManualClock, __: Receiver) -> None:
        order = world.order("plain")
        order.sale.items[0]["quantity"] = 2
        url = f"{ORDERS}/{order.id}/returns"
        await ask(world, call("POST", url, asked(order)), 422)  # nothing has shipped
        world.shop.fulfil(order, [("li_1", 2)], "USPS", "N1")
        await ask(world, call("POST", url, asked(order, 3)), 422)
        made = await ask(world, call("POST", url, asked(order, 2), idem="k"), 201)
        await ask(world, call("POST", url, asked(order, 2), idem="k"), 422)  # a key is not honoured here
        await ask(world, call("POST", f"{url}/{made['return']['id']}/reject", {"reason": "Too late"}))
        assert order.returns[0]["reject_reason"] == "Too late"
        await ask(world, call("POST", url, asked(order, 2)), 201)

    in_world(story)


def test_an_order_that_came_back_whole_is_returned() -> None:
    async def story(world: World, _: ManualClock, __: Receiver) -> None:
        order = shipped(world)
        url = f"{ORDERS}/{order.id}/returns"
        for line, quantity in order.ordered().items():
            assert order.status == "fulfilled"
            body = {"items": [{"line_item_id": line, "quantity": quantity}]}
            made = (await ask(world, call("POST", url, body), 201))["return"]["id"]
            await ask(world, call("POST", f"{url}/{made}/approve"))
            await ask(world, call("POST", f"{url}/{made}/receive"))
        assert order.status == "returned"

    in_world(story)


def test_an_exchange_names_a_variant_that_exists_and_takes_its_units() -> None:
    async def story(world: World, clock: ManualClock, receiver: Receiver) -> None:
        order = shipped(world)
        quantity = order.ordered()["li_1"]
        url = f"{ORDERS}/{order.id}/exchanges"
        error = await ask(world, call("POST", url, asked(order, new_variant_id="var_none")), 400)
        assert error["error"]["details"][0]["path"] == "new_variant_id"
        body = asked(order, quantity, new_variant_id="var_mug_sand")
        made = (await ask(world, call("POST", url, body), 201))["exchange"]
        assert (made["status"], made["new_variant_id"]) == ("requested", "var_mug_sand")
        await ask(world, call("POST", f"{ORDERS}/{order.id}/returns", asked(order)), 422)
        await clock.advance(0)
        assert receiver.types()[-1] == "order.exchange_requested"

    in_world(story)


def test_what_does_not_exist_is_not_found_and_reading_scopes_do_not_write() -> None:
    async def story(world: World, _: ManualClock, __: Receiver) -> None:
        order = shipped(world, "digital")
        url = f"{ORDERS}/{order.id}/returns"
        await ask(world, call("POST", url, asked(order)), 422)  # a file cannot come back
        await ask(world, call("POST", f"{url}/ret_none/approve"), 404)
        await ask(world, call("POST", f"{url}/ret_none/forget"), 404)
        await ask(world, call("POST", f"{ORDERS}/ord_none/returns", asked(order)), 404)

    in_world(story)
