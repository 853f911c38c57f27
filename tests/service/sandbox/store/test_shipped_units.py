"""The fake store's orders that another tool has begun, its counts on lines, and its list of products."""

from __future__ import annotations

import pytest

from packhouse.sandbox.sandbox import STORE_ORDERS_KEY, Sandbox, SandboxOptions
from tests.clock import ManualClock
from tests.service.sandbox.harness import ORDERS, STORE, Receiver, ask, call, in_sandbox


def test_a_unit_that_was_refunded_after_shipping_is_shown_as_shipped_returned_and_refunded() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        order = sandbox.place_order("refunded_after_shipping")
        shown = await ask(sandbox, call("GET", f"{ORDERS}/{order.id}"))
        unit = {"line_item_id": "li_1", "quantity": 1}
        assert shown["status"] == "partially_fulfilled"
        assert [row["quantity"] for row in shown["fulfillments"]] == [1]
        assert (shown["returns"][0]["status"], shown["returns"][0]["items"]) == ("received", [unit])
        assert (shown["refunds"][0]["status"], shown["refunds"][0]["items"]) == ("succeeded", [unit])
        assert shown["refunds"][0]["amount"] == shown["items"][0]["unit_price"]

    in_sandbox(story)


def test_an_order_that_was_returned_in_part_can_still_be_fulfilled() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        order = sandbox.place_order("returned_in_part")
        assert order.status == "returned"
        left = [(line, quantity) for line, quantity in order.unshipped().items() if quantity]
        items = [{"line_item_id": line, "quantity": quantity} for line, quantity in left]
        body = {"carrier": "USPS", "tracking_number": "9400", "items": items}
        await ask(sandbox, call("POST", f"{ORDERS}/{order.id}/fulfill", body))
        assert not any(order.unshipped().values())

    in_sandbox(story)


@pytest.mark.parametrize("counts", [False, True])
def test_a_store_shows_fulfillments_or_counts_units_on_each_line(counts: bool) -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        order = sandbox.place_order("part_fulfilled")
        shown = await ask(sandbox, call("GET", f"{ORDERS}/{order.id}"))
        assert ("fulfillments" in shown) is not counts
        assert [item.get("fulfilled_quantity") for item in shown["items"]] == [
            (1 if item["id"] == "li_1" else 0) if counts else None for item in shown["items"]
        ]

    in_sandbox(story, options=SandboxOptions(line_counts=counts))


def test_the_list_of_products_has_pages_and_needs_its_scope() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        path, query, seen = f"{STORE}/merchant/products", "limit=7", []
        while True:
            page = await ask(sandbox, call("GET", path, query=query))
            assert len(page["products"]) <= 7
            seen += [product["id"] for product in page["products"]]
            if "next_cursor" not in page:
                break
            query = f"limit=7&cursor={page['next_cursor']}"
        assert seen == list(sandbox.store.products)
        await ask(sandbox, call("GET", path, key=STORE_ORDERS_KEY), 403)

    in_sandbox(story)
