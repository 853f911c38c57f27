"""What stands in a carrier's place for a parcel that a person has sent off: there is nobody to ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from packhouse.errors import ProviderRefused
from packhouse.model.label import Label, LabelDocument
from packhouse.providers.port import (
    Bought,
    NotBought,
    Prepared,
    ProviderContext,
    Purchase,
    PurchaseRequest,
    Safety,
    TrackerState,
    Unknown,
    Voided,
)


class ManualProvider:
    """Sells nothing, so nothing of it is ever in doubt. It keeps the port: few steps need to know it."""

    name: ClassVar[str] = "by hand"
    safety: Safety = Safety.BLIND

    @classmethod
    def from_settings(cls, options: Mapping[str, Any], context: ProviderContext) -> Self:
        """It has no settings."""
        return cls()

    async def prepare(self, request: PurchaseRequest) -> Prepared:
        """Always raises CarrierRefused."""
        raise ProviderRefused("A parcel that is sent off by hand has no rates.")

    async def buy(self, purchase: Purchase) -> NotBought:
        """No money moves here."""
        return NotBought("A parcel that is sent off by hand needs no label.")

    async def lookup(self, purchase: Purchase) -> Bought | Unknown:
        """Nobody can be asked."""
        return Unknown("a person sent it off")

    async def document(self, label: Label) -> LabelDocument:
        """Always raises CarrierRefused: the person has the label."""
        raise ProviderRefused("A parcel that was sent off by hand has no label here.")

    async def void(self, label: Label) -> Voided:
        """Nothing was paid."""
        return Voided()

    async def track(self, label: Label) -> TrackerState:
        """Nobody can be asked."""
        return TrackerState.UNKNOWN

    async def check(self) -> None:
        """There is nothing to reach."""

    async def aclose(self) -> None:
        """There is nothing to give back."""
