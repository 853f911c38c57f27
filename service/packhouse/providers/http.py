"""HTTP calls to a provider: kept connections, bounded in time and size, counted, never retried.

A failure is one of two errors, as money depends on the difference: NotSent or NoResponse.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from packhouse import __version__
from packhouse.errors import ProviderUnavailable
from packhouse.http import Connections, httpx
from packhouse.providers.deadline import time_left_s
from packhouse.providers.port import ProviderContext

MAX_BYTES = 5 * 1024 * 1024
_MAX_WAIT_S = 3600.0
_MAX_REDIRECTS = 3
_USER_AGENT = {"user-agent": f"packhouse/{__version__}"}

# The connection was never made or never used: the provider cannot have done anything.
_UNSENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
)


class NotSent(ProviderUnavailable):
    """There was no connection: the call had no effect."""


class NoResponse(ProviderUnavailable):
    """The call was sent, at least in part, without a complete answer: its effect is unknown."""


@dataclass(frozen=True, slots=True)
class Response:
    """A complete HTTP response. The case of header names does not matter."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class ProviderHttp:
    """The connections of one account. `account` names it in metrics and messages.

    The client has no credentials of its own. Each call that needs them passes them, so that the host of a
    label file never receives the API key.
    """

    def __init__(
        self, account: str, context: ProviderContext, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._account = account
        self._clock = context.clock
        self._timeout_s = context.timeout_s
        self._observe = context.observe
        # Each call is bounded below; connecting gets less, so that its failure is known as NotSent.
        wait = httpx.Timeout(context.timeout_s, connect=context.timeout_s / 3, pool=context.timeout_s / 3)
        self._extensions = {"timeout": wait.as_dict()}
        self._transport = transport or Connections()
        # Used only to follow a redirect: calls to the transport alone are faster.
        self._client = httpx.AsyncClient(
            transport=self._transport, timeout=wait, headers=_USER_AGENT, max_redirects=_MAX_REDIRECTS
        )

    async def send(
        self,
        call: str,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        follow_redirects: bool = False,
    ) -> Response:
        """Call once and read at most MAX_BYTES. Any status is returned. Raises NotSent or NoResponse.

        The calls of one method share its time; a call for which none is left is not sent.
        """
        started = self._clock.monotonic()
        outcome = "cancelled"
        left_s = time_left_s(self._timeout_s)
        if left_s <= 0:
            raise NotSent(f"No time is left to call {self._account} for {call}; nothing was sent.")
        try:
            async with asyncio.timeout(left_s):
                request = httpx.Request(
                    method,
                    url,
                    headers={**_USER_AGENT, **(headers or {})},
                    content=body,
                    extensions=self._extensions,
                )
                response = await self._transport.handle_async_request(request)
                try:
                    if follow_redirects and response.has_redirect_location:
                        await response.aclose()
                        response = await self._client.send(request, stream=True, follow_redirects=True)
                    content = await _read(response)
                finally:
                    await response.aclose()
            outcome = str(response.status_code)
            return Response(response.status_code, content, response.headers)
        except _UNSENT as error:
            outcome = type(error).__name__
            raise NotSent(f"Cannot reach {self._account} for {call}: {_described(error)}.") from error
        except (httpx.HTTPError, TimeoutError) as error:
            outcome = type(error).__name__
            raise NoResponse(
                f"No complete response from {self._account} to {call}: {_described(error)}."
            ) from error
        finally:
            self._observe(self._account, call, outcome, self._clock.monotonic() - started)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


async def _read(response: httpx.Response) -> bytes:
    chunks, size = [], 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > MAX_BYTES:
            raise httpx.DecodingError(f"it is larger than {MAX_BYTES} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _described(error: Exception) -> str:
    """The error's name and, where it has one, its message."""
    return f"{type(error).__name__} {error}".rstrip(" .")


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """The wait that a Retry-After header asks for, in seconds from `now`, at most an hour; else None."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        wait_s = float(text) if text.isdecimal() else parsedate_to_datetime(text).timestamp() - now
    except ValueError:
        return None
    return min(max(wait_s, 0.0), _MAX_WAIT_S)
