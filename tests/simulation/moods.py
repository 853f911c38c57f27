"""Moods of a provider account: for a while it refuses everybody, fails, does not know, or prices oddly.

A moody account also voids some labels whose purchase got no answer, as a person at the provider would.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from packhouse.clock import Clock
from packhouse.errors import ProviderMisconfigured, ProviderUnavailable
from packhouse.model.account import Whose
from packhouse.model.label import Label, LabelDocument
from packhouse.model.money import Money
from packhouse.providers.port import (
    Absent,
    Bought,
    KeepsPapers,
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
from packhouse.sandbox.sandbox import Sandbox
from packhouse.steps.circuit_breaker import CircuitBreaker

# What a moody account does, and how often.
MOODS = {"no_funds": 2, "key_refused": 1, "down": 2, "queued": 3, "price_untold": 1, "yen": 2}
_QUEUED = "QUEUED: the provider does not know yet"
_SHARE_WITHDRAWN = 2  # of the labels that are found by a look-up, one in so many


@dataclass(frozen=True, slots=True)
class Mood:
    """One account, by its number, in a mood from `start_s` to `end_s` virtual seconds."""

    what: str
    account: int
    start_s: float
    end_s: float


def draw_moods(seed: int, accounts: int, chaos_s: float) -> list[Mood]:
    """The moods of a seed; most seeds have none, so that other faults are seen alone."""
    chance = random.Random(f"packhouse moods {seed}")
    moods = []
    for _ in range(chance.choice((0, 0, 0, 1, 2, 4))):
        what = chance.choices(list(MOODS), list(MOODS.values()))[0]
        start_s = chance.uniform(0.0, chaos_s / 2)
        account = chance.randrange(accounts)
        moods.append(Mood(what, account, start_s, start_s + chance.choice((30.0, 120.0, 600.0))))
    return moods


@dataclass(slots=True)
class MoodyAccounts:
    """The moods of all accounts of a run, and what their answers must never lead to."""

    moods: Sequence[Mood]
    time: Callable[[], float]
    sandbox: Sandbox
    problems: list[str]
    is_calm: Callable[[], bool]
    charged: dict[str, Money] = field(default_factory=dict)
    offered: dict[str, dict[str, tuple[float, str]]] = field(default_factory=dict)

    def has(self, account: int, *moods: str) -> bool:
        """Whether the account is in one of these moods now."""
        return not self.is_calm() and any(
            one.what in moods and one.account == account and one.start_s <= self.time() < one.end_s
            for one in self.moods
        )

    def check_currency(self, purchase: Purchase, account: str) -> None:
        """A purchase in another currency is made only where no account offered the shop's, just then."""
        price = purchase.rate.price
        offers = self.offered.get(purchase.request.reference, {})
        if price is None or price.currency == "USD" or account not in offers:
            return
        asked_at = offers[account][0]
        for other, (at, currency) in offers.items():
            if at == asked_at and currency == "USD":
                self.problems.append(
                    f"{purchase.request.reference}: bought for {price} at {account}, while {other} offered a "
                    "price in USD"
                )


class MoodyProvider:
    """An account with moods around a real one."""

    kind: ClassVar[str] = "moody"

    def __init__(self, real: Provider, number: int, moody: MoodyAccounts) -> None:
        self.account = real.account
        self.safety: Safety = real.safety
        self._real = real
        self._number = number
        self._moody = moody

    @classmethod
    def from_settings(cls, options: Mapping[str, Any], context: ProviderContext) -> Self:
        """It has no settings. Raises TypeError."""
        raise TypeError("a moody account is built around another")

    async def prepare(self, request: PurchaseRequest) -> Prepared:
        """The real rates, or what the mood makes of them."""
        moody = self._moody
        asked_at = moody.time()
        offered = moody.offered.setdefault(request.reference, {})
        offered.pop(self.account, None)
        if moody.has(self._number, "key_refused"):
            raise ProviderMisconfigured("The key is refused.")
        if moody.has(self._number, "down"):
            raise ProviderUnavailable("The service is down.")
        prepared = await self._real.prepare(request)
        rates = prepared.rates
        if moody.has(self._number, "price_untold"):
            rates = tuple(replace(one, price=None) for one in rates)
        elif moody.has(self._number, "yen"):
            rates = tuple(replace(one, price=Money(4, "JPY")) for one in rates)
        if rates and rates[0].price:
            offered[self.account] = (asked_at, rates[0].price.currency)
        return replace(prepared, rates=rates)

    async def buy(self, purchase: Purchase) -> Bought | NotBought | Unknown:
        """Buy, refuse, or lose the answer."""
        self._moody.check_currency(purchase, self.account)
        answer = await self._buy(purchase)
        if isinstance(answer, NotBought):
            # In the next try, perhaps at the same instant, the account offers nothing.
            self._moody.offered.get(purchase.request.reference, {}).pop(self.account, None)
        return answer

    async def _buy(self, purchase: Purchase) -> Bought | NotBought | Unknown:
        moody = self._moody
        if moody.has(self._number, "no_funds"):
            return NotBought("Insufficient funds.", Whose.ACCOUNT)
        if moody.has(self._number, "down"):
            return NotBought("The service is down.", Whose.MOMENT)
        if moody.has(self._number, "queued"):
            if zlib.crc32(purchase.request.reference.encode()) % 2:
                self._priced(await self._real.buy(purchase), purchase)
            return Unknown(_QUEUED)
        return self._priced(await self._real.buy(purchase), purchase)

    async def lookup(self, purchase: Purchase) -> Bought | Withdrawn | Absent | Unknown:
        """Look up. Some labels that are found, and not posted, were voided meanwhile."""
        moody = self._moody
        if moody.has(self._number, "queued"):
            return Unknown(_QUEUED)
        found = await self._real.lookup(purchase)
        if not isinstance(found, Bought):
            return found
        shipment = moody.sandbox.easypost.find(found.provider_id)
        is_withdrawn = moody.moods and not zlib.crc32(found.tracking_number.encode()) % _SHARE_WITHDRAWN
        if is_withdrawn and not self._is_posted(found.tracking_number):
            moody.sandbox.easypost.request_void(shipment)
        found = self._priced(found, purchase)
        match moody.sandbox.easypost.void_status(shipment):
            case "refunded" | "not_applicable":
                return Withdrawn(found.tracking_number, Voided(), found.provider_id, found.cost)
            case "submitted":
                return Withdrawn(found.tracking_number, VoidPending(), found.provider_id, found.cost)
        return found

    def _is_posted(self, number: str) -> bool:
        orders = self._moody.sandbox.store.orders.values()
        return any(row.tracking_number == number for order in orders for row in order.fulfillments)

    def _priced(self, answer: Any, purchase: Purchase) -> Any:
        """A purchase in yen costs what was offered."""
        price = purchase.rate.price
        if not isinstance(answer, Bought) or price is None or price.currency == "USD":
            return answer
        self._moody.charged[answer.tracking_number] = price
        return replace(answer, cost=price)

    async def document(self, label: Label) -> LabelDocument:
        """As the real account."""
        return await self._real.document(label)

    async def paper(self, label: Label, kind: str, source: str) -> LabelDocument:
        """As the real account."""
        assert isinstance(self._real, KeepsPapers)
        return await self._real.paper(label, kind, source)

    async def void(self, label: Label) -> Voided | VoidPending | VoidRefused:
        """As the real account."""
        return await self._real.void(label)

    async def track(self, label: Label) -> Any:
        """As the real account."""
        return await self._real.track(label)

    async def track_many(self, labels: Sequence[Label]) -> Mapping[str, Tracking]:
        """As the real account."""
        assert isinstance(self._real, TracksMany)
        return await self._real.track_many(labels)

    async def check(self) -> None:
        """As the real account."""
        await self._real.check()

    async def aclose(self) -> None:
        """As the real account."""
        await self._real.aclose()


@dataclass(slots=True)
class WatchedBreaker(CircuitBreaker):
    """A circuit breaker that reports what must never be counted."""

    problems: list[str] = field(default_factory=list)

    def refused(
        self, account: str, whose: Whose, reason: str, clock: Clock, retry_after_s: float | None = None
    ) -> bool:
        """Count, and report an unknown outcome or a refusal of one order."""
        if reason == _QUEUED or whose is Whose.ORDER:
            self.problems.append(f"{account}: {reason!r} was counted against the account")
        # super() does not work in a dataclass with slots
        return CircuitBreaker.refused(self, account, whose, reason, clock, retry_after_s)
