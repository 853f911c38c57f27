"""Builds what orders wait for, from the ledger's rows, the pause, the provider accounts and the last poll.

Status, an order's view, readiness and metrics all take it from here, so that none contradicts another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row

from packhouse.config.settings import Settings
from packhouse.ledger import guard, poll_record, queries
from packhouse.ledger.poll_record import PollRecord
from packhouse.ledger.queries import Wait
from packhouse.model.account import AccountState, Whose
from packhouse.model.shipment import Shipment
from packhouse.model.states import OrderPhase, ShipmentState
from packhouse.model.waiting import WAIT_MEANING, Waiting, WaitKind, kind_of_error

PAUSE_SETTING = "PACKHOUSE_GUARD__PAUSED"
_K, _S = WaitKind, ShipmentState
_BUYS_OR_POSTS_LATER = (_S.PLANNED, _S.BUYING, _S.UNKNOWN, _S.LABELED)
_REMEDY = {
    _K.ACCOUNT_REFUSED: "Correct the account at the provider, or its section in the settings.",
    _K.STORE_REFUSED: "Correct PACKHOUSE_STORE__API_KEY or its permissions, then restart the daemon.",
}


@dataclass(frozen=True, slots=True)
class Pause:
    """Who paused the daemon, why, and since when (seconds since 1970 UTC; None for the setting)."""

    by: str
    reason: str
    since: float | None

    @property
    def text(self) -> str:
        """Who and why, such as "ada: stock-taking"."""
        return f"{PAUSE_SETTING} is set." if self.by == PAUSE_SETTING else f"{self.by}: {self.reason}"

    @property
    def waiting(self) -> Waiting:
        """The pause as a reason to wait."""
        if self.by == PAUSE_SETTING:
            remedy = f"Continue all orders: remove {PAUSE_SETTING}, then restart the daemon."
            return Waiting(_K.PAUSED, f"Paused: {PAUSE_SETTING} is set.", remedy=remedy)
        remedy = "Continue all orders: packhouse resume --reason WHY"
        return Waiting(_K.PAUSED, f"Paused by {self.by}: {self.reason}", since=self.since, remedy=remedy)


@dataclass(frozen=True, slots=True)
class WaitingOrders:
    """One reason to wait, and how many orders wait for it; it may concern orders that are still to come."""

    waiting: Waiting
    orders: int


@dataclass(frozen=True, slots=True)
class Conditions:
    """What stops work for all orders, or for those of an account, at one moment."""

    pause: Pause | None
    accounts: tuple[AccountState, ...]
    poll: PollRecord

    @property
    def waiting(self) -> tuple[Waiting, ...]:
        """Each of them as a reason to wait: the pause, the accounts, the store."""
        found = [self.pause.waiting] if self.pause else []
        found += map(of_account, self.accounts)
        if self.poll.error:
            kind = kind_of_error(self.poll.error_kind)
            sentence = f"The store's orders cannot be listed: {self.poll.error}"
            found.append(Waiting(kind, sentence, since=self.poll.failing_since, remedy=_REMEDY.get(kind, "")))
        return tuple(found)


def read_conditions(
    connection: Connection, settings: Settings, accounts: Sequence[AccountState]
) -> Conditions:
    """Read them from the ledger. `accounts` are the accounts that buy nothing, as this process knows it."""
    return Conditions(_pause(connection, settings), tuple(accounts), poll_record.read(connection))


def _pause(connection: Connection, settings: Settings) -> Pause | None:
    if settings.guard.paused:
        return Pause(PAUSE_SETTING, "", None)
    record = guard.pause_record(connection)
    if record is None:
        return None
    by, _, reason = record[0].partition(": ")
    return Pause(by, reason, record[1])


def of_account(state: AccountState) -> Waiting:
    """An account that buys nothing as a reason to wait."""
    kind = _K.ACCOUNT_REFUSED if state.whose is Whose.ACCOUNT else _K.ACCOUNT_RESTING
    return Waiting(kind, state.sentence, state.account, state.since, state.until, _REMEDY.get(kind, ""))


def of_all(conditions: Conditions, waits: Sequence[Wait]) -> tuple[WaitingOrders, ...]:
    """Every reason to wait: those that stop work first, then what single orders wait for."""
    rows = list(waits)
    found = []
    for waiting in conditions.waiting:
        mine = [row for row in rows if (row.kind, row.account) == (waiting.kind, waiting.account)]
        rows = [row for row in rows if row not in mine]
        found.append(WaitingOrders(waiting, sum(row.orders for row in mine)))
    found += [WaitingOrders(_of_row(row), row.orders) for row in rows]
    return tuple(found)


def _of_row(row: Wait) -> Waiting:
    sentence = WAIT_MEANING[row.kind] if row.kind in (_K.PROCESSING, _K.QUEUED) else row.reason
    since = row.until if row.kind is _K.QUEUED else row.since
    until = None if row.kind in (_K.QUEUED, _K.PROCESSING) else row.until
    return Waiting(
        row.kind, sentence or WAIT_MEANING[row.kind], row.account, since, until, _REMEDY.get(row.kind, "")
    )


def of_order(
    row: Row[Any], shipments: Sequence[Shipment], conditions: Conditions, now: float
) -> tuple[Waiting, ...]:
    """What one order waits for, the pause first; nothing unless it is open."""
    if row.phase != OrderPhase.OPEN.value:
        return ()
    own = _own(row, conditions, now)
    found = [own] if own else []
    pause = conditions.pause.waiting if conditions.pause else None
    is_stopped = not shipments or any(one.state in _BUYS_OR_POSTS_LATER for one in shipments)
    if pause and is_stopped and pause not in found:
        found.insert(0, pause)
    return tuple(found)


def _own(row: Row[Any], conditions: Conditions, now: float) -> Waiting | None:
    if row.due_at is not None and row.due_at <= now:
        return Waiting(_K.QUEUED, WAIT_MEANING[_K.QUEUED], since=row.due_at)
    if row.lease is not None:
        worker = str(row.lease).partition(":")[0]
        sentence = f"Worker {worker} has the order. If it has stopped, another one continues."
        return Waiting(_K.PROCESSING, sentence, until=row.due_at)
    if row.waiting not in set(WaitKind):
        return None
    kind = WaitKind(row.waiting)
    for common in conditions.waiting:
        if (common.kind, common.account) == (kind, row.waiting_account):
            return common if kind is _K.PAUSED else replace(common, until=row.due_at)
    return Waiting(
        kind,
        row.reason or WAIT_MEANING[kind],
        row.waiting_account,
        row.waiting_since,
        row.due_at,
        _REMEDY.get(kind, ""),
    )


def read_all(
    connection: Connection, now: float, settings: Settings, accounts: Sequence[AccountState]
) -> tuple[Conditions, tuple[WaitingOrders, ...]]:
    """The conditions, and every reason to wait with its number of orders."""
    conditions = read_conditions(connection, settings, accounts)
    return conditions, of_all(conditions, queries.waits(connection, now))
