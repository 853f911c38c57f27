"""The real server on loopback in this process, with an app that answers as its path says, and raw clients."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import uvloop
from prometheus_client import CollectorRegistry

from packhouse.api.asgi import Receive, Scope, Send, mark_proven
from packhouse.api.server import BoundedServer, build_policy, configure
from packhouse.clock import SystemClock
from packhouse.config.http_server import HttpSettings
from packhouse.telemetry.metrics import Metrics

CUTS = "packhouse_http_connections_cut_total"
LARGE = b"x" * (32 << 20)


class Running:
    """A server, the requests that its app has seen, and its metrics."""

    def __init__(self, port: int, metrics: Metrics, server: BoundedServer) -> None:
        self.port = port
        self.metrics = metrics
        self.server = server
        self.seen: list[str] = []
        self.headers: list[bytes] = []

    def phase(self, name: str) -> float:
        """How many connections are in this phase."""
        return self.server.policy.book.counts()[name]

    def cuts(self) -> dict[str, float]:
        """How many connections were cut, by reason."""
        return {
            sample.labels["reason"]: sample.value
            for metric in self.metrics.registry.collect()
            for sample in metric.samples
            if sample.name == CUTS
        }

    async def client(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection that does nothing yet."""
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def answer(self, *parts: bytes, pause_s: float = 0.0) -> bytes:
        """Send the parts and return everything until the server closes or resets."""
        reader, writer = await self.client()
        answered = bytearray()
        async with asyncio.timeout(60):
            reading = asyncio.create_task(_read_all(reader, answered))
            with contextlib.suppress(ConnectionError):
                for part in parts:
                    if writer.is_closing():
                        break  # uvloop raises RuntimeError for a write after the peer's reset
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(pause_s)
            await reading
        writer.close()
        return bytes(answered)


async def _read_all(reader: asyncio.StreamReader, answered: bytearray) -> None:
    with contextlib.suppress(ConnectionError):
        while block := await reader.read(65536):
            answered += block


@contextlib.asynccontextmanager
async def running(**http: Any) -> AsyncIterator[Running]:
    """A server whose app reads a body and then answers; to GET /large with a large response.

    It soon closes a connection that nobody uses, and waits for a slow machine in all else.
    """
    settings = HttpSettings(**{"idle_timeout_s": 0.3, "header_timeout_s": 60, "body_timeout_s": 60, **http})
    metrics = Metrics(CollectorRegistry())
    policy = build_policy(settings, metrics, SystemClock())

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        there.seen.append(scope["path"])
        body = LARGE if scope["path"] == "/large" else b"ok"
        if scope["path"] == "/gate":
            await gate.wait()
        elif scope["path"] != "/unread":
            while (message := await receive()).get("more_body"):
                pass
            if message["type"] == "http.disconnect":
                there.seen.append("left")
                return
        if scope["path"] == "/proven":
            mark_proven(scope)
        there.headers = [name for name, _ in scope["headers"]]
        if scope["path"] == "/failed":
            raise RuntimeError("before the response")
        if scope["path"] == "/empty":
            await send({"type": "http.response.start", "status": 204})
            await send({"type": "http.response.body"})
            return
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if scope["path"] == "/broken":
            raise RuntimeError("between the headers and the body")
        await send({"type": "http.response.body", "body": body})

    gate = asyncio.Event()
    server = BoundedServer(configure(settings, 2), app, policy)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        there = Running(sock.getsockname()[1], metrics, server)
        serving = asyncio.create_task(server.serve(sockets=[sock]))
        try:
            while not server.started:
                await asyncio.sleep(0.01)
            yield there
        finally:
            gate.set()
            server.should_exit = True
            await serving


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    """On the daemon's event loop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_within(scenario))


async def _within(scenario: Callable[[], Awaitable[None]]) -> None:
    async with asyncio.timeout(120):
        await scenario()
