"""Crashes: the leases that a process left behind when it ended, and the orders that may have ended it.

An order whose process ended twice in a row while it had the order is a suspect, and is processed with other
suspects only, then alone. A suspect whose process ends while it had no other order is set aside: a hold shows
it, and it is tried again alone after a while, each time after a longer one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, select, text

from packhouse.config.sections import RetrySettings
from packhouse.ledger import holds
from packhouse.ledger.statements import Prepared
from packhouse.ledger.tables import orders, shipments
from packhouse.ledger.tx import SUSPECT_CRASHES, Tx
from packhouse.model.hold import KINDS, HoldCode
from packhouse.model.journal import Entry
from packhouse.model.states import OrderPhase, ShipmentState

_MOST_WAITS: Final = 24
_IN_DOUBT = (ShipmentState.BUYING.value, ShipmentState.UNKNOWN.value)

_LEASED = (
    select(orders.c.id, orders.c.lease, orders.c.crashes)
    .where(orders.c.lease.is_not(None))
    .with_for_update(skip_locked=True)  # SQLite has one writer, and ignores it
)
_EXPIRED = Prepared(_LEASED.where(orders.c.due_at <= bindparam("now")))
_TOKENS = select(orders.c.lease).where(orders.c.lease.is_not(None))
_END = text(
    "UPDATE orders SET lease = NULL, crashes = :crashes, due_at = :now WHERE id = :id AND lease = :lease"
)
_SET_ASIDE = text(
    "UPDATE orders SET phase = :phase, reason = :reason, due_at = :due_at, waiting = '', "
    "waiting_account = '', waiting_since = NULL, updated_at = :now WHERE id = :id"
)
_IS_SUSPECT_DUE = Prepared(
    text(
        # The literal number lets both databases use the partial index.
        f"SELECT 1 FROM orders WHERE crashes > {SUSPECT_CRASHES - 1} AND due_at <= :since LIMIT 1"  # noqa: S608
    )
)
_PURCHASES = select(shipments.c.id).where(
    shipments.c.order_id == bindparam("order_id"), shipments.c.state.in_(_IN_DOUBT)
)


@dataclass(frozen=True, slots=True)
class Ended:
    """An order whose lease was ended for a process that is gone.

    `crashes` counts such ends in a row, `set_aside_s` is how long the order is set aside, 0 if it is not.
    """

    order_id: str
    crashes: int
    set_aside_s: float = 0.0


def end_all(tx: Tx, retry: RetrySettings) -> list[Ended]:
    """End every lease: for a ledger that one process uses, whose previous process has ended."""
    return _end(tx, tx.connection.execute(_LEASED).all(), "", retry)


def end_expired(tx: Tx, worker: str, retry: RetrySettings) -> list[Ended]:
    """End the leases that ran out. Those of this worker itself, which lives, count as no crash."""
    return _end(tx, _EXPIRED.rows(tx.connection, {"now": tx.now}), worker, retry)


def is_suspect_due(tx: Tx, since: float) -> bool:
    """Whether a suspect has been due since that time."""
    return bool(_IS_SUSPECT_DUE.rows(tx.connection, {"since": since}))


def _end(tx: Tx, rows: Sequence[Any], worker: str, retry: RetrySettings) -> list[Ended]:
    if not rows:
        return []
    of_worker = Counter(map(_worker_of, tx.connection.execute(_TOKENS).scalars()))
    ended = []
    for order_id, lease, crashes_before in sorted(rows, key=lambda row: str(row[0])):
        owner = _worker_of(lease)
        crashes = crashes_before + (owner != worker)
        values = {"id": order_id, "lease": lease, "crashes": crashes, "now": tx.now}
        tx.connection.execute(_END, values)
        is_guilty = owner != worker and crashes >= SUSPECT_CRASHES and of_worker[owner] == 1
        wait_s = set_aside_s(retry, crashes) if is_guilty else 0.0
        if is_guilty:
            _set_aside(tx, order_id, crashes, wait_s)
        ended.append(Ended(order_id, crashes, wait_s))
    return ended


def set_aside_s(retry: RetrySettings, crashes: int = 64) -> float:
    """How long an order is set aside after so many crashes in a row; at most 24 times retry.max_s."""
    return min(retry.base_s * 3.0 ** min(crashes - 1, 32), _MOST_WAITS * retry.max_s)


def _set_aside(tx: Tx, order_id: str, crashes: int, wait_s: float) -> None:
    begun = list(tx.connection.execute(_PURCHASES, {"order_id": order_id}).scalars())
    note = _note(crashes, wait_s, begun)
    kind = KINDS[HoldCode.PROCESS_CRASHED]
    problem, detail = kind.split(note)
    entry = Entry(
        order_id, "held", f"{problem}:", data={"code": kind.code.value, "crashes": crashes}, quoted=detail
    )
    holds.put_or_renote(tx, order_id, kind.code, note, entry=entry)
    tx.connection.execute(
        _SET_ASIDE,
        {
            "id": order_id,
            "phase": OrderPhase.HELD.value,
            "reason": kind.explain(note),
            "due_at": tx.now + wait_s,
            "now": tx.now,
        },
    )


def _note(crashes: int, wait_s: float, begun: Iterable[str]) -> str:
    wait = f"{wait_s:.0f} s" if wait_s < 120 else f"{wait_s / 60:.0f} min"
    note = f"{crashes} times in a row, the last time with no other order; tried again alone after {wait}"
    if names := ", ".join(begun):
        note += f"; the purchase of {names} was begun, and is looked up then"
    return note


def _worker_of(token: str) -> str:
    """The process that a lease belongs to: its token is WORKER:NUMBER."""
    return token.partition(":")[0]
