"""What adapters are handed in tests, and labels as the ledger would keep them."""

from __future__ import annotations

from dataclasses import dataclass, field

from packhouse.clock import SystemClock
from packhouse.model.label import Label, LabelFormat
from packhouse.model.order import Address
from packhouse.model.states import LabelState
from packhouse.providers.port import Bought, ProviderContext

SENDER = Address(
    name="North Pier Teas",
    street1="388 Townsend St",
    city="San Francisco",
    state="CA",
    postcode="94107",
    country="US",
)


@dataclass
class Seen:
    """An observer that records all calls."""

    calls: list[tuple[str, str, str]] = field(default_factory=list)

    def __call__(self, upstream: str, call: str, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        self.calls.append((upstream, call, outcome))


async def resolve(host: str, port: int) -> tuple[str, ...]:
    """Every name is at one public address, so that no test asks the network."""
    return (host,) if host.replace(".", "").isdigit() or ":" in host else ("8.8.8.8",)


def context(
    label_format: LabelFormat = LabelFormat.PDF, *, timeout_s: float = 60.0, seen: Seen | None = None
) -> ProviderContext:
    return ProviderContext(
        clock=SystemClock(),
        timeout_s=timeout_s,
        ship_from=SENDER,
        label_format=label_format,
        observe=seen or Seen(),
        resolve=resolve,
    )


def kept(provider: str, bought: Bought, *, void_requested_at: float | None = None) -> Label:
    return Label(
        id="label_1",
        shipment_id="shipment_1",
        generation=1,
        provider=provider,
        carrier=bought.carrier,
        service=bought.service,
        tracking_number=bought.tracking_number,
        provider_id=bought.provider_id,
        cost=bought.cost,
        state=LabelState.BOUGHT,
        bought_at=0.0,
        document_source=bought.document_source,
        void_requested_at=void_requested_at,
    )
