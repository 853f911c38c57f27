"""The HTTP sender delivers over real sockets, keeps its connections and notices a missing response."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from packhouse.sandbox.http_sender import HttpSender

_Story = Callable[[HttpSender, str, "_Server"], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class _Server:
    """Keeps each request, and responds with the next of `responses`; None: no response."""

    def __init__(self, responses: list[bytes | None]) -> None:
        self.responses = responses
        self.connections = 0
        self.heads: list[str] = []
        self.bodies: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
                length = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
                self.heads.append(head)
                self.bodies.append(await reader.readexactly(length))
                response = self.responses.pop(0) if self.responses else OK
                if response == b"":
                    break
                if response is not None:
                    writer.write(response)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


def _over_sockets(story: _Story, responses: list[bytes | None], timeout_s: float = 60) -> None:
    async def run() -> None:
        server = _Server(responses)
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        sender = HttpSender(timeout_s)
        try:
            await asyncio.wait_for(story(sender, f"http://127.0.0.1:{port}/hook?x=1", server), 120)
        finally:
            sender.close()
            listening.close()

    asyncio.run(run())


def test_consecutive_deliveries_share_a_connection() -> None:
    async def story(sender: HttpSender, url: str, server: _Server) -> None:
        for number in range(5):
            assert await sender(url, [("x-aly-attempt", str(number))], b'{"n":%d}' % number) == 200
        assert server.connections == 1
        assert server.heads[3].startswith("POST /hook?x=1 HTTP/1.1\r\n")
        assert "x-aly-attempt: 3\r\n" in server.heads[3]
        assert server.bodies == [b'{"n":%d}' % number for number in range(5)]

    _over_sockets(story, [])


def test_concurrent_deliveries_each_have_their_own_connection() -> None:
    async def story(sender: HttpSender, url: str, server: _Server) -> None:
        assert await asyncio.gather(*[sender(url, [], b"x") for _ in range(8)]) == [200] * 8
        assert server.connections == 8
        assert await asyncio.gather(*[sender(url, [], b"x") for _ in range(8)]) == [200] * 8
        assert server.connections == 8

    _over_sockets(story, [])


def test_the_status_of_the_response_is_returned_and_a_closed_connection_is_replaced() -> None:
    async def story(sender: HttpSender, url: str, server: _Server) -> None:
        assert await sender(url, [], b"a") == 503
        assert await sender(url, [], b"b") == 200
        assert server.connections == 2

    _over_sockets(story, [b"HTTP/1.1 503 No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"])


@pytest.mark.parametrize("response", [b"", b"this is no HTTP\r\n\r\n", None])
def test_no_response_an_unreadable_response_and_a_closed_connection_are_errors(
    response: bytes | None,
) -> None:
    async def story(sender: HttpSender, url: str, _: _Server) -> None:
        with pytest.raises(OSError):
            await sender(url, [], b"a")
        assert await sender(url, [], b"b") == 200

    _over_sockets(story, [response], timeout_s=3.0 if response is None else 60.0)


def test_a_closed_port_is_an_error() -> None:
    async def run() -> None:
        with pytest.raises(OSError):
            await HttpSender(1)("http://127.0.0.1:9/hook", [], b"a")

    asyncio.run(run())
