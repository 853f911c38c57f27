"""A store in memory with the methods of the blocking client; its calls can be made to fail."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from packhouse.errors import StoreNotFound, StoreRefused
from packhouse.model.order import Order, Product
from packhouse.store.protocol import order_from_json
from packhouse.store.requests import StoreRequest
from packhouse.store.responses import StoreResponse
from packhouse_cli.bulk.actions import ACTIONS
from packhouse_cli.bulk.plan import Plan
from packhouse_cli.bulk.planner import PlanContext, make_plan
from packhouse_cli.bulk.progress import Progress
from packhouse_cli.bulk.rows import Row
from packhouse_cli.bulk.throttled_client import RateLimiter

# An error that a call raises, before or after its effect.
Mishap = tuple[str, Exception]


class MemoryStore:
    """Orders by id, as the store shows them; `sent` are the changes that had an effect, with their keys.

    A store that `is_silent` answers changes with an empty object, and one that `forgets` does not make them.
    `mishaps` are errors of changes and `unread` errors of reads, one for each call, in sequence.
    """

    def __init__(self, *order_ids: str, **parts: Any) -> None:
        self.orders = {order_id: self._order(order_id) | parts for order_id in order_ids}
        self.digital: set[str] = set()
        self.sent: list[tuple[str, str]] = []
        self.tried = 0
        self.reads = 0
        self.most_at_once = self.at_once = 0
        self.mishaps: list[Mishap | None] = []
        self.unread: list[Exception | None] = []
        self.refunds_land = True
        self.is_silent = self.forgets = False
        self.before_effect: Callable[[str], object] = lambda _: None
        self._answered: dict[str, bytes] = {}
        self._lock = threading.Lock()

    @staticmethod
    def _order(order_id: str) -> dict[str, Any]:
        return {
            "id": order_id,
            "status": "pending",
            "site_slug": "lantern",
            "currency": "USD",
            "totals": {"total": 5000},
            "items": [
                {"id": "li_1", "product_id": "prod_1", "quantity": 2},
                {"id": "li_2", "product_id": "prod_2", "quantity": 1},
            ],
            "shipping_address": {"line1": "1 Pier", "city": "Oakland", "country": "US"},
            "fulfillments": [],
            "refunds": [],
            "returns": [],
        }

    def order(self, order_id: str) -> Order:
        with self._lock:
            self.reads += 1
            if self.unread and (error := self.unread.pop(0)):
                raise error
            if order_id not in self.orders:
                raise StoreNotFound(f"The store does not know order {order_id}.", status=404)
            return order_from_json(json.loads(json.dumps(self.orders[order_id])))

    def products(self, site_slug: str, ids: Sequence[str]) -> dict[str, Product]:
        return {one: Product(one, is_digital=one in self.digital) for one in ids}

    def ask(self, request: StoreRequest) -> StoreResponse:
        order_id, item = request.path.split("/")[-2:]
        self.before_effect(order_id)
        with self._lock:
            self.tried += 1
            mishap = self.mishaps.pop(0) if self.mishaps else None
            if mishap and mishap[0] == "before":
                raise mishap[1]
            if not self.forgets:
                self._effect(self.orders[order_id], item, request)
            if mishap:
                raise mishap[1]
            shown = {} if self.is_silent else self.orders[order_id]
            return StoreResponse(200, body=json.dumps(shown).encode())

    def _effect(self, order: dict[str, Any], item: str, request: StoreRequest) -> None:
        key = dict(request.headers)["Idempotency-Key"]
        body = request.body or b"{}"
        if self._answered.setdefault(key, body) == body and (order["id"], key) in self.sent:
            return  # replayed
        said = json.loads(body)
        if order["status"] == "cancelled":
            raise StoreRefused(f"Order {order['id']} is cancelled.", status=422)
        if item == "fulfill":
            rows = [part | {"tracking_number": said["tracking_number"]} for part in said["items"]]
            order["fulfillments"] += rows
            shipped = sum(row["quantity"] for row in order["fulfillments"])
            whole = shipped >= sum(item["quantity"] for item in order["items"])
            order["status"] = "fulfilled" if whole else "partially_fulfilled"
        elif item == "returns" and order["returns"] is not None:
            order["returns"] += [said | {"id": f"ret_{len(order['returns']) + 1}", "status": "requested"}]
        elif item == "refund" and self.refunds_land and order["refunds"] is not None:
            order["refunds"] += [{"amount": said["amount"]}]
        self.sent.append((order["id"], key))

    def close(self) -> None:
        """Nothing to close."""

    def __enter__(self) -> MemoryStore:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""

    def context(self, concurrency: int = 4) -> PlanContext:
        return PlanContext(
            lambda: self,  # type: ignore[arg-type,return-value]
            "http://store.test",
            RateLimiter(0, threading.Event()),
            concurrency,
            silent(),
        )

    def plan(self, *rows: Row, action: str = "fulfill", skip_bad: bool = False, again: bool = False) -> Plan:
        """A plan of these rows; without any, each order is fulfilled in one parcel or refunded in full."""
        rows = rows or tuple(
            Row(number, order_id, "USPS", f"T-{order_id}") if action == "fulfill" else Row(number, order_id)
            for number, order_id in enumerate(self.orders, 1)
        )
        return make_plan(
            ACTIONS[action],
            rows,
            self.context(),
            made_at="2026-11-23T08:00:00Z",
            source={},
            skip_bad=skip_bad,
            again=again,
        )


def silent() -> Progress:
    """Progress that is not shown."""
    return Progress(Path("/dev/null").open("w"), can_draw=False)
