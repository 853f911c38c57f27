"""What a person does to an order: each act takes it from the machine, whose next write then fails."""

from __future__ import annotations

from packhouse.errors import OperationRefused
from packhouse.ledger import guard, holds, journal, leases, orders, queries, shipments
from packhouse.ledger.statements import update_where
from packhouse.ledger.tables import shipments as shipments_table
from packhouse.ledger.tx import Tx
from packhouse.model.hold import Hold, HoldCode
from packhouse.model.journal import Entry
from packhouse.model.label import Label
from packhouse.model.shipment import Shipment
from packhouse.model.states import MOVES, ShipmentState

_MOVED = update_where(shipments_table, ("id", "state"), ("state", "updated_at"))


def pause(tx: Tx, reason: str, actor: str) -> None:
    """Stop buying and posting; intake, looking and voiding go on."""
    guard.pause(tx, f"{actor}: {reason}")
    journal.write(tx, [Entry("", "paused", reason, actor=actor)])


def resume(tx: Tx, reason: str, actor: str) -> None:
    """Go on; what waited is due at once."""
    guard.pause(tx, "")
    journal.write(tx, [Entry("", "resumed", reason, actor=actor)])


def place_hold(tx: Tx, order_id: str, reason: str, actor: str) -> Hold | None:
    """Stop an order; answers the standing hold, or None if we do not know the order."""
    if not leases.revoke(tx, order_id):
        return None
    holds.put(
        tx,
        order_id=order_id,
        code=HoldCode.MANUAL,
        note=reason,
        fingerprint=orders.fingerprint(tx.connection, order_id),
        placed_by=actor,
    )
    journal.write(tx, [Entry(order_id, "held", reason, actor=actor, data={"code": HoldCode.MANUAL.value})])
    return next(
        hold
        for hold in holds.of_order(tx.connection, order_id)
        if hold.is_active and hold.code is HoldCode.MANUAL and not hold.shipment_id
    )


def release_hold(tx: Tx, hold_id: int, reason: str, actor: str) -> tuple[Hold | None, bool]:
    """Let an order go on; answers the hold (None if unknown) and whether it stood.

    Raises ActRefused for a purchase in doubt: a release would not say whether its label was bought.
    """
    hold = holds.by_id(tx.connection, hold_id)
    if hold is None:
        return None, False
    if hold.is_active and hold.kind.needs_outcome:
        what_to_do = " ".join(f"{line.rstrip('.')}." for line in hold.advice)
        raise OperationRefused(f"A release does not say whether a label was bought. {what_to_do}")
    # The order first: whoever works on it must notice before the hold is gone.
    leases.revoke(tx, hold.order_id)
    released = holds.release(tx, hold_id, by=actor, reason=reason)
    if released:
        act = Entry(hold.order_id, "released", f"{hold.code}: {reason}", hold.shipment_id, actor)
        journal.write(tx, [act])
    return holds.by_id(tx.connection, hold_id), released


def adopt(tx: Tx, shipment_id: str, label: Label, reason: str, actor: str) -> str:
    """A person says which label was bought for a shipment nobody could tell of; answers "" or why not."""
    if met := queries.shipment(tx.connection, shipment_id):
        leases.lock_order(tx, met.order_id)
    shipment = queries.shipment(tx.connection, shipment_id)
    if shipment is None:
        return f"there is no shipment {shipment_id} here"
    if shipment.label is not None:
        return f"shipment {shipment_id} has its label already: {shipment.label.tracking_number}"
    if shipment.state not in (ShipmentState.HELD, ShipmentState.UNKNOWN):
        return f"shipment {shipment_id} is {shipment.state}; only one that is held or unknown adopts a label"
    if bearer := shipments.owner_of_tracking(tx.connection, label.tracking_number, shipment_id):
        return f"{label.tracking_number} is the label of shipment {bearer[0]} already; look for its own again"
    leases.revoke(tx, shipment.order_id)
    act = Entry(
        shipment.order_id,
        "adopted",
        f"{label.tracking_number} for {label.cost}. {reason}",
        shipment_id,
        actor,
        {"tracking_number": label.tracking_number, "cost": str(label.cost)},
    )
    step(tx, shipment, ShipmentState.LABELED)
    shipments.add_label(tx, label)
    _settle_hold(tx, shipment, actor, reason)
    journal.write(tx, [act])
    return ""


def not_bought(tx: Tx, shipment_id: str, reason: str, actor: str) -> str:
    """A person says that no label was bought: the shipment is planned again. Answers "" or why not."""
    if met := queries.shipment(tx.connection, shipment_id):
        leases.lock_order(tx, met.order_id)
    shipment = queries.shipment(tx.connection, shipment_id)
    if shipment is None:
        return f"there is no shipment {shipment_id} here"
    if shipment.label is not None:
        return f"shipment {shipment_id} has a label: {shipment.label.tracking_number}"
    if shipment.state not in (ShipmentState.HELD, ShipmentState.UNKNOWN):
        return f"shipment {shipment_id} is {shipment.state}: nothing about its purchase is in doubt"
    leases.revoke(tx, shipment.order_id)
    step(tx, shipment, ShipmentState.PLANNED)
    _settle_hold(tx, shipment, actor, reason)
    journal.write(tx, [Entry(shipment.order_id, "not_bought", reason, shipment_id, actor)])
    return ""


def step(
    tx: Tx,
    shipment: Shipment,
    to: ShipmentState,
    *,
    since: ShipmentState | None = None,
) -> None:
    """Move a shipment whose order was just taken from the machine, out of its state or that of `since`."""
    state = since or shipment.state
    if to not in MOVES[state]:
        raise ValueError(f"a shipment does not go from {state} to {to}")
    changed = tx.connection.execute(
        _MOVED, {"w_id": shipment.id, "w_state": state.value, "v_state": to.value, "v_updated_at": tx.now}
    ).rowcount
    if changed != 1:
        raise OperationRefused(f"shipment {shipment.id} is no longer {state}: look at it again first")


def _settle_hold(tx: Tx, shipment: Shipment, actor: str, reason: str) -> None:
    for hold in holds.of_order(tx.connection, shipment.order_id):
        if hold.is_active and hold.shipment_id == shipment.id and hold.kind.needs_outcome:
            holds.release(tx, hold.id, by=actor, reason=reason)


def retry(tx: Tx, order_id: str, reason: str, actor: str) -> bool:
    """Make an order due now and forget its failures; answers False if we do not know it."""
    known = leases.revoke(tx, order_id)
    if known:
        journal.write(tx, [Entry(order_id, "retry_requested", reason, actor=actor)])
    return known
