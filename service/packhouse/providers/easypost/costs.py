"""What a label costs: its rate, and the fees that EasyPost charges with it. Pure.

EasyPost documents fees as US dollars with parts of a cent. Postage that EasyPost collects is listed again as
a fee; postage that the carrier bills itself is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from packhouse.model.money import Money
from packhouse.providers import rest

_FEE_CURRENCY = "USD"
_POSTAGE = "POSTAGEFEE"
# EasyPost's own price for making a label, billed with the account's plan.
_LABEL = "LABELFEE"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a label costs in all, the part of it that is fees, and a remark on fees that it cannot include."""

    total: Money
    fees: Money
    remark: str = ""


def cost_of(shipment: Mapping[str, Any], price: Money) -> Cost:
    """What a bought shipment costs.

    `price` is the price of its rate. A fee counts once it is charged, until it is refunded; one in another
    currency cannot be added and is only remarked.
    """
    totals: dict[str, Decimal] = {}
    postage, remarks = Decimal(0), []
    for row in rest.items(shipment.get("fees")):
        fee = rest.mapping(row)
        kind = rest.text(fee.get("type"))
        if fee.get("charged") is False or fee.get("refunded") is True or kind.upper() == _LABEL:
            continue
        amount, currency = rest.decimal(fee.get("amount")), _currency(fee)
        if amount is None:
            remarks.append(f"EasyPost sent a fee without an amount ({kind or rest.reason_of(row)})")
        elif kind.upper() == _POSTAGE:
            postage += amount if currency == price.currency else 0
        elif currency == price.currency:
            totals[kind] = totals.get(kind, Decimal(0)) + amount
        elif amount:
            remarks.append(f"{kind} of {rest.rounded_up(amount, currency)} is charged as well")
    # The rate is the price agreed on; postage charged above it is what was paid.
    base = max(price.minor, rest.rounded_up(postage, price.currency).minor)
    extra = rest.rounded_up(sum(totals.values(), Decimal(0)), price.currency)
    return Cost(Money(base + extra.minor, price.currency), extra, "; ".join(remarks))


def _currency(fee: Mapping[str, Any]) -> str:
    return (rest.text(fee.get("currency")) or _FEE_CURRENCY).upper()
