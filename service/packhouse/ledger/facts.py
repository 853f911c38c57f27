"""What a transaction leaves behind that must survive the loss of the ledger: money, and operators' decisions.

The units of work note the rows that they write. After the commit the ledger passes them to the guard log
(ledger/guard_log.py), from which a restored ledger is completed (ledger/replay.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection

from packhouse.ledger.tx import Tx

_KEY = "facts of this transaction"


class Kind(StrEnum):
    """What a fact is a row of."""

    SHIPMENT = "shipment"
    LABEL = "label"
    HOLD = "hold"
    PAUSE = "pause"


class Mark(NamedTuple):
    """An entry of the journal, by which a ledger that has it is known: its id and its time."""

    id: int
    at: float


class Fact(NamedTuple):
    """One row as the transaction left it."""

    kind: Kind
    row: Mapping[str, Any]


@dataclass(slots=True)
class Facts:
    """The facts of one commit, in the order of their writing. `mark` is its newest entry of the journal."""

    at: float = 0.0
    mark: Mark | None = None
    rows: list[Fact] = field(default_factory=list)


def note(tx: Tx, kind: Kind, row: Mapping[str, Any]) -> None:
    """Note a row that this transaction writes."""
    found = _of(tx)
    found.rows.append(Fact(kind, row))


def note_entry(tx: Tx, journal_id: int) -> None:
    """Note that this transaction adds an entry to the journal."""
    found = _of(tx)
    if found.mark is None or journal_id > found.mark.id:
        found.mark = Mark(journal_id, tx.now)


def take(connection: Connection) -> Facts | None:
    """What was noted on this connection since the last call; None if nothing was."""
    found: Facts | None = connection.info.pop(_KEY, None)
    return found


def _of(tx: Tx) -> Facts:
    found: Facts = tx.connection.info.setdefault(_KEY, Facts())
    found.at = max(found.at, tx.now)
    return found
