"""A provider that keeps its sales in memory. A purchase takes effect when it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
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
    Tracking,
    Unknown,
    Voided,
    VoidPending,
    VoidRefused,
)

_PRICE = Money(495, "USD")


class InMemoryProvider:
    """LOOKUP: finds a purchase by our reference. `sold` counts purchases; each takes `takes_s`."""

    kind: ClassVar[str] = "in_memory"
    account: str = "in_memory"
    safety: Safety = Safety.LOOKUP

    def __init__(self, clock: Clock, takes_s: float = 0.0) -> None:
        self._clock = clock
        self._takes_s = takes_s
        self._sales: dict[str, Bought] = {}
        self.sold = 0

    @classmethod
    def from_settings(cls, options: Mapping[str, Any], context: ProviderContext) -> Self:
        return cls(context.clock)

    async def prepare(self, request: PurchaseRequest) -> Prepared:
        return Prepared("", (Rate("bike", "Bike", "standard", _PRICE),))

    async def buy(self, purchase: Purchase) -> Bought | NotBought | Unknown:
        if self._takes_s:
            await self._clock.sleep(self._takes_s)
        self.sold += 1
        reference = purchase.request.reference
        self._sales[reference] = Bought(reference, f"BIKE{self.sold}", "Bike", "standard", _PRICE)
        return self._sales[reference]

    async def lookup(self, purchase: Purchase) -> Bought | Absent | Unknown:
        return self._sales.get(purchase.request.reference) or Absent()

    async def document(self, label: Label) -> LabelDocument:
        raise ProviderRefused("this provider has no label files")

    async def void(self, label: Label) -> Voided | VoidPending | VoidRefused:
        return Voided()

    async def track(self, label: Label) -> Tracking:
        return Tracking()

    async def check(self) -> None:
        return None

    async def aclose(self) -> None:
        return None


def in_memory(takes_s: float = 0.0) -> Callable[[ProviderContext, Path], Provider]:
    """For `@pytest.mark.harness(provider=...)`."""
    return lambda context, folder: InMemoryProvider(context.clock, takes_s)
