"""Calls and label files: what a failure means, and what kind of file came."""

from __future__ import annotations

import asyncio

import pytest

from packhouse.model.label import LabelFormat
from packhouse.providers.http import NoResponse, NotSent, ProviderHttp, retry_after_s
from packhouse.providers.label_file import format_in
from tests.service.providers.context import Seen, context


def test_a_closed_port_raises_not_sent_and_a_silent_port_no_response() -> None:
    seen = Seen()

    async def story() -> None:
        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        # A third of it is for the connection, which even a busy machine makes in a second.
        calls = ProviderHttp("account", context(timeout_s=3.0, seen=seen))
        with pytest.raises(NoResponse, match="No complete response from account to silence"):
            await calls.send("silence", "POST", f"http://127.0.0.1:{port}/", body=b"x")
        server.close()
        await server.wait_closed()
        with pytest.raises(NotSent, match="Cannot reach account for knock"):
            await calls.send("knock", "POST", f"http://127.0.0.1:{port}/", body=b"x")
        await calls.aclose()

    asyncio.run(story())
    assert [(account, call) for account, call, _ in seen.calls] == [
        ("account", "silence"),
        ("account", "knock"),
    ]
    assert seen.calls[1][2] == "ConnectError"


@pytest.mark.parametrize(
    "url", ["ftp://files.example.net/1.pdf", "http://", "//x", "http://exa mple", "label.pdf"]
)
def test_an_invalid_address_raises_not_sent(url: str) -> None:
    async def story() -> None:
        calls = ProviderHttp("account", context())
        with pytest.raises(NotSent):
            await calls.send("odd", "GET", url)
        await calls.aclose()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("999999", 3600.0),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("Mon, 23 Nov 2026 10:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 09:00:00 GMT", 0.0),
        ("Mon, 99 Nov 2026 09:00:00 GMT", None),
        ("1 Jan 99999999999 00:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_bounded(header: str, wait_s: float | None) -> None:
    assert retry_after_s({"retry-after": header}, now=1795428000.0) == wait_s


def test_no_header_asks_for_no_wait() -> None:
    assert retry_after_s({}, now=0.0) is None


def test_the_end_of_a_link_names_a_format() -> None:
    assert format_in("https://files.example.net/a/b.PDF?sig=x.png") is LabelFormat.PDF
    assert format_in("https://files.example.net/label?file=1.png") is None
    assert format_in("") is None
