"""The control API under /sandbox: read the state, place orders, set faults. No fault applies to it."""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import parse_qs, unquote

from packhouse.errors import SettingsError
from packhouse.sandbox.faults import FAULTS
from packhouse.sandbox.http import ApiError, Request, Response, json_response
from packhouse.sandbox.sandbox import Sandbox
from packhouse.sandbox.store.buyers import KINDS
from packhouse.sandbox.store.products import PRODUCTS

ROUTES = {
    "GET /sandbox/state": "orders with status, kind and units, and all counts",
    "GET /sandbox/audit": "every label bought at EasyPost and every fulfillment posted to the store",
    "GET /sandbox/check?final=1": "what is wrong, such as a label bought twice; final: also unused labels",
    "GET /sandbox/products": "products with their weights, which the store does not show",
    "GET /sandbox/faults": "faults that are on, how often each occurred, and all known faults",
    "POST /sandbox/orders": '{"count": 5, "rate_per_s": 2, "kinds": ["mixed"]}',
    "POST /sandbox/orders/{id}/cancel": "cancel the order",
    "POST /sandbox/orders/{id}/refund": '{"amount": 500}; without an amount: a full refund',
    "POST /sandbox/orders/{id}/address": '{"city": "Austin"}; without any part: a random complete address',
    "POST /sandbox/shipments/{id}/status": '{"status": "delivered"}',
    "POST /sandbox/faults": '{"easypost.slow": 0.1, "store.throttle": {"next": 2}}',
    "POST /sandbox/faults/clear": "turn all faults off",
    "POST /sandbox/latency": '{"store": {"latency_s": 0.05}, "easypost": {"slow_s": 3, "late_s": 2.5}}',
    "POST /sandbox/webhook": '{"url": "http://127.0.0.1:8080/webhooks/aly", "secret": "whsec_..."}',
}

# The fields of each body; those of the others are names of faults, APIs and parts of an address.
_FIELDS: dict[str, frozenset[str]] = {
    "orders": frozenset({"count", "rate_per_s", "kinds"}),
    "orders/cancel": frozenset(),
    "orders/refund": frozenset({"amount"}),
    "shipments/status": frozenset({"status"}),
    "faults/clear": frozenset(),
    "webhook": frozenset({"url", "secret"}),
}


def is_control_path(path: str) -> bool:
    """Whether a call to this path is for the control API."""
    return path == "/" or path.startswith("/sandbox")


class ControlApi:
    """Handles everything under /sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def handle(self, request: Request) -> Response:
        """Carry out one call; the error for an unknown route lists the routes."""
        parts = [unquote(part) for part in request.path.split("/")[2:] if part]
        try:
            if request.method == "GET":
                return self._get(parts, parse_qs(request.query))
            body = request.json_object() if request.body.strip() else {}
            if body is None:
                raise _invalid("The body is not a JSON object.")
            if request.method == "POST":
                return self._post(parts, body)
            raise _no_route()
        except ApiError as error:
            envelope = {"code": error.code, "message": error.message}
            return json_response({"error": envelope}, error.status)

    def _get(self, parts: list[str], query: dict[str, list[str]]) -> Response:
        sandbox = self._sandbox
        match parts:
            case []:
                return json_response(ROUTES)
            case ["state"]:
                return json_response(self.state())
            case ["audit"]:
                return json_response(sandbox.audit.to_json())
            case ["check"]:
                final = query.get("final", ["0"])[0] not in ("", "0", "false")
                return json_response({"problems": sandbox.audit.problems(final=final)})
            case ["products"]:
                rows = [
                    {"id": p.id, "name": p.name, "weight_g": p.weight_g, "is_digital": p.is_digital}
                    for p in PRODUCTS
                ]
                return json_response({"products": rows})
            case ["faults"]:
                faults = sandbox.faults
                shown = {"on": faults.probabilities, "triggered": faults.triggered, "known": dict(FAULTS)}
                return json_response(shown)
        raise _no_route()

    def state(self) -> dict[str, Any]:
        """A summary of every order, and counts."""
        sandbox = self._sandbox
        orders = {
            order.id: {
                "status": order.status,
                "kind": order.sale.kind,
                "sends_webhooks": order.sends_webhooks,
                "created_at": order.created_at,
                "units": sum(order.ordered().values()),
                "unshipped": sum(order.unshipped().values()),
            }
            for order in sandbox.store.orders.values()
        }
        return {
            "orders": orders,
            "counts": Counter(order.status for order in sandbox.store.orders.values()),
            "kinds": Counter(order.sale.kind for order in sandbox.store.orders.values()),
            "webhooks": {**sandbox.webhooks.counts, "pending": sandbox.webhooks.pending},
            "scheduled": sandbox.scheduled,
            "labels_sold": len(sandbox.easypost.by_tracking_number),
        }

    def _post(self, parts: list[str], body: dict[str, Any]) -> Response:
        sandbox = self._sandbox
        _refuse_unknown_fields(parts, body)
        match parts:
            case ["orders"]:
                return self._place_orders(body)
            case ["orders", order_id, "cancel"]:
                sandbox.store.cancel(sandbox.store.order(order_id))
            case ["orders", order_id, "refund"]:
                sandbox.store.refund(sandbox.store.order(order_id), _amount(body), "sandbox")
            case ["orders", order_id, "address"]:
                self._change_address(order_id, body)
            case ["shipments", shipment_id, "status"]:
                sandbox.easypost.find(shipment_id).status_override = str(body.get("status", ""))
            case ["faults"]:
                self._set_faults(body)
            case ["faults", "clear"]:
                sandbox.faults.clear()
            case ["latency"]:
                self._set_latency(body)
            case ["webhook"]:
                self._set_webhook(body)
            case _:
                raise _no_route()
        return json_response({"ok": True})

    def _place_orders(self, body: dict[str, Any]) -> Response:
        count, rate, kinds = body.get("count", 1), body.get("rate_per_s", 0), body.get("kinds", [])
        if type(count) is not int or not 1 <= count <= 100_000:
            raise _invalid("count is a whole number from 1 to 100000.")
        if not isinstance(rate, int | float) or rate < 0:
            raise _invalid("rate_per_s is a number; 0 places all orders at once.")
        if not isinstance(kinds, list) or any(kind not in KINDS for kind in kinds):
            raise _invalid(f"kinds is a list of {', '.join(KINDS)}.")
        placed = self._sandbox.place_orders(count, rate, tuple(kinds))
        shown = {"orders": [order.id for order in placed], "scheduled": count - len(placed)}
        return json_response(shown, 201)

    def _change_address(self, order_id: str, body: dict[str, Any]) -> None:
        order = self._sandbox.store.order(order_id)
        if any(not isinstance(part, str) or name not in order.address for name, part in body.items()):
            raise _invalid(f"The parts of an address are strings named {', '.join(order.address)}.")
        self._sandbox.store.change_address(order, body or self._sandbox.random_address())

    def _set_faults(self, body: dict[str, Any]) -> None:
        faults = self._sandbox.faults
        try:
            for name, value in body.items():
                if isinstance(value, dict) and isinstance(value.get("next"), int):
                    faults.trigger_next(name, value["next"])
                elif isinstance(value, int | float):
                    faults.set(name, float(value))
                else:
                    raise SettingsError(f'Fault {name}: write a probability, or {{"next": 1}}.')
        except SettingsError as error:
            raise _invalid(str(error)) from None

    def _set_latency(self, body: dict[str, Any]) -> None:
        for api, values in body.items():
            latency = self._sandbox.latency.get(api)
            if latency is None or not isinstance(values, dict):
                raise _invalid('Write {"store": {...}, "easypost": {...}}.')
            for name, value in values.items():
                if not hasattr(latency, name) or not isinstance(value, int | float) or value < 0:
                    raise _invalid(f"{name} is not a known latency, or {value!r} is not a time in seconds.")
                setattr(latency, name, value)

    def _set_webhook(self, body: dict[str, Any]) -> None:
        url, secret = body.get("url"), body.get("secret")
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise _invalid("url is a URL such as http://127.0.0.1:8080/webhooks/aly.")
        self._sandbox.webhooks.endpoints.clear()
        self._sandbox.register_webhook(url, secret if isinstance(secret, str) else None)


def _refuse_unknown_fields(parts: list[str], body: dict[str, Any]) -> None:
    """A mistyped field must not be ignored: the test that sends it would prove nothing."""
    known = _FIELDS.get(f"{parts[0]}/{parts[-1]}" if len(parts) > 2 else "/".join(parts)) if parts else None
    unknown = sorted(set(body) - known) if known is not None else []
    if unknown:
        fields = f"has {', '.join(sorted(known))}" if known else "has no fields"
        raise _invalid(f"There is no field {', '.join(unknown)}. The body {fields}.")


def _amount(body: dict[str, Any]) -> int | None:
    amount = body.get("amount")
    if amount is not None and type(amount) is not int:
        raise _invalid("amount is a whole number of cents.")
    return amount


def _invalid(message: str) -> ApiError:
    return ApiError(400, "validation_failed", message)


def _no_route() -> ApiError:
    return ApiError(404, "not_found", "There is no such route. The routes are: " + "; ".join(ROUTES))
