"""HTTP calls to a provider: kept connections, bounded in time and size, counted, never retried.

A failure is one of two errors, as money depends on the difference: NotSent or NoResponse.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

from packhouse import __version__
from packhouse.connections import open_connections
from packhouse.errors import ProviderUnavailable
from packhouse.http import NOTHING_SENT, Answer, TooLarge, httpx
from packhouse.providers.deadline import time_left_s
from packhouse.providers.link_guard import LinkGuard, LinkRefused, Target
from packhouse.providers.port import ProviderContext

MAX_BYTES = 5 * 1024 * 1024
_MAX_WAIT_S = 3600.0
_MAX_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_ADDRESSES = 2
_USER_AGENT = {"user-agent": f"packhouse/{__version__}"}


class NotSent(ProviderUnavailable):
    """There was no connection: the call had no effect."""


class NoResponse(ProviderUnavailable):
    """The call was sent, at least in part, without a complete answer: its effect is unknown."""


class ProviderHttp:
    """The connections of one account. `account` names it in metrics and messages, `url` is its API's address.

    The client has no credentials of its own. Each call that needs them passes them, so that the host of a
    label file never receives the API key. No call follows a redirect but `download`.
    """

    def __init__(
        self,
        account: str,
        context: ProviderContext,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        url: str = "",
    ) -> None:
        self._account = account
        self._clock = context.clock
        self._timeout_s = context.timeout_s
        self._observe = context.observe
        # Each call is bounded below; connecting gets less, so that its failure is known as NotSent.
        self._connections = open_connections(
            connect_s=context.timeout_s / 3,
            timeout_s=context.timeout_s,
            most_bytes=MAX_BYTES,
            decodes=True,
            transport=transport,
        )
        self._guard = LinkGuard(url, context.link_hosts, context.resolve)

    async def send(
        self,
        call: str,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Call once and read at most MAX_BYTES. Any status is returned. Raises NotSent or NoResponse.

        The calls of one method share its time; a call for which none is left is not sent.
        """

        asked = list((_USER_AGENT | dict(headers or {})).items())

        async def ask() -> Answer:
            return await self._connections.exchange(method, url, asked, body)

        return await self._bounded(call, ask)

    async def download(self, call: str, link: str) -> Answer:
        """Follow a link from outside, and at most 3 redirects, each checked. Nothing secret is sent.

        Raises LinkRefused for a link that is not to be followed or has too much behind it, and NotSent or
        NoResponse.
        """

        async def follow() -> Answer:
            url, seen = link, set[str]()
            while True:
                target = await self._checked(url)
                if target.url in seen or len(seen) > _MAX_REDIRECTS:
                    how = (
                        "leads in a circle"
                        if target.url in seen
                        else f"redirects more than {_MAX_REDIRECTS} times"
                    )
                    raise LinkRefused(f"The link {how}.")
                seen.add(target.url)
                answer = await self._get(target)
                location = answer.headers.get("location", "")
                if answer.status not in _REDIRECTS or not location:
                    return answer
                url = _joined(target.url, location)

        return await self._bounded(call, follow)

    async def _checked(self, url: str) -> Target:
        try:
            return await self._guard.check(url)
        except OSError as error:
            raise httpx.ConnectError(f"the name is not known: {error}") from error

    async def _get(self, target: Target) -> Answer:
        """Read what the link leads to, at the first of its addresses that can be reached."""
        addresses = target.addresses[:_MAX_ADDRESSES] or ("",)
        for address in addresses:
            try:
                return await self._connections.exchange(
                    "GET", target.url, list(_USER_AGENT.items()), address=address
                )
            except httpx.InvalidURL as error:
                raise LinkRefused("The link cannot be read.") from error
            except NOTHING_SENT:
                if address == addresses[-1]:
                    raise
            except TooLarge as error:
                raise LinkRefused(f"What the link leads to is larger than {MAX_BYTES} bytes.") from error
        raise AssertionError("the last address returns or raises")

    async def _bounded(self, call: str, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        started = self._clock.monotonic()
        outcome = "cancelled"
        left_s = time_left_s(self._timeout_s)
        if left_s <= 0:
            raise NotSent(f"No time is left to call {self._account} for {call}; nothing was sent.")
        try:
            async with asyncio.timeout(left_s):
                response = await ask()
            outcome = str(response.status)
            return response
        except LinkRefused:
            outcome = "refused"
            raise
        except NOTHING_SENT as error:
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
        await self._connections.aclose()


def _joined(url: str, location: str) -> str:
    """Where a redirect leads. Raises LinkRefused for what cannot be read."""
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise LinkRefused("The link leads to a redirect that cannot be read.") from error


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
    except (ValueError, OverflowError):
        return None
    return min(max(wait_s, 0.0), _MAX_WAIT_S)
