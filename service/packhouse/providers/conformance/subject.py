"""The adapter under test, the faults that a check can cause, and the error of a failed check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from packhouse.model.label import Label
from packhouse.model.money import Money
from packhouse.model.order import Address, Line, Order, Units
from packhouse.model.parcel import Parcel
from packhouse.model.states import LabelState
from packhouse.providers.port import Bought, Provider, Purchase, PurchaseRequest


class NotConforming(AssertionError):
    """The adapter breaks the port's contract; the message names the promise and what the adapter did."""


class Fault(StrEnum):
    """A fault of the next call to the provider; a subject offers those that it can cause.

    The first four have no effect at the provider, the last three happen after the full effect.
    """

    UNREACHABLE = "unreachable"
    THROTTLED = "throttled"
    REFUSED = "refused"
    BAD_CREDENTIALS = "bad_credentials"
    ERROR_AFTER_EFFECT = "error_after_effect"
    SILENCE_AFTER_EFFECT = "silence_after_effect"
    GARBAGE_AFTER_EFFECT = "garbage_after_effect"


WITHOUT_EFFECT = (Fault.UNREACHABLE, Fault.THROTTLED, Fault.REFUSED, Fault.BAD_CREDENTIALS)
AFTER_EFFECT = (Fault.ERROR_AFTER_EFFECT, Fault.SILENCE_AFTER_EFFECT, Fault.GARBAGE_AFTER_EFFECT)


def sample_request(reference: str, *, weight_g: int = 450) -> PurchaseRequest:
    """A small parcel to a plain domestic address."""
    order_id = reference.split("/")[0]
    line = Line(id="line_1", product_id="prod_1", name="Tea, 200 g", quantity=2, sku="TEA-200")
    home = Address(
        name="Elizabeth Swan",
        street1="179 N Harbor Dr",
        city="Redondo Beach",
        state="CA",
        postcode="90277",
        country="US",
        phone="3105550142",
    )
    order = Order(id=order_id, status="pending", currency="USD", lines=(line,), address=home)
    return PurchaseRequest(reference, order, (Units("line_1", 2),), home, Parcel(weight_g, 250, 200, 100))


@dataclass(frozen=True, slots=True)
class Subject:
    """An adapter under test, new for each check.

    `sold` counts the labels that its provider has sold so far, if they can be counted. `faults` make the
    next call fail. `secrets` must not appear in any reason, error or repr. `preparing_calls` is False for an
    adapter that prepares without a call to its provider.
    """

    provider: Provider
    request: Callable[[str], PurchaseRequest] = sample_request
    sold: Callable[[], int] | None = None
    faults: Mapping[Fault, Callable[[], None]] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    preparing_calls: bool = True

    def expect_sold(self, count: int, when: str) -> None:
        """Fail if the provider has sold another number of labels."""
        if self.sold is not None:
            expect(self.sold() == count, f"{count} labels are sold {when}, not {self.sold()}")

    def expect_no_secret(self, text: str) -> None:
        """Fail if a text that people may read shows a secret."""
        expect(not any(secret in text for secret in self.secrets), "no text that people read shows a secret")


def expect(holds: bool, promise: str) -> None:
    """Raise NotConforming with the promise unless it holds."""
    if not holds:
        raise NotConforming(promise)


def expect_money(money: Money | None) -> None:
    """Fail if it is not an amount that can be paid. None: the provider tells none."""
    if money is None:
        return
    expect(isinstance(money.minor, int) and money.minor >= 0, f"{money!r} is a whole number of minor units")
    expect(len(money.currency) == 3 and money.currency.isupper(), f"{money!r} has an ISO 4217 currency")


async def prepared_purchase(subject: Subject, reference: str) -> Purchase:
    """Prepare and choose the cheapest rate, as the flow does before it buys."""
    request = subject.request(reference)
    prepared = await subject.provider.prepare(request)
    if not prepared.rates:
        raise NotConforming(f"an ordinary parcel has a rate; the remarks are {prepared.messages}")
    cheapest = min(prepared.rates, key=lambda rate: rate.price.minor if rate.price else 0)
    return Purchase(request, prepared.provider_ref, cheapest)


async def bought_label(subject: Subject, purchase: Purchase) -> Bought:
    """Buy without a fault."""
    outcome = await subject.provider.buy(purchase)
    if not isinstance(outcome, Bought):
        raise NotConforming(f"a purchase without a fault gives a label, not {outcome}")
    return outcome


def kept_label(subject: Subject, bought: Bought, requested_at: float | None = None) -> Label:
    """The label as the ledger would keep it."""
    return Label(
        id="label_1",
        shipment_id="shipment_1",
        generation=1,
        provider=subject.provider.account,
        carrier=bought.carrier,
        service=bought.service,
        tracking_number=bought.tracking_number,
        provider_id=bought.provider_id,
        cost=bought.cost or Money(0, "USD"),
        state=LabelState.BOUGHT if requested_at is None else LabelState.VOIDING,
        bought_at=0.0,
        document_source=bought.document_source,
        void_requested_at=requested_at,
    )
