"""Who thinks about which order, and when: waking, claiming, renewing, releasing.

An order's `due_at` is both the time to act and the end of its lease: whoever finds a due row takes it. Every
write of a worker names its lease's token, so one that lost its lease changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, TextClause, bindparam, select, text

from packhouse.errors import LeaseLost
from packhouse.ledger import bell
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
_MEET = text(
    """
    INSERT INTO orders (id, phase, site_slug, first_seen_at, updated_at, due_at)
    VALUES (:id, 'open', :site_slug, :now, :now, :now)
    ON CONFLICT (id) DO UPDATE SET due_at = :now
        WHERE orders.lease IS NULL AND orders.phase IN ('shipped', 'closed')
            AND (orders.looked_at IS NULL OR orders.looked_at < :before OR orders.looked_at > :now)
    """
)
_CLAIM = """
    UPDATE orders SET lease = :token, due_at = :until
    WHERE {found} RETURNING id, wakes, attempts, phase
"""
_DUE = "SELECT id FROM orders WHERE due_at <= :now ORDER BY due_at LIMIT :most"
_CLAIM_SQLITE = text(_CLAIM.format(found=f"id IN ({_DUE})"))
# Rows that another replica is about to take are passed over. As an array, the query runs once and no more.
_CLAIM_POSTGRES = text(_CLAIM.format(found=f"id = ANY(ARRAY({_DUE} FOR UPDATE SKIP LOCKED))"))
_KEEP = text("UPDATE orders SET updated_at = :now WHERE id = :id AND lease = :token")
_STANDS = text("SELECT 1 FROM orders WHERE id = :id AND lease = :token")
_RENEW: TextClause = text(
    "UPDATE orders SET due_at = :until WHERE id IN :ids AND lease LIKE :worker"
).bindparams(bindparam("ids", expanding=True))
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
    bell.ring(connection, due_at, now)


def meet(connection: Connection, now: float, orders: Sequence[tuple[str, str]], before: float) -> int:
    """Make orders (id, site) that the store lists as pending due: those never met, and those that we
    believed done and have never looked at, or not since `before`. Answers how many.
    """
    count = 0
    for order_id, site_slug in orders:
        count += connection.execute(
            _MEET, {"id": order_id, "site_slug": site_slug, "now": now, "before": before}
        ).rowcount
    return _rung(connection, now, count)


def claim(connection: Connection, now: float, token: str, until: float, most: int) -> list[Lease]:
    """Take up to `most` due orders, the longest due first, until `until`."""
    statement = _CLAIM_POSTGRES if connection.dialect.name == "postgresql" else _CLAIM_SQLITE
    rows = connection.execute(statement, {"token": token, "now": now, "until": until, "most": most})
    return [Lease(row.id, token, row.wakes, row.attempts, OrderPhase(row.phase)) for row in rows]


def keep(connection: Connection, now: float, lease: Lease) -> None:
    """Prove inside a transaction that the lease still stands. Raises LeaseLost."""
    if connection.execute(_KEEP, {"now": now, "id": lease.order_id, "token": lease.token}).rowcount != 1:
        raise LeaseLost(f"order {lease.order_id} is somebody else's now")


def stands(connection: Connection, lease: Lease) -> bool:
    """Whether nobody has taken the order away: a read, for the last moment before money is spent."""
    return connection.execute(_STANDS, {"id": lease.order_id, "token": lease.token}).first() is not None


def renew(connection: Connection, order_ids: Sequence[str], worker: str, until: float) -> int:
    """Prolong what this worker holds (its tokens begin with its name); answers how many that still are."""
    if not order_ids:
        return 0
    return connection.execute(
        _RENEW, {"ids": list(order_ids), "worker": f"{worker}:%", "until": until}
    ).rowcount


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
    bell.ring(connection, released.due_at, now)


_LET_GO = text(
    "UPDATE orders SET lease = NULL, due_at = :due_at, updated_at = :now WHERE id = :id AND lease = :token"
)
_FREE_ALL = text("UPDATE orders SET lease = NULL, due_at = :now WHERE lease IS NOT NULL")
_RESCUE = text(
    "UPDATE orders SET due_at = :now WHERE (due_at IS NULL AND phase IN ('open', 'held')) "
    "OR (lease IS NULL AND due_at > :latest) OR (lease IS NOT NULL AND due_at > :latest_lease)"
)
_STIR = text("UPDATE orders SET due_at = :now WHERE lease IS NULL AND phase IN ('open', 'held')")
# SQLite, with one writer at a time, needs no lock and knows none.
_KEEP_STILL = select(orders_table.c.id).where(orders_table.c.id == bindparam("id")).with_for_update()
_SEIZE = text(
    "UPDATE orders SET lease = NULL, wakes = wakes + 1, due_at = :now, attempts = 0, updated_at = :now "
    "WHERE id = :id"
)


def let_go(connection: Connection, now: float, lease: Lease, due_at: float) -> None:
    """Give the order back as it stands. Raises LeaseLost."""
    values = {"now": now, "due_at": due_at, "id": lease.order_id, "token": lease.token}
    if connection.execute(_LET_GO, values).rowcount != 1:
        raise LeaseLost(f"order {lease.order_id} is somebody else's now")


def free_all(connection: Connection, now: float) -> int:
    """Free every lease: for a ledger that only one process can hold, whose last owner is gone."""
    return connection.execute(_FREE_ALL, {"now": now}).rowcount


def stir(connection: Connection, now: float) -> int:
    """Make every unfinished order due: settings may have changed what holds them. Answers how many."""
    return _rung(connection, now, connection.execute(_STIR, {"now": now}).rowcount)


def rescue(
    connection: Connection, now: float, latest: float = math.inf, latest_lease: float = math.inf
) -> int:
    """A safety net: make due whatever is unfinished and has no time to act, and what a clock that once ran
    ahead has put off until after `latest` (a lease: `latest_lease`). Answers how many.
    """
    times = {"now": now, "latest": latest, "latest_lease": latest_lease}
    return _rung(connection, now, connection.execute(_RESCUE, times).rowcount)


def keep_still(connection: Connection, order_id: str) -> None:
    """Let nobody else change or take the order until this transaction ends: what is read now stays true."""
    connection.execute(_KEEP_STILL, {"id": order_id})


def seize(connection: Connection, now: float, order_id: str) -> bool:
    """Take the order from whoever holds it: their next write fails. Answers whether we know the order."""
    seized = connection.execute(_SEIZE, {"now": now, "id": order_id}).rowcount
    return _rung(connection, now, seized) == 1


def _rung(connection: Connection, now: float, count: int) -> int:
    """Ring the bell if any order became due now; answers how many did."""
    if count:
        bell.ring(connection, now, now)
    return count
