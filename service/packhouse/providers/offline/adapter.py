"""The offline carrier: a real 4x6 inch label for every parcel, valid nowhere. For trials and tests."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, Field, StringConstraints

from packhouse.documents import LabelFacts, draw
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
    TrackerState,
    Unknown,
    Voided,
    VoidPending,
    VoidRefused,
)


class OfflineService(Options):
    """One service on offer, with its price in minor units."""

    name: str = Field(min_length=1, description="What the service is called.")
    price_minor: int = Field(ge=0, description="Price of a parcel up to one kilogram, in minor units.")
    per_kg_minor: int = Field(
        default=0, ge=0, description="Price of each further begun kilogram, in minor units."
    )
    days: int = Field(default=3, ge=0, description="Promised days to the door.")


class OfflineOptions(Options):
    """The tariff. Prices are shown as if they were paid; nothing is."""

    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = Field(
        default="USD", description="ISO 4217 code of the prices."
    )
    services: Annotated[tuple[OfflineService, ...], BeforeValidator(listed)] = Field(
        default=(
            OfflineService(name="Standard", price_minor=495, per_kg_minor=120, days=4),
            OfflineService(name="Express", price_minor=1290, per_kg_minor=310, days=1),
        ),
        min_length=1,
        description="Services on offer.",
    )


class OfflineProvider:
    """Makes labels out of nothing but their reference.

    KEYED by construction: a label of this carrier is a function of its reference, and making it twice makes
    the same label and changes nothing anywhere. So nothing needs to be remembered, and a look-up answers what
    buying would: the label itself.
    """

    name: ClassVar[str] = "offline"
    safety: Safety = Safety.KEYED

    def __init__(self, options: OfflineOptions, context: ProviderContext) -> None:
        self._currency = options.currency
        self._services = [(s.name, s.price_minor, s.per_kg_minor, s.days) for s in options.services]
        self._sender = context.ship_from
        self._format = context.label_format

    @classmethod
    def from_settings(cls, options: Mapping[str, Any], context: ProviderContext) -> Self:
        """Read [providers.offline]. Raises SettingsError naming the option and its fix."""
        return cls(read_options(cls.name, OfflineOptions, options), context)

    async def prepare(self, request: PurchaseRequest) -> Prepared:
        """The tariff for this weight; nothing is registered anywhere."""
        return Prepared("", wire.rates(request, self._services, self._currency))

    async def buy(self, purchase: Purchase) -> Bought | NotBought | Unknown:
        """Draw the label."""
        facts = wire.facts(purchase, self._sender)
        return wire.bought(purchase, facts, await self._drawn(facts))

    async def lookup(self, purchase: Purchase) -> Bought | Absent | Unknown:
        """The label that belongs to the reference."""
        return wire.bought(purchase, wire.facts(purchase, self._sender), None)

    async def document(self, label: Label) -> LabelDocument:
        """Draw it again. Raises CarrierRefused if the label was not made here."""
        try:
            facts = wire.read_source(label.document_source)
        except ValueError as error:
            raise ProviderRefused(
                f"Label {label.id} was not made by the offline carrier: void and buy it again."
            ) from error
        return await self._drawn(facts)

    async def void(self, label: Label) -> Voided | VoidPending | VoidRefused:
        """No money was taken, so it is back."""
        return Voided()

    async def track(self, label: Label) -> TrackerState:
        """Nobody carries these parcels."""
        return TrackerState.UNKNOWN

    async def check(self) -> None:
        """There is nothing to reach."""

    async def aclose(self) -> None:
        """There is nothing to give back."""

    async def _drawn(self, facts: LabelFacts) -> LabelDocument:
        if self._format is LabelFormat.ZPL:  # microseconds; the others take milliseconds of the loop's time
            return LabelDocument(draw(facts, self._format), self._format)
        return LabelDocument(await asyncio.to_thread(draw, facts, self._format), self._format)
