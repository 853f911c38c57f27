"""What the sandbox's tests start from: a world under a clock that moves when told to, and short calls."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import json
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from packhouse.sandbox.wire import Answer, Request
from packhouse.sandbox.world import Plan, World

START = 1_800_000_000.0
STORE = "/api/storefront/v1"
ORDERS = f"{STORE}/merchant/orders"
SHIPMENTS = "/easypost/v2/shipments"


class ManualClock:
    """Time moves in `advance` alone; whoever sleeps is woken in order."""

    def __init__(self) -> None:
        self._now = START
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        wake = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + max(0.0, seconds), next(self._order), wake))
        await wake

    async def advance(self, seconds: float) -> None:
        end = self._now + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self._now, _, wake = heapq.heappop(self._sleepers)
            if not wake.done():
                wake.set_result(None)
            await settle()
        self._now = end


async def settle() -> None:
    for _ in range(12):
        await asyncio.sleep(0)


class Receiver:
    """Where webhooks go: keeps each delivery and answers with the next of `answers`, then 200."""

    def __init__(self, answers: Sequence[int | OSError] = ()) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self._answers = list(answers)

    async def __call__(self, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> int:
        self.got.append((dict(headers), body))
        answer = self._answers.pop(0) if self._answers else 200
        if isinstance(answer, OSError):
            raise answer
        return answer

    def types(self) -> list[str]:
        return [headers["x-aly-event-type"] for headers, _ in self.got]

    def ids(self) -> list[str]:
        return [headers["x-aly-event-id"] for headers, _ in self.got]


def in_world(
    story: Callable[[World, ManualClock, Receiver], Awaitable[None]],
    *,
    seed: int = 7,
    answers: Sequence[int | OSError] = (),
    plan: Plan | None = None,
) -> None:
    """Run one story in a fresh world, with a webhook endpoint registered."""

    async def run() -> None:
        clock, receiver = ManualClock(), Receiver(answers)
        world = World(clock, random.Random(seed), receiver, plan=plan)
        world.tell("http://receiver.invalid/hook")
        try:
            await asyncio.wait_for(story(world, clock, receiver), 20)
        finally:
            await world.aclose()

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
    """A carrier call."""
    return call(method, path, body, key="EZTK_sandbox", query=query)


def read(answer: Answer) -> Any:
    return json.loads(answer.body)


async def ask(world: World, request: Request, status: int = 200) -> Any:
    """The JSON answer, whose status must be this."""
    answer = await world.handle(request)
    assert answer.status == status, answer.body
    return read(answer) if answer.body else None


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


async def buy(world: World, reference: str) -> dict[str, Any]:
    """Register and buy a shipment, cheapest rate first."""
    made = await ask(world, easypost("POST", SHIPMENTS, shipment(reference)), 201)
    rate = min(made["rates"], key=lambda one: float(one["rate"]))
    bought = await ask(world, easypost("POST", f"{SHIPMENTS}/{made['id']}/buy", {"rate": {"id": rate["id"]}}))
    assert isinstance(bought, dict)
    return bought


def fulfil_body(order: dict[str, Any], number: str, quantity: int | None = None) -> dict[str, Any]:
    """Body of a fulfil call for every line of an order as the store shows it."""
    items = [
        {"line_item_id": item["id"], "quantity": item["quantity"] if quantity is None else quantity}
        for item in order["items"]
    ]
    return {"carrier": "USPS", "tracking_number": number, "items": items}
