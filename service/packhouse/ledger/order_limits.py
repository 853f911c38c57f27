"""What the labels of one order may cost and count, checked inside the transaction that writes an intent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection

from packhouse.config.guard import GuardSettings
from packhouse.ledger import spending
from packhouse.model.hold import HoldCode
from packhouse.model.money import Money
from packhouse.model.shipment import Shipment


@dataclass(frozen=True, slots=True)
class OrderLimits:
    """The limits of one order. `total` is what its buyer paid, None if the store does not say it.

    `most_labels` and `is_total_waived` say what an operator has released.
    """

    guard: GuardSettings
    total: Money | None
    most_labels: int
    is_total_waived: bool = False


class Exceeded(NamedTuple):
    """A limit that a label exceeds: the kind of the hold, and its detail."""

    code: HoldCode
    why: str


def objection(
    connection: Connection, limits: OrderLimits, shipment: Shipment, price: Money | None
) -> Exceeded | None:
    """The limit that the label of this shipment exceeds at this price; None if there is none."""
    if why := too_many_labels(connection, limits, shipment):
        return Exceeded(HoldCode.CAP_REACHED, why)
    if not limits.is_total_waived and (why := over_total(connection, limits, shipment, price)):
        return Exceeded(HoldCode.LABELS_EXCEED_TOTAL, why)
    return None


def too_many_labels(connection: Connection, limits: OrderLimits, shipment: Shipment) -> str:
    """Why the order gets no more labels; "" if it may get another."""
    others = spending.labels_of(connection, shipment.order_id, shipment.id)
    if others < limits.most_labels:
        return ""
    return (
        f"The order has {others} labels that are paid, or may be; guard.max_parcels is {limits.most_labels}."
    )


def over_total(connection: Connection, limits: OrderLimits, shipment: Shipment, price: Money | None) -> str:
    """Why the order's labels cost too much for its total, this one at `price` included; "" if they do not.

    A price that comes with the label counts from the next label on. Where the store shows no total, or one in
    another currency, nothing can be compared: then only the order's first label needs no person.
    """
    guard, total = limits.guard, limits.total
    if not guard.max_total_percent:
        return ""
    price = price or Money(0, total.currency if total else guard.currency)
    others = spending.spent(
        connection, spending.OF_ORDER, price.currency, shipment.id, order_id=shipment.order_id
    )
    cost = Money(others + price.minor, price.currency)
    is_exempt = cost.minor <= guard.total_exempt_minor and cost.currency == guard.currency
    if is_exempt or not cost.minor:
        return ""
    together = f"With it the labels of this order would cost {cost}"
    is_comparable = total is not None and total.currency == cost.currency
    if not is_comparable and not spending.labels_of(connection, shipment.order_id, shipment.id):
        return ""
    if total is None:
        return f"{together}, and the store shows no total to compare that with."
    if total.currency != cost.currency:
        return f"{together}; that cannot be compared with the order's total, {total}."
    if cost.minor * 100 <= total.minor * guard.max_total_percent:
        return ""
    return (
        f"{together}; the order's total is {total}, and guard.max_total_percent is {guard.max_total_percent}."
    )
