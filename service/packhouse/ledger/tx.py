"""What a writing unit of work receives: its transaction, the time, and the lease it writes under."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from packhouse.model.states import OrderPhase

P = ParamSpec("P")
R = TypeVar("R")

# So many processes in a row ended with this order: from then on it is processed with other suspects only,
# and after one more alone.
SUSPECT_CRASHES = 2


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one worker to process one order until the lease ends.

    `wakes` is the count of wake-ups when the order was claimed, `attempts` the failures in a row before it,
    `crashes` the processes in a row that ended with this order.
    """

    order_id: str
    token: str
    wakes: int
    attempts: int
    phase: OrderPhase
    crashes: int = 0

    @property
    def is_suspect(self) -> bool:
        """Whether the order may end the process, and is processed apart from others."""
        return self.crashes >= SUSPECT_CRASHES


@dataclass(frozen=True, slots=True)
class Tx:
    """One transaction that writes. `now` is in seconds since 1970, and the same in every retry of the unit.

    `lease` is None where no lease applies: intake, operations and periodic tasks.
    """

    connection: Connection
    now: float
    lease: Lease | None = None

    @property
    def held_lease(self) -> Lease:
        """The lease of a unit that needs one. Raises RuntimeError if the caller gave none."""
        if self.lease is None:
            raise RuntimeError("this unit of work needs a lease; run it with under(lease, unit)")
        return self.lease


ReadUnit = Callable[Concatenate[Connection, P], R]
WriteUnit = Callable[Concatenate[Tx, P], R]


def under(lease: Lease, unit: WriteUnit[P, R]) -> WriteUnit[P, R]:
    """The unit, run under this lease."""

    def leased(tx: Tx, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return unit(Tx(tx.connection, tx.now, lease), *args, **kwargs)

    return leased
