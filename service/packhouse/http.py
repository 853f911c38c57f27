"""The HTTP port beneath the clients of the store and of the providers. What carries the bytes is behind it.

    connections = open_connections(connect_s=10, most_bytes=2**20)      # packhouse.connections
    async with asyncio.timeout(30):
        answer = await connections.exchange("POST", url, [("content-type", "application/json")], body)

An exchange sends one request, at most once, and reads its whole answer. Nothing is ever repeated, no redirect
is followed, and only the headers that were given are sent (with Host and Content-Length).

It is also the only module that imports httpx2, httpx's maintained continuation (ADR 0005, ADR 0025). Its
errors are the port's errors; tests and simulations give the clients transports of httpx.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import httpx2 as httpx

__all__ = [
    "NOTHING_SENT",
    "Answer",
    "Connections",
    "Headers",
    "TooLarge",
    "TransportConnections",
    "check_headers",
    "httpx",
]

Headers = Sequence[tuple[str, str]]

# The connection was never made or never used: the request cannot have had an effect. After any other error,
# and when the time is up, the request may have arrived.
NOTHING_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
)

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")


class TooLarge(httpx.DecodingError):
    """An answer that is larger than the limit. `received` is what was read of it."""

    def __init__(self, most_bytes: int, received: bytes) -> None:
        super().__init__(f"it is larger than {most_bytes} bytes")
        self.received = received


class Answer(NamedTuple):
    """A complete answer. The case of header names does not matter."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connections(Protocol):
    """The connections of one client."""

    async def exchange(
        self, method: str, url: str, headers: Headers, body: bytes | None = None, *, address: str = ""
    ) -> Answer:
        """Send one request, once, and read the whole answer, whatever its status. The caller bounds the time.

        `url` is sent exactly as it is given: path and query have to be percent-encoded. `address` is where to
        connect instead of resolving the name in `url`.

        Raises one of NOTHING_SENT; TooLarge; or another of httpx's errors when the request was sent, at least
        in part, without a complete answer.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections that are kept."""
        ...


def check_headers(headers: Headers) -> None:
    """Raise httpx.LocalProtocolError for a header that could be read as more than one, or as none."""
    for name, value in headers:
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise httpx.LocalProtocolError(f"the header {name[:40]!r} cannot be sent")


class TransportConnections:
    """The port over a transport of httpx: a test's, the sandbox's or a simulation's.

    It passes `timeout` on to the transport, and an `address` as the extension "connect_to".
    """

    def __init__(
        self, transport: httpx.AsyncBaseTransport, timeout: httpx.Timeout, most_bytes: int, decodes: bool
    ) -> None:
        self._transport = transport
        self._extensions = {"timeout": timeout.as_dict()}
        self._most_bytes = most_bytes
        self._decodes = decodes

    async def exchange(
        self, method: str, url: str, headers: Headers, body: bytes | None = None, *, address: str = ""
    ) -> Answer:
        """See Connections."""
        check_headers(headers)
        extensions = self._extensions | ({"connect_to": address} if address else {})
        try:
            request = httpx.Request(method, url, headers=list(headers), content=body, extensions=extensions)
        except UnicodeError as error:
            raise httpx.InvalidURL("the address cannot be read") from error
        response = await self._transport.handle_async_request(request)
        try:
            content = await self._read(response)
        finally:
            await response.aclose()
        return Answer(response.status_code, response.headers, content)

    async def _read(self, response: httpx.Response) -> bytes:
        # Undecoded, the stream itself is read: a transport may give a response that was read already.
        stream = response.aiter_bytes() if self._decodes else response.stream
        parts, size = list[bytes](), 0
        async for part in stream:  # type: ignore[union-attr]  # async transports give async streams
            size += len(part)
            parts.append(part)
            if size > self._most_bytes:
                raise TooLarge(self._most_bytes, b"".join(parts))
        return b"".join(parts)

    async def aclose(self) -> None:
        """Close the transport."""
        await self._transport.aclose()
