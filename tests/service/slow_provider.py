"""A carrier that takes its time: its purchases can be looked up, and take effect only when they end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

from packhouse.clock import Clock
from packhouse.errors import ProviderRefused
from packhouse.model.label import Label, LabelDocument, Rate
from packhouse.model.money import Money
from packhouse.providers.port import (
    Absent,
    Bought,
    NotBought,
    Prepared,
    Provider,
    ProviderContext,
    Purchase,
    PurchaseRequest,
    Safety,
    TrackerState,
    Unknown,
    Voided,
    VoidPending,
    VoidRefused,
)

_PRICE = Money(495, "USD")


class SlowProvider:
    """LOOKUP: keeps its books by our reference. `sold` counts purchases, `asked` counts look-ups."""

    kind: ClassVar[str] = "slow"
    account: str = "slow"
    safety: Safety = Safety.LOOKUP

    def __init__(self, clock: Clock, takes_s: float) -> None:
        self._clock = clock
        self._takes_s = takes_s
        self._books: dict[str, Bought] = {}
        self.sold = 0
        self.asked = 0

    @classmethod
    def from_settings(cls, options: Mapping[str, Any], context: ProviderContext) -> Self:
        return cls(context.clock, 20.0)

    async def prepare(self, request: PurchaseRequest) -> Prepared:
        return Prepared("", (Rate("bike", "Bike", "standard", _PRICE),))

    async def buy(self, purchase: Purchase) -> Bought | NotBought | Unknown:
        await self._clock.sleep(self._takes_s)
        self.sold += 1
        reference = purchase.request.reference
        self._books[reference] = Bought(reference, f"BIKE{self.sold}", "Bike", "standard", _PRICE)
        return self._books[reference]

    async def lookup(self, purchase: Purchase) -> Bought | Absent | Unknown:
        self.asked += 1
        return self._books.get(purchase.request.reference) or Absent()

    async def document(self, label: Label) -> LabelDocument:
        raise ProviderRefused("it draws none")

    async def void(self, label: Label) -> Voided | VoidPending | VoidRefused:
        return Voided()

    async def track(self, label: Label) -> TrackerState:
        return TrackerState.UNKNOWN

    async def check(self) -> None:
        return None

    async def aclose(self) -> None:
        return None


def slow(takes_s: float = 20.0) -> Callable[[ProviderContext], dict[str, Provider]]:
    """For `in_house(providers=...)`, with `settings={"provider": "slow"}`."""
    return lambda context: {"slow": SlowProvider(context.clock, takes_s)}
