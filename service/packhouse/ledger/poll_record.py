"""When the store was last polled, by any replica, and what the last poll failed with."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from sqlalchemy import Connection

from packhouse.ledger import kv
from packhouse.ledger.tx import Tx

_NAME = "poll:outcome"


@dataclass(frozen=True, slots=True)
class PollRecord:
    """The last polls. Times are seconds since 1970 UTC; `error` is "" if the last poll succeeded.

    `error_kind` is the name of the error's class, `failing_since` the first failure after the last success.
    """

    succeeded_at: float | None = None
    failing_since: float | None = None
    error: str = ""
    error_kind: str = ""


def save_success(tx: Tx) -> None:
    """Record that a poll succeeded."""
    kv.write(tx, _NAME, json.dumps(asdict(PollRecord(succeeded_at=tx.now))))


def save_failure(tx: Tx, error: str, error_kind: str) -> None:
    """Record that a poll failed."""
    before = read(tx.connection)
    since = tx.now if before.failing_since is None else before.failing_since
    record = PollRecord(before.succeeded_at, since, error, error_kind)
    kv.write(tx, _NAME, json.dumps(asdict(record)))


def read(connection: Connection) -> PollRecord:
    """The outcome of the last poll; without any poll, nothing is set."""
    value = kv.read(connection, _NAME)
    return PollRecord(**json.loads(value)) if value else PollRecord()
