"""Returns and exchanges of the fake store.

Each shipped unit can be returned once, except units of digital lines; a rejected return frees its units.
Idempotency-Key has no effect here: the same request sent twice makes two returns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from packhouse.clock import Clock
from packhouse.sandbox.http import ApiError, Request, Response, json_response, to_iso
from packhouse.sandbox.store.parsing import invalid, read_body, read_text, read_units
from packhouse.sandbox.store.state import StoreOrder, StoreState

# action -> (statuses before, status after, event or "")
TRANSITIONS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "approve": (("requested",), "approved", "order.return_approved"),
    "receive": (("approved",), "received", "order.return_received"),
    "reject": (("requested", "approved"), "rejected", ""),
}


class ReturnsApi:
    """Handles /merchant/orders/{id}/returns and /exchanges. The caller checks the scopes first."""

    def __init__(
        self,
        state: StoreState,
        clock: Clock,
        new_id: Callable[[str], str],
        publish: Callable[[str, StoreOrder], None],
    ) -> None:
        self._state = state
        self._clock = clock
        self._new_id = new_id
        self._publish = publish
        self._rma = 0

    def handle(self, request: Request, order: StoreOrder, parts: list[str]) -> Response:
        """Carry out one call. Raises ApiError."""
        match parts:
            case ["returns"]:
                return self._return(request, order)
            case ["returns", return_id, action] if action in TRANSITIONS:
                return self._move(request, order, return_id, action)
            case ["exchanges"]:
                return self._exchange(request, order)
        raise ApiError(404, "not_found", f"There is no {request.method} {request.path}.")

    def _return(self, request: Request, order: StoreOrder) -> Response:
        body = read_body(request)
        row = self._row("ret", body, order)
        order.returns.append(row)
        self._save(order, "order.return_requested")
        return json_response({"return": row}, 201)

    def _exchange(self, request: Request, order: StoreOrder) -> Response:
        body = read_body(request)
        variant = read_text(body, "new_variant_id")
        variants = {
            product.variant_id(option)
            for product in self._state.products.values()
            for option in product.options
        }
        if variant not in variants:
            raise invalid("new_variant_id", "not_found", f"there is no variant {variant!r}")
        row = self._row("exc", body, order) | {"new_variant_id": variant}
        order.exchanges.append(row)
        self._save(order, "order.exchange_requested")
        return json_response({"exchange": row}, 201)

    def _row(self, prefix: str, body: dict[str, Any], order: StoreOrder) -> dict[str, Any]:
        units = read_units(body, order)
        if order.status == "cancelled":
            raise ApiError(422, "not_returnable", f"Order {order.id} is cancelled.")
        left = self._returnable(order)
        for line_id, quantity in units:
            if left[line_id] < quantity:
                raise ApiError(
                    422,
                    "not_returnable",
                    f"Line {line_id} of {order.id} has {left[line_id]} units that can be returned.",
                )
            left[line_id] -= quantity
        now = to_iso(self._clock.now())
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

    def _returnable(self, order: StoreOrder) -> dict[str, int]:
        """Shipped units in no return or exchange that is not rejected, by line; none of a digital line."""
        digital = {
            item["id"] for item in order.sale.items if self._state.products[item["product_id"]].is_digital
        }
        units = dict.fromkeys(order.ordered(), 0)
        for row in order.fulfillments:
            units[row.line_id] += 0 if row.line_id in digital else row.quantity
        for request in (*order.returns, *order.exchanges):
            for item in request["items"] if request["status"] != "rejected" else ():
                units[item["line_item_id"]] -= item["quantity"]
        return units

    def _move(self, request: Request, order: StoreOrder, return_id: str, action: str) -> Response:
        row = next((row for row in order.returns if row["id"] == return_id), None)
        if row is None:
            raise ApiError(404, "not_found", f"Order {order.id} has no return {return_id}.")
        reason = read_text(read_body(request), "reason") if request.body else ""
        before, after, event = TRANSITIONS[action]
        if row["status"] not in before:
            raise ApiError(409, "invalid_state", f"Return {return_id} is {row['status']}.")
        row |= {"status": after, "updated_at": to_iso(self._clock.now())}
        if action == "approve":
            self._rma += 1
            row["rma_number"] = f"RMA-{self._rma:05d}"
        elif action == "reject":
            row["reject_reason"] = reason
        elif self._all_received(order):
            order.status = "returned"
        self._save(order, event)
        return json_response({"return": row})

    def _all_received(self, order: StoreOrder) -> bool:
        received = dict.fromkeys(order.ordered(), 0)
        for row in order.returns:
            for item in row["items"] if row["status"] == "received" else ():
                received[item["line_item_id"]] += item["quantity"]
        return received == order.ordered()

    def _save(self, order: StoreOrder, event: str) -> None:
        order.touch(self._clock.now())
        if event:
            self._publish(event, order)
