"""Signed deliveries over a few open connections: prepared first, then sent as fast as the server responds."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from typing import cast

from packhouse.store.signature import sign

_ANSWER = b"HTTP/1.1 200 "
_END = b"\r\n\r\nok\n"


def prepared(count: int, secret: str) -> list[bytes]:
    """Complete requests, each with a new event and order, of a realistic size (1.3 KB)."""
    now = int(time.time())
    requests = []
    for number in range(count):
        event = {
            "id": f"evt_{number:08d}",
            "type": "order.created",
            "created_at": "2026-05-19T08:00:00Z",
            "site_slug": "paper-lantern",
            "data": {"order": {"id": f"ord_{number:08d}", "note": "x" * 1100}},
        }
        body = json.dumps(event).encode()
        head = (
            "POST /webhooks/aly HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
            f"x-aly-event-id: evt_{number:08d}\r\nx-aly-event-type: order.created\r\n"
            f"x-aly-signature: {sign(body, secret.encode(), now)}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    return requests


def deliver(port: int, requests: Sequence[bytes], connections: int) -> tuple[float, list[float]]:
    """Send all deliveries. Returns the total seconds, and the seconds until each response."""
    return asyncio.run(_deliver(port, requests, connections))


async def _deliver(port: int, requests: Sequence[bytes], connections: int) -> tuple[float, list[float]]:
    loop = asyncio.get_running_loop()
    waiting, waits = iter(requests), list[float]()
    lines = [
        (await loop.create_connection(lambda: _Line(waiting, waits), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    began = time.perf_counter()
    for line in lines:
        line.send_next()
    await asyncio.gather(*(line.done for line in lines))
    return time.perf_counter() - began, waits


class _Line(asyncio.Protocol):
    """One connection, one delivery at a time; `done` when none is left, or failed at the first rejection."""

    def __init__(self, waiting: Iterator[bytes], waits: list[float]) -> None:
        self._waiting = waiting
        self._waits = waits
        self._sent_at = 0.0
        self._answer = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def send_next(self) -> None:
        request = next(self._waiting, None)
        if request is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._sent_at, self._answer = time.perf_counter(), b""
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if not self._answer.startswith(_ANSWER[: len(self._answer)]):
            self._fail(f"refused: {self._answer[:200]!r}")
        elif self._answer.endswith(_END):
            self._waits.append(time.perf_counter() - self._sent_at)
            self.send_next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the connection was lost: {exc}")

    def _fail(self, why: str) -> None:
        if not self.done.done():
            self.done.set_exception(AssertionError(why))
