"""The store's record of a paid sale, as we read it: lines, units, address."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from packhouse.model.money import Money
from packhouse.model.status_words import Outcome, fulfillment_outcome, refund_outcome, return_outcome
from packhouse.model.tracking_number import same_number


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address as the store gave it; missing parts are empty strings, never guessed.

    `country` is an ISO 3166-1 alpha-2 code in upper case, `state` the subdivision as the store wrote it.
    `unplaced` are fields of the store's address that have no place in the other parts, as "name: text".
    """

    name: str = ""
    company: str = ""
    street1: str = ""
    street2: str = ""
    city: str = ""
    state: str = ""
    postcode: str = ""
    country: str = ""
    phone: str = ""
    email: str = ""
    unplaced: tuple[str, ...] = ()

    def parts(self) -> dict[str, object]:
        """All parts by name: what `asdict` returns, in a tenth of the time, as each order is hashed."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Line:
    """One order line. `quantity` counts units; `is_digital` is None if the store does not say.

    `shipped_counts` are the line's own counts of shipped units, each different number once; `open_counts`
    those of units still to ship. `partly_shipped`: the line says "partially" and no number.
    """

    id: str
    product_id: str = ""
    variant_id: str = ""
    name: str = ""
    quantity: int = 0
    unit_price_minor: int | None = None
    sku: str = ""
    is_digital: bool | None = None
    shipped_counts: tuple[int, ...] = ()
    open_counts: tuple[int, ...] = ()
    partly_shipped: bool = False

    @property
    def has_counts(self) -> bool:
        """Whether the line itself says how many of its units have shipped."""
        return bool(self.shipped_counts or self.open_counts)


@dataclass(frozen=True, slots=True)
class Units:
    """A number of units of one line."""

    line_id: str
    quantity: int


def counted(units: Iterable[Units]) -> str:
    """The number of units in words: "1 unit", "3 units"."""
    total = sum(some.quantity for some in units)
    return "1 unit" if total == 1 else f"{total} units"


@dataclass(frozen=True, slots=True)
class Fulfillment:
    """The store's record that units shipped. `units` is empty when the store does not say which.

    `status` is the store's word ("" if absent), `created_at` the earliest time of the record.
    """

    tracking_number: str = ""
    carrier: str = ""
    units: tuple[Units, ...] = ()
    status: str = ""
    created_at: str = field(default="", compare=False)

    @property
    def outcome(self) -> Outcome:
        """Whether its units have shipped: a cancelled or failed fulfillment shipped nothing."""
        return fulfillment_outcome(self.status)

    def is_of(self, tracking_number: str) -> bool:
        """Whether it has this tracking number, in any writing."""
        return same_number(self.tracking_number, tracking_number)


@dataclass(frozen=True, slots=True)
class RefundRecord:
    """The store's record of a refund. `units` is empty when the store does not say which.

    `reason` is None when the store keeps none. Two records are equal when amount and units are.
    `restock` has the store's word on each of the `units` ("" if there is none): "cancel" for units that had
    not shipped, "return" for units that came back. `return_id` names the return that it pays for;
    `is_for_shipping` is true if it pays back shipping costs and no unit.
    """

    amount_minor: int | None = None
    units: tuple[Units, ...] = ()
    id: str = field(default="", compare=False)
    reason: str | None = field(default=None, compare=False)
    status: str = field(default="", compare=False)
    created_at: str = field(default="", compare=False)
    restock: tuple[str, ...] = field(default=(), compare=False)
    return_id: str = field(default="", compare=False)
    is_for_shipping: bool = field(default=False, compare=False)

    @property
    def outcome(self) -> Outcome:
        """Whether the money was paid back: a failed refund returns nothing."""
        return refund_outcome(self.status)


@dataclass(frozen=True, slots=True)
class ReturnRecord:
    """The store's record of units that come back, in a return or an exchange: they had shipped.

    `units` is empty when the store does not say which.
    """

    id: str = ""
    status: str = ""
    units: tuple[Units, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """Whether the units came back."""
        return return_outcome(self.status)


@dataclass(frozen=True, slots=True)
class ShippingOption:
    """What the buyer chose at the checkout: the store's id of the option and its name. One may be ""."""

    id: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """One order. `status` is the store's word (an open set, "" when absent).

    `fulfillments` and `refunds` are None when the store's response does not carry them at all, which is not
    the same as an empty tuple. `returned` are its returns and exchanges. `raw` is the response as received,
    `body` its bytes if it was read alone; a copy with changes has no body.
    """

    id: str
    status: str = ""
    currency: str = ""
    site_slug: str = ""
    customer_id: str = ""
    created_at: str = ""
    buyer_email: str = ""
    buyer_name: str = ""
    total_minor: int | None = None
    shipping_options: tuple[ShippingOption, ...] = ()
    lines: tuple[Line, ...] = ()
    address: Address | None = None
    fulfillments: tuple[Fulfillment, ...] | None = None
    refunds: tuple[RefundRecord, ...] | None = None
    returned: tuple[ReturnRecord, ...] = ()
    raw: dict[str, Any] = field(default_factory=dict, hash=False, compare=False, repr=False)
    body: bytes = field(default=b"", init=False, compare=False, repr=False)

    @property
    def total(self) -> Money | None:
        """What the buyer paid; None if the store does not say it with its currency."""
        known = self.total_minor is not None and self.currency
        return Money(self.total_minor or 0, self.currency) if known else None

    @property
    def shipping_option(self) -> str:
        """What the buyer chose, as people read it; "" if the store does not say."""
        return "; ".join(option.name or option.id for option in self.shipping_options)

    def line(self, line_id: str) -> Line | None:
        """The line with this id, if the order has it."""
        return next((line for line in self.lines if line.id == line_id), None)

    def has_tracking(self, tracking_number: str) -> bool:
        """Whether the store records this tracking number, even in a fulfillment that was cancelled."""
        return any(record.is_of(tracking_number) for record in self.fulfillments or ())

    def unit_records(self) -> tuple[object, ...]:
        """Everything that says what became of the units. A missing list and an empty one mean the same."""
        counts = [
            (line.id, line.shipped_counts, line.open_counts, line.partly_shipped)
            for line in self.lines
            if line.has_counts or line.partly_shipped
        ]
        refunds = [(refund, refund.status) for refund in self.refunds or ()]
        return (self.fulfillments or (), tuple(refunds), self.returned, tuple(counts))

    def fingerprint(self) -> str:
        """A short hash of what matters to shipping: the address, the lines and their quantities.

        Two responses with the same fingerprint need the same parcel for the same address.
        """
        matter = {
            "address": self.address.parts() if self.address else None,
            "lines": sorted((ln.id, ln.product_id, ln.variant_id, ln.quantity) for ln in self.lines),
        }
        text = json.dumps(matter, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class OrderPage:
    """One page of a list of orders; `next_cursor` is None on the last.

    `truncated`: the list probably continues, but the response has no cursor; list by time instead. `is_bare`:
    the response was an array, which has no place for a cursor. `unreadable` counts rows that name no order.
    """

    orders: tuple[Order, ...]
    next_cursor: str | None = None
    truncated: bool = False
    is_bare: bool = False
    unreadable: int = 0

    def order_keys(self) -> list[tuple[str, str]]:
        """The id and creation time of each order."""
        return [(order.id, order.created_at) for order in self.orders]

    def without(self, ids: Collection[str]) -> OrderPage:
        """The page without these orders."""
        return replace(self, orders=tuple(order for order in self.orders if order.id not in ids))


@dataclass(frozen=True, slots=True)
class Product:
    """What the store's catalog says about a product; None where it does not say."""

    id: str
    name: str = ""
    is_digital: bool | None = None
    weight_g: int | None = None
    raw: dict[str, Any] = field(default_factory=dict, hash=False, compare=False, repr=False)
