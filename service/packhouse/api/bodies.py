"""Reads bodies of requests within limits: of size, of time, and of memory for all that are incomplete."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from fastapi import HTTPException

from packhouse.api.asgi import Message, Receive, Scope

# Digits of a Content-Length that fits no machine.
_MOST_DIGITS = 18


class TooLarge(Exception):
    """The body is larger than the limit."""


class TooSlow(Exception):
    """The body was not complete before the deadline."""


class TooMany(Exception):
    """All incomplete bodies together need more memory than is reserved, and this one is the oldest."""


class Disconnected(Exception):
    """The client closed the connection before its body was complete."""


class _Reading:
    """One incomplete body that uses reserved memory."""

    __slots__ = ("body", "deadline", "dropped")

    def __init__(self, first: bytes, deadline: asyncio.Timeout) -> None:
        self.body = bytearray(first)
        self.deadline = deadline
        self.dropped = False

    def drop(self) -> None:
        """End this reading at once, which raises TooMany in it."""
        self.dropped = True
        self.body = bytearray()
        self.deadline.reschedule(0)


class BodyReader:
    """Reads bodies within three limits: bytes of one body, seconds for one body, bytes of all
    incomplete bodies.

    The last limit keeps unverified clients that send slowly from filling the memory. When it is reached,
    the oldest incomplete body is given up: a client that sends as fast as it can is seldom the oldest.
    """

    def __init__(self, *, limit_bytes: int, deadline_s: float, budget_bytes: int) -> None:
        self._limit = limit_bytes
        self._drain_bytes = 8 * limit_bytes
        self._drain_s = deadline_s / 5
        self._deadline_s = deadline_s
        self._budget = budget_bytes
        self._buffered = 0
        self._readings: dict[_Reading, None] = {}

    def announces_too_much(self, scope: Scope) -> bool:
        """Whether the Content-Length is already over the limit. A smaller one is not trusted."""
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit():
                return len(value) > _MOST_DIGITS or int(value) > self._limit
        return False

    async def read(self, receive: Receive) -> bytes:
        """The whole body. Raises TooLarge, TooSlow, TooMany or Disconnected.

        Received bytes are counted; the Content-Length header is not trusted.
        """
        reading: _Reading | None = None
        try:
            async with asyncio.timeout(self._deadline_s) as deadline:
                try:
                    message = await receive()
                    first = self._chunk(message, 0)
                    if not message.get("more_body"):
                        return first
                    reading = _Reading(first, deadline)
                    return await self._remainder(reading, receive)
                except TooLarge:
                    await self._drain(receive)
                    raise
        except TimeoutError:
            if reading is not None and reading.dropped:
                raise TooMany from None
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

    async def _remainder(self, reading: _Reading, receive: Receive) -> bytes:
        self._readings[reading] = None
        self._buffered += len(reading.body)
        try:
            while True:
                message = await receive()
                chunk = self._chunk(message, len(reading.body))
                self._make_room(len(chunk))
                if reading.dropped:
                    raise TooMany
                self._buffered += len(chunk)
                reading.body += chunk
                if not message.get("more_body"):
                    return bytes(reading.body)
        finally:
            self._readings.pop(reading, None)
            self._buffered -= len(reading.body)

    def _make_room(self, bytes_: int) -> None:
        while self._buffered + bytes_ > self._budget and self._readings:
            oldest = next(iter(self._readings))
            del self._readings[oldest]
            self._buffered -= len(oldest.body)
            oldest.drop()

    def _chunk(self, message: Message, so_far: int) -> bytes:
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk: bytes = message.get("body", b"")
        if so_far + len(chunk) > self._limit:
            raise TooLarge
        return chunk


def bounded(receive: Receive, limit_bytes: int, body_timeout_s: float) -> Receive:
    """Stop reading a body that is too long or too slow; FastAPI itself waits for it without end."""
    received = 0
    is_complete = False
    until = asyncio.get_running_loop().time() + body_timeout_s

    async def receive_in_time() -> Message:
        nonlocal received, is_complete
        if is_complete:
            # The next message is that the client has left, for which there is no deadline.
            return await receive()
        try:
            async with asyncio.timeout_at(until):
                message = await receive()
        except TimeoutError:
            raise HTTPException(
                408,
                f"The body was not complete within {body_timeout_s:g} seconds.",
                headers={"connection": "close"},
            ) from None
        received += len(message.get("body", b""))
        if received > limit_bytes:
            raise HTTPException(413, f"The body is larger than {limit_bytes} bytes.")
        is_complete = not message.get("more_body")
        return message

    return receive_in_time


def without_body(receive: Receive) -> Receive:
    """Give an empty body, whatever the client sends; then wait until it leaves."""
    is_given = False

    async def receive_nothing() -> Message:
        nonlocal is_given
        if not is_given:
            is_given = True
            return {"type": "http.request", "body": b"", "more_body": False}
        while (message := await receive())["type"] != "http.disconnect":
            pass
        return message

    return receive_nothing
