"""A provider's link leads to public addresses, to the provider's own host, or nowhere."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from packhouse.http import httpx
from packhouse.providers.http import MAX_BYTES, NoResponse, NotSent, ProviderHttp
from packhouse.providers.link_guard import LinkGuard, LinkRefused, is_public, system_resolve
from packhouse.providers.port import ProviderContext
from tests.service.providers.context import Seen, context

OWN = "http://127.0.0.1:9900/easypost/v2"


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("192.0.0.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "168.63.129.16"),
        *("::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:a00:1", "fe80::1", "fe80::1%eth0", "fec0::1"),
        *("fd00:ec2::254", "ff02::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "5f00::1"),
        *("2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:7f00:1::", "2001:db8::1", "3fff::1", "100::1"),
        *("localhost", "", "1.2.3", "2130706433"),
    ],
)
def test_an_address_that_is_not_on_the_public_internet_is_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"],
)
def test_a_public_address_is_allowed_in_every_form(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "link",
    [
        *(
            "file:///etc/passwd",
            "ftp://example.com/x",
            "data:text/plain,x",
            "gopher://example.com",
            "/labels/1",
        ),
        *("javascript:alert(1)", "", "http://", "http://:80/", "http:///x", "//example.com/x"),
        *(
            "http://example.com:99999/",
            "http://[::1/",
            "http://exa mple.com/",
            "http://example.com\\@127.0.0.1/",
        ),
        *("http://ada@example.com/", "http://example.com@127.0.0.1/", "http://ada:key@127.0.0.1:9900/"),
        *("http://example.com/\r\nHost: x", "http://./", "http://" + "a" * 70 + ".example/"),
    ],
)
async def test_a_link_that_is_no_plain_web_address_is_refused(link: str) -> None:
    guard = LinkGuard(OWN, ())
    with pytest.raises(LinkRefused):
        await guard.check(link)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "0x7f.1", "0x7f000001", "2130706433", "017700000001", "127.0.0.1.", "0"),
        *("[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "localhost", "LOCALHOST."),
        *("\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "169.254.169.254", "[fe80::1%25eth0]"),
    ],
)
async def test_no_writing_of_an_inside_host_slips_through(host: str) -> None:
    # The operating system reads these as for a connection: numbers and localhost, so no network is asked.
    for port in ("", ":80", ":9901"):
        with pytest.raises((LinkRefused, OSError)):
            target = await LinkGuard(OWN, (), system_resolve).check(f"http://{host}{port}/label.pdf")
            raise AssertionError(target)


async def _two(host: str, port: int) -> tuple[str, ...]:
    return {"mixed.example": ("8.8.8.8", "10.0.0.1"), "none.example": ()}.get(host, ("8.8.8.8", "8.8.4.4"))


async def test_every_address_of_a_name_has_to_be_public() -> None:
    guard = LinkGuard(OWN, (), _two)
    with pytest.raises(LinkRefused, match=r"mixed\.example, which is not on the public internet.*LINK_HOSTS"):
        await guard.check("https://mixed.example/label.pdf")
    with pytest.raises(OSError):
        await guard.check("https://none.example/label.pdf")
    target = await guard.check("HTTPS://Files.Example.:443/label%20x.pdf?a=b#part")
    assert target == ("https://files.example/label%20x.pdf?a=b", ("8.8.8.8", "8.8.4.4"))


@pytest.mark.parametrize(
    ("link", "is_allowed"),
    [
        ("http://127.0.0.1:9900/labels/1.zpl", True),
        ("http://127.0.0.1:9901/labels/1.zpl", False),
        ("http://127.0.0.1/labels/1.zpl", False),
        ("http://labels.lan/1.zpl", True),
        ("http://labels.lan:8080/1.zpl", True),
        ("http://LABELS.lan./1.zpl", True),
        ("http://10.0.0.7:631/1.zpl", True),
        ("http://10.0.0.7/1.zpl", False),
        ("http://x.labels.lan/1.zpl", False),
    ],
)
async def test_inside_hosts_are_allowed_exactly_as_configured(link: str, is_allowed: bool) -> None:
    async def inside(host: str, port: int) -> tuple[str, ...]:
        return ("10.0.0.7",)

    guard = LinkGuard(OWN, ("labels.lan", "10.0.0.7:631"), inside)
    if is_allowed:
        assert (await guard.check(link)).addresses == ()
    else:
        with pytest.raises(LinkRefused):
            await guard.check(link)


# --- downloads over real sockets -----------------------------------------------------------------

Handler = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(handle: Handler) -> AsyncIterator[int]:
    """A server on a loopback port that answers each request's target so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            await handle(head.decode(), writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1")
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def answering(status: str, headers: str = "", body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{headers}\r\n".encode() + body


def _client(port: int, **changes: Any) -> ProviderHttp:
    made = context(timeout_s=changes.pop("timeout_s", 60.0), seen=changes.pop("seen", None))
    parts = {name: getattr(made, name) for name in made.__dataclass_fields__} | changes
    return ProviderHttp("acme", ProviderContext(**parts), url=f"http://127.0.0.1:{port}/v2")


async def test_a_redirect_of_the_own_host_to_an_inside_address_is_not_followed() -> None:
    asked: list[str] = []

    async def handle(head: str, writer: asyncio.StreamWriter) -> None:
        asked.append(head.split()[1])
        where = head.split()[1].removeprefix("/to?")
        writer.write(answering("302 Found", f"location: {where}\r\n"))

    seen = Seen()
    async with serving(handle) as port:
        client = _client(port, seen=seen)
        for where in (
            "http://169.254.169.254/latest",
            "http://127.0.0.1:1/",
            "file:///etc/passwd",
            "ftp://x/",
        ):
            with pytest.raises(LinkRefused):
                await client.download("label", f"http://127.0.0.1:{port}/to?{where}")
        await client.aclose()
    assert len(asked) == 4
    assert {outcome for *_, outcome in seen.calls} == {"refused"}


@pytest.mark.parametrize(
    ("where", "words"), [("/a", "leads in a circle"), ("+x", "redirects more than 3 times")]
)
async def test_redirects_without_end_are_bounded(where: str, words: str) -> None:
    asked = 0

    async def handle(head: str, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        there = head.split()[1] + "x" if where == "+x" else where
        writer.write(answering("307 Temporary Redirect", f"location: {there}\r\n"))

    async with serving(handle) as port:
        client = _client(port)
        with pytest.raises(LinkRefused, match=words):
            await client.download("label", f"http://127.0.0.1:{port}/a")
        await client.aclose()
    assert asked <= 4


async def test_a_file_without_end_and_a_slow_one_are_bounded() -> None:
    async def handle(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x" * 65536 if head.startswith("GET /large") else b"x")
            await writer.drain()
            await asyncio.sleep(0 if head.startswith("GET /large") else 0.05)

    async with serving(handle) as port:
        client = _client(port, timeout_s=1.0)
        with pytest.raises(LinkRefused, match=f"larger than {MAX_BYTES} bytes"):
            await _client(port).download("label", f"http://127.0.0.1:{port}/large")
        async with asyncio.timeout(30):
            with pytest.raises((NoResponse, NotSent)):  # it may be slow to connect, too
                await client.download("label", f"http://127.0.0.1:{port}/slow")
        await client.aclose()


async def test_the_connection_goes_to_the_address_that_was_checked_and_carries_the_name() -> None:
    """A name that has another address at the next look-up leads nowhere else: it is looked up once."""
    heads, asked = list[str](), list[str]()

    async def handle(head: str, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        writer.write(answering("200 OK", body=b"^XA^XZ"))

    async def rebinding(host: str, port: int) -> tuple[str, ...]:
        asked.append(host)
        return ("8.8.8.8",) if len(asked) == 1 else ("127.0.0.1",)

    class ToLoopback(httpx.AsyncBaseTransport):
        """Takes the place of the network: it shows where a connection would be made."""

        def __init__(self) -> None:
            self.connected: list[tuple[str, str]] = []

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            self.connected.append((request.extensions["connect_to"], request.headers["host"]))
            return httpx.Response(200, stream=httpx.ByteStream(b"^XA^XZ"))

    made, network = context(), ToLoopback()
    parts = {name: getattr(made, name) for name in made.__dataclass_fields__} | {"resolve": rebinding}
    client = ProviderHttp("acme", ProviderContext(**parts), network)
    assert (await client.download("label", "https://files.example/1.zpl")).body == b"^XA^XZ"
    assert network.connected == [("8.8.8.8", "files.example")]
    assert asked == ["files.example"]
    with pytest.raises(LinkRefused):
        await client.download("label", "https://files.example/1.zpl")
    assert len(network.connected) == 1


async def test_a_name_that_is_not_known_now_may_be_known_later() -> None:
    async def unknown(host: str, port: int) -> tuple[str, ...]:
        raise OSError("no such name")

    client = _client(1, resolve=unknown)
    with pytest.raises(NotSent):
        await client.download("label", "https://files.example/1.zpl")
    await client.aclose()
