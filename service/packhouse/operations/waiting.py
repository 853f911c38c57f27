"""Builds what orders wait for, from the ledger's rows, the pause, the provider accounts and the last poll.

Status, an order's view, readiness and metrics all take it from here, so that none contradicts another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row

from packhouse.config.settings import Settings
from packhouse.ledger import guard, poll_record, queries, restores
from packhouse.ledger.poll_record import PollRecord
from packhouse.ledger.queries import Wait
from packhouse.ledger.restores import Unasked
from packhouse.model.account import AccountState, Whose
from packhouse.model.journal import MACHINE
from packhouse.model.shipment import Shipment
from packhouse.model.states import OrderPhase, ShipmentState
from packhouse.model.store_limit import Limit
from packhouse.model.waiting import WAIT_MEANING, Waiting, WaitKind, kind_of_error

PAUSE_SETTING = "PACKHOUSE_GUARD__PAUSED"
_K, _S = WaitKind, ShipmentState
_NOTICED_S = 1.0  # a call that waits for less is not worth a word
_BUYS_OR_POSTS_LATER = (_S.PLANNED, _S.BUYING, _S.UNKNOWN, _S.LABELED)
# Of these, every order has the same sentence.
_SAME_FOR_ALL = (_K.PAUSED, _K.ACCOUNT_RESTING, _K.ACCOUNT_REFUSED)
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
        if self.by == MACHINE:
            return self.reason
        return f"{PAUSE_SETTING} is set." if self.by == PAUSE_SETTING else f"{self.by}: {self.reason}"

    @property
    def waiting(self) -> Waiting:
        """The pause as a reason to wait."""
        if self.by == PAUSE_SETTING:
            remedy = f"Continue all orders: remove {PAUSE_SETTING}, then restart the daemon."
            return Waiting(_K.PAUSED, f"Paused: {PAUSE_SETTING} is set.", remedy=remedy)
        if self.by == MACHINE:
            remedy = "See what does not add up yet: packhouse reconcile"
            return Waiting(_K.PAUSED, f"Paused: {self.reason}.", since=self.since, remedy=remedy)
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
    unasked: tuple[Unasked, ...] = ()

    @property
    def waiting(self) -> tuple[Waiting, ...]:
        """Each of them as a reason to wait: the pause, the accounts, the store."""
        found = [self.pause.waiting] if self.pause else []
        found += map(of_account, self.accounts)
        found += map(_of_unasked, self.unasked)
        if self.poll.error:
            kind = kind_of_error(self.poll.error_kind)
            sentence = f"Polling the store fails: {self.poll.error}"
            found.append(Waiting(kind, sentence, since=self.poll.failing_since, remedy=_REMEDY.get(kind, "")))
        return tuple(found)


def read_conditions(
    connection: Connection, settings: Settings, accounts: Sequence[AccountState]
) -> Conditions:
    """Read them from the ledger. `accounts` are the accounts that buy nothing, as this process knows it."""
    pause = _pause(connection, settings)
    # While all orders wait for them, the pause says so.
    unasked = () if restores.why_paused(connection) else restores.unasked(connection)
    return Conditions(pause, tuple(accounts), poll_record.read(connection), unasked)


def _pause(connection: Connection, settings: Settings) -> Pause | None:
    if settings.guard.paused:
        return Pause(PAUSE_SETTING, "", None)
    if why := restores.why_paused(connection):
        restore = restores.current(connection)
        return Pause(MACHINE, why, restore.noticed_at if restore else None)
    record = guard.pause_record(connection)
    if record is None:
        return None
    by, _, reason = record[0].partition(": ")
    return Pause(by, reason, record[1])


def of_account(state: AccountState) -> Waiting:
    """An account that buys nothing as a reason to wait."""
    kind = _K.ACCOUNT_REFUSED if state.whose is Whose.ACCOUNT else _K.ACCOUNT_RESTING
    return Waiting(kind, state.sentence, state.account, state.since, state.until, _REMEDY.get(kind, ""))


def _of_unasked(one: Unasked) -> Waiting:
    """An account that has not said what it sold before the start as a reason to wait."""
    sentence = f"{one.sentence}. Orders that the store had before wait for it."
    remedy = "Continue without its answer: packhouse reconcile --accept --reason WHY"
    return Waiting(_K.PROVIDER_UNAVAILABLE, sentence, one.account, remedy=remedy)


def of_all(conditions: Conditions, waits: Sequence[Wait]) -> tuple[WaitingOrders, ...]:
    """Every reason to wait: those that stop work first, then what single orders wait for."""
    rows = list(waits)
    found = []
    for waiting in conditions.waiting:
        mine = [row for row in rows if (row.kind, row.account) == (waiting.kind, waiting.account)]
        rows = [row for row in rows if row not in mine]
        if mine and waiting.kind is not _K.PAUSED and waiting.until is None:
            waiting = replace(waiting, until=mine[0].until)
        found.append(WaitingOrders(waiting, sum(row.orders for row in mine)))
    found += [WaitingOrders(_of_row(row), row.orders) for row in rows]
    return tuple(found)


def of_limit(limit: Limit) -> Waiting | None:
    """The store's limit as a reason to wait; None unless calls have waited for it for a while."""
    if not limit.waiting or limit.longest_s < _NOTICED_S:
        return None
    allowed = (
        f"The store allows about {limit.calls_per_s:.3g} calls a second"
        if limit.calls_per_s
        else "How many calls a second the store allows is not known yet"
    )
    number = "1 call waits" if limit.waiting == 1 else f"{limit.waiting:,} calls wait"
    return Waiting(_K.STORE_LIMIT, f"{allowed}; {number} for it, the longest {limit.longest_s:.1f} s.")


def with_limit(waits: Sequence[WaitingOrders], limit: Limit) -> tuple[WaitingOrders, ...]:
    """The reasons to wait, the store's limit first where calls wait for it."""
    pace = of_limit(limit)
    return (WaitingOrders(pace, 0), *waits) if pace else tuple(waits)


def _of_row(row: Wait) -> Waiting:
    meaning, sentence = WAIT_MEANING[row.kind], row.reason
    if row.kind in (_K.PROCESSING, _K.QUEUED) or not row.reason:
        sentence = meaning
    elif row.orders > 1 and row.kind not in _SAME_FOR_ALL:
        sentence = f"{meaning} For example: {row.reason}"
    if row.kind is _K.QUEUED:
        since, until = row.until, None
    elif row.kind is _K.PROCESSING:
        since, until = None, None
    else:
        since, until = row.since, row.until
    return Waiting(row.kind, sentence, row.account, since, until, _REMEDY.get(row.kind, ""))


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
        sentence = f"Worker {worker} is processing the order."
        return Waiting(_K.PROCESSING, sentence, until=row.due_at)
    if row.waiting not in set(WaitKind):
        return None
    kind = WaitKind(row.waiting)
    for common in conditions.waiting:
        is_this = (common.kind, common.account) == (kind, row.waiting_account)
        if is_this and (common.account or kind is _K.PAUSED):
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
