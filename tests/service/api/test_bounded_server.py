"""The real server on loopback with small limits, and clients that do what no honest one does."""

from __future__ import annotations

import asyncio
import importlib
import resource
import socket
import struct
from collections.abc import Iterable
from dataclasses import replace

import pytest

from packhouse.api.capacity import raise_file_limit
from packhouse.api.pacing import Pacer
from packhouse.config.http_server import HttpSettings
from tests.service.api.running_server import run, running

GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
LAST_GET = GET[:-2] + b"connection: close\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nhost: x\r\n"
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"
ENDLESS = [b"x" * 4096] * 9


def _chunks(number: int, chunk: bytes) -> Iterable[bytes]:
    return (chunk for _ in range(number))


def test_what_is_no_request_or_too_large_is_refused_at_once() -> None:
    cases: list[tuple[str, list[bytes], bytes, str]] = [
        (
            "a header without end",
            [b"GET / HTTP/1.1\r\nx: ", *ENDLESS],
            b"431",
            "header_too_large",
        ),
        ("a target without end", [b"GET /", *ENDLESS], b"431", "header_too_large"),
        ("a method without end", [b"G" * 40_000], b"400", "invalid"),
        ("blank lines without end", [b"\r\n" * 40_000], b"431", "header_too_large"),
        ("many headers", [b"GET / HTTP/1.1\r\n" + b"a:b\r\n" * 300 + b"\r\n"], b"431", "header_too_large"),
        ("a TLS hello", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200)], b"400", "invalid"),
        ("HTTP/2", [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], b"400", "invalid"),
        ("CONNECT", [b"CONNECT example:443 HTTP/1.1\r\n\r\n"], b"400", "invalid"),
        ("two lengths", [POST + b"content-length: 2\r\ncontent-length: 3\r\n\r\nabc"], b"400", "invalid"),
        (
            "a length and chunks",
            [POST + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n"],
            b"400",
            "invalid",
        ),
        ("a length that is none", [POST + b"content-length: -1\r\n\r\n"], b"400", "invalid"),
        ("an extension without end", [CHUNKED, b"1;", *ENDLESS], b"413", "body_too_large"),
        ("a trailer without end", [CHUNKED, b"0\r\nx: ", *ENDLESS], b"413", "body_too_large"),
    ]

    async def scenario() -> None:
        async with running() as there:
            expected: dict[str, float] = {}
            for name, parts, status, reason in cases:
                answer = await there.answer(*parts)
                assert answer.startswith(b"HTTP/1.1 " + status), (name, answer)
                expected[reason] = expected.get(reason, 0) + 1
                assert there.cuts() == expected, name
            assert (await there.answer(GET)).startswith(b"HTTP/1.1 200")

    run(scenario)


def test_every_kind_of_response_is_whole() -> None:
    async def scenario() -> None:
        async with running() as there:
            whole = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n"
            assert await there.answer(GET) == whole + b"\r\nok"
            assert await there.answer(LAST_GET) == whole + b"connection: close\r\n\r\nok"
            assert await there.answer(b"HEAD" + GET[3:]) == whole + b"\r\n"
            assert await there.answer(GET.replace(b"/ ", b"/empty ")) == b"HTTP/1.1 204 No Content\r\n\r\n"
            waits = POST + b"expect: 100-continue\r\ncontent-length: 2\r\nconnection: close\r\n\r\n"
            answer = await there.answer(waits, b"ab", pause_s=0.05)
            assert answer == b"HTTP/1.1 100 Continue\r\n\r\n" + whole + b"connection: close\r\n\r\nok"
            broken = await there.answer(GET.replace(b"/ ", b"/broken "))
            assert broken == whole + b"\r\n"
            failed = await there.answer(GET.replace(b"/ ", b"/failed "))
            assert failed.startswith(b"HTTP/1.1 500")
            assert failed.endswith(b"Internal Server Error")

    run(scenario)


def test_a_trailer_is_no_header() -> None:
    async def scenario() -> None:
        async with running() as there:
            answer = await there.answer(CHUNKED + b"1\r\nx\r\n0\r\nx-aly-signature: t=1,v1=0\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200")
            assert there.headers == [b"host", b"transfer-encoding"]

    run(scenario)


def test_an_upgrade_is_answered_as_a_plain_request_and_then_closed() -> None:
    async def scenario() -> None:
        async with running() as there:
            for protocol in (b"websocket", b"h2c"):
                upgrade = b"connection: Upgrade\r\nupgrade: " + protocol + b"\r\n\r\n"
                answer = await there.answer(b"GET / HTTP/1.1\r\nhost: x\r\n" + upgrade)
                assert answer.startswith(b"HTTP/1.1 200")
                assert b"connection: close" in answer
            assert there.cuts() == {}

    run(scenario)


def test_who_is_silent_or_slow_is_cut_in_time() -> None:
    """`answer` waits a minute for it."""

    async def scenario() -> None:
        async with running(header_timeout_s=0.3) as there:
            silent, dripping = await asyncio.gather(
                there.answer(), there.answer(b"GET / HTTP/1.1\r\nx: ", *_chunks(2000, b"x"), pause_s=0.05)
            )
            assert silent == b""
            assert dripping.startswith(b"HTTP/1.1 408")
            assert there.cuts() == {"header_timeout": 2}
        async with running(body_timeout_s=0.3) as there:
            assert (await there.answer(GET)).startswith(b"HTTP/1.1 200")
            assert there.cuts() == {}
            # The app has its own deadline for bodies; the server's comes two seconds later.
            slow = await there.answer(POST + b"content-length: 9\r\n\r\nx")
            assert slow.startswith(b"HTTP/1.1 408")
            assert there.seen == ["/", "/", "left"]

    run(scenario)


def test_pieces_of_a_body_that_come_too_slowly_end_it() -> None:
    async def scenario() -> None:
        async with running(body_timeout_s=60, min_body_bytes_per_s=1000) as there:
            answer = await there.answer(CHUNKED, *_chunks(14, b"1\r\nx\r\n"), pause_s=0.25)
            assert answer.startswith(b"HTTP/1.1 408")
            assert there.cuts() == {"body_too_slow": 1}

    run(scenario)


def test_the_rest_of_an_answered_body_is_read_for_a_while_only() -> None:
    async def scenario() -> None:
        async with running() as there:
            head = b"POST /unread HTTP/1.1\r\nhost: x\r\ncontent-length: 90000000\r\n\r\n"
            whole = await there.answer(head.replace(b"90000000", b"900000"), *_chunks(90, b"x" * 10_000))
            assert whole.startswith(b"HTTP/1.1 200")
            assert there.cuts() == {}
            flood = await there.answer(head, *_chunks(900, b"x" * 100_000))
            assert flood.count(b"HTTP/1.1") == 1
            assert there.cuts() == {"body_too_large": 1}

    run(scenario)


def test_more_requests_in_one_go_than_any_client_needs_are_refused() -> None:
    async def scenario() -> None:
        async with running() as there:
            few = await there.answer(GET * 5)
            assert few.count(b"HTTP/1.1 200") == 5
            await there.answer(GET * 3000)
            assert there.cuts() == {"pipelined": 1}
            assert len(there.seen) < 10

    run(scenario)


def test_a_client_that_does_not_read_is_cut() -> None:
    async def scenario() -> None:
        async with running(response_timeout_s=0.5, idle_timeout_s=30) as there:
            with socket.socket() as lazy:
                lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                lazy.setblocking(False)
                loop = asyncio.get_running_loop()
                await loop.sock_connect(lazy, ("127.0.0.1", there.port))
                await loop.sock_sendall(lazy, b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
                while not there.cuts():
                    await asyncio.sleep(0.05)
                assert there.cuts() == {"unread": 1}

    run(scenario)


def test_hundreds_of_silent_connections_leave_room_for_others() -> None:
    async def scenario() -> None:
        async with running(max_connections=40, header_timeout_s=60) as there:
            silent = [await there.client() for _ in range(300)]
            for _ in range(5):
                assert (await there.answer(LAST_GET)).startswith(b"HTTP/1.1 200")
            assert there.cuts()["address_limit"] >= 280
            assert there.phase("header") <= 40
            for _, writer in silent:
                writer.close()

    run(scenario)


def test_who_waits_for_an_answer_is_not_cut_for_newcomers() -> None:
    async def scenario() -> None:
        async with running(max_connections=20) as there:
            reader, writer = await there.client()
            writer.write(b"GET /gate HTTP/1.1\r\nhost: x\r\n\r\n")
            while there.seen != ["/gate"]:
                await asyncio.sleep(0.01)
            crowd = [await there.client() for _ in range(60)]
            assert not reader.at_eof()
            assert "address_limit" in there.cuts()
            there.server.should_exit = True  # the response is still given
            await asyncio.sleep(0.1)
            for _, other in (*crowd, (reader, writer)):
                other.close()

    run(scenario)


def test_clients_that_leave_at_once_do_no_harm() -> None:
    async def scenario() -> None:
        async with running() as there:
            for _ in range(50):
                _, writer = await there.client()
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            assert (await there.answer(GET)).startswith(b"HTTP/1.1 200")

    run(scenario)


class SlowPacer(Pacer):
    """The loop is always as late, and counts who has to wait for it."""

    WAIT_S = 0.4

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def wait_s(self, now: float) -> float:
        self.asked += 1
        return self.WAIT_S


def test_a_stranger_waits_while_the_loop_is_late_and_a_proven_request_does_not() -> None:
    """A kept connection is read on when its wait is over; the wait itself is the pacer's."""

    async def scenario() -> None:
        async with running(idle_timeout_s=60) as there:
            pacer = SlowPacer()
            there.server.policy = replace(there.server.policy, pacer=pacer)

            async def second_answer_s(path: bytes) -> float:
                reader, writer = await there.client()
                request = b"GET " + path + b" HTTP/1.1\r\nhost: x\r\n\r\n"
                for _ in range(2):
                    began = asyncio.get_running_loop().time()
                    writer.write(request)
                    assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
                writer.close()
                return asyncio.get_running_loop().time() - began

            await second_answer_s(b"/proven")
            assert pacer.asked == 0
            assert await second_answer_s(b"/") > SlowPacer.WAIT_S * 0.9
            assert pacer.asked == 2

    run(scenario)


def test_a_stop_waits_for_no_client_that_is_slow() -> None:
    async def scenario() -> None:
        async with running(body_timeout_s=300, header_timeout_s=300, idle_timeout_s=300) as there:
            clients = [await there.client() for _ in range(3)]
            clients[0][1].write(b"GET / HT")
            clients[1][1].write(POST + b"content-length: 9\r\n\r\nx")
            while not there.seen:
                await asyncio.sleep(0.01)
            there.server.should_exit = True
            async with asyncio.timeout(30):
                for reader, _ in clients:
                    assert await reader.read() == b""

    run(scenario)


@pytest.mark.parametrize("silent", [0, 3])
def test_without_free_files_the_server_closes_who_waits_longest_and_continues(silent: int) -> None:
    async def scenario() -> None:
        async with running(header_timeout_s=60) as there:
            loop = asyncio.get_running_loop()
            importlib.import_module("encodings.idna")  # a process loads it with its first connection
            others = [await there.client() for _ in range(silent)]
            while there.phase("header") < silent:
                await asyncio.sleep(0.01)
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            client = socket.socket()
            client.setblocking(False)
            resource.setrlimit(resource.RLIMIT_NOFILE, (client.fileno() + 1, hard))
            try:
                await loop.sock_connect(client, ("127.0.0.1", there.port))
                client.send(GET)
                while "no_files" not in there.cuts():
                    await asyncio.sleep(0.02)
                if silent:
                    answered = await loop.sock_recv(client, 100)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            if not silent:
                answered = await loop.sock_recv(client, 100)
            assert answered.startswith(b"HTTP/1.1 200")
            client.close()
            for _, writer in others:
                writer.close()

    run(scenario)


def test_the_soft_limit_of_open_files_is_raised_to_the_hard_one() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 1024), hard))
        assert raise_file_limit() == min(hard, 65_536)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (min(hard, 65_536), hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("wrong", ["10.0.0.300", "proxy.example", "10.0.0.5/24"])
def test_a_proxy_is_named_by_its_address(wrong: str) -> None:
    with pytest.raises(ValueError, match="no address or network"):
        HttpSettings(trusted_proxies=(wrong,))
