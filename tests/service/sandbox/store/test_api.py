"""The fake store follows Aly's contract."""

from __future__ import annotations

import json

import pytest

from packhouse.sandbox.http import to_iso
from packhouse.sandbox.sandbox import STORE_ORDERS_KEY, Sandbox
from packhouse.sandbox.store.products import SITE
from tests.clock import START, ManualClock
from tests.service.sandbox.harness import ORDERS, STORE, Receiver, ask, call, fulfill_body, in_sandbox


def test_a_list_has_pages_newest_first_and_the_last_page_has_no_cursor() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        made = []
        for _number in range(25):
            made.append(sandbox.place_order("plain").id)
            await clock.advance(1)
        seen: list[str] = []
        query = "status=pending&limit=10"
        sizes = []
        while True:
            page = await ask(sandbox, call("GET", ORDERS, query=query))
            sizes.append(len(page["orders"]))
            seen += [order["id"] for order in page["orders"]]
            if "next_cursor" not in page:
                break
            query = f"status=pending&limit=10&cursor={page['next_cursor']}"
        assert sizes == [10, 10, 5]
        assert seen == made[::-1]

    in_sandbox(story)


def test_new_orders_do_not_disturb_the_next_page() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        first = [order.id for order in sandbox.place_orders(4, kinds=("plain",))]
        page = await ask(sandbox, call("GET", ORDERS, query="limit=2"))
        sandbox.place_orders(3, kinds=("plain",))
        rest = await ask(sandbox, call("GET", ORDERS, query=f"limit=2&cursor={page['next_cursor']}"))
        assert [o["id"] for o in page["orders"] + rest["orders"]] == first[::-1]

    in_sandbox(story)


def test_orders_are_filtered_by_status_time_site_and_customer() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        old = sandbox.place_order("plain")
        await clock.advance(10)
        new = sandbox.place_order("plain")
        sandbox.store.cancel(old)

        async def ids(query: str) -> list[str]:
            return [o["id"] for o in (await ask(sandbox, call("GET", ORDERS, query=query)))["orders"]]

        assert await ids("status=pending") == [new.id]
        assert await ids("status=cancelled") == [old.id]
        assert await ids(f"created_after={to_iso(START + 10)}") == [new.id]
        assert await ids(f"created_before={to_iso(START + 10)}") == [old.id]
        assert await ids(f"site_slug={SITE}") == [new.id, old.id]
        assert await ids("site_slug=another-shop") == []
        assert await ids("customer_id=cust_00001") == [old.id]

    in_sandbox(story)


def test_a_partially_shipped_order_is_listed_as_pending_and_shows_its_own_status() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        order = sandbox.place_order("part_fulfilled")
        page = await ask(sandbox, call("GET", ORDERS, query="status=pending"))
        shown = page["orders"][0]
        assert shown["id"] == order.id
        assert shown["status"] == "partially_fulfilled"
        row = shown["fulfillments"][0]
        assert (row["line_item_id"], row["quantity"], row["carrier"]) == ("li_1", 1, "FedEx")

    in_sandbox(story)


@pytest.mark.parametrize(
    ("query", "path", "code"),
    [
        ("limit=0", "limit", "too_small"),
        ("limit=101", "limit", "too_big"),
        ("limit=x", "limit", "too_small"),
        ("status=partially_fulfilled", "status", "invalid_enum_value"),
        ("created_after=yesterday", "created_after", "invalid_date"),
        ("cursor=bm9uZQ", "cursor", "invalid_cursor"),
    ],
)
def test_a_malformed_query_is_refused_with_the_field_that_is_wrong(query: str, path: str, code: str) -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        error = (await ask(sandbox, call("GET", ORDERS, query=query), 400))["error"]
        assert error["code"] == "validation_failed"
        assert (error["details"][0]["path"], error["details"][0]["code"]) == (path, code)

    in_sandbox(story)


def test_a_call_without_a_key_or_without_the_scope_is_refused() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        await ask(sandbox, call("GET", ORDERS, key="aly_wrong"), 401)
        await ask(sandbox, call("GET", ORDERS, key=STORE_ORDERS_KEY), 200)
        error = await ask(sandbox, call("GET", f"{STORE}/merchant/webhooks", key=STORE_ORDERS_KEY), 403)
        assert error["error"]["code"] == "insufficient_scope"
        await ask(sandbox, call("GET", f"{ORDERS}/ord_none"), 404)
        await ask(sandbox, call("POST", ORDERS, {}), 404)

    in_sandbox(story)


def test_the_same_key_and_body_replay_the_first_response_and_ship_once() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, receiver: Receiver) -> None:
        order = sandbox.place_order("plain")
        shown = json.loads(order.to_json())
        request = call("POST", f"{ORDERS}/{order.id}/fulfill", fulfill_body(shown, "N1"), idem="k1")
        first = await sandbox.handle(request)
        second = await sandbox.handle(request)
        assert first.status == 200
        assert second == first
        assert len(order.fulfillments) == len(shown["items"])
        await clock.advance(0)
        assert receiver.types() == ["order.created", "order.fulfilled"]
        other = call("POST", f"{ORDERS}/{order.id}/fulfill", fulfill_body(shown, "N2"), idem="k1")
        assert (await ask(sandbox, other, 409))["error"]["code"] == "idempotency_conflict"
        again = call("POST", f"{ORDERS}/{order.id}/fulfill", fulfill_body(shown, "N1"), idem="k2")
        assert (await ask(sandbox, again, 409))["error"]["code"] == "already_fulfilled"
        assert len(order.fulfillments) == len(shown["items"])

    in_sandbox(story)


def test_an_order_is_fulfilled_only_when_every_unit_of_every_line_has_shipped() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, receiver: Receiver) -> None:
        order = sandbox.place_order("plain")
        order.sale.items[0]["quantity"] = 3
        url, line = f"{ORDERS}/{order.id}/fulfill", order.sale.items[0]["id"]
        for number in range(3):
            one = {"carrier": "UPS", "tracking_number": f"N{number}"}
            body = {**one, "items": [{"line_item_id": line, "quantity": 1}]}
            shown = await ask(sandbox, call("POST", url, body, idem=f"k{number}"))
        left = {item["id"]: item["quantity"] for item in order.sale.items[1:]}
        assert shown["status"] == ("partially_fulfilled" if left else "fulfilled")
        too_many = {"items": [{"line_item_id": line, "quantity": 1}], "carrier": "", "tracking_number": ""}
        await ask(sandbox, call("POST", url, too_many), 409)
        if left:
            rest = await ask(sandbox, call("POST", url, {"carrier": "UPS", "tracking_number": "N9"}))
            assert rest["status"] == "fulfilled"
        await clock.advance(0)
        assert receiver.types()[1:3] == ["order.partially_fulfilled"] * 2
        assert receiver.types()[-1] == "order.fulfilled"

    in_sandbox(story)


def test_a_fulfillment_with_too_many_units_of_one_line_changes_nothing() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        order = next(o for o in sandbox.place_orders(30, kinds=("plain",)) if len(o.sale.items) > 1)
        body = fulfill_body(json.loads(order.to_json()), "N1")
        body["items"][-1]["quantity"] += 1
        await ask(sandbox, call("POST", f"{ORDERS}/{order.id}/fulfill", body, idem="k"), 409)
        assert order.fulfillments == []
        assert order.status == "pending"

    in_sandbox(story)


@pytest.mark.parametrize("how", ["cancel", "refund"])
def test_a_cancelled_or_refunded_order_cannot_be_fulfilled(how: str) -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        order = sandbox.place_order("plain")
        getattr(sandbox.store, how)(order)
        body = fulfill_body(json.loads(order.to_json()), "N1")
        await ask(sandbox, call("POST", f"{ORDERS}/{order.id}/fulfill", body, idem="k"), 422)

    in_sandbox(story)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"{", ""),
        (b"[]", ""),
        ({"items": []}, "items"),
        ({"items": [{"line_item_id": "li_99", "quantity": 1}]}, "line_items.0.line_item_id"),
        ({"items": [{"line_item_id": "li_1", "quantity": 0}]}, "line_items.0.quantity"),
        ({"items": [{"line_item_id": "li_1", "quantity": 1.0}]}, "line_items.0.quantity"),
        ({"items": [{"line_item_id": "li_1", "quantity": True}]}, "line_items.0.quantity"),
        ({"tracking_number": 7}, "tracking_number"),
    ],
)
def test_a_malformed_fulfillment_is_refused_with_the_field(body: object, path: str) -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        order = sandbox.place_order("plain")
        error = await ask(sandbox, call("POST", f"{ORDERS}/{order.id}/fulfill", body), 400)
        assert error["error"]["details"][0]["path"] == path
        assert order.fulfillments == []

    in_sandbox(story)


def test_a_refund_is_accepted_at_once_and_completes_later() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, receiver: Receiver) -> None:
        order = sandbox.place_order("plain")
        await ask(sandbox, call("POST", f"{ORDERS}/{order.id}/refund", {"amount": 100}, idem="a"), 202)
        assert order.refunds == []
        await clock.advance(1)
        assert (order.status, order.refunds[0]["amount"]) == ("pending", 100)
        await ask(sandbox, call("POST", f"{ORDERS}/{order.id}/refund", idem="b"), 202)
        await clock.advance(1)
        assert order.status == "refunded"
        assert receiver.types() == ["order.created", "order.refunded", "order.refunded"]
        await ask(sandbox, call("POST", f"{ORDERS}/{order.id}/refund", {"amount": 1}, idem="c"), 422)

    in_sandbox(story)


def test_products_show_whether_they_are_digital_if_the_store_knows() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        base = f"{STORE}/stores/{SITE}/products"
        ids = "prod_mug,prod_pattern,prod_gift_box,prod_nothing"
        rows = (await ask(sandbox, call("GET", f"{base}/batch", query=f"ids={ids}", key="")))["products"]
        assert {row["id"]: row.get("is_digital") for row in rows} == {
            "prod_mug": False,
            "prod_pattern": True,
            "prod_gift_box": None,
        }
        assert (await ask(sandbox, call("GET", f"{base}/prod_mug", key="")))["name"] == "Stoneware mug"
        await ask(sandbox, call("GET", f"{base}/batch", query="ids=" + ",".join(["x"] * 51)), 400)
        await ask(sandbox, call("GET", f"{base}/batch"), 400)
        await ask(sandbox, call("GET", f"{STORE}/stores/another/products"), 404)

    in_sandbox(story)
