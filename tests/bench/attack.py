"""The hostile senders of the overload benchmark, as a program of their own.

`python -m tests.bench.attack PORT SECONDS SHARE` keeps up silent connections, slow bodies, one header without
end and deliveries with bad signatures, and prints as JSON what it reached. SHARE scales all numbers; 1 is the
whole attack. What the server closes is opened again at once.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from typing import cast

import uvloop

from packhouse.store.signature import sign

SILENT = 2000
SLOW = 1000
BAD_PER_S = 5000
_BAD_LINES = 64
_TICK_S = 0.02
_BODY = b'{"id": "evt_forged", "type": "order.paid", "data": {"id": "ord_forged"}}' + b" " * 1200


class _Sender(asyncio.Protocol):
    """A connection that opens itself again; what it sends is up to the class."""

    counts: Counter[str]

    def __init__(self, counts: Counter[str]) -> None:
        self.counts = counts
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.counts["closed by the server"] += 1

    def tick(self) -> None:
        """Send something, ten times a second or so."""


class _Slow(_Sender):
    """A request whose body comes byte by byte; every second one goes to the operator API."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.counts["slow"] += 1
        path = "/webhooks/aly" if self.counts["slow"] % 2 else "/api/v1/orders/ord_1/hold"
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\nx-aly-signature: t={int(time.time())},v1={'0' * 64}\r\n"
        cast(asyncio.Transport, transport).write(head.encode() + b"content-length: 60000\r\n\r\n{")

    def tick(self) -> None:
        if self.transport is not None:
            self.transport.write(b" ")


class _Endless(_Sender):
    """A header that never ends."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        cast(asyncio.Transport, transport).write(b"GET /livez HTTP/1.1\r\nx: ")
        self.push()

    def push(self) -> None:
        """Send as much as the server takes."""
        transport = self.transport
        if transport is not None and not transport.is_closing():
            if transport.get_write_buffer_size() < 1 << 20:
                transport.write(b"x" * 65536)
                self.counts["header bytes"] += 65536
            asyncio.get_running_loop().call_later(0.01, self.push)


class _Forger(_Sender):
    """Deliveries with a bad signature, one after another; at most one is not yet answered."""

    waits = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.waits = False

    def send(self, request: bytes) -> bool:
        """Send one, unless the last one is not yet answered."""
        if self.transport is None or self.waits:
            return False
        self.waits = True
        self.transport.write(request)
        return True

    def data_received(self, data: bytes) -> None:
        self.waits = False
        self.counts[f"bad {data[9:12].decode('latin-1')}"] += 1


async def attack(port: int, seconds: float, share: float) -> Counter[str]:
    """Keep everything up for so long. Returns the counts."""
    counts: Counter[str] = Counter()
    senders: list[_Sender] = [
        *(_Sender(counts) for _ in range(int(SILENT * share))),
        *(_Slow(counts) for _ in range(int(SLOW * share))),
        _Endless(counts),
    ]
    forgers = [_Forger(counts) for _ in range(_BAD_LINES)]
    until = time.monotonic() + seconds
    opening = asyncio.create_task(_keep_open([*forgers, *senders], port))
    ticking = asyncio.create_task(_tick(senders))
    began, sent = time.monotonic(), 0
    while (now := time.monotonic()) < until:
        request = _forged()
        owed = min(int((now - began) * BAD_PER_S * share) - sent, len(forgers))
        for forger in forgers:
            if owed <= 0:
                break
            if forger.send(request):
                sent += 1
                owed -= 1
        # What the server could not take in time is not sent later: the rate is a rate.
        sent = max(sent, int((now - began - 1) * BAD_PER_S * share))
        await asyncio.sleep(0.005)
    opening.cancel()
    ticking.cancel()
    counts["open"] = sum(sender.transport is not None for sender in senders)
    return counts


def _forged() -> bytes:
    signature = sign(_BODY, b"whsec_of_nobody", int(time.time()))
    return (
        f"POST /webhooks/aly HTTP/1.1\r\nhost: x\r\nx-aly-signature: {signature}\r\n"
        f"content-length: {len(_BODY)}\r\n\r\n"
    ).encode() + _BODY


async def _keep_open(senders: list[_Sender], port: int) -> None:
    """Open what is not open, at most a hundred connections in each tick."""
    loop = asyncio.get_running_loop()

    async def open_one(sender: _Sender) -> None:
        try:
            async with asyncio.timeout(5):
                await loop.create_connection(lambda: sender, "127.0.0.1", port)
        except OSError:
            sender.counts["not opened"] += 1

    while True:
        closed = [sender for sender in senders if sender.transport is None][:100]
        await asyncio.gather(*(open_one(sender) for sender in closed), asyncio.sleep(_TICK_S))


async def _tick(senders: list[_Sender]) -> None:
    while True:
        await asyncio.sleep(1)
        for sender in senders:
            sender.tick()


if __name__ == "__main__":
    reached = uvloop.run(attack(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])))
    print(json.dumps(reached))
