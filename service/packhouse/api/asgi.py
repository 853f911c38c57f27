"""The little of ASGI that the hot route needs: its types, prepared answers, and a bounded read of a body."""

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


class Answer:
    """A whole response of a few bytes, put together once and sent as often as needed."""

    __slots__ = ("_body", "_start", "status")

    def __init__(self, status: int, text: str, **headers: str) -> None:
        content = text.encode() + b"\n"
        pairs = {"content-type": "text/plain", "content-length": str(len(content))}
        pairs |= {name.replace("_", "-"): value for name, value in headers.items()}
        self.status = status
        self._start = {
            "type": "http.response.start",
            "status": status,
            "headers": [(name.encode(), value.encode()) for name, value in pairs.items()],
        }
        self._body = {"type": "http.response.body", "body": content}

    async def send(self, send: Send) -> None:
        """Send it. The prepared messages are copied, as a server may add to them."""
        await send(self._start.copy())
        await send(self._body.copy())


class TooLarge(Exception):
    """More bytes came than a body may have."""


class TooSlow(Exception):
    """The body was not complete in time."""


class TooMany(Exception):
    """Other unfinished bodies already hold all the memory that is set aside for them."""


class Gone(Exception):
    """The client closed the connection before its body was complete."""


class BodyReader:
    """Reads bodies within three bounds: bytes of one, seconds for one, bytes of all unfinished ones.

    The last keeps strangers who send slowly, and have proved nothing yet, from filling the memory.
    """

    def __init__(self, *, limit_bytes: int, deadline_s: float, budget_bytes: int) -> None:
        self._limit = limit_bytes
        self._patience_bytes = 8 * limit_bytes
        self._patience_s = deadline_s / 5
        self._deadline_s = deadline_s
        self._budget = budget_bytes
        self._held = 0

    async def read(self, receive: Receive) -> bytes:
        """The whole body. Raises TooLarge, TooSlow, TooMany or Gone.

        What a sender declares is not asked: the count of what came decides.
        """
        try:
            async with asyncio.timeout(self._deadline_s):
                message = await receive()
                try:
                    first = self._chunk(message, 0)
                    return first if not message.get("more_body") else await self._rest(first, receive)
                except TooLarge:
                    await self._let_out(receive)
                    raise
        except TimeoutError:
            raise TooSlow from None

    async def _let_out(self, receive: Receive) -> None:
        """Read on and forget for a while: who is still sending would not hear an answer."""
        forgotten = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience_s):
                while forgotten < self._patience_bytes:
                    message = await receive()
                    forgotten += len(message.get("body", b""))
                    if not message.get("more_body"):
                        return

    async def _rest(self, first: bytes, receive: Receive) -> bytes:
        body = bytearray(first)
        self._held += len(first)
        try:
            while True:
                message = await receive()
                chunk = self._chunk(message, len(body))
                if self._held + len(chunk) > self._budget:
                    raise TooMany
                self._held += len(chunk)
                body += chunk
                if not message.get("more_body"):
                    return bytes(body)
        finally:
            self._held -= len(body)

    def _chunk(self, message: Message, so_far: int) -> bytes:
        if message["type"] == "http.disconnect":
            raise Gone
        chunk: bytes = message.get("body", b"")
        if so_far + len(chunk) > self._limit:
            raise TooLarge
        return chunk
