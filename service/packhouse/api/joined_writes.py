"""Sends a response's headers together with the first part of its body.

uvicorn writes them one after the other. Each write is a call of the system that wakes the client, and under
load these calls are most of the cost of a small response.
"""

from __future__ import annotations

import asyncio

_INTERIM = b"HTTP/1.1 1"


class JoinedWrites:
    """The part of a transport that a request's cycle uses. The headers wait for what comes next."""

    __slots__ = ("_began", "_headers", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._headers = b""
        self._began = False

    def write(self, data: bytes) -> None:
        """Keep the headers; send everything else, with them in front. "100 Continue" is sent at once."""
        if not self._began and not data.startswith(_INTERIM):
            self._began = True
            self._headers = data
            return
        headers, self._headers = self._headers, b""
        self._transport.write(headers + data if headers else data)

    def close(self) -> None:
        """Send what is kept and close the connection."""
        if self._headers:
            self.write(b"")
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether the connection is being closed."""
        return self._transport.is_closing()
