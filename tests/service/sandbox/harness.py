"""The start of the sandbox's tests: a sandbox with a manual clock, a webhook receiver, and short calls."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from packhouse.sandbox.control_api import ControlApi, is_control_path
from packhouse.sandbox.http import Request, Response
from packhouse.sandbox.sandbox import Sandbox, SandboxOptions
from tests.clock import ManualClock

STORE = "/api/storefront/v1"
ORDERS = f"{STORE}/merchant/orders"
SHIPMENTS = "/easypost/v2/shipments"


class Receiver:
    """A webhook receiver: keeps each delivery and responds with the next of `responses`, then 200."""

    def __init__(self, responses: Sequence[int | OSError] = ()) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self._responses = list(responses)

    async def __call__(self, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> int:
        self.got.append((dict(headers), body))
        response = self._responses.pop(0) if self._responses else 200
        if isinstance(response, OSError):
            raise response
        return response

    def types(self) -> list[str]:
        return [headers["x-aly-event-type"] for headers, _ in self.got]

    def ids(self) -> list[str]:
        return [headers["x-aly-event-id"] for headers, _ in self.got]


def in_sandbox(
    story: Callable[[Sandbox, ManualClock, Receiver], Awaitable[None]],
    *,
    seed: int = 7,
    responses: Sequence[int | OSError] = (),
    options: SandboxOptions | None = None,
) -> None:
    """Run one story in a new sandbox, with a webhook endpoint registered."""

    async def run() -> None:
        clock, receiver = ManualClock(), Receiver(responses)
        sandbox = Sandbox(clock, random.Random(seed), receiver, options=options)
        sandbox.register_webhook("http://receiver.invalid/hook")
        try:
            await asyncio.wait_for(story(sandbox, clock, receiver), 120)
        finally:
            await sandbox.aclose()

    asyncio.run(run())


def call(
    method: str, path: str, body: Any = None, *, key: str = "aly_sandbox", query: str = "", idem: str = ""
) -> Request:
    """A store call, as a client would send it."""
    headers = {b"authorization": f"Bearer {key}".encode()}
    if idem:
        headers[b"idempotency-key"] = idem.encode()
    raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request(method, path, query, headers, raw)


def easypost(method: str, path: str, body: Any = None, *, query: str = "") -> Request:
    """An EasyPost call."""
    return call(method, path, body, key="EZTK_sandbox", query=query)


def read(response: Response) -> Any:
    return json.loads(response.body)


async def respond(sandbox: Sandbox, request: Request) -> Response:
    """The response to one call, as the server would give it."""
    if is_control_path(request.path):
        return ControlApi(sandbox).handle(request)
    return await sandbox.handle(request)


async def ask(sandbox: Sandbox, request: Request, status: int = 200) -> Any:
    """The JSON of the response, whose status must be this."""
    response = await respond(sandbox, request)
    assert response.status == status, response.body
    return read(response) if response.body else None


def shipment(reference: str = "ord_1/1/1", **parts: Any) -> dict[str, Any]:
    """Body of POST /shipments."""
    to = {"name": "Jo March", "street1": "9 Oak Ave", "city": "Austin", "state": "TX", "zip": "78704"}
    sender = {"name": "Shop", "street1": "1 Pier", "city": "San Francisco", "state": "CA", "zip": "94110"}
    asked: dict[str, Any] = {
        "reference": reference,
        "to_address": {**to, "country": "US"},
        "from_address": {**sender, "country": "US"},
        "parcel": {"length": 10, "width": 8, "height": 4, "weight": 15.4},
        "options": {"label_format": "ZPL"},
    }
    return {"shipment": {**asked, **parts}}


async def buy(sandbox: Sandbox, reference: str) -> dict[str, Any]:
    """Create a shipment and buy it at the cheapest rate."""
    made = await ask(sandbox, easypost("POST", SHIPMENTS, shipment(reference)), 201)
    rate = min(made["rates"], key=lambda one: float(one["rate"]))
    bought = await ask(
        sandbox, easypost("POST", f"{SHIPMENTS}/{made['id']}/buy", {"rate": {"id": rate["id"]}})
    )
    assert isinstance(bought, dict)
    return bought


def fulfill_body(order: dict[str, Any], number: str, quantity: int | None = None) -> dict[str, Any]:
    """Body of a fulfill call for every line of an order as the store shows it."""
    items = [
        {"line_item_id": item["id"], "quantity": item["quantity"] if quantity is None else quantity}
        for item in order["items"]
    ]
    return {"carrier": "USPS", "tracking_number": number, "items": items}
