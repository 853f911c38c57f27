"""The state of an order that a plan relies on, and what has become different since. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from packhouse.model.order import Order
from packhouse.store.returns import returns_of
from packhouse_cli.changes.refund import refunded_minor

# As long as units are left, these mean the same to a parcel: the units left say the rest.
_OPEN = ("pending", "partially_fulfilled", "fulfilled")


@dataclass(frozen=True, slots=True)
class Relied:
    """What mattered when the plan was made.

    `left` counts the units of each line that have not shipped, None where the store does not say which have;
    `refunded_minor` and `returns` (how many there are) are None where it does not say. `parcel` stands for
    address and lines.
    """

    status: str
    left: dict[str, int] | None
    refunded_minor: int | None
    total_minor: int | None
    currency: str
    parcel: str
    returns: int | None

    @classmethod
    def of(cls, order: Order) -> Relied:
        """The state of an order as the store has just told it."""
        returns = returns_of(order)
        return cls(
            status=order.status,
            left=units_left(order),
            refunded_minor=refunded(order),
            total_minor=order.total_minor,
            currency=order.currency,
            parcel=order.fingerprint(),
            returns=None if returns is None else len(returns),
        )

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Relied:
        """Read what `to_json` wrote. Raises KeyError, TypeError for anything else."""
        return cls(**{name: told[name] for name in cls.__slots__})

    def to_json(self) -> dict[str, Any]:
        """For the plan."""
        return {name: getattr(self, name) for name in self.__slots__}

    @property
    def may_ship(self) -> bool:
        """Whether something of the order may still be shipped."""
        return self.left is None or any(count > 0 for count in self.left.values())

    def changes(self, now: Relied, *, for_parcel: bool) -> str:
        """What is different now, in words; "" when nothing that matters is."""
        told = []
        if not (self.status == now.status or (for_parcel and {self.status, now.status} <= set(_OPEN))):
            told.append(f"it was {self.status or 'without a status'} and is {now.status or 'without one'}")
        if self.left != now.left:
            told.append(_shipped_since(self.left, now.left))
        if self.refunded_minor != now.refunded_minor:
            told.append(
                f"refunded so far was {self.refunded_minor} and is {now.refunded_minor} (minor units)"
            )
        if (self.total_minor, self.currency) != (now.total_minor, now.currency):
            told.append("its total is another")
        if for_parcel and self.parcel != now.parcel:
            told.append("its address or its lines are others")
        if not for_parcel and self.returns != now.returns:
            told.append(f"returns so far were {self.returns} and are {now.returns}")
        return "; ".join(told)


def units_left(order: Order) -> dict[str, int] | None:
    """Units of each line that the store does not record as shipped; None where it does not say which are."""
    if order.fulfillments is None or any(not row.units for row in order.fulfillments):
        return None
    left = {line.id: line.quantity for line in order.lines}
    for row in order.fulfillments:
        for part in row.units:
            left[part.line_id] = left.get(part.line_id, 0) - part.quantity
    return left


def refunded(order: Order) -> int | None:
    """Minor units given back so far; None where the store does not say, or not how much."""
    if order.refunds is None:
        return None
    return refunded_minor(order) if all(row.amount_minor is not None for row in order.refunds) else None


def _shipped_since(was: dict[str, int] | None, now: dict[str, int] | None) -> str:
    if was is None or now is None:
        return "the store tells otherwise than before which units have shipped"
    lines = [line for line in {**was, **now} if was.get(line) != now.get(line)]
    return "units left: " + ", ".join(
        f"{line} had {was.get(line, 0)}, has {now.get(line, 0)}" for line in lines
    )
