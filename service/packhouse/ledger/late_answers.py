"""Answers that arrive after the order's lease was lost. They say what has happened, so they are recorded.

Each unit names the attempt that was answered and takes no lease. It changes only what nothing else has
settled meanwhile; then it ends any lease on the order, so that the steps continue from the new facts at once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import insert

from packhouse.ledger import facts, holds, journal, leases, shipment_rows, shipments
from packhouse.ledger.facts import Kind
from packhouse.ledger.statements import update_where
from packhouse.ledger.tables import labels as labels_table
from packhouse.ledger.tables import shipments as shipments_table
from packhouse.ledger.tx import Tx
from packhouse.model.hold import Hold, HoldCode
from packhouse.model.journal import MACHINE, Entry
from packhouse.model.label import Label, LabelFormat
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.model.tracking_number import same_number

_S = ShipmentState
_WITHOUT_LABEL = (_S.PLANNED, _S.HELD, _S.BUYING, _S.UNKNOWN)
_IN_DOUBT = (_S.HELD, _S.BUYING, _S.UNKNOWN)
# Holds that an answer ends: a doubt about the purchase, and what stopped a later try to buy, or to void.
_DOUBT = frozenset({HoldCode.PURCHASE_UNKNOWN})
_OF_BUYING = _DOUBT | {
    HoldCode.NO_RATE,
    HoldCode.PROVIDER_REFUSED,
    HoldCode.CAP_REACHED,
    HoldCode.PRICE_DRIFT,
    HoldCode.PRICE_UNKNOWN,
}
_OF_VOID = frozenset({HoldCode.VOID_REFUSED, HoldCode.VOID_PENDING})
_ARRIVED = "The provider's answer arrived."
_KEPT = update_where(labels_table, ("id", "document"), ("document", "document_format"))
_REFUSED = update_where(labels_table, ("id",), ("void_refusals", "void_due_at"))
_LABEL_STATE = update_where(labels_table, ("id",), ("state",))
_NOT_NEEDED = (
    "{shipment} does not need any more the label that was bought for it: {number} for {cost}. It is voided."
)


def bought(tx: Tx, attempt: Shipment, label: Label, entry: Entry, *, sells_once: bool) -> tuple[Entry, ...]:
    """Record the label of an attempt to buy; returns what was written in the journal, () if it was known.

    A shipment without a label gets it. Where another label has taken its place, this one is void: it becomes
    a shipment of its own, without units. `sells_once`: the provider sells one prepared purchase only once, so
    the same id means the same label.
    """
    now = _locked(tx, attempt)
    if now.label is None and now.state in _WITHOUT_LABEL:
        what = {
            "provider": label.provider,
            "provider_ref": attempt.provider_ref,
            "fingerprint": attempt.fingerprint,
        }
        _move(tx, now, _S.LABELED, **what, rate=_rate(attempt), intent_at=attempt.intent_at)
        shipments.add_label(tx, label)
        _release(tx, now, _OF_BUYING)
        entries: tuple[Entry, ...] = (entry,)
    elif _is_known(tx, now, label, sells_once=sells_once):
        if now.label is not None and label.document:
            _keep_file(tx, now.label, label.document, label.document_format)
        return ()
    else:
        entries = _add_extra(tx, attempt, label, entry)
    journal.write(tx, entries)
    leases.revoke(tx, attempt.order_id)
    return entries


def not_bought(tx: Tx, attempt: Shipment, entry: Entry, **columns: Any) -> tuple[Entry, ...]:
    """Record that an attempt bought nothing, if its outcome is still in doubt."""
    now = _locked(tx, attempt)
    is_this = now.label is None and now.intent_at == attempt.intent_at
    if not is_this or now.state not in _IN_DOUBT or (now.state is _S.HELD and not _active(tx, now, _DOUBT)):
        return ()
    _move(tx, now, _S.PLANNED, **columns)
    _release(tx, now, _DOUBT)
    journal.write(tx, (entry,))
    leases.revoke(tx, attempt.order_id)
    return (entry,)


def posted(tx: Tx, sent: Shipment, entry: Entry) -> tuple[Entry, ...]:
    """Record that the store has the fulfillment that was sent, if its label still waits for that."""
    now = _locked(tx, sent)
    is_this = now.label and sent.label and now.label.id == sent.label.id and now.post_key == sent.post_key
    if now.state is not _S.LABELED or not is_this:
        return ()
    _move(tx, now, _S.FULFILLED)
    journal.write(tx, (entry,))
    leases.revoke(tx, sent.order_id)
    return (entry,)


def voided(tx: Tx, asked: Shipment, entry: Entry) -> tuple[Entry, ...]:
    """Record that a label is void, also if a later request was refused because of that."""
    now = _locked(tx, asked)
    in_void = (LabelState.VOIDING, LabelState.VOID_REFUSED)
    label = now.label
    if now.state not in (_S.VOIDING, _S.HELD) or label is None or label.state not in in_void:
        return ()
    if now.state is _S.HELD:
        _move(tx, now, _S.VOIDING)
        now = replace(now, state=_S.VOIDING)
    _move(tx, now, _S.VOIDED)
    tx.connection.execute(_LABEL_STATE, {"w_id": label.id, "v_state": LabelState.VOIDED.value})
    facts.note(tx, Kind.LABEL, shipment_rows.label_row(replace(label, state=LabelState.VOIDED)))
    _release(tx, now, _OF_VOID)
    journal.write(tx, (entry,))
    leases.revoke(tx, asked.order_id)
    return (entry,)


def void_refused(tx: Tx, asked: Shipment, refusals: int, due_at: float, entry: Entry) -> tuple[Entry, ...]:
    """Record that a void was refused and may be granted later, so that the provider is not asked at once."""
    now = _locked(tx, asked)
    if now.state is not _S.VOIDING or now.label is None or now.label.void_again:
        return ()
    values = {"v_void_refusals": refusals, "v_void_due_at": due_at}
    tx.connection.execute(_REFUSED, {"w_id": now.label.id, **values})
    journal.write(tx, (entry,))
    return (entry,)


def file_fetched(
    tx: Tx, label: Label, document: str, document_format: LabelFormat | None
) -> tuple[Entry, ...]:
    """Note where the file is that was fetched for a label."""
    if document:
        _keep_file(tx, label, document, document_format)
    return ()


def _keep_file(tx: Tx, label: Label, document: str, document_format: LabelFormat | None) -> None:
    """Note where a label's file is, if none is known."""
    kept = {"v_document": document, "v_document_format": document_format.value if document_format else None}
    tx.connection.execute(_KEPT, {"w_id": label.id, "w_document": "", **kept})


def _locked(tx: Tx, shipment: Shipment) -> Shipment:
    """The shipment as it is now; nothing else changes it until the transaction ends."""
    leases.lock_order(tx, shipment.order_id)
    return next(one for one in shipments.of_order(tx.connection, shipment.order_id) if one.id == shipment.id)


def _move(tx: Tx, now: Shipment, to: ShipmentState, **columns: Any) -> None:
    if now.state is _S.PLANNED:
        # As a parcel that an operator has shipped: the table has no other way to a label without an intent.
        shipments.move_revoked(tx, now, _S.PLANNED, _S.HELD)
        now = replace(now, state=_S.HELD)
    shipments.move_revoked(tx, now, now.state, to, **columns)


def _rate(attempt: Shipment) -> dict[str, Any] | None:
    return shipment_rows.rate_to_json(attempt.rate) if attempt.rate else None


def _is_known(tx: Tx, now: Shipment, label: Label, *, sells_once: bool) -> bool:
    """Whether the ledger has this very label, of this shipment or of another one."""
    if now.label and sells_once and now.label.provider == label.provider and label.provider_id:
        return now.label.provider_id == label.provider_id
    of_order = (one.label for one in shipments.of_order(tx.connection, now.order_id) if one.label)
    if any(same_number(known.tracking_number, label.tracking_number) for known in of_order):
        return True
    return shipments.owner_of_tracking(tx.connection, label.tracking_number, now.id) is not None


def _add_extra(tx: Tx, attempt: Shipment, label: Label, entry: Entry) -> tuple[Entry, ...]:
    """A label that nothing waits for any more, as a shipment without units whose label is to be voided."""
    seq = 1 + max(one.seq for one in shipments.of_order(tx.connection, attempt.order_id))
    shipment_id = f"{attempt.order_id}-{seq}"
    row = {
        "id": shipment_id,
        "order_id": attempt.order_id,
        "seq": seq,
        "generation": 1,
        "state": _S.VOIDING.value,
        "units": [],
        "fingerprint": attempt.fingerprint,
        "provider": label.provider,
        "provider_ref": attempt.provider_ref,
        "rate": _rate(attempt),
        "intent_at": attempt.intent_at,
        "updated_at": tx.now,
    }
    tx.connection.execute(insert(shipments_table), row)
    facts.note(tx, Kind.SHIPMENT, row)
    extra = replace(
        label,
        id=f"{shipment_id}-label",
        shipment_id=shipment_id,
        generation=1,
        state=LabelState.VOIDING,
        void_requested_at=tx.now,
    )
    shipments.add_label(tx, extra)
    why = _NOT_NEEDED.format(shipment=attempt.id, number=label.tracking_number, cost=label.cost)
    return (
        replace(entry, shipment_id=shipment_id),
        Entry(attempt.order_id, "voiding", why, shipment_id),
    )


def _active(tx: Tx, shipment: Shipment, codes: frozenset[HoldCode]) -> list[Hold]:
    """The active holds of these kinds that Packhouse placed on the shipment."""
    return [
        hold
        for hold in holds.of_order(tx.connection, shipment.order_id)
        if hold.is_active
        and hold.shipment_id == shipment.id
        and hold.placed_by == MACHINE
        and hold.code in codes
    ]


def _release(tx: Tx, shipment: Shipment, codes: frozenset[HoldCode]) -> None:
    for hold in _active(tx, shipment, codes):
        holds.release(tx, hold.id, by=MACHINE, reason=_ARRIVED)
        entry = Entry(shipment.order_id, "released", f"{hold.code}: {_ARRIVED}", shipment.id)
        journal.write(tx, (entry,))
