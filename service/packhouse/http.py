"""The HTTP client: the only module that imports httpx2, httpx's maintained continuation (ADR 0005)."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import httpx2 as httpx

__all__ = ["Connections", "DirectConnections", "httpx"]


class Connections(httpx.AsyncBaseTransport):
    """Kept connections, the last used first, each in a transport of the library's own.

    The library's pool checks every idle connection, with a system call for each, when a request begins and
    again when it ends: with 16 connections that was a fifth of the daemon's time. This class checks only the
    connection that it will use. `keepalive_s` bounds how long an idle one is kept; stay below the 5 s after
    which common servers hang up, so that a request rarely meets a closing connection.
    """

    def __init__(self, keepalive_s: float = 4.0) -> None:
        self._keepalive_s = keepalive_s
        self._limits = httpx.Limits(
            max_connections=1, max_keepalive_connections=1, keepalive_expiry=keepalive_s
        )
        self._tls = httpx.create_ssl_context()
        self._idle: list[tuple[float, httpx.AsyncHTTPTransport]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send over the connection used last, or over a new one. Raises httpx's transport errors."""
        if self._idle:
            _, transport = self._idle.pop()
        else:
            transport = httpx.AsyncHTTPTransport(verify=self._tls, limits=self._limits)
        try:
            response = await transport.handle_async_request(request)
        except BaseException:
            await transport.aclose()
            raise
        response.stream = _Body(response, self, transport)
        return response

    async def release(self, transport: httpx.AsyncHTTPTransport) -> None:
        """Keep a connection for the next request, and close those that were not used for a while."""
        now = asyncio.get_running_loop().time()
        self._idle.append((now, transport))
        # While one is closed, another request may take the rest.
        while self._idle and now - self._idle[0][0] > self._keepalive_s:
            _, unused = self._idle.pop(0)
            await unused.aclose()

    async def aclose(self) -> None:
        """Close every idle connection. A connection in use is closed when its request ends."""
        while self._idle:
            _, transport = self._idle.pop()
            await transport.aclose()


class _Body(httpx.AsyncByteStream):
    """A response's body. Closing it releases its connection."""

    def __init__(
        self, response: httpx.Response, pool: Connections, transport: httpx.AsyncHTTPTransport
    ) -> None:
        self._stream = response.stream
        self._pool = pool
        self._transport = transport

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:  # type: ignore[union-attr]  # async transports give async streams
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()  # type: ignore[union-attr]
        await self._pool.release(self._transport)


class DirectConnections(httpx.AsyncBaseTransport):
    """A new connection for each request, to the address in its extension `connect_to`; no name is resolved.

    The Host header and the name in the certificate are those of the request's URL.
    """

    def __init__(self) -> None:
        self._limits = httpx.Limits(max_connections=1, max_keepalive_connections=0)
        self._tls: ssl.SSLContext | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send over a new connection. Raises httpx's transport errors."""
        self._tls = self._tls or httpx.create_ssl_context()
        transport = httpx.AsyncHTTPTransport(verify=self._tls, limits=self._limits)
        name = request.url.raw_host.decode("ascii")
        direct = httpx.Request(
            request.method,
            request.url.copy_with(host=request.extensions["connect_to"]),
            headers=request.headers,
            extensions={**request.extensions, "sni_hostname": name},
        )
        try:
            response = await transport.handle_async_request(direct)
        except BaseException:
            await transport.aclose()
            raise
        response.stream = _OwnConnection(response, transport)
        return response


class _OwnConnection(httpx.AsyncByteStream):
    """A response's body. Closing it closes its connection."""

    def __init__(self, response: httpx.Response, transport: httpx.AsyncHTTPTransport) -> None:
        self._stream = response.stream
        self._transport = transport

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:  # type: ignore[union-attr]  # async transports give async streams
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()  # type: ignore[union-attr]
        await self._transport.aclose()
