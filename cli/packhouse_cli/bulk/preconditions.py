"""The state of an order that a plan item depends on, and what has changed since. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from packhouse.model.line_units import line_units, shipped_units
from packhouse.model.order import Order
from packhouse.store.returns import returns_of
from packhouse_cli.changes.refund import refunded_minor

# For a parcel these statuses are equivalent: the unshipped units say the rest.
_OPEN = ("pending", "partially_fulfilled", "fulfilled")


@dataclass(frozen=True, slots=True)
class Preconditions:
    """The state of the order when the plan was made.

    `unshipped` counts the unshipped units of each line. `refunded_minor` is in minor units, and `returns`
    counts the returns. Each of these is None if the store does not say. `fingerprint` covers the address and
    the lines.
    """

    status: str
    unshipped: dict[str, int] | None
    refunded_minor: int | None
    total_minor: int | None
    currency: str
    fingerprint: str
    returns: int | None

    @classmethod
    def of(cls, order: Order) -> Preconditions:
        """The state of an order as just read from the store."""
        returns = returns_of(order)
        return cls(
            status=order.status,
            unshipped=unshipped_units(order),
            refunded_minor=refunded(order),
            total_minor=order.total_minor,
            currency=order.currency,
            fingerprint=order.fingerprint(),
            returns=None if returns is None else len(returns),
        )

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Preconditions:
        """Read what `to_json` wrote. Raises KeyError, TypeError for anything else."""
        return cls(**{name: stored[name] for name in cls.__slots__})

    def to_json(self) -> dict[str, Any]:
        """As the plan file has it."""
        return {name: getattr(self, name) for name in self.__slots__}

    @property
    def may_ship(self) -> bool:
        """Whether some unit of the order may still ship."""
        return self.unshipped is None or any(count > 0 for count in self.unshipped.values())

    def differences(self, now: Preconditions, *, ships_parcel: bool) -> str:
        """The relevant differences as one sentence; "" if there are none."""
        found = []
        if not (self.status == now.status or (ships_parcel and {self.status, now.status} <= set(_OPEN))):
            found.append(f"the status was {self.status or 'empty'} and is now {now.status or 'empty'}")
        if self.unshipped != now.unshipped:
            found.append(_unshipped_difference(self.unshipped, now.unshipped))
        if self.refunded_minor != now.refunded_minor:
            found.append(
                f"the refunded amount was {self.refunded_minor} and is now {now.refunded_minor} (minor units)"
            )
        if (self.total_minor, self.currency) != (now.total_minor, now.currency):
            found.append("the total has changed")
        if ships_parcel and self.fingerprint != now.fingerprint:
            found.append("the address or the lines have changed")
        if not ships_parcel and self.returns != now.returns:
            found.append(f"the number of returns was {self.returns} and is now {now.returns}")
        return "; ".join(found)


def unshipped_units(order: Order) -> dict[str, int] | None:
    """Units of each line that are left to ship; None if the store does not say which units have shipped."""
    if shipped_units(order) is None:
        return None
    return {line_id: one.left for line_id, one in line_units(order).items()}


def refunded(order: Order) -> int | None:
    """Minor units refunded so far; None if the store does not list the refunds or their amounts."""
    if order.refunds is None:
        return None
    return refunded_minor(order) if all(row.amount_minor is not None for row in order.refunds) else None


def _unshipped_difference(was: dict[str, int] | None, now: dict[str, int] | None) -> str:
    if was is None or now is None:
        return "the store reports shipped units differently than before"
    lines = [line for line in {**was, **now} if was.get(line) != now.get(line)]
    return "unshipped units: " + ", ".join(
        f"{line} had {was.get(line, 0)} and now has {now.get(line, 0)}" for line in lines
    )
