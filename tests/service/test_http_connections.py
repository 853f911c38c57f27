"""The kept connections of the HTTP client: used again, closed when old, safe under concurrent requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2 as httpx

from packhouse.http import Connections

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """A server that keeps its connections and counts those that were opened."""

    def __init__(self) -> None:
        self.url = ""
        self.opened = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(_ANSWER)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    try:
        yield server
    finally:
        listening.close()


async def test_a_connection_is_used_again() -> None:
    async with serving() as server, httpx.AsyncClient(transport=Connections()) as client:
        for _ in range(3):
            assert (await client.get(server.url)).text == "ok"
        assert server.opened == 1


async def test_a_request_may_end_while_no_other_connection_is_left() -> None:
    # Each connection is too old as soon as its request ends, as the last one may be when others were taken.
    async with serving() as server, httpx.AsyncClient(transport=Connections(keepalive_s=-1.0)) as client:
        answers = await asyncio.gather(*(client.get(server.url) for _ in range(4)))
        assert [answer.text for answer in answers] == ["ok"] * 4
        assert server.opened == 4
