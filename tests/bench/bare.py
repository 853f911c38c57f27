"""The baseline for orders, a separate program: the same calls to the same sandbox, and nothing else.

For each order: read it, create the shipment, read it again, buy, fetch the label, post the fulfillment. The
daemon's own HTTP port does that at the daemon's concurrency on the daemon's event loop. No ledger, no rules,
nothing kept. Order ids come on standard input; one JSON object with the numbers leaves.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator

import uvloop

from packhouse.connections import open_connections
from packhouse.http import Connections
from packhouse.sandbox.easypost.customs import needs_form
from packhouse.sandbox.sandbox import EASYPOST_KEY, STORE_KEY
from tests.bench.gauges import cpu_s, memory_mb

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


_TIMEOUT_S = 30.0
_MOST_BYTES = 5 * 1024 * 1024


async def ship_all(sandbox_url: str, order_ids: list[str], concurrency: int) -> None:
    """Ship every order, with limited concurrency."""
    waiting = iter(order_ids)
    connections = open_connections(connect_s=_TIMEOUT_S / 2, most_bytes=_MOST_BYTES)
    await asyncio.gather(*(_worker(connections, sandbox_url, waiting) for _ in range(concurrency)))
    await connections.aclose()


async def _worker(connections: Connections, sandbox_url: str, waiting: Iterator[str]) -> None:
    for order_id in waiting:
        await _ship(connections, sandbox_url, order_id)


async def _ship(connections: Connections, sandbox_url: str, order_id: str) -> None:
    store, provider = f"{sandbox_url}/api/storefront/v1", f"{sandbox_url}/easypost/v2"
    to_store, to_carrier = ({"authorization": f"Bearer {key}"} for key in (STORE_KEY, EASYPOST_KEY))
    order_url = f"{store}/merchant/orders/{order_id}"
    order = json.loads(await _call(connections, "GET", order_url, to_store))
    asked = {
        "reference": f"{order_id}/1/1",
        "from_address": _SENDER,
        "to_address": _address(order["shipping_address"]),
        "parcel": _PARCEL,
        "options": {"label_format": "ZPL"},
    }
    if needs_form(order["shipping_address"]):
        asked["customs_info"] = _CUSTOMS
    created = await _call(connections, "POST", f"{provider}/shipments", to_carrier, {"shipment": asked})
    shipment = json.loads(created)
    json.loads(await _call(connections, "GET", order_url, to_store))
    buy_url = f"{provider}/shipments/{shipment['id']}/buy"
    rate = {"rate": {"id": shipment["rates"][0]["id"]}}
    bought = json.loads(await _call(connections, "POST", buy_url, to_carrier, rate))
    await _call(connections, "GET", bought["postage_label"]["label_url"], {})
    said = {
        "carrier": bought["selected_rate"]["carrier"],
        "tracking_number": bought["tracking_code"],
        "items": [{"line_item_id": i["id"], "quantity": i["quantity"]} for i in order["items"]],
    }
    key = {"idempotency-key": f"bare-{order_id}"}
    json.loads(await _call(connections, "POST", f"{order_url}/fulfill", to_store | key, said))


async def _call(
    connections: Connections, method: str, url: str, headers: dict[str, str], said: object = None
) -> bytes:
    """The body of a call's answer, which must be a success."""
    body = None
    if said is not None:
        headers, body = headers | {"content-type": "application/json"}, json.dumps(said).encode()
    async with asyncio.timeout(_TIMEOUT_S):
        answer = await connections.exchange(method, url, list(headers.items()), body)
    if not 200 <= answer.status < 300:
        raise RuntimeError(f"{method} {url}: {answer.status}")
    return answer.body


def _address(shown: dict[str, str]) -> dict[str, str]:
    """Translate a store address to an EasyPost address."""
    words = {"line1": "street1", "line2": "street2", "postcode": "zip"}
    return {words.get(name, name): part for name, part in shown.items()}


def main() -> None:
    """`python -m tests.bench.bare SANDBOX_URL CONCURRENCY`, ids on standard input."""
    sandbox_url, concurrency = sys.argv[1], int(sys.argv[2])
    order_ids = sys.stdin.read().split()
    cpu, began = cpu_s(os.getpid()), time.monotonic()
    uvloop.run(ship_all(sandbox_url, order_ids, concurrency))
    numbers = {
        "elapsed_s": time.monotonic() - began,
        "cpu_s": cpu_s(os.getpid()) - cpu,
        "memory_mb": memory_mb()[0],
    }
    print(json.dumps(numbers))


if __name__ == "__main__":
    main()
