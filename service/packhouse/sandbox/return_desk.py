"""The store's counter for goods that come back: returns with their states, and exchanges.

Only units that shipped and are not on their way back already can be returned; digital lines cannot. No key is
honoured here: who asks twice has two returns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from packhouse.clock import Clock
from packhouse.sandbox.bodies import invalid, read_body, read_text, read_units
from packhouse.sandbox.shop import Shop, ShopOrder
from packhouse.sandbox.wire import Answer, Refusal, Request, iso, json_answer

# verb -> (states it may be in, state it comes to, event or "")
STEPS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "approve": (("requested",), "approved", "order.return_approved"),
    "receive": (("approved",), "received", "order.return_received"),
    "reject": (("requested", "approved"), "rejected", ""),
}


class ReturnDesk:
    """Answers /merchant/orders/{id}/returns and /exchanges; who may come here is checked before."""

    def __init__(
        self,
        shop: Shop,
        clock: Clock,
        new_id: Callable[[str], str],
        announce: Callable[[str, ShopOrder], None],
    ) -> None:
        self._shop = shop
        self._clock = clock
        self._new_id = new_id
        self._announce = announce
        self._rma = 0

    def answer(self, request: Request, order: ShopOrder, parts: list[str]) -> Answer:
        """Do what is asked. Raises Refusal."""
        match parts:
            case ["returns"]:
                return self._return(request, order)
            case ["returns", return_id, verb] if verb in STEPS:
                return self._step(request, order, return_id, verb)
            case ["exchanges"]:
                return self._exchange(request, order)
        raise Refusal(404, "not_found", f"There is no {request.method} {request.path}.")

    def _return(self, request: Request, order: ShopOrder) -> Answer:
        body = read_body(request)
        row = self._row("ret", body, order)
        order.returns.append(row)
        self._changed(order, "order.return_requested")
        return json_answer({"return": row}, 201)

    def _exchange(self, request: Request, order: ShopOrder) -> Answer:
        body = read_body(request)
        variant = read_text(body, "new_variant_id")
        known = {good.variant_id(option) for good in self._shop.goods.values() for option in good.options}
        if variant not in known:
            raise invalid("new_variant_id", "not_found", f"there is no variant {variant!r}")
        row = self._row("exc", body, order) | {"new_variant_id": variant}
        order.exchanges.append(row)
        self._changed(order, "order.exchange_requested")
        return json_answer({"exchange": row}, 201)

    def _row(self, prefix: str, body: dict[str, Any], order: ShopOrder) -> dict[str, Any]:
        units = read_units(body, order)
        if order.status == "cancelled":
            raise Refusal(422, "not_returnable", f"Order {order.id} is cancelled.")
        left = self._with_the_buyer(order)
        for line_id, quantity in units:
            if left[line_id] < quantity:
                raise Refusal(
                    422,
                    "not_returnable",
                    f"Line {line_id} of {order.id} has {left[line_id]} units that can come back.",
                )
            left[line_id] -= quantity
        now = iso(self._clock.now())
        return {
            "id": self._new_id(prefix),
            "order_id": order.id,
            "status": "requested",
            "rma_number": None,
            "items": [{"line_item_id": line_id, "quantity": quantity} for line_id, quantity in units],
            "reason": read_text(body, "reason"),
            "created_at": now,
            "updated_at": now,
        }

    def _with_the_buyer(self, order: ShopOrder) -> dict[str, int]:
        """Units that shipped and are not coming back, by line; none of a digital line."""
        digital = {item["id"] for item in order.sale.items if self._shop.goods[item["product_id"]].is_digital}
        there = dict.fromkeys(order.ordered(), 0)
        for shipped in order.shipped:
            there[shipped.line_id] += 0 if shipped.line_id in digital else shipped.quantity
        for row in (*order.returns, *order.exchanges):
            for item in row["items"] if row["status"] != "rejected" else ():
                there[item["line_item_id"]] -= item["quantity"]
        return there

    def _step(self, request: Request, order: ShopOrder, return_id: str, verb: str) -> Answer:
        row = next((row for row in order.returns if row["id"] == return_id), None)
        if row is None:
            raise Refusal(404, "not_found", f"Order {order.id} has no return {return_id}.")
        reason = read_text(read_body(request), "reason") if request.body else ""
        before, after, event = STEPS[verb]
        if row["status"] not in before:
            raise Refusal(409, "invalid_state", f"Return {return_id} is {row['status']}.")
        row |= {"status": after, "updated_at": iso(self._clock.now())}
        if verb == "approve":
            self._rma += 1
            row["rma_number"] = f"RMA-{self._rma:05d}"
        elif verb == "reject":
            row["reject_reason"] = reason
        elif self._all_back(order):
            order.status = "returned"
        self._changed(order, event)
        return json_answer({"return": row})

    def _all_back(self, order: ShopOrder) -> bool:
        back = dict.fromkeys(order.ordered(), 0)
        for row in order.returns:
            for item in row["items"] if row["status"] == "received" else ():
                back[item["line_item_id"]] += item["quantity"]
        return back == order.ordered()

    def _changed(self, order: ShopOrder, event: str) -> None:
        order.changed(self._clock.now())
        if event:
            self._announce(event, order)
