"""The provider of labels that Packhouse did not buy: a person sent the parcel."""

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
    Tracking,
    Unknown,
    Voided,
)


class ManualProvider:
    """Sells nothing, so its purchases are never in doubt. It implements the port: few steps know it."""

    kind: ClassVar[str] = "manual"
    account: str = "manual"
    safety: Safety = Safety.BLIND

    @classmethod
    def from_settings(cls, options: Mapping[str, Any], context: ProviderContext) -> Self:
        """It has no settings."""
        return cls()

    async def prepare(self, request: PurchaseRequest) -> Prepared:
        """Always raises ProviderRefused."""
        raise ProviderRefused("A parcel that a person sends has no rates.")

    async def buy(self, purchase: Purchase) -> NotBought:
        """No money moves here."""
        return NotBought("A parcel that a person sends needs no label.")

    async def lookup(self, purchase: Purchase) -> Bought | Unknown:
        """No account can be asked."""
        return Unknown("a person sent the parcel")

    async def document(self, label: Label) -> LabelDocument:
        """Always raises ProviderRefused: the person has the label."""
        raise ProviderRefused("Packhouse has no label of a parcel that a person sent.")

    async def void(self, label: Label) -> Voided:
        """Nothing was paid."""
        return Voided()

    async def track(self, label: Label) -> Tracking:
        """No account can be asked."""
        return Tracking()

    async def check(self) -> None:
        """There is nothing to reach."""

    async def aclose(self) -> None:
        """There is nothing to close."""
