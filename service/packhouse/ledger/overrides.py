"""What a person does to an order: each act takes it from the machine, whose next write then fails."""

from __future__ import annotations

from sqlalchemy import Connection

from packhouse.ledger import holds, journal, leases, orders
from packhouse.model.hold import Hold, HoldCode
from packhouse.model.journal import Act


def place_hold(connection: Connection, now: float, order_id: str, reason: str, actor: str) -> Hold | None:
    """Stop an order; answers the standing hold, or None if we do not know the order."""
    if not leases.seize(connection, now, order_id):
        return None
    holds.put(
        connection,
        now,
        order_id=order_id,
        code=HoldCode.BY_PERSON,
        note=reason,
        fingerprint=orders.fingerprint(connection, order_id),
        placed_by=actor,
    )
    journal.write(
        connection, now, [Act(order_id, "held", reason, actor=actor, data={"code": HoldCode.BY_PERSON.value})]
    )
    return next(
        hold
        for hold in holds.of_order(connection, order_id)
        if hold.stands and hold.code is HoldCode.BY_PERSON and not hold.shipment_id
    )


def release_hold(
    connection: Connection, now: float, hold_id: int, reason: str, actor: str
) -> tuple[Hold | None, bool]:
    """Let an order go on; answers the hold (None if unknown) and whether it stood."""
    hold = holds.by_id(connection, hold_id)
    if hold is None:
        return None, False
    # The order first: whoever works on it must notice before the hold is gone.
    leases.seize(connection, now, hold.order_id)
    released = holds.release(connection, now, hold_id, by=actor, reason=reason)
    if released:
        act = Act(hold.order_id, "released", f"{hold.code}: {reason}", hold.shipment_id, actor)
        journal.write(connection, now, [act])
    return holds.by_id(connection, hold_id), released


def retry(connection: Connection, now: float, order_id: str, reason: str, actor: str) -> bool:
    """Make an order due now and forget its failures; answers False if we do not know it."""
    known = leases.seize(connection, now, order_id)
    if known:
        journal.write(connection, now, [Act(order_id, "retry_asked", reason, actor=actor)])
    return known
