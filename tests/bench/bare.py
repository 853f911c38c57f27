"""The baseline for orders, a separate program: the same calls to the same sandbox, and nothing else.

For each order: read it, create the shipment, read it again, buy, fetch the label, post the fulfillment. A
bare httpx2 client does that at the daemon's concurrency on the daemon's event loop. No ledger, no rules,
nothing kept. Order ids come on standard input; one JSON object with the numbers leaves.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import uvloop

from packhouse.http import httpx
from packhouse.sandbox.easypost.customs import needs_form
from packhouse.sandbox.sandbox import EASYPOST_KEY, STORE_KEY
from tests.bench.figures import percentile
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


async def ship_all(sandbox_url: str, order_ids: list[str], concurrency: int) -> list[float]:
    """Ship every order, with limited concurrency. Returns the seconds of each."""
    waiting, took = iter(order_ids), list[float]()
    async with httpx.AsyncClient(timeout=30) as client:
        await asyncio.gather(*(_worker(client, sandbox_url, waiting, took) for _ in range(concurrency)))
    return took


async def _worker(
    client: httpx.AsyncClient, sandbox_url: str, waiting: Iterator[str], took: list[float]
) -> None:
    for order_id in waiting:
        began = time.perf_counter()
        await _ship(client, sandbox_url, order_id)
        took.append(time.perf_counter() - began)


async def _ship(client: httpx.AsyncClient, sandbox_url: str, order_id: str) -> None:
    store, provider = f"{sandbox_url}/api/storefront/v1", f"{sandbox_url}/easypost/v2"
    to_store, to_carrier = ({"authorization": f"Bearer {key}"} for key in (STORE_KEY, EASYPOST_KEY))
    order_url = f"{store}/merchant/orders/{order_id}"
    order = _read(await client.get(order_url, headers=to_store))
    asked = {
        "reference": f"{order_id}/1/1",
        "from_address": _SENDER,
        "to_address": _address(order["shipping_address"]),
        "parcel": _PARCEL,
        "options": {"label_format": "ZPL"},
    }
    if needs_form(order["shipping_address"]):
        asked["customs_info"] = _CUSTOMS
    shipment = _read(await client.post(f"{provider}/shipments", headers=to_carrier, json={"shipment": asked}))
    _read(await client.get(order_url, headers=to_store))
    buy_url = f"{provider}/shipments/{shipment['id']}/buy"
    rate = {"rate": {"id": shipment["rates"][0]["id"]}}
    bought = _read(await client.post(buy_url, headers=to_carrier, json=rate))
    label = await client.get(bought["postage_label"]["label_url"])
    label.raise_for_status()
    said = {
        "carrier": bought["selected_rate"]["carrier"],
        "tracking_number": bought["tracking_code"],
        "items": [{"line_item_id": i["id"], "quantity": i["quantity"]} for i in order["items"]],
    }
    key = {"idempotency-key": f"bare-{order_id}"}
    _read(await client.post(f"{order_url}/fulfill", headers=to_store | key, json=said))


def _read(answer: httpx.Response) -> Any:
    answer.raise_for_status()
    return answer.json()


def _address(shown: dict[str, str]) -> dict[str, str]:
    """Translate a store address to an EasyPost address."""
    words = {"line1": "street1", "line2": "street2", "postcode": "zip"}
    return {words.get(name, name): part for name, part in shown.items()}


def main() -> None:
    """`python -m tests.bench.bare SANDBOX_URL CONCURRENCY`, ids on standard input."""
    sandbox_url, concurrency = sys.argv[1], int(sys.argv[2])
    order_ids = sys.stdin.read().split()
    cpu, began = cpu_s(os.getpid()), time.monotonic()
    took = uvloop.run(ship_all(sandbox_url, order_ids, concurrency))
    numbers = {
        "elapsed_s": time.monotonic() - began,
        "cpu_s": cpu_s(os.getpid()) - cpu,
        "memory_mb": memory_mb()[0],
        "p50_s": percentile(took, 0.5),
        "p99_s": percentile(took, 0.99),
    }
    print(json.dumps(numbers))


if __name__ == "__main__":
    main()
