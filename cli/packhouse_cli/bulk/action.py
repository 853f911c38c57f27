"""What an act in bulk has to know: how a row becomes a call, and how the record shows that it happened.

An action knows one order at a time and does no I/O; planning.py and carrying.py drive it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from packhouse.model.order import Order, Units
from packhouse.store.requests import StoreRequest
from packhouse_cli.bulk.plan import Act
from packhouse_cli.bulk.rows import Row
from packhouse_cli.exit_codes import CommandError


class NotPlanned(Exception):
    """The row cannot be done; the message says why, with the numbers."""


class NotNeeded(Exception):
    """Nothing is to be done; no fault of the row."""


@contextmanager
def refused_as_not_planned() -> Iterator[None]:
    """What the check of one order refuses is a row that cannot be planned."""
    try:
        yield
    except CommandError as error:
        raise NotPlanned(str(error).removesuffix(" Nothing was sent.")) from None


@dataclass(frozen=True, slots=True)
class Draft:
    """What a row comes to, and the order once it is done."""

    what: str
    request: StoreRequest
    key: str
    after: Order
    cost_minor: int | None = None
    currency: str = ""


class Taken(Protocol):
    """An order that was taken from the machine, or that no machine knows of."""

    def sending(self) -> None:
        """The store is called now."""
        ...

    def stays(self, why: str) -> None:
        """The machine must keep off it longer."""
        ...

    def refuse_other_labels(self, units: Iterable[Units], tracking: str) -> None:
        """Raise CommandError where the machine has bought another label for any of these units."""
        ...


class Action(Protocol):
    """One kind of act.

    `done` says that it was achieved, `for_good` what cannot be undone. `for_parcel`: address and lines
    matter, and which lines are digital. `once`: at most one row an order. `lands_later`: the store accepts
    it first and does it some time after. `keyed`: it is documented to do a key's call once.
    """

    name: str
    done: str
    for_good: str
    for_parcel: bool
    once: bool
    lands_later: bool
    keyed: bool

    def draft(self, row: Row, order: Order, *, again: bool) -> Draft:
        """The call for this row; `order` is as earlier rows leave it. `again` says that what it shows already
        is wanted a second time. Raises NotPlanned, NotNeeded.
        """
        ...

    def request(self, order_id: str, body: bytes, key: str) -> StoreRequest:
        """The call of a plan, as it was drafted."""
        ...

    def mind(self, act: Act, taken: Taken) -> None:
        """Raise CommandError where the machine has begun what would clash with it."""
        ...

    def is_recorded(self, act: Act, order: Order, *, sent: bool) -> bool:
        """Whether the store's record shows that it happened. `sent`: it was sent at least once."""
        ...

    def shows(self, order: Order) -> bool:
        """Whether the store's record would show it: only then does its absence say anything."""
        ...
