"""EasyPost: prepares a shipment, buys it in a second call, and looks it up by the id saved in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self
from urllib.parse import quote

from packhouse.errors import ProviderMisconfigured, ProviderRefused, ProviderUnavailable
from packhouse.http import httpx
from packhouse.model.label import Label, LabelDocument
from packhouse.providers.easypost import wire
from packhouse.providers.easypost.customs import customs_info
from packhouse.providers.easypost.options import EasyPostOptions
from packhouse.providers.http import NoResponse, NotSent, ProviderHttp, Response, retry_after_s
from packhouse.providers.label_file import fetch, format_in
from packhouse.providers.options import read_options
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
    Whose,
)


class EasyPostProvider:
    """Sells labels through an EasyPost account.

    KEYED, although EasyPost has no idempotency key: the id of the prepared shipment serves as one. A shipment
    can be bought once; EasyPost refuses a second purchase with SHIPMENT.POSTAGE.EXISTS and a simultaneous one
    with SHIPMENT.PURCHASE.IN_PROGRESS. So `buy` never uses the one-call purchase, which
    leaves no id to look up.
    """

    kind: ClassVar[str] = "easypost"
    safety: Safety = Safety.KEYED

    def __init__(
        self,
        options: EasyPostOptions,
        context: ProviderContext,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.account = context.account or self.kind
        self._options = options
        self._clock = context.clock
        self._sender = context.ship_from
        self._format = context.label_format
        self._shipments = f"{options.url}/shipments"
        self._http = ProviderHttp(self.account, context, transport)
        self._headers = {
            "authorization": f"Bearer {options.api_key.get_secret_value()}",
            "content-type": "application/json",
            "accept": "application/json",
        }

    @classmethod
    def from_settings(cls, options: Mapping[str, Any], context: ProviderContext) -> Self:
        """Read the account's section. Raises SettingsError, which names the option and the fix."""
        return cls(read_options(context.account or cls.kind, EasyPostOptions, options), context)

    async def prepare(self, request: PurchaseRequest) -> Prepared:
        """Register the shipment, free of charge, and read its rates."""
        customs = customs_info(request.customs, request.parcel.weight_g) if request.customs else None
        body = wire.shipment_body(
            request, self._sender, self._format, self._options.carrier_accounts, customs
        )
        answer = await self._call("shipments.create", "POST", self._shipments, body)
        shipment = self._read(answer, "registering the shipment")
        self._check_mode(shipment)
        try:
            return wire.read_prepared(shipment, request.reference)
        except wire.Unreadable as error:
            raise ProviderUnavailable(
                f"EasyPost answered with {error} when registering the shipment."
            ) from error

    async def buy(self, purchase: Purchase) -> Bought | NotBought | Unknown:
        """Buy the prepared shipment at its rate."""
        if not purchase.provider_ref or not purchase.rate.id:
            return NotBought(
                "The shipment was not prepared at EasyPost; Packhouse prepares it again.", Whose.MOMENT
            )
        url = f"{self._url(purchase.provider_ref)}/buy"
        try:
            answer = await self._call("shipments.buy", "POST", url, wire.buy_body(purchase.rate))
        except NotSent as error:
            return NotBought(str(error), Whose.MOMENT)
        except NoResponse as error:
            return Unknown(str(error))
        outcome = wire.read_purchase(answer.status, answer.body, purchase, self._format)
        if isinstance(outcome, NotBought) and outcome.whose is not Whose.ORDER:
            return replace(outcome, retry_after_s=retry_after_s(answer.headers, self._clock.now()))
        return outcome

    async def lookup(self, purchase: Purchase) -> Bought | Absent | Unknown:
        """Read the shipment by its id: it is bought if it has a label. Without an id `buy` never bought."""
        if not purchase.provider_ref:
            return Absent()
        try:
            answer = await self._call("shipments.get", "GET", self._url(purchase.provider_ref))
        except ProviderUnavailable as error:
            return Unknown(str(error))
        if answer.status == 404:
            # The shipment was registered, so a 404 does not mean Absent; the key may be another account's.
            return Unknown(
                f"EasyPost does not know {purchase.provider_ref}. Check that "
                f"providers.{self.account}.api_key is of the account that prepared it."
            )
        if answer.status != 200:
            return Unknown(wire.read_refusal(answer.status, answer.body).reason)
        return wire.read_postage(answer.body, purchase, self._format)

    async def document(self, label: Label) -> LabelDocument:
        """Download the label; ask EasyPost to convert it if it has another format than the configured one.

        If EasyPost cannot convert the label, return it as it is: any label is better than none.
        """
        source, fmt = label.document_source, self._format
        if source and format_in(source) in (fmt, None):
            document = await fetch(self._http, source)
            if document and document.format is fmt:
                return document
        url = f"{self._url(label.provider_id)}/label?file_format={fmt.upper()}"
        answer = await self._call("shipments.label", "GET", url)
        try:
            converted = wire.label_link(self._read(answer, "converting the label"), fmt)
        except ProviderRefused:
            converted = ""
        for link in dict.fromkeys((converted, source)):
            if link and (document := await fetch(self._http, link)):
                return document
        raise ProviderRefused(
            f"EasyPost has no label file for {label.provider_id}. Open the shipment in EasyPost's dashboard."
        )

    async def void(self, label: Label) -> Voided | VoidPending | VoidRefused:
        """Void the label through EasyPost's refund call, or read the state of an earlier request."""
        if label.void_requested_at is not None and (known := await self._void_state(label)):
            return known
        answer = await self._call("shipments.refund", "POST", f"{self._url(label.provider_id)}/refund", b"{}")
        try:
            outcome = wire.read_void(self._read(answer, "voiding the label"))
        except ProviderRefused as error:
            return await self._void_state(label) or VoidRefused(str(error))
        return outcome or VoidPending("EasyPost accepted the request and shows no result yet.")

    async def track(self, label: Label) -> TrackerState:
        """Read EasyPost's tracker of the shipment."""
        answer = await self._call("shipments.get", "GET", self._url(label.provider_id))
        try:
            return wire.read_tracker(self._read(answer, "tracking the parcel"))
        except ProviderRefused:
            return TrackerState.UNKNOWN

    async def check(self) -> None:
        """List one shipment: proves the connection and the key."""
        answer = await self._call("shipments.list", "GET", f"{self._shipments}?page_size=1")
        self._read(answer, "checking the account")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _url(self, shipment_id: str) -> str:
        return f"{self._shipments}/{quote(shipment_id, safe='')}"

    async def _call(self, call: str, method: str, url: str, body: bytes | None = None) -> Response:
        return await self._http.send(call, method, url, headers=self._headers, body=body)

    async def _void_state(self, label: Label) -> Voided | VoidPending | VoidRefused | None:
        answer = await self._call("shipments.get", "GET", self._url(label.provider_id))
        try:
            return wire.read_void(self._read(answer, "reading the state of the void"))
        except ProviderRefused:
            return None

    def _read(self, answer: Response, action: str) -> dict[str, Any]:
        """The response's object. Raises ProviderUnavailable, ProviderRefused or ProviderMisconfigured."""
        status = answer.status
        if 200 <= status < 300:
            try:
                return wire.read_object(answer.body)
            except wire.Unreadable as error:
                raise ProviderUnavailable(f"EasyPost answered with {error} when {action}.") from error
        refusal = wire.read_refusal(status, answer.body)
        if status in (401, 403):
            raise ProviderMisconfigured(
                f"{refusal.reason} EasyPost rejected the API key when {action}. Correct "
                f"providers.{self.account}.api_key.",
                code=refusal.code,
            )
        if status == 402:
            raise ProviderMisconfigured(
                f"{refusal.reason} Add funds to the EasyPost account.", code=refusal.code
            )
        if 300 <= status < 400:
            raise ProviderMisconfigured(
                f"{refusal.reason} The address has moved. Correct providers.{self.account}.url."
            )
        if status == 429 or status >= 500 or status in (408, 409, 425):
            wait_s = retry_after_s(answer.headers, self._clock.now())
            raise ProviderUnavailable(refusal.reason, code=refusal.code, retry_after_s=wait_s)
        raise ProviderRefused(refusal.reason, code=refusal.code)

    def _check_mode(self, shipment: Mapping[str, Any]) -> None:
        """Raise before money moves if the key's mode is not the one of the option test_mode."""
        expected = self._options.test_mode
        if expected is not None and (shipment.get("mode") == "test") is not expected:
            raise ProviderMisconfigured(
                f"The EasyPost key works in {shipment.get('mode')} mode, but "
                f"providers.{self.account}.test_mode is {str(expected).lower()}. Change one of them."
            )
