"""Who thinks about which order, and when: waking, claiming, renewing, releasing.

An order's `due_at` is both the time to act and the end of its lease: whoever finds a due row takes it. Every
write of a worker names its lease's token, so one that lost its lease changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BindParameter, Connection, TextClause, bindparam, select, text

from packhouse.errors import LeaseLost
from packhouse.ledger import notify
from packhouse.ledger.tables import orders as orders_table
from packhouse.model.states import OrderPhase


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to act on one order until somebody else finds it due.

    `wakes` is the count of hints when it was taken, `attempts` the failures in a row before it.
    """

    order_id: str
    token: str
    wakes: int
    attempts: int
    phase: OrderPhase


# A hint counts even while somebody works on the order: the release then leaves it due at once.
_WAKE = text(
    """
    INSERT INTO orders (id, phase, site_slug, first_seen_at, updated_at, due_at)
    VALUES (:id, 'open', :site_slug, :now, :now, :now)
    ON CONFLICT (id) DO UPDATE SET
        wakes = orders.wakes + 1,
        site_slug = CASE WHEN orders.site_slug = '' THEN excluded.site_slug ELSE orders.site_slug END,
        due_at = CASE
            WHEN orders.lease IS NOT NULL THEN orders.due_at
            WHEN orders.phase <> 'shipped' THEN :now
            WHEN orders.due_at IS NULL OR orders.due_at > :shipped_due THEN :shipped_due
            ELSE orders.due_at
        END
    RETURNING due_at
    """
)


def _of_many(change: str, which: str, found: str = "id") -> dict[str, TextClause]:
    """A change of all orders that `which` finds, for each engine.

    On PostgreSQL, rows that somebody else is changing are passed over: who waits for nobody is part of no
    deadlock. As an array, the query for them runs once and no more.
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


_ADD = text(
    """
    INSERT INTO orders (id, phase, site_slug, first_seen_at, updated_at, due_at)
    VALUES (:id, 'open', :site_slug, :now, :now, :now)
    ON CONFLICT (id) DO NOTHING
    """
)
_WAKE_LISTED = _with_ids(
    "due_at = :now",
    "id IN :ids AND lease IS NULL AND phase IN ('shipped', 'closed') "
    "AND (looked_at IS NULL OR looked_at < :before OR looked_at > :now)",
)
_CLAIM = _of_many(
    "lease = :token, due_at = :until",
    "due_at <= :now ORDER BY due_at LIMIT :most",
    "id, wakes, attempts, phase",
)
_REQUIRE = text("UPDATE orders SET updated_at = :now WHERE id = :id AND lease = :token")
_IS_HELD = text("SELECT 1 FROM orders WHERE id = :id AND lease = :token")
_RENEW = _with_ids("due_at = :until", "id IN :ids AND lease LIKE :worker")
_RELEASE = text(
    """
    UPDATE orders SET
        lease = NULL, updated_at = :now, phase = :phase, reason = :reason, attempts = :attempts,
        last_error = :last_error, due_at = CASE WHEN wakes = :wakes THEN :due_at ELSE :woken_due END
    WHERE id = :id AND lease = :token
    RETURNING due_at
    """
)


def wake(
    connection: Connection, now: float, order_id: str, *, site_slug: str = "", shipped_delay_s: float = 0.0
) -> None:
    """Note that an order may have changed: due at once, or after `shipped_delay_s` if we shipped it."""
    due_at = connection.execute(
        _WAKE, {"id": order_id, "site_slug": site_slug, "now": now, "shipped_due": now + shipped_delay_s}
    ).scalar_one()
    notify.mark_due(connection, due_at, now)


def add_listed(connection: Connection, now: float, orders: Sequence[tuple[str, str]], before: float) -> int:
    """Make orders (id, site) that the store lists as pending due: those never met, and those that we
    believed done and have never looked at, or not since `before`. Answers how many.
    """
    if not orders:
        return 0
    count = 0
    # In one sequence, whoever lists them: so two who meet the same orders never wait in a circle.
    for order_id, site_slug in sorted(orders):
        count += connection.execute(_ADD, {"id": order_id, "site_slug": site_slug, "now": now}).rowcount
    known = {"ids": [order_id for order_id, _ in orders], "now": now, "before": before}
    count += len(connection.execute(_WAKE_LISTED[connection.dialect.name], known).all())
    return _notified(connection, now, count)


def claim(connection: Connection, now: float, token: str, until: float, most: int) -> list[Lease]:
    """Take up to `most` due orders, the longest due first, until `until`."""
    values = {"token": token, "now": now, "until": until, "most": most}
    rows = connection.execute(_CLAIM[connection.dialect.name], values)
    return [Lease(row.id, token, row.wakes, row.attempts, OrderPhase(row.phase)) for row in rows]


def require(connection: Connection, now: float, lease: Lease) -> None:
    """Prove inside a transaction that the lease still stands. Raises LeaseLost."""
    if connection.execute(_REQUIRE, {"now": now, "id": lease.order_id, "token": lease.token}).rowcount != 1:
        raise LeaseLost(f"order {lease.order_id} is somebody else's now")


def is_held(connection: Connection, lease: Lease) -> bool:
    """Whether nobody has taken the order away: a read, for the last moment before money is spent."""
    return connection.execute(_IS_HELD, {"id": lease.order_id, "token": lease.token}).first() is not None


def renew(connection: Connection, order_ids: Sequence[str], worker: str, until: float) -> set[str]:
    """Prolong what this worker holds (its tokens begin with its name); answers which that still are. One that
    is being written to just then may be left out, for the next time.
    """
    if not order_ids:
        return set()
    values = {"ids": list(order_ids), "worker": f"{worker}:%", "until": until}
    return set(connection.execute(_RENEW[connection.dialect.name], values).scalars())


def release(
    connection: Connection,
    now: float,
    lease: Lease,
    *,
    phase: OrderPhase,
    due_at: float | None,
    reason: str = "",
    attempts: int = 0,
    last_error: str = "",
    woken_delay_s: float = 0.0,
) -> None:
    """Give the order back, due at `due_at`, or after `woken_delay_s` if a hint came meanwhile.

    Raises LeaseLost.
    """
    released = connection.execute(
        _RELEASE,
        {
            "now": now,
            "id": lease.order_id,
            "token": lease.token,
            "wakes": lease.wakes,
            "phase": phase.value,
            "reason": reason,
            "attempts": attempts,
            "last_error": last_error,
            "due_at": due_at,
            "woken_due": now + woken_delay_s,
        },
    ).first()
    if released is None:
        raise LeaseLost(f"order {lease.order_id} is somebody else's now")
    notify.mark_due(connection, released.due_at, now)


_ABANDON = text(
    "UPDATE orders SET lease = NULL, due_at = :due_at, updated_at = :now WHERE id = :id AND lease = :token"
)
_RELEASE_ALL = text("UPDATE orders SET lease = NULL, due_at = :now WHERE lease IS NOT NULL")
_WAKE_STALLED = _of_many(
    "due_at = :now",
    "(due_at IS NULL AND phase IN ('open', 'held')) "
    "OR (lease IS NULL AND due_at > :latest) OR (lease IS NOT NULL AND due_at > :latest_lease)",
)
_WAKE_UNFINISHED = _of_many("due_at = :now", "lease IS NULL AND phase IN ('open', 'held')")
# SQLite, with one writer at a time, needs no lock and knows none.
_LOCK_ORDER = select(orders_table.c.id).where(orders_table.c.id == bindparam("id")).with_for_update()
_REVOKE = text(
    "UPDATE orders SET lease = NULL, wakes = wakes + 1, due_at = :now, attempts = 0, updated_at = :now "
    "WHERE id = :id"
)


def abandon(connection: Connection, now: float, lease: Lease, due_at: float) -> None:
    """Give the order back as it stands. Raises LeaseLost."""
    values = {"now": now, "due_at": due_at, "id": lease.order_id, "token": lease.token}
    if connection.execute(_ABANDON, values).rowcount != 1:
        raise LeaseLost(f"order {lease.order_id} is somebody else's now")


def release_all(connection: Connection, now: float) -> int:
    """Free every lease: for a ledger that only one process can hold, whose last owner is gone."""
    return connection.execute(_RELEASE_ALL, {"now": now}).rowcount


def wake_unfinished(connection: Connection, now: float) -> int:
    """Make every unfinished order due: settings may have changed what holds them. Answers how many."""
    return _notified(
        connection,
        now,
        len(connection.execute(_WAKE_UNFINISHED[connection.dialect.name], {"now": now}).all()),
    )


def wake_stalled(
    connection: Connection, now: float, latest: float = math.inf, latest_lease: float = math.inf
) -> int:
    """A safety net: make due whatever is unfinished and has no time to act, and what a clock that once ran
    ahead has put off until after `latest` (a lease: `latest_lease`). Answers how many.
    """
    times = {"now": now, "latest": latest, "latest_lease": latest_lease}
    return _notified(
        connection, now, len(connection.execute(_WAKE_STALLED[connection.dialect.name], times).all())
    )


def lock_order(connection: Connection, order_id: str) -> None:
    """Let nobody else change or take the order until this transaction ends: what is read now stays true."""
    connection.execute(_LOCK_ORDER, {"id": order_id})


def revoke(connection: Connection, now: float, order_id: str) -> bool:
    """Take the order from whoever holds it: their next write fails. Answers whether we know the order."""
    seized = connection.execute(_REVOKE, {"now": now, "id": order_id}).rowcount
    return _notified(connection, now, seized) == 1


def _notified(connection: Connection, now: float, count: int) -> int:
    """Ring the bell if any order became due now; answers how many did."""
    if count:
        notify.mark_due(connection, now, now)
    return count
