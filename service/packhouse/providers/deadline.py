"""One deadline for each method of a provider, however many calls it makes: no adapter can escape it.

`BoundedProvider` is what the steps use. An adapter that makes several calls asks `time_left_s` before each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar, copy_context
from typing import Any, ClassVar, Self, TypeVar

from packhouse.errors import ProviderError, ProviderRefused, ProviderUnavailable
from packhouse.model.label import Label, LabelDocument
from packhouse.providers.port import (
    Absent,
    Bought,
    KeepsPapers,
    ListedPurchase,
    ListsPurchases,
    NotBought,
    Prepared,
    Provider,
    ProviderContext,
    Purchase,
    PurchaseRequest,
    Safety,
    Tracking,
    TracksMany,
    Unknown,
    Voided,
    VoidPending,
    VoidRefused,
    Withdrawn,
)

T = TypeVar("T")

# The last part of a method's time is for ending it: at most so many seconds, at most this share.
_MAX_GRACE_S = 2.0
_GRACE_SHARE = 0.1
# A list has many pages.
_LISTING_TIMES = 20.0

_ends_at: ContextVar[float | None] = ContextVar("provider_method_ends_at", default=None)
# Tasks that ignored their cancellation, by what they do. The event loop itself keeps only weak references.
_abandoned: dict[asyncio.Task[Any], object] = {}


def time_left_s(timeout_s: float) -> float:
    """Seconds that the running method may still take, at least 0; `timeout_s` outside of a method."""
    ends_at = _ends_at.get()
    if ends_at is None:
        return timeout_s
    return max(ends_at - asyncio.get_running_loop().time(), 0.0)


async def within(timeout_s: float, method: Coroutine[Any, Any, T], name: object = None) -> T:
    """Run a method for at most `timeout_s`, from its first call to the end of its cancellation.

    A method that ends late, but before it is given up, still gives its result. One that ignores its
    cancellation is abandoned: it still runs, and `is_running(name)` says so. Raises TimeoutError.
    """
    grace_s = min(_MAX_GRACE_S, timeout_s * _GRACE_SHARE)
    loop = asyncio.get_running_loop()
    context = copy_context()
    context.run(_ends_at.set, loop.time() + timeout_s - grace_s)
    task = loop.create_task(method, context=context)
    try:
        await asyncio.wait({task}, timeout=timeout_s - grace_s / 2)
    except asyncio.CancelledError:
        await _end(task, grace_s / 2, name)
        raise
    if not task.done():
        await _end(task, grace_s / 2, name)
    if not task.done() or task.cancelled():
        raise TimeoutError
    return task.result()


def is_running(name: object) -> bool:
    """Whether an abandoned method of this name has not ended yet."""
    return name in _abandoned.values()


async def _end(task: asyncio.Task[Any], wait_s: float, name: object) -> None:
    """Cancel a task, and abandon it if it has not ended after `wait_s`."""
    task.cancel()
    _abandoned[task] = name
    task.add_done_callback(_forget)
    await asyncio.wait({task}, timeout=wait_s)


def _forget(task: asyncio.Task[Any]) -> None:
    _abandoned.pop(task, None)
    if not task.cancelled():
        task.exception()  # read, so that asyncio does not report it as lost


class BoundedProvider:
    """A provider account of which each method ends within `timeout_s`.

    A purchase or a look-up that does not end in time is Unknown; other methods raise ProviderUnavailable. An
    error of the provider names its account.
    """

    kind: ClassVar[str] = "bounded"

    def __init__(self, provider: Provider, timeout_s: float) -> None:
        self.account = provider.account
        self._provider = provider
        self._timeout_s = timeout_s

    @property
    def safety(self) -> Safety:
        """The guarantee of the account."""
        return self._provider.safety

    @classmethod
    def from_settings(cls, options: Mapping[str, Any], context: ProviderContext) -> Self:
        """It has no settings of its own: it is built around an account. Raises TypeError."""
        raise TypeError("a bounded provider is built around an account")

    async def prepare(self, request: PurchaseRequest) -> Prepared:
        """Prepare in time, or raise ProviderUnavailable."""
        return await self._bounded("prepare", self._provider.prepare(request))

    async def buy(self, purchase: Purchase) -> Bought | NotBought | Unknown:
        """Buy in time; else the outcome is unknown."""
        try:
            return await within(self._timeout_s, self._provider.buy(purchase), self._name_of(purchase))
        except TimeoutError:
            return Unknown(self._late("buy"))

    async def lookup(self, purchase: Purchase) -> Bought | Withdrawn | Absent | Unknown:
        """Look up in time; else the outcome stays unknown, as it does while the purchase still runs."""
        if is_running(self._name_of(purchase)):
            return Unknown(f"the purchase at {self.account} was cancelled and has not ended yet")
        try:
            return await self._named(within(self._timeout_s, self._provider.lookup(purchase)))
        except TimeoutError:
            return Unknown(self._late("lookup"))

    async def document(self, label: Label) -> LabelDocument:
        """Fetch the file in time, or raise ProviderUnavailable."""
        return await self._bounded("document", self._provider.document(label))

    async def void(self, label: Label) -> Voided | VoidPending | VoidRefused:
        """Void in time, or raise ProviderUnavailable: it is asked again."""
        return await self._bounded("void", self._provider.void(label))

    async def track(self, label: Label) -> Tracking:
        """Track in time, or raise ProviderUnavailable."""
        return await self._bounded("track", self._provider.track(label))

    @property
    def tracks_many(self) -> bool:
        """Whether one call can tell where many parcels are."""
        return isinstance(self._provider, TracksMany)

    async def track_many(self, labels: Sequence[Label]) -> Mapping[str, Tracking]:
        """Track up to 100 labels in time, or raise ProviderUnavailable; no label if the account cannot."""
        if not isinstance(self._provider, TracksMany):
            return {}
        return await self._bounded("track_many", self._provider.track_many(labels))

    async def check(self) -> None:
        """Check in time, or raise ProviderUnavailable."""
        await self._bounded("check", self._provider.check())

    async def paper(self, label: Label, kind: str, source: str) -> LabelDocument:
        """Fetch a paper in time, or raise ProviderUnavailable; ProviderRefused if the account has none."""
        if not isinstance(self._provider, KeepsPapers):
            raise ProviderRefused(f"The provider account {self.account} cannot fetch papers.")
        return await self._bounded("paper", self._provider.paper(label, kind, source))

    @property
    def lists_purchases(self) -> bool:
        """Whether the account can be asked for everything that it sold."""
        return isinstance(self._provider, ListsPurchases)

    async def purchases_since(self, since: float) -> tuple[ListedPurchase, ...]:
        """List purchases, or raise ProviderUnavailable. A list has many pages, so it may take longer."""
        if not isinstance(self._provider, ListsPurchases):
            raise ProviderUnavailable(f"The provider account {self.account} cannot list its purchases.")
        try:
            listing = self._provider.purchases_since(since)
            return await self._named(within(self._timeout_s * _LISTING_TIMES, listing))
        except TimeoutError as error:
            late = ProviderUnavailable(self._late("purchases_since"))
            late.account = self.account
            raise late from error

    async def aclose(self) -> None:
        """Close connections, or give up in time."""
        with suppress(TimeoutError):
            await within(self._timeout_s, self._provider.aclose())

    async def _bounded(self, method: str, doing: Coroutine[Any, Any, T]) -> T:
        try:
            return await self._named(within(self._timeout_s, doing))
        except TimeoutError as error:
            late = ProviderUnavailable(self._late(method))
            late.account = self.account
            raise late from error

    async def _named(self, doing: Coroutine[Any, Any, T]) -> T:
        try:
            return await doing
        except ProviderError as error:
            error.account = self.account
            raise

    def _name_of(self, purchase: Purchase) -> object:
        return self.account, purchase.request.reference

    def _late(self, method: str) -> str:
        return f"{self.account} did not end {method} within {self._timeout_s:g} s."
