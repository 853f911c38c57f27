"""What is sent: the address exactly as given, the headers that were given, and nothing else."""

from __future__ import annotations

import pytest

from packhouse.connections import open_connections
from packhouse.http import httpx
from tests.service.http_port.raw_server import OK, answering, opened, raw_server


async def sent(target: str, method: str = "GET", body: bytes | None = None, host: str = "127.0.0.1") -> str:
    """The head of the request for this target; "{port}" is the server's port."""
    async with raw_server(answering(OK), "::1" if ":" in host else host) as server:
        connections = opened()
        url = target if "://" in target else f"http://{host}:{{port}}{target}"
        await connections.exchange(
            method, url.replace("{port}", str(server.port)), [("authorization", "Bearer aly_test")], body
        )
        await connections.aclose()
    (head,) = server.heads
    return head.replace(str(server.port), "PORT")


@pytest.mark.parametrize(
    "target",
    [
        "/merchant/orders/ord_1",
        "/orders/ord%2F1%20%C3%A9%25",
        "/orders/%7Euser/~user/%41",
        "/orders/../ord_1/./x//y/",
        "/orders/..",
        "/orders/a;b=c,d:e@f!$&'()*+",
        "/orders?ids=a%2Cb,c&x=+%2B&y",
        "/orders?cursor=%3D%3D==&cursor=2",
        "/orders?q=a/b?c:d@e%zz",
        "/%2e%2e/%00",
    ],
)
async def test_a_path_and_a_query_are_sent_exactly_as_given(target: str) -> None:
    assert (await sent(target)).split("\r\n")[0] == f"GET {target} HTTP/1.1"


@pytest.mark.parametrize(
    ("target", "line"),
    [
        ("/étiquette 1.pdf?x=é", "/%C3%A9tiquette%201.pdf?x=%C3%A9"),
        ("/a#fragment", "/a"),
        ("", "/"),
        ("?a=b", "/?a=b"),
    ],
)
async def test_what_cannot_stand_in_a_request_is_encoded_or_left_out(target: str, line: str) -> None:
    assert (await sent(target)).split("\r\n")[0] == f"GET {line} HTTP/1.1"


async def test_only_the_given_headers_are_sent() -> None:
    given = "HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nauthorization: Bearer aly_test\r\n"
    assert await sent("/") == f"GET / {given}\r\n"
    assert await sent("/", "POST", b"{}") == f"POST / {given}Content-Length: 2\r\n\r\n"
    assert "Content-Length: 0\r\n" in await sent("/", "POST")


async def test_the_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert "GET / HTTP/1.1" in await sent("/")


async def test_a_user_name_in_an_address_is_not_sent() -> None:
    head = await sent("http://user:secret@127.0.0.1:{port}/a%2Fb?c=%2F")
    assert head == (
        "GET /a%2Fb?c=%2F HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nauthorization: Bearer aly_test\r\n\r\n"
    )


async def test_an_ipv6_address_is_a_host() -> None:
    try:
        head = await sent("/", host="[::1]")
    except OSError:
        pytest.skip("no IPv6 here")
    assert "Host: [::1]:PORT\r\n" in head


async def test_cookies_are_not_kept_and_redirects_are_not_followed() -> None:
    away = b"HTTP/1.1 302 Found\r\nLocation: /other\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
    async with raw_server(answering(away)) as server:
        connections = opened()
        first = await connections.exchange("GET", f"{server.url}/", [])
        await connections.exchange("GET", f"{server.url}/", [])
        await connections.aclose()
    assert (first.status, first.headers["location"]) == (302, "/other")
    assert len(server.heads) == 2
    assert "cookie" not in "".join(server.heads).lower()


@pytest.mark.parametrize("name", ["no-such-host.invalid", "2130706434", "127.0.0.2"])
async def test_a_given_address_is_connected_to_and_the_name_is_only_said(name: str) -> None:
    async with raw_server(answering(OK)) as server:
        connections = opened()
        url = f"http://{name}:{server.port}/1%2F2.zpl?a=%2F"
        answer = await connections.exchange("GET", url, [], address="127.0.0.1")
        await connections.aclose()
    assert answer.body == b"ok"
    assert server.heads == [f"GET /1%2F2.zpl?a=%2F HTTP/1.1\r\nHost: {name}:{server.port}\r\n\r\n"]


async def test_a_transport_of_httpx_gets_the_same_request_and_its_time() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={})

    transport = httpx.MockTransport(answer)
    connections = open_connections(connect_s=1, timeout_s=3, most_bytes=10, transport=transport)
    headers = [("x-a", "1")]
    done = await connections.exchange("POST", "https://x.example/a%2Fb?c=%2F", headers, b"x", address="::1")
    (request,) = asked
    assert (done.status, done.body, done.headers["Content-Type"]) == (200, b"{}", "application/json")
    assert request.url.raw_path == b"/a%2Fb?c=%2F"
    assert dict(request.headers) == {"host": "x.example", "x-a": "1", "content-length": "1"}
    assert request.extensions == {
        "timeout": {"connect": 1, "read": 3, "write": 3, "pool": 1},
        "connect_to": "::1",
    }
