"""EasyPost: prepares a shipment, buys it in a second call, and looks it up by the id saved in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self
from urllib.parse import quote

from packhouse.errors import ProviderMisconfigured, ProviderRefused, ProviderUnavailable
from packhouse.http import Answer, httpx
from packhouse.model.label import Label, LabelDocument, LabelFormat
from packhouse.providers.easypost import listing, wire
from packhouse.providers.easypost.customs import customs_info
from packhouse.providers.easypost.options import EasyPostOptions
from packhouse.providers.easypost.tracking import read_tracking
from packhouse.providers.http import NoResponse, NotSent, ProviderHttp, retry_after_s
from packhouse.providers.label_file import fetch, format_in
from packhouse.providers.options import read_options
from packhouse.providers.port import (
    Absent,
    Bought,
    ListedPurchase,
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
    Whose,
    Withdrawn,
)
from packhouse.providers.rest import Meaning, Unreadable, read_object

# A shorter key is none of EasyPost's; it could be part of any word.
_SHORTEST_KEY = 8


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
        self._http = ProviderHttp(self.account, context, transport, url=options.url)
        self._key = options.api_key.get_secret_value().encode()
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
        except Unreadable as error:
            raise ProviderUnavailable(
                f"EasyPost answered with {error} when registering the shipment."
            ) from error

    async def buy(self, purchase: Purchase) -> Bought | NotBought | Unknown:
        """Buy the prepared shipment at its rate."""
        if not purchase.provider_ref or not purchase.rate.id:
            return NotBought(
                "The shipment was not prepared at EasyPost; Packhouse prepares it again.",
                Whose.MOMENT,
                prepare_again=True,
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

    async def lookup(self, purchase: Purchase) -> Bought | Withdrawn | Absent | Unknown:
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
        unusable: LabelDocument | None = None
        for link in dict.fromkeys((converted, source)):
            if link and (document := await fetch(self._http, link)):
                if document.format is not LabelFormat.RAW:
                    return document
                unusable = document
        if unusable:
            return unusable
        raise ProviderRefused(
            f"EasyPost has no label file for {label.provider_id}. Open the shipment in EasyPost's dashboard."
        )

    async def paper(self, label: Label, kind: str, source: str) -> LabelDocument:
        """Download a form; if its link is not valid any more, ask EasyPost for its present one."""
        if source and (document := await fetch(self._http, source, "form")):
            return document
        answer = await self._call("shipments.get", "GET", self._url(label.provider_id))
        for now in wire.read_papers(self._read(answer, "reading the forms")):
            is_new = now.kind == kind and now.source not in ("", source)
            if is_new and (document := await fetch(self._http, now.source, "form")):
                return document
        raise ProviderRefused(
            f"EasyPost has no file of the {kind} of {label.provider_id}. Open the shipment in EasyPost's "
            "dashboard."
        )

    async def void(self, label: Label) -> Voided | VoidPending | VoidRefused:
        """Void the label through EasyPost's refund call, or read the state of an earlier request.

        A request that was rejected is repeated while the carrier's window is open, and whenever an operator
        wants that.
        """
        if label.void_requested_at is not None and not label.void_again:
            known = await self._void_state(label)
            if known and (not isinstance(known, VoidRefused) or known.final):
                return known
        answer = await self._call("shipments.refund", "POST", f"{self._url(label.provider_id)}/refund", b"{}")
        try:
            shipment = self._read(answer, "voiding the label")
        except ProviderRefused as error:
            known = await self._void_state(label)
            if known is None or isinstance(known, VoidRefused):
                return VoidRefused(str(error), final=known.final if known else not self._in_window(label))
            return known
        outcome = wire.read_void(shipment, in_window=self._in_window(label))
        return outcome or VoidPending("EasyPost accepted the request and shows no result yet.")

    async def track(self, label: Label) -> Tracking:
        """Read EasyPost's tracker of the shipment."""
        answer = await self._call("shipments.get", "GET", self._url(label.provider_id))
        try:
            return read_tracking(self._read(answer, "tracking the parcel"))
        except ProviderRefused:
            return Tracking()

    async def check(self) -> None:
        """List one shipment: proves the connection and the key."""
        answer = await self._call("shipments.list", "GET", f"{self._shipments}?page_size=1")
        self._read(answer, "checking the account")

    async def purchases_since(self, since: float) -> tuple[ListedPurchase, ...]:
        """Read the list of shipments, page by page."""
        found: list[ListedPurchase] = []
        before_id = ""
        for _ in range(listing.MOST_PAGES):
            url = f"{self._shipments}?{listing.page_query(since, before_id)}"
            try:
                answer = self._read(await self._call("shipments.list", "GET", url), "listing the purchases")
                page = listing.read_page(answer)
            except (ProviderRefused, Unreadable) as error:
                raise ProviderUnavailable(f"EasyPost's list of purchases cannot be read: {error}") from error
            found += page.purchases
            if not page.following:
                return tuple(found)
            before_id = page.following
        raise ProviderUnavailable(f"EasyPost lists more than {listing.MOST_PAGES} pages of purchases.")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _url(self, shipment_id: str) -> str:
        return f"{self._shipments}/{quote(shipment_id, safe='')}"

    async def _call(self, call: str, method: str, url: str, body: bytes | None = None) -> Answer:
        answer = await self._http.send(call, method, url, headers=self._headers, body=body)
        # An error may repeat the key; its words reach the journal and holds.
        if len(self._key) < _SHORTEST_KEY or self._key not in answer.body:
            return answer
        return answer._replace(body=answer.body.replace(self._key, b"***"))

    async def _void_state(self, label: Label) -> Voided | VoidPending | VoidRefused | None:
        answer = await self._call("shipments.get", "GET", self._url(label.provider_id))
        try:
            shipment = self._read(answer, "reading the state of the void")
        except ProviderRefused:
            return None
        return wire.read_void(shipment, in_window=self._in_window(label))

    def _in_window(self, label: Label) -> bool:
        return wire.may_be_voided(label.carrier, self._clock.now() - label.bought_at)

    def _read(self, answer: Answer, action: str) -> dict[str, Any]:
        """The response's object. Raises ProviderUnavailable, ProviderRefused or ProviderMisconfigured."""
        status = answer.status
        if 200 <= status < 300:
            try:
                return read_object(answer.body)
            except Unreadable as error:
                raise ProviderUnavailable(f"EasyPost answered with {error} when {action}.") from error
        refusal = wire.read_refusal(status, answer.body)
        if 300 <= status < 400:
            raise ProviderMisconfigured(
                f"{refusal.reason} The address has moved. Correct providers.{self.account}.url."
            )
        match wire.meaning_of(status, refusal):
            case Meaning.ACCOUNT if status in (401, 403):
                raise ProviderMisconfigured(
                    f"{refusal.reason} EasyPost rejected the API key when {action}. Correct "
                    f"providers.{self.account}.api_key.",
                    code=refusal.code,
                )
            case Meaning.ACCOUNT:
                raise ProviderMisconfigured(
                    f"{refusal.reason} Add funds to the EasyPost account, or correct what EasyPost names.",
                    code=refusal.code,
                )
            case Meaning.ORDER:
                raise ProviderRefused(refusal.reason, code=refusal.code)
        wait_s = retry_after_s(answer.headers, self._clock.now())
        hint = "" if refusal.is_easypost or status >= 500 else f" Check providers.{self.account}.url."
        raise ProviderUnavailable(f"{refusal.reason}{hint}", code=refusal.code, retry_after_s=wait_s)

    def _check_mode(self, shipment: Mapping[str, Any]) -> None:
        """Raise before money moves if the key's mode is not the one of the option test_mode."""
        expected = self._options.test_mode
        if expected is not None and (shipment.get("mode") == "test") is not expected:
            raise ProviderMisconfigured(
                f"The EasyPost key works in {shipment.get('mode')} mode, but "
                f"providers.{self.account}.test_mode is {str(expected).lower()}. Change one of them."
            )
