"""A provider of each safety class: EasyPost (keyed), and two that buy in one call without a key."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from pydantic import SecretStr

from packhouse.errors import ProviderUnavailable
from packhouse.http import httpx
from packhouse.model.money import Money
from packhouse.providers.easypost import wire
from packhouse.providers.easypost.adapter import EasyPostProvider
from packhouse.providers.easypost.customs import customs_info
from packhouse.providers.easypost.options import EasyPostOptions
from packhouse.providers.http import NoResponse, NotSent, ProviderHttp
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
    Unknown,
    Whose,
)
from packhouse.sandbox.sandbox import EASYPOST_KEY

_URL = "http://sandbox.invalid/easypost/v2"


class KeylessProvider(EasyPostProvider):
    """LOOKUP: sells a new label at each call; a purchase can be looked up by its reference."""

    kind: ClassVar[str] = "keyless"
    safety: Safety = Safety.LOOKUP

    def __init__(
        self, options: EasyPostOptions, context: ProviderContext, transport: httpx.AsyncBaseTransport
    ) -> None:
        super().__init__(options, context, transport)
        self._http = ProviderHttp(self.account, context, transport, url=options.url)
        self._ship_from = context.ship_from
        self._kind = context.label_format

    async def prepare(self, request: PurchaseRequest) -> Prepared:
        """Return the rates only, without the registered shipment."""
        return replace(await super().prepare(request), provider_ref="")

    async def buy(self, purchase: Purchase) -> Bought | NotBought | Unknown:
        """Register and buy in one call."""
        request = purchase.request
        customs = customs_info(request.customs, request.parcel.weight_g) if request.customs else None
        body = json.loads(wire.shipment_body(request, self._ship_from, self._kind, (), customs))
        body["service"] = [purchase.rate.carrier, purchase.rate.service]
        try:
            answer = await self._http.send(
                "buy", "POST", f"{_URL}/one-call", headers=self._headers, body=json.dumps(body).encode()
            )
        except NotSent as error:
            return NotBought(str(error), Whose.MOMENT)
        except NoResponse as error:
            return Unknown(str(error))
        return wire.read_purchase(
            answer.status, answer.body, _with_provider_ref(purchase, answer.body), self._kind
        )

    async def lookup(self, purchase: Purchase) -> Bought | Absent | Unknown:
        """Search the newest shipments for one that was bought under this reference."""
        try:
            answer = await self._http.send(
                "list", "GET", f"{_URL}/shipments?page_size=100", headers=self._headers
            )
            listed = wire.read_object(answer.body).get("shipments") if answer.status == 200 else None
        except (ProviderUnavailable, wire.Unreadable) as error:
            return Unknown(str(error))
        if not isinstance(listed, list):
            return Unknown(f"the list failed with status {answer.status}")
        for one in listed:
            if one.get("reference") == purchase.request.reference and one.get("postage_label"):
                body = json.dumps(one).encode()
                return wire.read_postage(body, _with_provider_ref(purchase, body), self._kind)
        return Absent()

    async def aclose(self) -> None:
        """There is nothing to close."""


class BlindProvider(KeylessProvider):
    """BLIND: the same call, and purchases cannot be looked up."""

    kind: ClassVar[str] = "blind"
    safety: Safety = Safety.BLIND

    async def lookup(self, purchase: Purchase) -> Bought | Absent | Unknown:
        """Always Unknown."""
        await asyncio.sleep(0)
        return Unknown("this provider has no look-up")


KINDS: dict[Safety, type[EasyPostProvider]] = {
    Safety.KEYED: EasyPostProvider,
    Safety.LOOKUP: KeylessProvider,
    Safety.BLIND: BlindProvider,
}


# A second account; the first one has the name of its kind.
SECOND = "second"


def build_providers(
    safety: Safety, accounts: Sequence[str], context: ProviderContext, transport: httpx.AsyncBaseTransport
) -> dict[str, Provider]:
    """Build these accounts of this safety class. For half of the orders the second account is cheaper."""
    options = EasyPostOptions(api_key=SecretStr(EASYPOST_KEY), url=_URL)
    built: dict[str, Provider] = {}
    for account in accounts:
        kind = _with_cheaper_rates(KINDS[safety]) if account == SECOND else KINDS[safety]
        built[account] = kind(options, replace(context, account=account), transport)
    return built


def _with_cheaper_rates(kind: type[EasyPostProvider]) -> type[EasyPostProvider]:
    class Cheaper(kind):  # type: ignore[misc, valid-type]
        async def prepare(self, request: PurchaseRequest) -> Prepared:
            prepared: Prepared = await super().prepare(request)
            if zlib.crc32(request.order.id.encode()) % 2:
                return prepared
            rates = (
                replace(one, price=Money(one.price.minor - 1, one.price.currency)) for one in prepared.rates
            )
            return replace(prepared, rates=tuple(rates))

    return Cheaper


def _with_provider_ref(purchase: Purchase, body: bytes) -> Purchase:
    """The purchase with the id from the response, because it had no id before."""
    try:
        provider_ref = wire.read_object(body).get("id")
    except wire.Unreadable:
        return purchase
    return replace(purchase, provider_ref=provider_ref if isinstance(provider_ref, str) else "")
