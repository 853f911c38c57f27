"""The offline provider: a 4x6 inch sample label for every parcel, for trials and tests."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, Field, StringConstraints

from packhouse.documents import LabelData, draw
from packhouse.errors import ProviderRefused
from packhouse.model.label import Label, LabelDocument, LabelFormat
from packhouse.providers.offline import wire
from packhouse.providers.options import Options, listed, read_options
from packhouse.providers.port import (
    Absent,
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
    VoidPending,
    VoidRefused,
)


class OfflineService(Options):
    """One service, with its price in minor units."""

    name: str = Field(min_length=1, description="Name of the service.")
    price_minor: int = Field(ge=0, description="Price of a parcel up to one kilogram, in minor units.")
    per_kg_minor: int = Field(
        default=0, ge=0, description="Price of each further kilogram or part of it, in minor units."
    )
    days: int = Field(default=3, ge=0, description="Days until delivery.")


class OfflineOptions(Options):
    """The services and their prices. Prices count as paid, although no money moves."""

    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = Field(
        default="USD", description="ISO 4217 code of the prices."
    )
    services: Annotated[tuple[OfflineService, ...], BeforeValidator(listed)] = Field(
        default=(
            OfflineService(name="Standard", price_minor=495, per_kg_minor=120, days=4),
            OfflineService(name="Express", price_minor=1290, per_kg_minor=310, days=1),
        ),
        min_length=1,
        description="Services that can be bought.",
    )


class OfflineProvider:
    """Makes each label from its reference alone.

    KEYED by construction: the label is a function of its reference, so a second purchase makes the same label
    and changes nothing. Nothing is stored, and a look-up returns the label that a purchase would make.
    """

    kind: ClassVar[str] = "offline"
    safety: Safety = Safety.KEYED

    def __init__(self, options: OfflineOptions, context: ProviderContext) -> None:
        self.account = context.account or self.kind
        self._currency = options.currency
        self._services = [(s.name, s.price_minor, s.per_kg_minor, s.days) for s in options.services]
        self._sender = context.ship_from
        self._format = context.label_format

    @classmethod
    def from_settings(cls, options: Mapping[str, Any], context: ProviderContext) -> Self:
        """Read the account's section. Raises SettingsError, which names the option and the fix."""
        return cls(read_options(context.account or cls.kind, OfflineOptions, options), context)

    async def prepare(self, request: PurchaseRequest) -> Prepared:
        """The prices for this weight; nothing is registered."""
        return Prepared("", wire.rates(request, self._services, self._currency))

    async def buy(self, purchase: Purchase) -> Bought | NotBought | Unknown:
        """Draw the label."""
        data = wire.label_data(purchase, self._sender)
        return wire.bought(purchase, data, await self._drawn(data))

    async def lookup(self, purchase: Purchase) -> Bought | Absent | Unknown:
        """Return the label that belongs to the reference."""
        return wire.bought(purchase, wire.label_data(purchase, self._sender), None)

    async def document(self, label: Label) -> LabelDocument:
        """Draw the label again. Raises ProviderRefused if another provider made it."""
        try:
            data = wire.read_source(label.document_source)
        except ValueError as error:
            raise ProviderRefused(
                f"The offline provider did not make label {label.id}. Void it and buy another."
            ) from error
        return await self._drawn(data)

    async def void(self, label: Label) -> Voided | VoidPending | VoidRefused:
        """No money was taken, so the label is void at once."""
        return Voided()

    async def track(self, label: Label) -> Tracking:
        """No carrier carries these parcels."""
        return Tracking()

    async def check(self) -> None:
        """There is nothing to reach."""

    async def aclose(self) -> None:
        """There is nothing to close."""

    async def _drawn(self, data: LabelData) -> LabelDocument:
        if (
            self._format is LabelFormat.ZPL
        ):  # microseconds; the other formats would block the event loop for milliseconds
            return LabelDocument(draw(data, self._format), self._format)
        return LabelDocument(await asyncio.to_thread(draw, data, self._format), self._format)
