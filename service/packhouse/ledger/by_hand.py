"""What a person does with an order in the machine's place: takes it, marks it shipped, asks a label back.

Every act takes the order from the machine first, whose next write then fails. Each raises NotRecorded for
what is not here, and ActRefused, with what to do instead, for what the present state forbids; a repeated act
changes nothing more.
"""

from __future__ import annotations

from sqlalchemy import Connection

from packhouse.errors import OperationRefused, RecordNotFound
from packhouse.ledger import holds, journal, leases, orders, queries, shipments
from packhouse.ledger.overrides import step
from packhouse.ledger.tx import Tx
from packhouse.model.hold import Hold, HoldCode
from packhouse.model.hold_kind import Stage, Waiver
from packhouse.model.journal import MACHINE, Entry
from packhouse.model.label import Label
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState

_S = ShipmentState
_IN_DOUBT = (_S.BUYING, _S.UNKNOWN)


def take(tx: Tx, order_id: str, doing: str, reason: str, actor: str) -> tuple[Hold, bool]:
    """Keep the machine's hands off an order while a person does `doing`; answers the hold, and whether it
    stood before. Only the very same doing may go on under a hold that stands.
    """
    leases.lock_order(tx, order_id)
    standing, stood = _standing(tx.connection, order_id, HoldCode.TAKEN_OVER), True
    if standing is None:
        _seize(tx, order_id)
        stood = not _put(tx, order_id, HoldCode.TAKEN_OVER, doing, actor)
        if not stood:
            act = Entry(
                order_id, "taken_over", f"{doing}. {reason}", actor=actor, data={"code": "taken_over"}
            )
            journal.write(tx, [act])
        # Another process may have been faster by a moment: its hold stands then.
        standing = _must_stand(tx.connection, order_id, HoldCode.TAKEN_OVER)
    if standing.note != doing:
        raise OperationRefused(_in_hand_of(standing))
    return standing, stood


def post_by_hand(tx: Tx, order_id: str, reason: str, actor: str) -> None:
    """Let the machine buy the order's label, and leave its post to a person or a program."""
    leases.lock_order(tx, order_id)
    if _standing(tx.connection, order_id, HoldCode.EXTERNAL_POSTING):
        return
    _seize(tx, order_id)
    _put(tx, order_id, HoldCode.EXTERNAL_POSTING, "", actor)
    act = Entry(order_id, "label_requested", reason, actor=actor, data={"code": "external_posting"})
    journal.write(tx, [act])


def mark_shipped(tx: Tx, label: Label, reason: str, actor: str) -> None:
    """A person has sent the parcel off under this number: it is posted, and nothing is bought."""
    shipment = _shipment(tx, label.shipment_id)
    if shipment.label is not None:
        if shipment.label.tracking_number == label.tracking_number:
            return
        if shipment.state in (_S.FULFILLED, _S.DELIVERED):
            raise OperationRefused(
                f"the store has {shipment.label.tracking_number} for shipment {shipment.id} already, and "
                "told the buyer; correct it there"
            )
        raise OperationRefused(
            f"shipment {shipment.id} has the label {shipment.label.tracking_number}; take that back first: "
            f"packhouse shipments void {shipment.id} --reason WHY"
        )
    if shipment.state in _IN_DOUBT or _doubts(tx.connection, shipment):
        raise OperationRefused(_what_to_do_in_doubt(shipment))
    if shipment.state not in (_S.PLANNED, _S.HELD):
        raise OperationRefused(
            f"shipment {shipment.id} is {shipment.state}: there is nothing left to ship of it"
        )
    # Buyers may have two orders in one box. Within one order the store could not tell the two apart.
    bearer = shipments.owner_of_tracking(tx.connection, label.tracking_number, shipment.id)
    if bearer and bearer[1] == shipment.order_id:
        raise OperationRefused(
            f"{label.tracking_number} is the number of {bearer[0]} of the same order already; if both are in "
            f"one box, name the units: packhouse orders fulfill {shipment.order_id} --item LINE:QTY "
            f"--carrier {label.carrier} --tracking {label.tracking_number}"
        )
    leases.revoke(tx, shipment.order_id)
    if shipment.state is _S.PLANNED:
        step(tx, shipment, _S.HELD)
    step(tx, shipment, _S.LABELED, since=_S.HELD)
    shipments.add_label(tx, label)
    why = f"{label.carrier} {label.tracking_number}. {reason}"
    for hold in holds.of_order(tx.connection, shipment.order_id):
        if hold.is_active and hold.shipment_id == shipment.id:
            holds.release(tx, hold.id, by=actor, reason="It was sent off by hand.")
    act = Entry(
        shipment.order_id,
        "marked_shipped",
        why,
        shipment.id,
        actor,
        {"tracking_number": label.tracking_number},
    )
    journal.write(tx, [act])


def ask_void(tx: Tx, shipment_id: str, reason: str, actor: str, *, again: bool) -> None:
    """A person wants a label's money back. Unless `again`, the order is held: no new label is bought."""
    shipment = _shipment(tx, shipment_id)
    label = shipment.label
    if label is None:
        raise OperationRefused(f"shipment {shipment_id} has no label: there is nothing to take back")
    if shipment.state in (_S.FULFILLED, _S.DELIVERED):
        raise OperationRefused(
            f"the store has {label.tracking_number} already, which cannot be taken back; if the parcel stays "
            f"here, void the label in the account of {label.provider} and tell the buyer"
        )
    if label.state in (LabelState.VOIDING, LabelState.VOIDED):
        return
    if label.state is LabelState.VOID_REFUSED:
        raise OperationRefused(
            f"{label.carrier} has refused to take {label.tracking_number} back; to ask once more: "
            f"packhouse shipments release {shipment_id} --reason WHY"
        )
    leases.revoke(tx, shipment.order_id)
    if not _put(tx, shipment.order_id, HoldCode.VOID_REQUESTED, reason, actor, shipment_id):
        return
    entries = [Entry(shipment.order_id, "void_requested", reason, shipment_id, actor)]
    if not again:
        note = f"The label {label.tracking_number} was asked back; release this, and a new one is bought."
        if _put(tx, shipment.order_id, HoldCode.MANUAL, note, actor):
            entries.append(Entry(shipment.order_id, "held", note, actor=actor, data={"code": "manual"}))
    for hold in _of_shipment(tx.connection, shipment):
        if hold.blocks(Stage.POSTING) and not hold.blocks(Stage.BUYING):
            holds.release(tx, hold.id, by=actor, reason="The label was asked back.")
    journal.write(tx, entries)


def hold_shipment(tx: Tx, shipment_id: str, reason: str, actor: str) -> Hold:
    """Stop one shipment of an order; the others go on."""
    shipment = _shipment(tx, shipment_id)
    if shipment.state.is_final or shipment.state is _S.FULFILLED:
        raise OperationRefused(f"shipment {shipment_id} is {shipment.state}: nothing of it can be held back")
    leases.revoke(tx, shipment.order_id)
    if _put(tx, shipment.order_id, HoldCode.MANUAL, reason, actor, shipment_id):
        act = Entry(shipment.order_id, "held", reason, shipment_id, actor, {"code": "manual"})
        journal.write(tx, [act])
    return _must_stand(tx.connection, shipment.order_id, HoldCode.MANUAL, shipment_id)


def release_shipment(tx: Tx, shipment_id: str, reason: str, actor: str, *, ship: bool) -> list[Hold]:
    """Release what people asked for, and a refused void; with `ship` also each reason of the machine's that a
    person may set aside. Answers the holds that were released. Raises ActRefused where with `ship` another
    reason stands, which no person's word removes.
    """
    shipment = _shipment(tx, shipment_id)
    standing = _of_shipment(tx.connection, shipment)
    if busy := next((hold for hold in standing if hold.code is HoldCode.TAKEN_OVER), None):
        raise OperationRefused(_in_hand_of(busy))
    waiver = Waiver.SHIP if ship else Waiver.RELEASE
    gone = [hold for hold in standing if waiver in hold.kind.waivable]
    if ship:
        if shipment.state.is_final or shipment.state in (_S.FULFILLED, _S.VOIDING):
            raise OperationRefused(
                f"shipment {shipment_id} is {shipment.state}: nothing of it is left to ship"
            )
        if stays := [hold for hold in standing if hold not in gone]:
            raise OperationRefused(f"shipment {shipment_id} cannot ship yet. {stays[0].sentence}")
    leases.revoke(tx, shipment.order_id)
    for hold in gone:
        holds.release(tx, hold.id, by=actor, reason=reason)
    entries = [
        Entry(hold.order_id, "released", f"{hold.code}: {reason}", hold.shipment_id, actor) for hold in gone
    ]
    if ship:
        entries.append(Entry(shipment.order_id, "ship_requested", reason, shipment_id, actor))
    journal.write(tx, entries)
    return gone


def _shipment(tx: Tx, shipment_id: str) -> Shipment:
    """The shipment as it is and stays until the act is done."""
    if met := queries.shipment(tx.connection, shipment_id):
        leases.lock_order(tx, met.order_id)
    shipment = queries.shipment(tx.connection, shipment_id)
    if shipment is None:
        raise RecordNotFound(f"there is no shipment {shipment_id} here")
    return shipment


def _seize(tx: Tx, order_id: str) -> None:
    """Take an order, even one that nobody has told us of yet."""
    if not leases.revoke(tx, order_id):
        leases.wake(tx, order_id)
        leases.revoke(tx, order_id)


def _put(
    tx: Tx,
    order_id: str,
    code: HoldCode,
    note: str,
    actor: str,
    shipment_id: str = "",
) -> bool:
    return holds.put(
        tx,
        order_id=order_id,
        code=code,
        note=note,
        fingerprint=orders.fingerprint(tx.connection, order_id),
        placed_by=actor,
        shipment_id=shipment_id,
    )


def _standing(connection: Connection, order_id: str, code: HoldCode, shipment_id: str = "") -> Hold | None:
    for hold in holds.of_order(connection, order_id):
        if hold.is_active and hold.code is code and hold.shipment_id == shipment_id:
            return hold
    return None


def _must_stand(connection: Connection, order_id: str, code: HoldCode, shipment_id: str = "") -> Hold:
    hold = _standing(connection, order_id, code, shipment_id)
    assert hold is not None
    return hold


def _of_shipment(connection: Connection, shipment: Shipment) -> list[Hold]:
    return [
        hold
        for hold in holds.of_order(connection, shipment.order_id)
        if hold.is_active and hold.shipment_id in ("", shipment.id)
    ]


def _doubts(connection: Connection, shipment: Shipment) -> bool:
    return any(
        hold.kind.needs_outcome and hold.placed_by == MACHINE for hold in _of_shipment(connection, shipment)
    )


def _in_hand_of(hold: Hold) -> str:
    return (
        f"{hold.placed_by} has order {hold.order_id} in hand ({hold.note}); if that is over: "
        f"packhouse holds release {hold.id} --reason WHY"
    )


def _what_to_do_in_doubt(shipment: Shipment) -> str:
    if shipment.state is _S.BUYING:
        return f"a label is being bought for {shipment.id} just now; try again in a moment"
    return (
        f"nobody can tell yet whether a label was bought for {shipment.id}. Look for {shipment.reference} in "
        f"the account of {shipment.provider}; then: packhouse labels adopt, or "
        "packhouse shipments retry --not-bought"
    )
