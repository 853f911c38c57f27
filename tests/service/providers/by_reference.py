"""Accounts without a key on the sandbox's EasyPost: each purchase sells; one can be asked by reference."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from packhouse.providers.easypost.adapter import EasyPostProvider
from packhouse.providers.port import (
    Absent,
    Bought,
    NotBought,
    Prepared,
    Purchase,
    PurchaseRequest,
    Safety,
    Unknown,
    Withdrawn,
)


class ByReference(EasyPostProvider):
    """LOOKUP: registers at each purchase, so nothing refuses a second one."""

    kind: ClassVar[str] = "by_reference"
    safety: Safety = Safety.LOOKUP
    purchases_since = None  # type: ignore[assignment] - it lists nothing

    async def prepare(self, request: PurchaseRequest) -> Prepared:
        return replace(await super().prepare(request), provider_ref="")

    async def buy(self, purchase: Purchase) -> Bought | NotBought | Unknown:
        prepared = await super().prepare(purchase.request)
        wanted = (purchase.rate.carrier, purchase.rate.service)
        rate = next(one for one in prepared.rates if (one.carrier, one.service) == wanted)
        return await super().buy(replace(purchase, provider_ref=prepared.provider_ref, rate=rate))

    async def lookup(self, purchase: Purchase) -> Bought | Withdrawn | Absent | Unknown:
        for one in await super().purchases_since(0.0):
            if one.reference == purchase.request.reference:
                found = replace(purchase, provider_ref=one.provider_ref, rate=one.rate)
                return await super().lookup(found)
        return Absent()


class Blind(ByReference):
    """BLIND: the same, and it cannot be asked."""

    kind: ClassVar[str] = "blind"
    safety: Safety = Safety.BLIND

    async def lookup(self, purchase: Purchase) -> Bought | Withdrawn | Absent | Unknown:
        return Unknown("this account cannot be asked")
