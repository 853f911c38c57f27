"""How many orders, shipments and labels there are, and what labels cost, without reading all of them.

What is finished only becomes more, so its counts are kept: triggers change the table `counts` in the
transaction of each change (migration 9). What is not finished is bounded by the work, and is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, func, select

from packhouse.ledger.tables import counts, orders, shipments
from packhouse.model.states import OrderPhase, ShipmentState

_S = ShipmentState
_UNFINISHED_PHASES = (OrderPhase.OPEN, OrderPhase.HELD)
_UNFINISHED_STATES = (_S.PLANNED, _S.HELD, _S.BUYING, _S.UNKNOWN, _S.LABELED, _S.VOIDING)
_KEPT = select(counts.c.kind, counts.c.word, func.sum(counts.c.number)).group_by(counts.c.kind, counts.c.word)


def _unfinished(column: Column[Any], words: tuple[OrderPhase, ...] | tuple[ShipmentState, ...]) -> Any:
    return select(column, func.count()).where(column.in_([word.value for word in words])).group_by(column)


_ORDERS = _unfinished(orders.c.phase, _UNFINISHED_PHASES)
_SHIPMENTS = _unfinished(shipments.c.state, _UNFINISHED_STATES)


class Counts(NamedTuple):
    """Orders by phase, shipments by state, labels ever bought, and what live ones cost, in minor units by
    currency.
    """

    orders: Mapping[str, int]
    shipments: Mapping[str, int]
    labels: int
    spent: Mapping[str, int]


def read(connection: Connection) -> Counts:
    """The counts, without what is zero."""
    kept: dict[str, dict[str, int]] = {"orders": {}, "shipments": {}, "labels": {}, "spent": {}}
    for kind, word, number in connection.execute(_KEPT):
        if number:
            kept[kind][word] = int(number)
    return Counts(
        kept["orders"] | _counted(connection, _ORDERS),
        kept["shipments"] | _counted(connection, _SHIPMENTS),
        sum(kept["labels"].values()),
        kept["spent"],
    )


def _counted(connection: Connection, statement: Any) -> dict[str, int]:
    return {row[0]: row[1] for row in connection.execute(statement)}
