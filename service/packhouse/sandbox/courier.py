"""Carries webhook deliveries over kept-alive HTTP/1.1 connections; of the answer only the status is read.

A general HTTP client spends about a millisecond of processor time on such a call; this one spends a tenth of
that, which matters because store and daemon share the machine in a demonstration or a benchmark.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from typing import cast
from urllib.parse import urlsplit

import httptools

TIMEOUT_S = 5.0


class _Line(asyncio.Protocol):
    """One connection; one delivery at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._status: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's is one in all but ancestry

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def on_message_complete(self) -> None:
        if not self._parser.should_keep_alive():
            self.close()
        if self._status and not self._status.done():
            self._status.set_result(self._parser.get_status_code())

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._status and not self._status.done():
            self._status.set_exception(exc if isinstance(exc, OSError) else ConnectionResetError("closed"))

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        if self._transport:
            self._transport.close()

    async def deliver(self, payload: bytes) -> int:
        if self._transport is None:
            raise ConnectionResetError("closed")
        self._parser = httptools.HttpResponseParser(self)
        self._status = asyncio.get_running_loop().create_future()
        self._transport.write(payload)
        return await self._status


class Courier:
    """A `Post` over sockets. Keeps idle connections for later deliveries to the same place."""

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._idle: dict[tuple[str, str], list[_Line]] = {}

    async def __call__(self, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> int:
        """Send one delivery and return the status. Raises OSError when no answer comes within the limit."""
        place = urlsplit(url)
        origin = (place.scheme, place.netloc)
        target = (place.path or "/") + (f"?{place.query}" if place.query else "")
        head = [f"POST {target} HTTP/1.1\r\nhost: {place.netloc}\r\ncontent-length: {len(body)}"]
        head += [f"{name}: {value}" for name, value in headers]
        payload = "\r\n".join(head).encode("ascii") + b"\r\n\r\n" + body
        async with asyncio.timeout(self._timeout_s):
            line = self._take(origin) or await self._connect(place.scheme, place.hostname or "", place.port)
            try:
                status = await line.deliver(payload)
            except BaseException:
                line.close()
                raise
        if line.is_open:
            self._idle.setdefault(origin, []).append(line)
        return status

    def _take(self, origin: tuple[str, str]) -> _Line | None:
        idle = self._idle.get(origin, [])
        while idle:
            line = idle.pop()
            if line.is_open:
                return line
        return None

    async def _connect(self, scheme: str, host: str, port: int | None) -> _Line:
        tls = ssl.create_default_context() if scheme == "https" else None
        loop = asyncio.get_running_loop()
        _, line = await loop.create_connection(_Line, host, port or (443 if tls else 80), ssl=tls)
        return line

    def close(self) -> None:
        """Give back the idle connections."""
        for lines in self._idle.values():
            for line in lines:
                line.close()
        self._idle.clear()
