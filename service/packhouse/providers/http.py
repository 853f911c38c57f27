"""HTTP calls to a carrier: kept connections, every call bounded in time and size, observed, never retried.

What an adapter learns of a failure is the one thing that matters for money: NotSent, or NoAnswer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from packhouse import __version__
from packhouse.errors import ProviderUnavailable
from packhouse.http import Connections, httpx
from packhouse.providers.port import ProviderContext

MOST_BYTES = 5 * 1024 * 1024
_LONGEST_WAIT_S = 3600.0
_REDIRECTS = 3
_NAME = {"user-agent": f"packhouse/{__version__}"}

# The connection was never made or never used: nothing can have happened at the other end.
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
    """No connection: the call had no effect."""


class NoAnswer(ProviderUnavailable):
    """The call was sent, at least in part, and no complete answer came back: its effect is unknown."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Header names are matched whatever their case."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class ProviderHttp:
    """One carrier's connections. `peer` is the carrier's name in metrics and messages.

    The client carries no credentials of its own: they go with each call that needs them, so that a label's
    address, which is on somebody else's host, is never told our key.
    """

    def __init__(
        self, peer: str, context: ProviderContext, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._peer = peer
        self._clock = context.clock
        self._timeout_s = context.timeout_s
        self._observe = context.observe
        # The whole call is bounded below; connecting gets less, so that its failure is known as NotSent.
        wait = httpx.Timeout(context.timeout_s, connect=context.timeout_s / 3, pool=context.timeout_s / 3)
        self._extensions = {"timeout": wait.as_dict()}
        self._transport = transport or Connections()
        # For the rare answer that leads elsewhere; all else goes without the client above the transport.
        self._client = httpx.AsyncClient(
            transport=self._transport, timeout=wait, headers=_NAME, max_redirects=_REDIRECTS
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
    ) -> Answer:
        """Call once and read at most MOST_BYTES. Raises NotSent or NoAnswer; any status is an answer."""
        started = self._clock.monotonic()
        outcome = "cancelled"
        try:
            async with asyncio.timeout(self._timeout_s):
                request = httpx.Request(
                    method,
                    url,
                    headers={**_NAME, **(headers or {})},
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
            return Answer(response.status_code, content, response.headers)
        except _UNSENT as error:
            outcome = type(error).__name__
            raise NotSent(f"{self._peer} cannot be reached for {call}: {_told(error)}.") from error
        except (httpx.HTTPError, TimeoutError) as error:
            outcome = type(error).__name__
            raise NoAnswer(f"{self._peer} gave no complete answer to {call}: {_told(error)}.") from error
        finally:
            self._observe(self._peer, call, outcome, self._clock.monotonic() - started)

    async def aclose(self) -> None:
        """Give back the connections."""
        await self._client.aclose()


async def _read(response: httpx.Response) -> bytes:
    chunks, size = [], 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > MOST_BYTES:
            raise httpx.DecodingError(f"it is larger than {MOST_BYTES} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _told(error: Exception) -> str:
    """The error's name and, where it has one, its message."""
    return f"{type(error).__name__} {error}".rstrip(" .")


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """What a Retry-After header asks us to wait, in seconds from `now`, at most an hour; None without one."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        wait_s = float(text) if text.isdecimal() else parsedate_to_datetime(text).timestamp() - now
    except ValueError:
        return None
    return min(max(wait_s, 0.0), _LONGEST_WAIT_S)
