"""The control plane under /sandbox: look at the world, make orders, switch faults. No faults strike here."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from packhouse.errors import SettingsError
from packhouse.sandbox.catalogue import GOODS, KINDS
from packhouse.sandbox.faults import FAULTS
from packhouse.sandbox.wire import Answer, Refusal, Request, json_answer

if TYPE_CHECKING:
    from packhouse.sandbox.world import World

ROUTES = {
    "GET /sandbox/state": "orders with status, kind and units, and counts of everything",
    "GET /sandbox/books": "every purchase at the carrier, every fulfillment at the store",
    "GET /sandbox/check?settled=1": "what must never be, such as a label bought twice",
    "GET /sandbox/products": "products with the weights that the store does not show",
    "GET /sandbox/faults": "faults that are on, how often each struck, and all there are",
    "POST /sandbox/orders": '{"count": 5, "rate_per_s": 2, "kinds": ["mixed"]}',
    "POST /sandbox/orders/{id}/cancel": "the buyer cancels",
    "POST /sandbox/orders/{id}/refund": '{"amount": 500}, or {} for everything',
    "POST /sandbox/orders/{id}/address": '{"city": "Austin"}, or {} for another complete address',
    "POST /sandbox/shipments/{id}/status": '{"status": "delivered"}',
    "POST /sandbox/faults": '{"carrier.slow": 0.1, "store.throttle": {"next": 2}}',
    "POST /sandbox/pace": '{"store": {"latency_s": 0.05}, "carrier": {"slow_s": 3, "late_s": 2.5}}',
    "POST /sandbox/webhook": '{"url": "http://127.0.0.1:8080/webhooks/aly", "secret": "whsec_..."}',
    "POST /sandbox/quiet": "all faults off",
}


class Control:
    """Answers everything under /sandbox."""

    def __init__(self, world: World) -> None:
        self._world = world

    def answer(self, request: Request) -> Answer:
        """Do what is asked, or say what could be asked."""
        parts = [unquote(part) for part in request.path.split("/")[2:] if part]
        try:
            if request.method == "GET":
                return self._look(parts, parse_qs(request.query))
            body = request.json_object() if request.body.strip() else {}
            if body is None:
                raise Refusal(400, "validation_failed", "The body is not a JSON object.")
            if request.method == "POST":
                return self._act(parts, body)
            raise _no_route()
        except Refusal as refusal:
            error = {"code": refusal.code, "message": refusal.message}
            return json_answer({"error": error}, refusal.status)

    def _look(self, parts: list[str], query: dict[str, list[str]]) -> Answer:
        world = self._world
        match parts:
            case []:
                return json_answer(ROUTES)
            case ["state"]:
                return json_answer(self.state())
            case ["books"]:
                return json_answer(world.books.to_json())
            case ["check"]:
                settled = query.get("settled", ["0"])[0] not in ("", "0", "false")
                return json_answer({"problems": world.books.problems(settled=settled)})
            case ["products"]:
                rows = [
                    {"id": g.id, "name": g.name, "weight_g": g.weight_g, "is_digital": g.is_digital}
                    for g in GOODS
                ]
                return json_answer({"products": rows})
            case ["faults"]:
                faults = world.faults
                return json_answer({"on": faults.chances, "struck": faults.struck, "known": dict(FAULTS)})
        raise _no_route()

    def state(self) -> dict[str, Any]:
        """Every order in short, and counts."""
        world = self._world
        orders = {
            order.id: {
                "status": order.status,
                "kind": order.sale.kind,
                "told": order.told,
                "created_at": order.created_at,
                "units": sum(order.ordered().values()),
                "left": sum(order.left().values()),
            }
            for order in world.shop.orders.values()
        }
        return {
            "orders": orders,
            "counts": Counter(order.status for order in world.shop.orders.values()),
            "kinds": Counter(order.sale.kind for order in world.shop.orders.values()),
            "webhooks": {**world.webhooks.counts, "due": world.webhooks.due},
            "coming": world.coming,
            "labels_sold": len(world.carrier.by_number),
        }

    def _act(self, parts: list[str], body: dict[str, Any]) -> Answer:
        world = self._world
        match parts:
            case ["orders"]:
                return self._order(body)
            case ["orders", order_id, "cancel"]:
                world.shop.cancel(world.shop.order(order_id))
            case ["orders", order_id, "refund"]:
                world.shop.refund(world.shop.order(order_id), _amount(body), "sandbox")
            case ["orders", order_id, "address"]:
                order = world.shop.order(order_id)
                if any(not isinstance(part, str) or name not in order.address for name, part in body.items()):
                    names = ", ".join(order.address)
                    raise Refusal(400, "validation_failed", f"Parts of an address are texts named {names}.")
                world.shop.change_address(order, body or world.another_address())
            case ["shipments", shipment_id, "status"]:
                world.carrier.find(shipment_id).set_status = str(body.get("status", ""))
            case ["faults"]:
                self._fault(body)
            case ["pace"]:
                self._pace(body)
            case ["webhook"]:
                self._webhook(body)
            case ["quiet"]:
                world.faults.silence()
            case _:
                raise _no_route()
        return json_answer({"ok": True})

    def _order(self, body: dict[str, Any]) -> Answer:
        count, rate, kinds = body.get("count", 1), body.get("rate_per_s", 0), body.get("kinds", [])
        if not isinstance(count, int) or not 1 <= count <= 100_000:
            raise Refusal(400, "validation_failed", "count is a whole number from 1 to 100000.")
        if not isinstance(rate, int | float) or rate < 0:
            raise Refusal(400, "validation_failed", "rate_per_s is a number, 0 for all at once.")
        if not isinstance(kinds, list) or any(kind not in KINDS for kind in kinds):
            raise Refusal(400, "validation_failed", f"kinds is a list of {', '.join(KINDS)}.")
        made = self._world.orders(count, rate, tuple(kinds))
        return json_answer({"orders": [order.id for order in made], "coming": count - len(made)}, 201)

    def _fault(self, body: dict[str, Any]) -> None:
        faults = self._world.faults
        try:
            for name, value in body.items():
                if isinstance(value, dict) and isinstance(value.get("next"), int):
                    faults.strike_next(name, value["next"])
                elif isinstance(value, int | float):
                    faults.set(name, float(value))
                else:
                    raise SettingsError(f'Fault {name}: write a probability, or {{"next": 1}}.')
        except SettingsError as error:
            raise Refusal(400, "validation_failed", str(error)) from None

    def _pace(self, body: dict[str, Any]) -> None:
        for side, values in body.items():
            pace = self._world.pace.get(side)
            if pace is None or not isinstance(values, dict):
                raise Refusal(400, "validation_failed", 'Write {"store": {...}, "carrier": {...}}.')
            for name, value in values.items():
                if not hasattr(pace, name) or not isinstance(value, int | float) or value < 0:
                    raise Refusal(
                        400, "validation_failed", f"{name} is no pace, or {value!r} no time in seconds."
                    )
                setattr(pace, name, value)

    def _webhook(self, body: dict[str, Any]) -> None:
        url, secret = body.get("url"), body.get("secret")
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise Refusal(
                400, "validation_failed", "url is an address such as http://127.0.0.1:8080/webhooks/aly."
            )
        self._world.webhooks.endpoints.clear()
        self._world.tell(url, secret if isinstance(secret, str) else None)


def _amount(body: dict[str, Any]) -> int | None:
    amount = body.get("amount")
    if amount is not None and not isinstance(amount, int):
        raise Refusal(400, "validation_failed", "amount is a whole number of cents.")
    return amount


def _no_route() -> Refusal:
    return Refusal(404, "not_found", "No such route; there are: " + "; ".join(ROUTES))
