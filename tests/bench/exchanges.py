"""The six exchanges of an order with the store and EasyPost, over the transport that the daemon uses.

Read the order, create the shipment, read the order again, buy, fetch the label, post the fulfillment. Every
baseline makes its calls here, so that all of them and the daemon pay the same for the bytes of a call.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from packhouse.connections import open_connections
from packhouse.sandbox.easypost.customs import needs_form
from packhouse.sandbox.sandbox import EASYPOST_KEY, STORE_KEY

_TIMEOUT_S = 30.0
_MOST_BYTES = 5 * 1024 * 1024
_SENDER = {
    "name": "Shop",
    "street1": "1 Pier",
    "city": "San Francisco",
    "state": "CA",
    "zip": "94110",
    "country": "US",
}
_CUSTOMS = {
    "eel_pfc": "NOEEI 30.37(a)",
    "customs_items": [{"description": "Goods", "origin_country": "US", "value": 10.0, "weight": 1.0}],
}
_PARCEL = {"length": 9.9, "width": 7.9, "height": 4.0, "weight": 17.7}


class Exchanges:
    """One process's connections to the sandbox. Each method is one call; a status of 400 or more raises."""

    def __init__(self, sandbox_url: str) -> None:
        self._store = f"{sandbox_url}/api/storefront/v1/merchant/orders"
        self._provider = f"{sandbox_url}/easypost/v2/shipments"
        self._connections = open_connections(connect_s=_TIMEOUT_S / 2, most_bytes=_MOST_BYTES)

    async def ship(self, order_id: str) -> None:
        """All six, one after the other."""
        order = await self.read_order(order_id)
        shipment = await self.create_shipment(order)
        await self.read_order(order_id)
        bought = await self.buy(shipment)
        await self.fetch_label(bought)
        await self.post_fulfillment(order, bought)

    async def advance(self, state: dict[str, Any]) -> dict[str, Any] | None:
        """The next exchange of an order, for engines that keep what is known between them.

        `{"id": ORDER}` begins. Returns what the exchange after it needs, or None after the last one.
        """
        match state:
            case {"labeled": True}:
                await self.post_fulfillment(state["order"], state["bought"])
                return None
            case {"bought": bought}:
                await self.fetch_label(bought)
                return state | {"labeled": True}
            case {"checked": True}:
                return state | {"bought": await self.buy(state["shipment"])}
            case {"shipment": _}:
                await self.read_order(state["id"])
                return state | {"checked": True}
            case {"order": order}:
                return state | {"shipment": await self.create_shipment(order)}
        return state | {"order": await self.read_order(state["id"])}

    async def read_order(self, order_id: str) -> dict[str, Any]:
        """The order as the store shows it."""
        return dict(json.loads(await self._call("GET", f"{self._store}/{order_id}", STORE_KEY)))

    async def create_shipment(self, order: dict[str, Any]) -> dict[str, str]:
        """Create a shipment; its id and the id of its first rate."""
        asked = {"shipment": shipment_request(order)}
        shipment = json.loads(await self._call("POST", self._provider, EASYPOST_KEY, asked))
        return {"id": shipment["id"], "rate": shipment["rates"][0]["id"]}

    async def buy(self, shipment: dict[str, str]) -> dict[str, str]:
        """Buy the label; its carrier, its tracking number and the address of its file."""
        url, rate = f"{self._provider}/{shipment['id']}/buy", {"rate": {"id": shipment["rate"]}}
        bought = json.loads(await self._call("POST", url, EASYPOST_KEY, rate))
        return {
            "carrier": bought["selected_rate"]["carrier"],
            "tracking_number": bought["tracking_code"],
            "label_url": bought["postage_label"]["label_url"],
        }

    async def fetch_label(self, bought: dict[str, str]) -> int:
        """Fetch the label's file, which nothing keeps; its size in bytes."""
        return len(await self._call("GET", bought["label_url"]))

    async def post_fulfillment(self, order: dict[str, Any], bought: dict[str, str]) -> None:
        """Post all units of the order with the label's number, under a key of the order."""
        body = {
            "carrier": bought["carrier"],
            "tracking_number": bought["tracking_number"],
            "items": [{"line_item_id": i["id"], "quantity": i["quantity"]} for i in order["items"]],
        }
        url, key = f"{self._store}/{order['id']}/fulfill", f"bench-{order['id']}"
        await self._call("POST", url, STORE_KEY, body, {"idempotency-key": key})

    async def aclose(self) -> None:
        """Close the connections."""
        await self._connections.aclose()

    async def _call(
        self,
        method: str,
        url: str,
        key: str = "",
        body: object = None,
        more: dict[str, str] | None = None,
    ) -> bytes:
        """The body of one response. The only place that uses the daemon's HTTP port."""
        headers = [("authorization", f"Bearer {key}")] if key else []
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            headers.append(("content-type", "application/json"))
        async with asyncio.timeout(_TIMEOUT_S):
            answer = await self._connections.exchange(method, url, [*headers, *(more or {}).items()], content)
        if answer.status >= 400:
            raise RuntimeError(f"{method} {url}: {answer.status} {answer.body[:500]!r}")
        return answer.body


def shipment_request(order: dict[str, Any]) -> dict[str, Any]:
    """The shipment to create for an order, as EasyPost takes it."""
    to = order["shipping_address"]
    asked = {
        "reference": f"{order['id']}/1/1",
        "from_address": _SENDER,
        "to_address": _address(to),
        "parcel": _PARCEL,
        "options": {"label_format": "ZPL"},
    }
    return asked | ({"customs_info": _CUSTOMS} if needs_form(to) else {})


def _address(shown: dict[str, str]) -> dict[str, str]:
    """Translate a store address to an EasyPost address."""
    words = {"line1": "street1", "line2": "street2", "postcode": "zip"}
    return {words.get(name, name): part for name, part in shown.items()}
