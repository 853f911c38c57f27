"""What several operations do inside their transaction: lock an order, revoke its lease, find and place holds.

An operation first revokes the lease of the order, so that the worker that holds the lease can write nothing
more. The order stays locked until the transaction ends.
"""

from __future__ import annotations

from packhouse.errors import OperationRefused, RecordNotFound
from packhouse.ledger import holds, journal, leases, orders, queries
from packhouse.ledger.tx import Tx
from packhouse.model.hold import KINDS, Hold, HoldCode
from packhouse.model.journal import Entry
from packhouse.model.shipment import Shipment


def unknown_shipment(shipment_id: str) -> RecordNotFound:
    """The error for a shipment that the ledger does not have."""
    return RecordNotFound(
        f"Shipment {shipment_id} is not in the ledger. To list shipments: packhouse shipments list"
    )


def lock_shipment(tx: Tx, shipment_id: str) -> Shipment:
    """The shipment, which nothing else can change until the transaction ends. Raises RecordNotFound."""
    if seen := queries.shipment(tx.connection, shipment_id):
        leases.lock_order(tx, seen.order_id)
    shipment = queries.shipment(tx.connection, shipment_id)
    if shipment is None:
        raise unknown_shipment(shipment_id)
    return shipment


def revoke_or_create(tx: Tx, order_id: str) -> None:
    """Revoke the lease of an order. An order that the ledger does not know yet is added to it."""
    if not leases.revoke(tx, order_id):
        leases.wake(tx, order_id)
        leases.revoke(tx, order_id)


# Between the reasons of an operation that was repeated with another one.
_BETWEEN = "; "
_LONGEST_REASON = 2000


def put_hold(
    tx: Tx,
    order_id: str,
    code: HoldCode,
    note: str,
    actor: str,
    shipment_id: str = "",
) -> bool:
    """Place a hold that a person asked for; returns False if the same hold is active already."""
    return holds.put(
        tx,
        order_id=order_id,
        code=code,
        note=note,
        fingerprint=orders.fingerprint(tx.connection, order_id),
        placed_by=actor,
        shipment_id=shipment_id,
    )


def add_reason(known: str, reason: str) -> str:
    """The reason after a repeated operation: the first, and another one added. The same changes nothing."""
    if reason in known.split(_BETWEEN):
        return known
    return f"{known}{_BETWEEN}{reason}"[:_LONGEST_REASON] if known else reason


def active_hold(tx: Tx, order_id: str, code: HoldCode, shipment_id: str = "") -> Hold | None:
    """The active hold of this kind on exactly this order or shipment."""
    for hold in holds.of_order(tx.connection, order_id):
        if hold.is_active and hold.code is code and hold.shipment_id == shipment_id:
            return hold
    return None


def placed_hold(tx: Tx, order_id: str, code: HoldCode, shipment_id: str = "") -> Hold:
    """The active hold of this kind, where one is known to be active."""
    hold = active_hold(tx, order_id, code, shipment_id)
    assert hold is not None
    return hold


def place_manual_hold(tx: Tx, order_id: str, reason: str, actor: str, shipment_id: str = "") -> Hold:
    """Place an operator's hold on an order or a shipment; to an active one, another reason is added."""
    if not put_hold(tx, order_id, HoldCode.MANUAL, reason, actor, shipment_id):
        hold = placed_hold(tx, order_id, HoldCode.MANUAL, shipment_id)
        note = add_reason(hold.note, reason)
        if note == hold.note:
            return hold
        holds.change_note(tx, hold.id, note)
    entry = Entry(order_id, "held", reason, shipment_id, actor, {"code": HoldCode.MANUAL.value})
    journal.write(tx, [entry])
    return placed_hold(tx, order_id, HoldCode.MANUAL, shipment_id)


def holds_on(tx: Tx, shipment: Shipment) -> list[Hold]:
    """Every active hold on a shipment or on its whole order."""
    return [
        hold
        for hold in holds.of_order(tx.connection, shipment.order_id)
        if hold.is_active and hold.shipment_id in ("", shipment.id)
    ]


def taken_over(hold: Hold) -> OperationRefused:
    """The refusal for an order that an operator or a program has taken over."""
    return OperationRefused(
        "taken_over",
        f"Order {hold.order_id} is taken over by {hold.placed_by}: {hold.note}.",
        "Run the same command again to continue, or, if that work is finished: "
        f"packhouse holds release {hold.id} --reason WHY",
    )


def report_outcome(shipment_id: str) -> str:
    """How to report the outcome of a purchase that is unknown, as the hold's kind says it."""
    advice = KINDS[HoldCode.PURCHASE_UNKNOWN].advice_for(hold="", order="", shipment=shipment_id)
    return " ".join(f"{line.rstrip('.')}." for line in advice)
