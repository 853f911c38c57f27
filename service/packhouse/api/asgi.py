"""The parts of ASGI that the webhook endpoint needs: types, prepared responses, a bounded body reader."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class PreparedResponse:
    """A whole response of a few bytes, built once and sent many times."""

    __slots__ = ("_body", "_start", "status")

    def __init__(self, status: int, text: str, **headers: str) -> None:
        content = text.encode() + b"\n" if text else b""
        pairs = {"content-type": "text/plain", "content-length": str(len(content))} if text else {}
        pairs |= {name.replace("_", "-"): value for name, value in headers.items()}
        self.status = status
        self._start = {
            "type": "http.response.start",
            "status": status,
            "headers": [(name.encode(), value.encode()) for name, value in pairs.items()],
        }
        self._body = {"type": "http.response.body", "body": content}

    async def send(self, send: Send) -> None:
        """Send the response. The prepared messages are copied, as a server may add to them."""
        await send(self._start.copy())
        await send(self._body.copy())


class TooLarge(Exception):
    """The body is larger than the limit."""


class TooSlow(Exception):
    """The body was not complete before the deadline."""


class TooMany(Exception):
    """Incomplete bodies together use all the memory that is reserved for them."""


class Disconnected(Exception):
    """The client closed the connection before its body was complete."""


class BodyReader:
    """Reads bodies within three limits: bytes of one body, seconds for one body, bytes of all
    incomplete bodies.

    The last limit keeps unverified clients that send slowly from filling the memory.
    """

    def __init__(self, *, limit_bytes: int, deadline_s: float, budget_bytes: int) -> None:
        self._limit = limit_bytes
        self._drain_bytes = 8 * limit_bytes
        self._drain_s = deadline_s / 5
        self._deadline_s = deadline_s
        self._budget = budget_bytes
        self._buffered = 0

    async def read(self, receive: Receive) -> bytes:
        """The whole body. Raises TooLarge, TooSlow, TooMany or Disconnected.

        Received bytes are counted; the Content-Length header is not trusted.
        """
        try:
            async with asyncio.timeout(self._deadline_s):
                message = await receive()
                try:
                    first = self._chunk(message, 0)
                    return first if not message.get("more_body") else await self._remainder(first, receive)
                except TooLarge:
                    await self._drain(receive)
                    raise
        except TimeoutError:
            raise TooSlow from None

    async def _drain(self, receive: Receive) -> None:
        """Read and discard for a while: a client that is still sending would not read the response."""
        discarded = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(self._drain_s):
                while discarded < self._drain_bytes:
                    message = await receive()
                    discarded += len(message.get("body", b""))
                    if not message.get("more_body"):
                        return

    async def _remainder(self, first: bytes, receive: Receive) -> bytes:
        body = bytearray(first)
        self._buffered += len(first)
        try:
            while True:
                message = await receive()
                chunk = self._chunk(message, len(body))
                if self._buffered + len(chunk) > self._budget:
                    raise TooMany
                self._buffered += len(chunk)
                body += chunk
                if not message.get("more_body"):
                    return bytes(body)
        finally:
            self._buffered -= len(body)

    def _chunk(self, message: Message, so_far: int) -> bytes:
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk: bytes = message.get("body", b"")
        if so_far + len(chunk) > self._limit:
            raise TooLarge
        return chunk
