"""Leases: which worker processes an order, and when. Wakes, claims, renews and releases orders.

An order's `due_at` is both the time to process it and the end of its lease: a worker claims a due row. Each
write of a worker names its lease's token, so a worker that lost its lease changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, TextClause, bindparam, select, text

from packhouse.errors import LeaseLost
from packhouse.ledger import notify
from packhouse.ledger.statements import Prepared
from packhouse.ledger.tables import orders as orders_table
from packhouse.ledger.tx import SUSPECT_CRASHES, Lease, Tx
from packhouse.model.states import OrderPhase
from packhouse.model.waiting import Waiting

# A wake-up counts even while a worker processes the order: the release then leaves the order due at once.
# It brings no order forward that is set aside (crashes.py), or each event could end the process again.
_WAKE = Prepared(
    text(
        """
    INSERT INTO orders (id, phase, site_slug, updated_at, due_at)
    VALUES (:id, 'open', :site_slug, :now, :now)
    ON CONFLICT (id) DO UPDATE SET
        wakes = orders.wakes + 1,
        site_slug = CASE WHEN orders.site_slug = '' THEN excluded.site_slug ELSE orders.site_slug END,
        due_at = CASE
            WHEN orders.lease IS NOT NULL OR orders.crashes > 1 THEN orders.due_at
            WHEN orders.phase <> 'shipped' THEN :now
            WHEN orders.due_at IS NULL OR orders.due_at > :shipped_due THEN :shipped_due
            ELSE orders.due_at
        END
    RETURNING due_at
    """
    )
)


def _of_many(change: str, which: str, found: str = "id") -> dict[str, TextClause]:
    """A change of all orders that `which` finds, for each engine.

    On PostgreSQL it skips rows that another transaction is changing, so bulk changes cannot deadlock. As an
    array, the inner query runs exactly once.
    """
    # The three parts are constants of this module.
    those = f"SELECT id FROM orders WHERE {which}"  # noqa: S608
    free = f"id = ANY(ARRAY({those} FOR UPDATE SKIP LOCKED))"
    return {
        "sqlite": text(f"UPDATE orders SET {change} WHERE id IN ({those}) RETURNING {found}"),  # noqa: S608
        "postgresql": text(f"UPDATE orders SET {change} WHERE {free} RETURNING {found}"),  # noqa: S608
    }


def _with_ids(change: str, which: str) -> dict[str, TextClause]:
    ids: BindParameter[str] = bindparam("ids", expanding=True)
    return {engine: statement.bindparams(ids) for engine, statement in _of_many(change, which).items()}


_CLAIM = {
    engine: Prepared(statement)
    for engine, statement in _of_many(
        "lease = :token, due_at = :until",
        f"due_at <= :now AND crashes < {SUSPECT_CRASHES} ORDER BY due_at LIMIT :most",
        "id, wakes, attempts, phase, crashes",
    ).items()
}
_ANY_CRASHES = 2**31 - 1
_CLAIM_SUSPECTS = {
    engine: Prepared(statement)
    for engine, statement in _of_many(
        "lease = :token, due_at = :until",
        f"due_at <= :now AND crashes > {SUSPECT_CRASHES - 1} AND crashes <= :worst "
        "ORDER BY due_at LIMIT :most",
        "id, wakes, attempts, phase, crashes",
    ).items()
}
_IS_ANY_DUE = Prepared(text("SELECT 1 FROM orders WHERE due_at <= :now LIMIT 1"))
_REQUIRE = Prepared(text("UPDATE orders SET updated_at = :now WHERE id = :id AND lease = :token"))
_RENEW = _with_ids("due_at = :until", "id IN :ids AND lease LIKE :worker")
_RELEASE = Prepared(
    text(
        """
    UPDATE orders SET
        lease = NULL, updated_at = :now, phase = :phase, reason = :reason, attempts = :attempts, crashes = 0,
        last_error = :last_error,
        waiting_since = CASE
            WHEN :waiting = '' THEN NULL
            WHEN waiting = :waiting AND waiting_account = :account THEN coalesce(waiting_since, :now)
            ELSE :now
        END,
        waiting = :waiting, waiting_account = :account,
        due_at = CASE WHEN wakes = :wakes THEN :due_at ELSE :woken_due END
    WHERE id = :id AND lease = :token
    RETURNING due_at
    """
    )
)


def wake(tx: Tx, order_id: str, *, site_slug: str = "", shipped_delay_s: float = 0.0) -> None:
    """Make an order due because it may have changed: at once, or after `shipped_delay_s` if it is shipped."""
    values = {"id": order_id, "site_slug": site_slug, "now": tx.now, "shipped_due": tx.now + shipped_delay_s}
    notify.mark_due(tx, _WAKE.scalar(tx.connection, values))


def is_any_due(connection: Connection, now: float) -> bool:
    """Whether there may be something to claim: an order is due, or a lease has ended."""
    return _IS_ANY_DUE.scalar(connection, {"now": now}) is not None


def claim(tx: Tx, token: str, until: float, most: int) -> list[Lease]:
    """Claim up to `most` due orders until `until`, the longest due first; no suspects."""
    values = {"token": token, "now": tx.now, "until": until, "most": most}
    return _leases(token, _CLAIM[tx.connection.dialect.name].rows(tx.connection, values))


def claim_suspects(tx: Tx, token: str, until: float, most: int) -> list[Lease]:
    """Claim up to `most` suspects, or else one that ended a process among suspects, which must be alone."""
    claim_these = _CLAIM_SUSPECTS[tx.connection.dialect.name]
    values = {"token": token, "now": tx.now, "until": until}
    together = {"worst": SUSPECT_CRASHES, "most": most}
    if taken := _leases(token, claim_these.rows(tx.connection, values | together)):
        return taken
    return _leases(token, claim_these.rows(tx.connection, values | {"worst": _ANY_CRASHES, "most": 1}))


def _leases(token: str, rows: Iterable[tuple[Any, ...]]) -> list[Lease]:
    return [
        Lease(order_id, token, wakes, attempts, OrderPhase(phase), crashes)
        for order_id, wakes, attempts, phase, crashes in rows
    ]


def require(tx: Tx) -> Lease:
    """Prove inside a transaction that its lease is still held, and return the lease. Raises LeaseLost."""
    lease = tx.held_lease
    values = {"now": tx.now, "id": lease.order_id, "token": lease.token}
    if _REQUIRE.run(tx.connection, values) != 1:
        raise LeaseLost(lost(lease))
    return lease


def renew(tx: Tx, order_ids: Sequence[str], worker: str, until: float) -> set[str]:
    """Renew the leases of this worker, whose tokens begin with its id; returns the orders still held.

    An order that is being written at this moment may be missing, until the next call.
    """
    if not order_ids:
        return set()
    values = {"ids": list(order_ids), "worker": f"{worker}:%", "until": until}
    return set(tx.connection.execute(_RENEW[tx.connection.dialect.name], values).scalars())


def release(
    tx: Tx,
    *,
    phase: OrderPhase,
    due_at: float | None,
    reason: str = "",
    attempts: int = 0,
    last_error: str = "",
    waiting: Waiting | None = None,
    woken_delay_s: float = 0.0,
) -> None:
    """End the lease. The order is due at `due_at`, or after `woken_delay_s` if it was woken meanwhile.

    What it waits for keeps its beginning as long as the kind and the account stay the same.

    Raises LeaseLost.
    """
    released = _RELEASE.rows(
        tx.connection,
        {
            "now": tx.now,
            "id": tx.held_lease.order_id,
            "token": tx.held_lease.token,
            "wakes": tx.held_lease.wakes,
            "phase": phase.value,
            "reason": reason,
            "attempts": attempts,
            "last_error": last_error,
            "waiting": waiting.kind.value if waiting else "",
            "account": waiting.account if waiting else "",
            "due_at": due_at,
            "woken_due": tx.now + woken_delay_s,
        },
    )
    if not released:
        raise LeaseLost(lost(tx.held_lease))
    notify.mark_due(tx, released[0][0])


_ABANDON = text(
    "UPDATE orders SET lease = NULL, due_at = :due_at, attempts = attempts + :failures, updated_at = :now "
    "WHERE id = :id AND lease = :token"
)
_RELEASE_WORKER = text(
    "UPDATE orders SET lease = NULL, due_at = :due_at WHERE lease LIKE :worker RETURNING id"
)
_WAKE_STALLED = _of_many(
    "due_at = :now",
    "(due_at IS NULL AND phase IN ('open', 'held')) "
    "OR (lease IS NULL AND due_at > :latest) OR (lease IS NOT NULL AND due_at > :latest_lease)",
)
_WAKE_UNFINISHED = _of_many(
    "due_at = :now",
    "phase IN ('open', 'held') AND lease IS NULL AND crashes < 2 AND (due_at IS NULL OR due_at > :now)",
)
# SQLite has one writer at a time, and neither needs nor has row locks.
_LOCK_ORDER = select(orders_table.c.id).where(orders_table.c.id == bindparam("id")).with_for_update()
_REVOKE = text(
    "UPDATE orders SET lease = NULL, wakes = wakes + 1, due_at = :now, attempts = 0, crashes = 0, "
    "updated_at = :now WHERE id = :id"
)


def abandon(tx: Tx, due_at: float, failures: int = 0) -> None:
    """End the lease, count failures, and change nothing else. Raises LeaseLost."""
    lease = tx.held_lease
    values: dict[str, object] = {"now": tx.now, "due_at": due_at, "failures": failures}
    values |= {"id": lease.order_id, "token": lease.token}
    if tx.connection.execute(_ABANDON, values).rowcount != 1:
        raise LeaseLost(lost(tx.held_lease))
    notify.mark_due(tx, due_at)


def release_worker(tx: Tx, worker: str, due_at: float) -> int:
    """End every lease of a worker that stops in order: the next process must not count its end as a crash."""
    values = {"worker": f"{worker}:%", "due_at": due_at}
    return _notified(tx, len(tx.connection.execute(_RELEASE_WORKER, values).all()))


def wake_unfinished(tx: Tx) -> int:
    """Make every unfinished order due, because new settings may free them. Returns how many."""
    return _notified(
        tx,
        len(tx.connection.execute(_WAKE_UNFINISHED[tx.connection.dialect.name], {"now": tx.now}).all()),
    )


def wake_stalled(tx: Tx, latest: float = math.inf, latest_lease: float = math.inf) -> int:
    """A safety net. Makes due each unfinished order without a due time, and each that a fast clock deferred
    beyond `latest` (a leased one: `latest_lease`). Returns how many.
    """
    times = {"now": tx.now, "latest": latest, "latest_lease": latest_lease}
    return _notified(tx, len(tx.connection.execute(_WAKE_STALLED[tx.connection.dialect.name], times).all()))


def lock_order(tx: Tx, order_id: str) -> None:
    """Lock the order until this transaction ends, so that what the transaction reads of it stays true."""
    tx.connection.execute(_LOCK_ORDER, {"id": order_id})


def revoke(tx: Tx, order_id: str) -> bool:
    """End any lease on the order, so that the worker's next write fails. Returns whether the order exists."""
    revoked = tx.connection.execute(_REVOKE, {"now": tx.now, "id": order_id}).rowcount
    return _notified(tx, revoked) == 1


def lost(lease: Lease) -> str:
    """What a LeaseLost says."""
    return f"lost the lease on order {lease.order_id}: another worker holds it"


def _notified(tx: Tx, count: int) -> int:
    """Mark the transaction if any order became due; returns how many did."""
    if count:
        notify.mark_due(tx, tx.now)
    return count
