"""A server on loopback that sends bytes as they are written in a test, and keeps every request that came."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from packhouse.connections import open_connections
from packhouse.http import Answer, Connections

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
MOST_BYTES = 1 << 20


@dataclass
class RawServer:
    """`heads` and `bodies` are of each request that arrived, at least its head; `opened` are connections."""

    port: int = 0
    opened: int = 0
    closed: int = 0
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass
class Peer:
    """One connection, as the server sees it."""

    server: RawServer
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def head(self) -> str:
        """Read a request's head."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        self.server.heads.append(head)
        return head

    async def request(self) -> str:
        """Read a whole request; return its head."""
        head = await self.head()
        lengths = [line[15:] for line in head.lower().split("\r\n") if line.startswith("content-length:")]
        self.server.bodies.append(await self.reader.readexactly(int(lengths[0]) if lengths else 0))
        return head

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Close so that the other side sees a reset."""
        found: socket.socket = self.writer.get_extra_info("socket")
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Serve = Callable[[Peer], Awaitable[None]]


@contextlib.asynccontextmanager
async def raw_server(serve: Serve, host: str = "127.0.0.1") -> AsyncIterator[RawServer]:
    """Serve each connection so, then close it."""
    server = RawServer()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.opened += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await serve(Peer(server, reader, writer))
        server.closed += 1
        writer.close()

    listening = await asyncio.start_server(connected, host, 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


def answering(*answers: bytes) -> Serve:
    """Answer the requests of each connection with these in turn, then with the last one."""

    async def serve(peer: Peer) -> None:
        for turn in range(1000):
            await peer.request()
            await peer.send(answers[min(turn, len(answers) - 1)])

    return serve


def opened(*, connect_s: float = 20.0, most_bytes: int = MOST_BYTES, decodes: bool = False) -> Connections:
    return open_connections(connect_s=connect_s, most_bytes=most_bytes, decodes=decodes)


async def exchanged(serve: Serve, method: str = "GET", body: bytes | None = None) -> Answer:
    """The answer of a server that serves so."""
    async with raw_server(serve) as server:
        connections = opened()
        try:
            async with asyncio.timeout(30):
                return await connections.exchange(method, f"{server.url}/", [], body)
        finally:
            await connections.aclose()
