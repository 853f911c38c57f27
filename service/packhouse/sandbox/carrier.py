"""The carrier's own state: shipments asked for, labels sold, money taken and given back. No HTTP here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from packhouse.clock import Clock
from packhouse.sandbox.tariff import ACCOUNT, Offer, offers, tracking_number
from packhouse.sandbox.wire import Refusal

# How far into `transit_s` a parcel changes its state.
_WAY = ((0.9, "delivered"), (0.75, "out_for_delivery"), (0.25, "in_transit"), (0.0, "pre_transit"))


@dataclass(frozen=True, slots=True)
class Quote:
    """One rate offered for one shipment."""

    id: str
    offer: Offer
    shipment_id: str

    def to_json(self, at: str) -> dict[str, Any]:
        """As the carrier shows it: amounts are decimal text."""
        price = f"{self.offer.cents / 100:.2f}"
        return {
            "id": self.id,
            "object": "Rate",
            "created_at": at,
            "updated_at": at,
            "mode": "test",
            "service": self.offer.service,
            "carrier": self.offer.carrier,
            "rate": price,
            "currency": "USD",
            "retail_rate": price,
            "retail_currency": "USD",
            "list_rate": price,
            "list_currency": "USD",
            "billing_type": "easypost",
            "delivery_days": self.offer.days,
            "delivery_date": None,
            "delivery_date_guaranteed": False,
            "est_delivery_days": self.offer.days,
            "shipment_id": self.shipment_id,
            "carrier_account_id": ACCOUNT,
        }


@dataclass(slots=True)
class Consignment:
    """One shipment as the carrier knows it. Bought when `quote` is set; `buying`: a purchase is under way."""

    id: str
    reference: str
    asked: dict[str, Any]
    created_at: float
    quotes: dict[str, Quote]
    messages: list[dict[str, Any]]
    label_format: str
    buying: bool = False
    quote: Quote | None = None
    tracking_number: str = ""
    bought_at: float = 0.0
    refund_asked_at: float | None = None
    refund_rejected: bool = False
    set_status: str = ""
    extra_formats: set[str] = field(default_factory=set)


class CarrierDesk:
    """Everything the carrier has on its books. `refused` are addresses it will not deliver to."""

    def __init__(
        self, clock: Clock, new_id: Callable[[str], str], *, refund_s: float = 2.0, transit_s: float = 600.0
    ) -> None:
        self._clock = clock
        self._new_id = new_id
        self._refund_s = refund_s
        self._transit_s = transit_s
        self._serial = 0
        self.shipments: dict[str, Consignment] = {}
        self.by_reference: dict[str, list[Consignment]] = {}
        self.by_number: dict[str, Consignment] = {}
        self.refused: set[str] = set()

    def register(self, asked: dict[str, Any], weight_oz: float, label_format: str) -> Consignment:
        """A shipment somebody may want to buy, with what it would cost. Free."""
        shipment_id = self._new_id("shp")
        to, sender = asked["to_address"], asked["from_address"]
        missing = [part for part in ("street1", "city", "zip") if not to.get(part)]
        countries = [str(place.get("country") or "US") for place in (sender, to)]
        offered = [] if missing else offers(weight_oz, countries[0], countries[1], str(to["zip"]))
        quotes = [Quote(self._new_id("rate"), offer, shipment_id) for offer in offered]
        messages = [
            {
                "carrier": "USPS",
                "carrier_account_id": ACCOUNT,
                "type": "rate_error",
                "message": f"to_address.{part} is required.",
            }
            for part in missing
        ]
        consignment = Consignment(
            id=shipment_id,
            reference=str(asked.get("reference") or ""),
            asked=asked,
            created_at=self._clock.now(),
            quotes={quote.id: quote for quote in quotes},
            messages=messages,
            label_format=label_format,
        )
        self.shipments[shipment_id] = consignment
        if consignment.reference:
            self.by_reference.setdefault(consignment.reference, []).append(consignment)
        return consignment

    def find(self, name: str) -> Consignment:
        """By id, or the newest with this reference (references need not be unique). Raises Refusal 404."""
        found = self.shipments.get(name)
        if found is None and name in self.by_reference:
            found = self.by_reference[name][-1]
        if found is None:
            raise Refusal(404, "NOT_FOUND", "The requested resource could not be found.")
        return found

    def check_buyable(self, consignment: Consignment, rate_id: str) -> Quote:
        """The quote that would be bought. Raises Refusal 422 when it may not be."""
        if consignment.quote:
            raise Refusal(422, "SHIPMENT.POSTAGE.EXISTS", "Postage already exists for this shipment.")
        if consignment.buying:
            raise Refusal(422, "SHIPMENT.PURCHASE.IN_PROGRESS", "A purchase of this shipment is in progress.")
        quote = consignment.quotes.get(rate_id)
        if quote is None:
            raise Refusal(422, "SHIPMENT.RATE.UNAVAILABLE", "The rate does not belong to this shipment.")
        if door(consignment.asked["to_address"]) in self.refused:
            raise Refusal(
                422,
                "SHIPMENT.POSTAGE.FAILURE",
                "Unable to buy postage.",
                ["The delivery address is not served by this carrier."],
            )
        return quote

    def sell(self, consignment: Consignment, quote: Quote) -> None:
        """Take the money and make the label, unless another purchase was faster."""
        consignment.buying = False
        if consignment.quote:
            return
        self._serial += 1
        consignment.quote = quote
        consignment.bought_at = self._clock.now()
        consignment.tracking_number = tracking_number(quote.offer.carrier, quote.offer.service, self._serial)
        self.by_number[consignment.tracking_number] = consignment

    def take_back(self, consignment: Consignment) -> None:
        """Ask for the money back; rejected once the parcel travels. Raises Refusal 422 if never bought."""
        if not consignment.quote:
            raise Refusal(
                422,
                "SHIPMENT.REFUND.UNAVAILABLE",
                "Postage has not been bought.",
                ["There is nothing to refund."],
            )
        if consignment.refund_asked_at is None:
            consignment.refund_rejected = self.status(consignment) not in ("unknown", "pre_transit")
            consignment.refund_asked_at = self._clock.now()

    def refund_status(self, consignment: Consignment) -> str | None:
        """None, submitted, refunded or rejected."""
        if consignment.refund_asked_at is None:
            return None
        if consignment.refund_rejected:
            return "rejected"
        return (
            "refunded" if self._clock.now() - consignment.refund_asked_at >= self._refund_s else "submitted"
        )

    def is_live(self, consignment: Consignment) -> bool:
        """A label that costs money: bought, and not given back or on its way back."""
        return consignment.quote is not None and (
            consignment.refund_asked_at is None or consignment.refund_rejected
        )

    def status(self, consignment: Consignment) -> str:
        """Where the parcel is."""
        if consignment.set_status or not consignment.quote:
            return consignment.set_status or "unknown"
        if consignment.refund_asked_at is not None and not consignment.refund_rejected:
            return "unknown"
        gone = (self._clock.now() - consignment.bought_at) / self._transit_s
        return next(state for since, state in _WAY if gone >= since)


def door(address: dict[str, Any]) -> str:
    """What makes two addresses the same place to the carrier."""
    return "|".join(
        str(address.get(part) or "").upper() for part in ("street1", "street2", "city", "zip", "country")
    )
