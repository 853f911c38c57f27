"""What an act in bulk has to know: how a row becomes a call, and how the record shows that it happened.

An action knows one order at a time and does no I/O; planning.py and carrying.py drive it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from packhouse.model.order import Order
from packhouse.store.requests import StoreRequest
from packhouse_cli.bulk.plan import Act
from packhouse_cli.bulk.relied import Relied
from packhouse_cli.bulk.rows import Row


class NotPlanned(Exception):
    """The row cannot be done; the message says why, with the numbers."""


class NotNeeded(Exception):
    """Nothing is to be done; no fault of the row."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a row comes to, and the state of the order once it is done."""

    what: str
    body: bytes
    key: str
    after: Relied
    cost_minor: int | None = None
    currency: str = ""


class Action(Protocol):
    """One kind of act.

    `done` says that it was achieved, `for_good` what cannot be undone. `for_parcel`: address and lines
    matter, and which lines are digital. `once`: at most one row an order. `lands_later`: the store accepts
    it first and does it some time after.
    """

    name: str
    done: str
    for_good: str
    for_parcel: bool
    once: bool
    lands_later: bool

    def draft(self, row: Row, order: Order, before: Relied) -> Draft:
        """The call for this row. `before` is the order's state after earlier rows.

        Raises NotPlanned, NotNeeded.
        """
        ...

    def request(self, order_id: str, body: bytes, key: str) -> StoreRequest:
        """The call."""
        ...

    def is_recorded(self, act: Act, order: Order, *, sent: bool) -> bool:
        """Whether the store's record shows that it happened. `sent`: it was sent at least once."""
        ...

    def shows(self, order: Order) -> bool:
        """Whether the store's record would show it: only then does its absence say anything."""
        ...
