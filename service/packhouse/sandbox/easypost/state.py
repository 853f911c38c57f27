"""The state of the fake EasyPost: shipments, labels sold, labels voided. No HTTP here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from packhouse.clock import Clock
from packhouse.sandbox.easypost.customs import customs_fault
from packhouse.sandbox.easypost.rates import CARRIER_ACCOUNT, ServiceRate, service_rates, tracking_number
from packhouse.sandbox.http import ApiError

# From which share of `transit_s` on a parcel has a status.
_TRACKING = ((0.9, "delivered"), (0.75, "out_for_delivery"), (0.25, "in_transit"), (0.0, "pre_transit"))
_UNUSED = ("unknown", "pre_transit")
_INSURANCE_CENTS = 100


@dataclass(frozen=True, slots=True)
class EasyPostRate:
    """A rate offered for one shipment."""

    id: str
    service_rate: ServiceRate
    shipment_id: str

    def to_json(self, at: str) -> dict[str, Any]:
        """The rate as EasyPost shows it: amounts are decimal text."""
        price = f"{self.service_rate.cents / 100:.2f}"
        return {
            "id": self.id,
            "object": "Rate",
            "created_at": at,
            "updated_at": at,
            "mode": "test",
            "service": self.service_rate.service,
            "carrier": self.service_rate.carrier,
            "rate": price,
            "currency": "USD",
            "retail_rate": price,
            "retail_currency": "USD",
            "list_rate": price,
            "list_currency": "USD",
            "billing_type": "easypost",
            "delivery_days": self.service_rate.days,
            "delivery_date": None,
            "delivery_date_guaranteed": False,
            "est_delivery_days": self.service_rate.days,
            "shipment_id": self.shipment_id,
            "carrier_account_id": CARRIER_ACCOUNT,
        }


@dataclass(slots=True)
class EasyPostShipment:
    """One shipment. It is bought when `selected_rate` is set; `purchase_pending`: a purchase is in progress.

    `request` is the body that created the shipment. `status_override` replaces the status that time gives.
    `insurance_cents` is charged in addition to the rate, `comes_back`: its parcel returns to the sender,
    `is_billed_on_scan`: an unused label costs nothing.
    """

    id: str
    reference: str
    request: dict[str, Any]
    created_at: float
    rates: dict[str, EasyPostRate]
    messages: list[dict[str, Any]]
    label_format: str
    purchase_pending: bool = False
    selected_rate: EasyPostRate | None = None
    tracking_number: str = ""
    bought_at: float = 0.0
    void_requested_at: float | None = None
    void_rejected: bool = False
    status_override: str = ""
    insurance_cents: int = 0
    comes_back: bool = False
    is_billed_on_scan: bool = False
    extra_formats: set[str] = field(default_factory=set)

    @property
    def is_export(self) -> bool:
        """Whether the parcel leaves its country, so that it has a commercial invoice."""
        ends = (self.request["to_address"], self.request["from_address"])
        return len({str(address.get("country") or "US") for address in ends}) > 1


class EasyPostState:
    """Every shipment, by id, reference and tracking number. `refused_addresses` get no label.

    `triggers` says whether a fault of this name occurs now.
    """

    def __init__(
        self,
        clock: Clock,
        new_id: Callable[[str], str],
        triggers: Callable[[str], bool] = lambda name: False,
        *,
        void_s: float = 2.0,
        transit_s: float = 600.0,
    ) -> None:
        self._clock = clock
        self._new_id = new_id
        self._triggers = triggers
        self._void_s = void_s
        self._transit_s = transit_s
        self._serial = 0
        self.shipments: dict[str, EasyPostShipment] = {}
        self.by_reference: dict[str, list[EasyPostShipment]] = {}
        self.by_tracking_number: dict[str, EasyPostShipment] = {}
        self.refused_addresses: set[str] = set()

    def has_fault(self, name: str) -> bool:
        """Whether the fault of this name occurs now."""
        return self._triggers(name)

    def create(self, request: dict[str, Any], weight_oz: float, label_format: str) -> EasyPostShipment:
        """Create a shipment with its rates. This is free."""
        shipment_id = self._new_id("shp")
        to, sender = request["to_address"], request["from_address"]
        faults = [
            f"to_address.{part} is required." for part in ("street1", "city", "zip") if not to.get(part)
        ]
        faults += [fault] if (fault := customs_fault(request, weight_oz)) else []
        countries = [str(address.get("country") or "US") for address in (sender, to)]
        services = [] if faults else service_rates(weight_oz, countries[0], countries[1], str(to["zip"]))
        rates = [EasyPostRate(self._new_id("rate"), service, shipment_id) for service in services]
        messages = [
            {
                "carrier": "USPS",
                "carrier_account_id": CARRIER_ACCOUNT,
                "type": "rate_error",
                "message": fault,
            }
            for fault in faults
        ]
        shipment = EasyPostShipment(
            id=shipment_id,
            reference=str(request.get("reference") or ""),
            request=request,
            created_at=self._clock.now(),
            rates={rate.id: rate for rate in rates},
            messages=messages,
            label_format=label_format,
        )
        self.shipments[shipment_id] = shipment
        if shipment.reference:
            self.by_reference.setdefault(shipment.reference, []).append(shipment)
        return shipment

    def find(self, name: str) -> EasyPostShipment:
        """The shipment with this id, or the newest with this reference, which need not be unique.

        Raises ApiError 404.
        """
        found = self.shipments.get(name)
        if found is None and name in self.by_reference:
            found = self.by_reference[name][-1]
        if found is None:
            raise ApiError(404, "NOT_FOUND", "The requested resource could not be found.")
        return found

    def check_buyable(self, shipment: EasyPostShipment, rate_id: str) -> EasyPostRate:
        """The rate with this id. Raises ApiError 422 when the shipment cannot be bought at it."""
        if shipment.selected_rate:
            raise ApiError(422, "SHIPMENT.POSTAGE.EXISTS", "Postage already exists for this shipment.")
        if shipment.purchase_pending:
            raise ApiError(
                422, "SHIPMENT.PURCHASE.IN_PROGRESS", "A purchase of this shipment is in progress."
            )
        rate = shipment.rates.get(rate_id)
        if rate is None:
            raise ApiError(422, "SHIPMENT.RATE.UNAVAILABLE", "The rate does not belong to this shipment.")
        if address_key(shipment.request["to_address"]) in self.refused_addresses:
            raise ApiError(
                422,
                "SHIPMENT.POSTAGE.FAILURE",
                "Unable to buy postage.",
                [{"field": "to_address", "message": ["The delivery address is not served by this carrier."]}],
            )
        return rate

    def buy(self, shipment: EasyPostShipment, rate: EasyPostRate) -> None:
        """Charge for the label and issue it, unless another purchase was faster."""
        shipment.purchase_pending = False
        if shipment.selected_rate:
            return
        self._serial += 1
        shipment.selected_rate = rate
        shipment.bought_at = self._clock.now()
        shipment.tracking_number = tracking_number(
            rate.service_rate.carrier, rate.service_rate.service, self._serial
        )
        if self._triggers("easypost.insure"):
            shipment.insurance_cents = _INSURANCE_CENTS
        shipment.comes_back = self._triggers("easypost.return_parcel")
        self.by_tracking_number[shipment.tracking_number] = shipment

    def request_void(self, shipment: EasyPostShipment) -> None:
        """Request the label's money back, also after a rejection; rejected once the parcel is in transit.

        Raises ApiError 422 if the shipment was never bought.
        """
        if not shipment.selected_rate:
            raise ApiError(
                422,
                "SHIPMENT.REFUND.UNAVAILABLE",
                "Postage has not been bought.",
                ["There is nothing to refund."],
            )
        if shipment.void_requested_at is None or shipment.void_rejected:
            is_used = self.tracking_status(shipment) not in _UNUSED
            shipment.is_billed_on_scan = not is_used and self._triggers("easypost.bill_on_scan")
            shipment.void_rejected = is_used or (
                not shipment.is_billed_on_scan and self._triggers("easypost.reject_void")
            )
            shipment.void_requested_at = self._clock.now()

    def void_status(self, shipment: EasyPostShipment) -> str | None:
        """None, or in EasyPost's words: submitted, refunded, rejected or not_applicable."""
        if shipment.void_requested_at is None:
            return None
        if shipment.void_rejected:
            return "rejected"
        if shipment.is_billed_on_scan:
            return "not_applicable"
        return "refunded" if self._clock.now() - shipment.void_requested_at >= self._void_s else "submitted"

    def is_live(self, shipment: EasyPostShipment) -> bool:
        """Whether the label costs money: it is bought, and neither voided nor being voided."""
        return shipment.selected_rate is not None and (
            shipment.void_requested_at is None or shipment.void_rejected
        )

    def tracking_status(self, shipment: EasyPostShipment) -> str:
        """The status of the parcel."""
        if shipment.status_override or not shipment.selected_rate:
            return shipment.status_override or "unknown"
        if shipment.void_requested_at is not None and not shipment.void_rejected:
            return "unknown"
        since_s = self._clock.now() - shipment.bought_at
        share = since_s / self._transit_s if self._transit_s else 1.0  # without transit it arrives at once
        status = next(status for since, status in _TRACKING if share >= since)
        return "return_to_sender" if shipment.comes_back and status == "delivered" else status


def address_key(address: dict[str, Any]) -> str:
    """The same text for every address that is the same place to EasyPost."""
    return "|".join(
        str(address.get(part) or "").upper() for part in ("street1", "street2", "city", "zip", "country")
    )
