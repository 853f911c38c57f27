"""What carries the bytes of each call to the store and to a provider: kept connections of aiohttp (ADR 0025).

Only aiohttp's connector, request and parser are used. Its session stays out: it would repeat a request whose
kept connection was closed, follow redirects, keep cookies, and cost half as much again.
"""

from __future__ import annotations

import asyncio
import math
import re
import select
import ssl
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from weakref import WeakSet

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from multidict import CIMultiDict
from yarl import URL

from packhouse.http import (
    Answer,
    Connections,
    Headers,
    TooLarge,
    TransportConnections,
    check_headers,
    httpx,
)

# Common servers hang up after 5 s; a request should rarely meet a closing connection.
KEEPALIVE_S = 4.0
# Other characters are percent-encoded, and a name in another script is written in ASCII.
_AS_SENT = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*")
_ADDED_BY_AIOHTTP = CIMultiDict({"Content-Type": None})


def open_connections(
    *,
    connect_s: float,
    most_bytes: int,
    decodes: bool = False,
    timeout_s: float | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Connections:
    """The connections of one client, of which each is made within `connect_s` seconds.

    An answer has at most `most_bytes`, after its Content-Encoding was undone if `decodes`. A `transport` of
    httpx takes the place of the network, and gets `timeout_s` as the longest wait.
    """
    if transport is None:
        return _Connections(connect_s, most_bytes, decodes)
    wait = httpx.Timeout(timeout_s, connect=connect_s, pool=connect_s)
    return TransportConnections(transport, wait, most_bytes, decodes)


class _Connections:
    """The port over aiohttp. The first exchange binds it to the running event loop."""

    def __init__(self, connect_s: float, most_bytes: int, decodes: bool) -> None:
        self._tls = _tls()
        self._wait = aiohttp.ClientTimeout(total=None, connect=connect_s, ceil_threshold=math.inf)
        self._most_bytes = most_bytes
        self._decodes = decodes
        self._connector: aiohttp.TCPConnector | None = None
        self._used: WeakSet[ResponseHandler] = WeakSet()

    async def exchange(
        self, method: str, url: str, headers: Headers, body: bytes | None = None, *, address: str = ""
    ) -> Answer:
        """See Connections."""
        check_headers(headers)
        connector = self._connector
        if connector is None:
            connector = self._connector = aiohttp.TCPConnector(
                limit=0, keepalive_timeout=KEEPALIVE_S, use_dns_cache=False
            )
        request = self._request(method, _read_url(url), headers, body, address)
        connection = await self._connect(connector, request)
        protocol = connection.protocol
        assert protocol is not None
        response = None
        try:
            protocol.set_response_params(read_until_eof=True, auto_decompress=self._decodes)
            response = await request.send(connection)
            await response.start(connection)
            content = await self._read(response)
        except BaseException as error:
            if response is not None:
                response.close()
            if isinstance(error, aiohttp.ClientError | OSError | ValueError):
                raise _unanswered(error) from error
            raise
        finally:
            # It was released at the end of a complete answer; in any other case this closes it.
            connection.close()
        self._used.add(protocol)
        return Answer(response.status, _headers(response), content)

    async def aclose(self) -> None:
        """Close every connection."""
        if self._connector is not None:
            await self._connector.close()

    def _request(
        self, method: str, url: URL, headers: Headers, body: bytes | None, address: str
    ) -> ClientRequest:
        name = url.raw_host
        if address:
            headers = [*headers, ("Host", url.host_port_subcomponent or "")]
            url = url.with_host(address)
        return _Request(
            method,
            url,
            headers=headers,
            data=body,
            loop=asyncio.get_running_loop(),
            ssl=self._tls,
            server_hostname=name if address else None,
        )

    async def _connect(self, connector: aiohttp.TCPConnector, request: ClientRequest) -> Connection:
        """A connection on which nothing was received that could be taken for this request's answer."""
        while True:
            try:
                connection = await connector.connect(request, [], self._wait)
            except TimeoutError as error:
                raise httpx.ConnectTimeout("no connection in time") from error
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise httpx.ConnectError(_cause(error)) from error
            if not self._is_stale(connection):
                return connection
            connection.close()

    def _is_stale(self, connection: Connection) -> bool:
        """Whether a kept connection ended or received something since, even if the loop did not see it."""
        protocol, transport = connection.protocol, connection.transport
        if protocol not in self._used:
            return False
        assert protocol is not None and transport is not None
        if protocol.should_close or transport.is_closing():
            return True
        waiting = select.poll()
        waiting.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(waiting.poll(0))

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        parts, size = list[bytes](), 0
        while part := await response.content.readany():
            size += len(part)
            parts.append(part)
            if size > self._most_bytes:
                raise TooLarge(self._most_bytes, b"".join(parts))
        return b"".join(parts)


class _Request(ClientRequest):
    """A request with the headers that it was given: aiohttp adds only Host and Content-Length."""

    def update_auto_headers(self, skip_auto_headers: Iterable[str] | None) -> None:
        """Add none."""
        self._skip_auto_headers = _ADDED_BY_AIOHTTP


@lru_cache(maxsize=256)
def _read_url(url: str) -> URL:
    """The address as it will be sent, without a user name. Raises httpx.InvalidURL or UnsupportedProtocol."""
    try:
        if not _AS_SENT.fullmatch(url):
            url = str(httpx.URL(url))
        read = URL(url, encoded=True)
        if read.scheme not in ("http", "https"):
            raise httpx.UnsupportedProtocol("the address begins with neither http:// nor https://")
        if not read.raw_host or not read.port:
            raise httpx.UnsupportedProtocol("the address names no host")
        if "@" in url:
            read = read.with_user(None)
    except ValueError as error:
        raise httpx.InvalidURL("the address cannot be read") from error
    return read


def _headers(response: aiohttp.ClientResponse) -> Mapping[str, str]:
    """As aiohttp read them, or as httpx does if a name occurs twice or a value is not ASCII."""
    raw = response.raw_headers
    if len({name.lower() for name, _ in raw}) == len(raw) and all(value.isascii() for _, value in raw):
        return response.headers
    return httpx.Headers(list(raw))


def _unanswered(error: Exception) -> httpx.TransportError:
    """The error of a request that was sent, at least in part, without a complete answer."""
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return httpx.RemoteProtocolError("the connection was closed without an answer")
    if isinstance(error, aiohttp.ClientResponseError):
        return httpx.RemoteProtocolError(_in_one_line(error.message))
    if isinstance(error, aiohttp.ClientPayloadError):
        return httpx.RemoteProtocolError(_in_one_line(str(error)))
    return httpx.ReadError(_cause(error))


def _cause(error: Exception) -> str:
    """What the system says, without the address, which may hold a secret."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        error = error.certificate_error
    elif isinstance(error, aiohttp.ClientConnectorError):
        error = error.os_error
    return _in_one_line(str(error))


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


@cache
def _tls() -> ssl.SSLContext:
    """What httpx trusts: the system's certificates. Read once, as they take two megabytes."""
    context = httpx.create_ssl_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
