"""The courier carries deliveries over real sockets, keeps its connections and knows when nobody answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from packhouse.sandbox.courier import Courier

_Story = Callable[[Courier, str, "_Server"], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class _Server:
    """Keeps what it got; answers each request with the next of `answers`, None meaning silence."""

    def __init__(self, answers: list[bytes | None]) -> None:
        self.answers = answers
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
                answer = self.answers.pop(0) if self.answers else OK
                if answer == b"":
                    break
                if answer is not None:
                    writer.write(answer)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


def _over_sockets(story: _Story, answers: list[bytes | None], timeout_s: float = 5) -> None:
    async def run() -> None:
        server = _Server(answers)
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        courier = Courier(timeout_s)
        try:
            await asyncio.wait_for(story(courier, f"http://127.0.0.1:{port}/hook?x=1", server), 10)
        finally:
            courier.close()
            listening.close()

    asyncio.run(run())


def test_deliveries_one_after_another_share_a_connection() -> None:
    async def story(courier: Courier, url: str, server: _Server) -> None:
        for number in range(5):
            assert await courier(url, [("x-aly-attempt", str(number))], b'{"n":%d}' % number) == 200
        assert server.connections == 1
        assert server.heads[3].startswith("POST /hook?x=1 HTTP/1.1\r\n")
        assert "x-aly-attempt: 3\r\n" in server.heads[3]
        assert server.bodies == [b'{"n":%d}' % number for number in range(5)]

    _over_sockets(story, [])


def test_deliveries_at_the_same_time_each_have_their_own() -> None:
    async def story(courier: Courier, url: str, server: _Server) -> None:
        assert await asyncio.gather(*[courier(url, [], b"x") for _ in range(8)]) == [200] * 8
        assert server.connections == 8
        assert await asyncio.gather(*[courier(url, [], b"x") for _ in range(8)]) == [200] * 8
        assert server.connections == 8

    _over_sockets(story, [])


def test_the_status_is_what_was_answered_and_a_closed_connection_is_replaced() -> None:
    async def story(courier: Courier, url: str, server: _Server) -> None:
        assert await courier(url, [], b"a") == 503
        assert await courier(url, [], b"b") == 200
        assert server.connections == 2

    _over_sockets(story, [b"HTTP/1.1 503 No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"])


@pytest.mark.parametrize("answer", [b"", b"this is no HTTP\r\n\r\n", None])
def test_no_answer_an_unreadable_one_and_a_hang_up_are_errors(answer: bytes | None) -> None:
    async def story(courier: Courier, url: str, _: _Server) -> None:
        with pytest.raises(OSError):
            await courier(url, [], b"a")
        assert await courier(url, [], b"b") == 200

    _over_sockets(story, [answer], timeout_s=0.3)


def test_a_place_where_nobody_listens_is_an_error() -> None:
    async def run() -> None:
        with pytest.raises(OSError):
            await Courier(1)("http://127.0.0.1:9/hook", [], b"a")

    asyncio.run(run())
