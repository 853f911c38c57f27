"""What is read: every form of an answer that servers give, and which connections are used again."""

from __future__ import annotations

import asyncio
import gzip
import zlib

import pytest

from packhouse import connections as module
from packhouse.connections import open_connections
from packhouse.http import TooLarge, httpx
from tests.service.http_port.raw_server import OK, Peer, answering, exchanged, opened, raw_server

_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("raw", "status", "body"),
    [
        (OK, 200, b"ok"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"ok"),
        (b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK, 200, b"ok"),
        (_CHUNKED + b"1\r\no\r\n1;x=y\r\nk\r\n0\r\n\r\n", 200, b"ok"),
        (_CHUNKED + b"2\r\nok\r\n0\r\nX-Trailer: 1\r\n\r\n", 200, b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", 304, b""),
        (b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", 200, b""),
        (b"HTTP/1.1 599 Odd\r\nContent-Length: 2\r\n\r\nno", 599, b"no"),
    ],
)
async def test_each_form_of_an_answer_is_read_and_the_connection_is_used_again(
    raw: bytes, status: int, body: bytes
) -> None:
    async with raw_server(answering(raw)) as server:
        connections = opened()
        for method in ("GET", "POST", "GET"):
            async with asyncio.timeout(30):
                answer = await connections.exchange(method, f"{server.url}/", [], b"x" * (method == "POST"))
            assert (answer.status, answer.body) == (status, body)
        await connections.aclose()
    assert (server.opened, len(server.heads)) == (1, 3)


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nbought",
    ],
)
async def test_a_connection_that_is_over_or_carries_more_is_not_used_again(raw: bytes) -> None:
    async with raw_server(answering(raw)) as server:
        connections = opened()
        for _ in range(2):
            async with asyncio.timeout(30):
                assert (await connections.exchange("POST", f"{server.url}/", [], b"x")).body == b"ok"
        await connections.aclose()
    assert (server.opened, len(server.heads)) == (2, 2)


async def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\no")
        await peer.send(b"k")

    assert (await exchanged(serve)).body == b"ok"


async def test_an_answer_in_small_pieces_is_read_whole() -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        for byte in OK:
            await peer.send(bytes([byte]))
            await asyncio.sleep(0)

    assert (await exchanged(serve, "POST", b"x")).body == b"ok"


async def test_a_change_of_protocol_is_no_answer_that_is_waited_for() -> None:
    answer = await exchanged(answering(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"))
    assert (answer.status, answer.body) == (101, b"")


async def test_the_case_of_header_names_does_not_matter() -> None:
    raw = b"HTTP/1.1 429 Slow\r\nRETRY-after:  7 \r\nx-empty:\r\nContent-Length: 0\r\n\r\n"
    answer = await exchanged(answering(raw))
    assert (answer.headers["retry-after"], answer.headers.get("Retry-After")) == ("7", "7")
    assert (answer.headers.get("x-empty"), answer.headers.get("x-none", "")) == ("", "")


async def test_odd_headers_are_read_as_httpx_reads_them() -> None:
    """Twice the same, or bytes of another encoding: no lone surrogate may reach a message or the ledger."""
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-A: 1\r\nx-a: 2\r\nContent-Type: caf\xe9/\xff\r\n\r\n"
    answer = await exchanged(answering(raw))
    assert answer.headers["x-a"] == "1, 2"
    assert answer.headers["content-type"].encode() == "café/ÿ".encode()


async def test_a_large_head_is_read_up_to_a_limit() -> None:
    large = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: " + b"a" * 8000 + b"\r\n\r\nok"
    assert (await exchanged(answering(large))).body == b"ok"
    with pytest.raises(httpx.RemoteProtocolError):
        await exchanged(answering(large.replace(b"a" * 8000, b"a" * 200_000)))


def _encoded(name: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {name}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@pytest.mark.parametrize(
    ("name", "body"),
    [("gzip", gzip.compress(b"ok", mtime=0)), ("deflate", zlib.compress(b"ok")), ("identity", b"ok")],
)
async def test_an_encoding_is_undone_only_if_asked(name: str, body: bytes) -> None:
    async with raw_server(answering(_encoded(name, body))) as server:
        for decodes, expected in ((True, b"ok"), (False, body)):
            connections = opened(decodes=decodes)
            assert (await connections.exchange("GET", f"{server.url}/", [])).body == expected
            await connections.aclose()


async def test_an_encoding_that_cannot_be_undone_is_no_answer() -> None:
    async with raw_server(answering(_encoded("gzip", b"this is not gzip"))) as server:
        connections = opened(decodes=True)
        with pytest.raises(httpx.HTTPError):
            await connections.exchange("GET", f"{server.url}/", [])
        await connections.aclose()


async def test_the_limit_counts_what_a_small_answer_becomes() -> None:
    async with raw_server(answering(_encoded("gzip", gzip.compress(b"a" * 50_000_000)))) as server:
        connections = opened(decodes=True, most_bytes=1_000_000)
        with pytest.raises(TooLarge) as caught:
            await connections.exchange("GET", f"{server.url}/", [])
        await connections.aclose()
    assert len(caught.value.received) < 10_000_000


@pytest.mark.parametrize("size", [100_000, 100_001])
async def test_the_limit_is_the_largest_answer_that_is_read(size: int) -> None:
    raw = f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode() + b"x" * size
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=b"x" * size))
    async with raw_server(answering(raw)) as server:
        for given in (None, transport):
            connections = open_connections(connect_s=9, most_bytes=100_000, transport=given)
            if size == 100_000:
                assert len((await connections.exchange("GET", server.url, [])).body) == size
            else:
                with pytest.raises(TooLarge):
                    await connections.exchange("GET", server.url, [])
            await connections.aclose()


async def test_requests_at_the_same_time_have_a_connection_each_and_keep_it() -> None:
    async with raw_server(answering(OK)) as server:
        connections = opened()
        for _ in range(3):
            answers = await asyncio.gather(
                *(connections.exchange("POST", f"{server.url}/", [], b"x") for _ in range(40))
            )
            assert [answer.body for answer in answers] == [b"ok"] * 40
        await connections.aclose()
    assert server.opened == 40


async def test_a_connection_that_was_idle_for_too_long_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.KEEPALIVE_S == 4.0
    monkeypatch.setattr(module, "KEEPALIVE_S", 0.2)
    async with raw_server(answering(OK)) as server:
        connections = opened()
        await connections.exchange("GET", f"{server.url}/", [])
        async with asyncio.timeout(30):
            while not server.closed:
                await asyncio.sleep(0.01)
        assert (await connections.exchange("GET", f"{server.url}/", [])).body == b"ok"
        await connections.aclose()
    assert server.opened == 2
