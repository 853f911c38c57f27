"""The interface of a kind of bulk change: it makes requests from rows and finds their effect in orders.

An action handles one order at a time and does no I/O; planner.py and executor.py call it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from packhouse.model.order import Order, Units
from packhouse.store.requests import StoreRequest
from packhouse_cli.bulk.plan import PlanItem
from packhouse_cli.bulk.rows import Row
from packhouse_cli.exit_codes import CommandError


class RowRejected(Exception):
    """The row cannot be planned. The message gives the reason, with the numbers."""


class NothingToDo(Exception):
    """The row is valid, and nothing needs to be done for it."""


@contextmanager
def rejects_row() -> Iterator[None]:
    """Turn a CommandError of the checks for one order into RowRejected."""
    try:
        yield
    except CommandError as error:
        raise RowRejected(str(error).removesuffix(" Nothing was sent.")) from None


@dataclass(frozen=True, slots=True)
class Draft:
    """The request for one row. `after` is the order as it will be once the request has taken effect."""

    summary: str
    request: StoreRequest
    key: str
    after: Order
    cost_minor: int | None = None
    currency: str = ""


class OrderTakeover(Protocol):
    """An order that the command has taken over from the daemon, or that no daemon ships."""

    def mark_sent(self) -> None:
        """The request is being sent to the store."""
        ...

    def keep(self, why: str) -> None:
        """Keep the order taken over after the block ends, and why; "" releases it."""
        ...

    def refuse_other_labels(self, units: Iterable[Units], tracking: str) -> None:
        """Raise CommandError if Packhouse has bought another label for any of these units."""
        ...


class Action(Protocol):
    """One kind of change.

    `done_text` describes a successful item, and `irreversible_note` says what cannot be undone.
    `ships_parcel`: the address, the lines, and which lines are digital matter. `one_per_order`: an order may
    have only one row. `completes_later`: the store accepts the request first and completes it some time
    later. `keyed`: the store documents that it makes a change once for each
    idempotency key.
    """

    name: str
    done_text: str
    irreversible_note: str
    ships_parcel: bool
    one_per_order: bool
    completes_later: bool
    keyed: bool

    def draft(self, row: Row, order: Order, *, again: bool) -> Draft:
        """The request for this row.

        `order` includes the effect of earlier rows. `again` plans the change even if the order shows it
        already. Raises RowRejected, NothingToDo.
        """
        ...

    def request(self, order_id: str, body: bytes, key: str) -> StoreRequest:
        """The request of a plan item, as it was drafted."""
        ...

    def check_takeover(self, item: PlanItem, takeover: OrderTakeover) -> None:
        """Raise CommandError if Packhouse has started something that conflicts with the item."""
        ...

    def is_recorded(self, item: PlanItem, order: Order, *, sent: bool) -> bool:
        """Whether the order shows the change of this item. `sent`: the request was sent at least once."""
        ...

    def can_verify(self, order: Order) -> bool:
        """Whether the order would show the change. Only then does its absence mean that it did not happen."""
        ...
