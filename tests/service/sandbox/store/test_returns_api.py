"""Returns of the fake store and their statuses, and exchanges."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.sandbox.sandbox import Sandbox
from packhouse.sandbox.store.state import StoreOrder
from tests.clock import ManualClock
from tests.service.sandbox.harness import ORDERS, Receiver, ask, call, in_sandbox


def shipped(sandbox: Sandbox, kind: str = "plain") -> StoreOrder:
    order = sandbox.place_order(kind)
    units = [(line, left) for line, left in order.unshipped().items() if left]
    sandbox.store.fulfill(order, units, "USPS", f"N-{order.id}")
    return order


def asked(order: StoreOrder, quantity: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "items": [{"line_item_id": "li_1", "quantity": quantity}],
        "reason": "Wrong size",
        **more,
    }


def test_a_return_passes_through_its_statuses_and_each_sends_a_webhook() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, receiver: Receiver) -> None:
        order = shipped(sandbox)
        url = f"{ORDERS}/{order.id}/returns"
        made = (await ask(sandbox, call("POST", url, asked(order)), 201))["return"]
        assert (made["status"], made["rma_number"], made["reason"]) == ("requested", None, "Wrong size")
        approved = (await ask(sandbox, call("POST", f"{url}/{made['id']}/approve")))["return"]
        assert (approved["status"], approved["rma_number"]) == ("approved", "RMA-00001")
        received = (await ask(sandbox, call("POST", f"{url}/{made['id']}/receive")))["return"]
        assert received["status"] == "received"
        shown = await ask(sandbox, call("GET", f"{ORDERS}/{order.id}"))
        assert [row["status"] for row in shown["returns"]] == ["received"]
        await clock.advance(0)
        received = [name for name in receiver.types() if "return" in name]
        assert received == [f"order.return_{name}" for name in ("requested", "approved", "received")]

    in_sandbox(story)


@pytest.mark.parametrize(
    ("steps", "last"),
    [
        ((), "receive"),
        (("approve",), "approve"),
        (("reject",), "approve"),
        (("approve", "receive"), "reject"),
    ],
)
def test_a_transition_that_the_status_forbids_is_a_conflict(steps: tuple[str, ...], last: str) -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        order = shipped(sandbox)
        url = f"{ORDERS}/{order.id}/returns"
        made = (await ask(sandbox, call("POST", url, asked(order)), 201))["return"]
        for step in steps:
            await ask(sandbox, call("POST", f"{url}/{made['id']}/{step}"))
        error = await ask(sandbox, call("POST", f"{url}/{made['id']}/{last}"), 409)
        assert error["error"]["code"] == "invalid_state"

    in_sandbox(story)


def test_only_shipped_units_can_be_returned_and_a_rejected_return_frees_its_units() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        order = sandbox.place_order("plain")
        order.sale.items[0]["quantity"] = 2
        url = f"{ORDERS}/{order.id}/returns"
        await ask(sandbox, call("POST", url, asked(order)), 422)  # nothing has shipped
        sandbox.store.fulfill(order, [("li_1", 2)], "USPS", "N1")
        await ask(sandbox, call("POST", url, asked(order, 3)), 422)
        made = await ask(sandbox, call("POST", url, asked(order, 2), idem="k"), 201)
        await ask(sandbox, call("POST", url, asked(order, 2), idem="k"), 422)  # a key is not honoured here
        await ask(sandbox, call("POST", f"{url}/{made['return']['id']}/reject", {"reason": "Too late"}))
        assert order.returns[0]["reject_reason"] == "Too late"
        await ask(sandbox, call("POST", url, asked(order, 2)), 201)

    in_sandbox(story)


def test_an_order_with_every_unit_received_is_returned() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        order = shipped(sandbox)
        url = f"{ORDERS}/{order.id}/returns"
        for line, quantity in order.ordered().items():
            assert order.status == "fulfilled"
            body = {"items": [{"line_item_id": line, "quantity": quantity}]}
            made = (await ask(sandbox, call("POST", url, body), 201))["return"]["id"]
            await ask(sandbox, call("POST", f"{url}/{made}/approve"))
            await ask(sandbox, call("POST", f"{url}/{made}/receive"))
        assert order.status == "returned"

    in_sandbox(story)


def test_an_exchange_needs_an_existing_variant_and_reserves_its_units() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, receiver: Receiver) -> None:
        order = shipped(sandbox)
        quantity = order.ordered()["li_1"]
        url = f"{ORDERS}/{order.id}/exchanges"
        error = await ask(sandbox, call("POST", url, asked(order, new_variant_id="var_none")), 400)
        assert error["error"]["details"][0]["path"] == "new_variant_id"
        body = asked(order, quantity, new_variant_id="var_mug_sand")
        made = (await ask(sandbox, call("POST", url, body), 201))["exchange"]
        assert (made["status"], made["new_variant_id"]) == ("requested", "var_mug_sand")
        await ask(sandbox, call("POST", f"{ORDERS}/{order.id}/returns", asked(order)), 422)
        await clock.advance(0)
        assert receiver.types()[-1] == "order.exchange_requested"

    in_sandbox(story)


def test_a_digital_line_cannot_be_returned_and_unknown_names_are_not_found() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        order = shipped(sandbox, "digital")
        url = f"{ORDERS}/{order.id}/returns"
        await ask(sandbox, call("POST", url, asked(order)), 422)  # a file cannot come back
        await ask(sandbox, call("POST", f"{url}/ret_none/approve"), 404)
        await ask(sandbox, call("POST", f"{url}/ret_none/forget"), 404)
        await ask(sandbox, call("POST", f"{ORDERS}/ord_none/returns", asked(order)), 404)

    in_sandbox(story)
