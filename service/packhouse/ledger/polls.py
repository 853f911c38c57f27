"""What the polls of the store keep in the ledger: how far they came, and their report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from packhouse.ledger import kv
from packhouse.ledger.tx import Tx
from packhouse.model.poll import PollReport

_NEWEST = "poll:newest"
_FULL_AT = "poll:full_poll_at"
_REPORT = "poll:report"


@dataclass(frozen=True, slots=True)
class Progress:
    """`newest` is the creation time of the newest order that a poll listed, "" before the first poll,
    `full_at` when the last full poll began. Seconds since 1970 UTC.
    """

    newest: str = ""
    full_at: float = 0.0


def progress(connection: Connection) -> Progress:
    """How far the polls came."""
    return Progress(kv.read(connection, _NEWEST) or "", float(kv.read(connection, _FULL_AT) or 0.0))


def report(connection: Connection) -> PollReport:
    """The report of the last polls."""
    return PollReport.from_json(kv.read(connection, _REPORT))


def problems(connection: Connection) -> Mapping[str, int]:
    """How often the last polls met each problem."""
    return Counter(trouble.problem.value for trouble in report(connection).troubles)


def save(tx: Tx, done: PollReport, reached: Progress) -> None:
    """Save the report of a poll, and how far it came."""
    kv.write(tx, _REPORT, done.to_json())
    kv.write(tx, _NEWEST, reached.newest)
    kv.write(tx, _FULL_AT, repr(reached.full_at))


def begin_again(tx: Tx) -> None:
    """Forget how far the polls came: the next one reads the whole list."""
    kv.write(tx, _NEWEST, "")
    kv.write(tx, _FULL_AT, repr(0.0))
