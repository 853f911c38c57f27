"""A request arrives at most once, whatever becomes of its connection, and its error says if it may have."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest

from packhouse.http import NOTHING_SENT, TooLarge, httpx
from tests.service.http_port.raw_server import OK, Peer, Serve, answering, opened, raw_server

LARGE = b"x" * 4_000_000  # more than the kernel takes at once


async def at_accept(peer: Peer) -> None:
    peer.reset()


async def after_the_head(peer: Peer) -> None:
    await peer.head()
    peer.reset()


async def in_the_body(peer: Peer) -> None:
    await peer.head()
    await peer.reader.readexactly(1)
    peer.reset()


async def after_the_request(peer: Peer) -> None:
    await peer.request()
    peer.reset()


async def politely_after_the_request(peer: Peer) -> None:
    await peer.request()


async def after_half_a_head(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Le")


async def after_half_an_answer(peer: Peer) -> None:
    await peer.request()
    await peer.send(OK[:-1])


async def after_half_a_chunk(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")


async def with_a_bad_chunk(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n")


async def with_nonsense(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"\x16\x03\x01 this is not a web server\r\n\r\n")


async def with_two_lengths(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok?")


async def with_more_than_announced(peer: Peer) -> None:
    await peer.request()
    await peer.send(OK + b" and more")


async def with_a_head_without_end(peer: Peer) -> None:
    await peer.request()
    while True:
        await peer.send(b"HTTP/1.1 200 OK\r\nx-long: " + b"y" * 70_000)


ENDINGS: list[Serve] = [
    at_accept,
    after_the_head,
    in_the_body,
    after_the_request,
    politely_after_the_request,
    after_half_a_head,
    after_half_an_answer,
    after_half_a_chunk,
    with_a_bad_chunk,
    with_nonsense,
    with_two_lengths,
    with_more_than_announced,
    with_a_head_without_end,
]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kept", [False, True], ids=["new", "kept"])
async def test_a_request_without_an_answer_is_sent_once_and_may_have_arrived(
    ending: Serve, method: str, kept: bool
) -> None:
    """Also on a kept connection: a library may take a connection that closes there for an idle one."""

    async def serve(peer: Peer) -> None:
        if kept and peer.server.opened == 1:
            await peer.request()
            await peer.send(OK)
        await ending(peer)

    async with raw_server(serve) as server:
        connections = opened()
        body = b"label" if method == "POST" or ending is in_the_body else None
        if kept:
            assert (await connections.exchange("GET", f"{server.url}/first", [])).body == b"ok"
        async with asyncio.timeout(30):
            with pytest.raises(httpx.TransportError) as caught:
                await connections.exchange(method, f"{server.url}/buy", [], body)
        await asyncio.sleep(0.05)  # a repeated request would arrive now
        await connections.aclose()
    arrived = [head for head in server.heads if "/buy" in head]
    assert len(arrived) <= 1
    if not (kept and ending is at_accept):  # where the server may hang up before the request is sent
        assert server.opened == 1
        assert not isinstance(caught.value, NOTHING_SENT)


async def test_an_answer_before_the_whole_request_was_sent_is_read_and_its_connection_is_not_kept() -> None:
    async def serve(peer: Peer) -> None:
        if "/early" in await peer.head():
            await peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
            await peer.reader.read()
        else:
            await peer.send(OK)

    async with raw_server(serve) as server:
        connections = opened()
        async with asyncio.timeout(30):
            early = await connections.exchange("POST", f"{server.url}/early", [], LARGE)
            assert (await connections.exchange("GET", f"{server.url}/", [])).body == b"ok"
        await connections.aclose()
    assert early.status == 413
    assert server.opened == 2
    assert len(server.heads) == 2


async def test_a_connection_that_was_closed_meanwhile_is_not_used() -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)

    async with raw_server(serve) as server:
        connections = opened()
        for turn in range(3):
            assert (await connections.exchange("POST", f"{server.url}/{turn}", [], b"x")).status == 200
            while server.closed <= turn:
                await asyncio.sleep(0.01)
        await connections.aclose()
    assert [head.split()[1] for head in server.heads] == ["/0", "/1", "/2"]
    assert server.opened == 3


@pytest.mark.parametrize("seen", [True, False], ids=["seen by the loop", "still in the kernel"])
@pytest.mark.parametrize("sent", [b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nbought", b""])
async def test_what_came_over_an_idle_connection_is_never_taken_for_the_next_answer(
    sent: bytes, seen: bool
) -> None:
    """An answer that nobody asked for, or the end of the connection."""
    first = asyncio.get_running_loop().create_future()

    async def serve(peer: Peer) -> None:
        if not first.done():
            first.set_result(socket.socket(fileno=os.dup(peer.writer.get_extra_info("socket").fileno())))
        await peer.request()
        await peer.send(OK)
        await peer.reader.read()

    async with raw_server(serve) as server:
        connections = opened()
        await connections.exchange("GET", f"{server.url}/", [])
        with first.result() as idle:
            if sent:
                idle.send(sent)
            else:
                idle.shutdown(socket.SHUT_WR)
            if seen:
                await asyncio.sleep(0.05)
            async with asyncio.timeout(30):
                answer = await connections.exchange("POST", f"{server.url}/buy", [], b"x")
        await connections.aclose()
    assert answer.body == b"ok"
    assert [head.split()[1] for head in server.heads] == ["/", "/buy"]
    assert server.opened == 2


async def test_an_answer_of_which_a_part_came_before_its_request_is_none() -> None:
    part_came = asyncio.Event()

    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await asyncio.sleep(0.05)
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-")
        part_came.set()
        await peer.request()
        await peer.send(b"Length: 6\r\n\r\nbought")

    async with raw_server(serve) as server:
        connections = opened()
        await connections.exchange("GET", f"{server.url}/", [])
        await part_came.wait()
        await asyncio.sleep(0.05)
        with pytest.raises(httpx.RemoteProtocolError):
            await connections.exchange("POST", f"{server.url}/buy", [], b"x")
        await connections.aclose()
    assert len(server.heads) == 2


async def test_a_cancelled_exchange_closes_its_connection() -> None:
    asked, gone = asyncio.Event(), asyncio.Event()

    async def serve(peer: Peer) -> None:
        if "/slow" in await peer.request():
            asked.set()
            assert await peer.reader.read() == b""
            gone.set()
        await peer.send(OK)

    async with raw_server(serve) as server:
        connections = opened()
        slow = asyncio.create_task(connections.exchange("POST", f"{server.url}/slow", [], b"x"))
        await asked.wait()
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
        async with asyncio.timeout(30):
            await gone.wait()
            assert (await connections.exchange("GET", f"{server.url}/", [])).body == b"ok"
        await connections.aclose()
    assert (server.opened, len(server.heads)) == (2, 2)


async def test_a_time_limit_in_the_answer_closes_the_connection() -> None:
    gone = asyncio.Event()

    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK[:-1])
        await peer.reader.read()
        gone.set()

    async with raw_server(serve) as server:
        connections = opened()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await connections.exchange("POST", f"{server.url}/", [], b"x")
        async with asyncio.timeout(30):
            await gone.wait()
        await connections.aclose()
    assert len(server.heads) == 1


async def test_an_answer_that_is_too_large_is_not_read_to_its_end() -> None:
    async def serve(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await peer.send(b"x" * 65536)

    async with raw_server(serve) as server:
        connections = opened(most_bytes=100_000)
        async with asyncio.timeout(30):
            with pytest.raises(TooLarge, match="larger than 100000 bytes") as caught:
                await connections.exchange("GET", f"{server.url}/", [])
            while not server.closed:
                await asyncio.sleep(0.01)
        await connections.aclose()
    assert 100_000 < len(caught.value.received) < 1_000_000
    assert not isinstance(caught.value, NOTHING_SENT)


async def refused(url: str, headers: list[tuple[str, str]], connect_s: float = 20.0) -> type[Exception]:
    connections = opened(connect_s=connect_s)
    try:
        async with asyncio.timeout(30):
            await connections.exchange("POST", url, headers, b"x")
    except NOTHING_SENT as error:
        return type(error)
    finally:
        await connections.aclose()
    raise AssertionError("it was sent")


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://127.0.0.1:1/", httpx.ConnectError),
        ("https://127.0.0.1:1/", httpx.ConnectError),
        ("http://no-such-host.invalid/", httpx.ConnectError),
        (f"http://{'a' * 70}.invalid/", httpx.ConnectError),
        ("ftp://127.0.0.1/", httpx.UnsupportedProtocol),
        ("label.pdf", httpx.UnsupportedProtocol),
        ("http:///x", httpx.UnsupportedProtocol),
        ("http://[", httpx.InvalidURL),
        ("http://exa mple/", httpx.ConnectError),
        ("http://127.0.0.1:99999/", httpx.InvalidURL),
        ("http://127.0.0.1:port/", httpx.InvalidURL),
    ],
)
async def test_what_leads_nowhere_is_known_as_not_sent(url: str, error: type[Exception]) -> None:
    assert await refused(url, []) is error


@pytest.mark.parametrize(
    "header", [("x-key", "a\r\nx-other: b"), ("x-key", "a\0"), ("x key", "a"), ("x-key\r\n", "a"), ("x", "é")]
)
async def test_a_header_that_could_be_read_as_two_is_not_sent(header: tuple[str, str]) -> None:
    async with raw_server(answering(OK)) as server:
        assert await refused(server.url, [header]) is httpx.LocalProtocolError
    assert server.heads == []


async def test_a_server_that_speaks_no_tls_is_known_as_not_sent() -> None:
    async def serve(peer: Peer) -> None:
        await peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await peer.reader.read()

    async with raw_server(serve) as server:
        assert await refused(f"https://127.0.0.1:{server.port}/", []) is httpx.ConnectError


async def test_a_connection_that_is_not_made_in_time_is_known_as_not_sent() -> None:
    """A server that accepts and says nothing keeps a TLS handshake waiting."""

    async def silent(peer: Peer) -> None:
        await peer.reader.read()
        await asyncio.sleep(60)

    async with raw_server(silent) as server:
        url = f"https://127.0.0.1:{server.port}/"
        assert await refused(url, [], connect_s=0.2) is httpx.ConnectTimeout
