"""post: send exactly the bought units and their tracking number to the store, under a saved key and body."""

from __future__ import annotations

from dataclasses import replace

from packhouse.errors import (
    CarrierRefused,
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    Refused,
    StoreError,
    UnexpectedStatus,
)
from packhouse.ledger import shipments
from packhouse.model.hold import Hold, HoldCode
from packhouse.model.journal import MACHINE, Act
from packhouse.model.label import Label, LabelDocument
from packhouse.model.order import Order, counted
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.rules import post_keys
from packhouse.rules.fit import STOPPED, must_not_leave
from packhouse.steps.by_hand import ByHand
from packhouse.steps.desk import Desk, Work
from packhouse.steps.let_go import let_go
from packhouse.store.protocol import fulfill_body

_S = ShipmentState
_FINAL = (Conflict, Refused, InvalidRequest, NotFound, Forbidden, UnexpectedStatus)


# How old the store's answer may be when the buyer is told that a parcel is on its way.
_FRESH_S = 2.0


async def post(desk: Desk, work: Work) -> None:
    """Post each labeled shipment on which no hold stands; what the store has already is written down."""
    if work.order is None:
        return
    decided = work.order
    for shipment in work.in_state(_S.LABELED):
        label = shipment.label
        if label is None:
            continue
        if work.seen.has_tracking(label.tracking_number):
            await _fulfilled(desk, work, shipment, "The store has it already.")
        elif holds := _bars_posting(work, shipment, label):
            if not shipment.post_key and all(hold.code is HoldCode.POSTED_BY_HAND for hold in holds):
                await _keep_file(desk, work, shipment, label)
        elif work.paused:
            work.rests(desk.clock.now() + desk.settings.poll.relook_s, f"Paused: {work.paused}")
        else:
            await _post(desk, work, shipment, label, decided)


def _bars_posting(work: Work, shipment: Shipment, label: Label) -> list[Hold]:
    return [hold for hold in work.blocking(shipment) if bars_post(hold, label)]


def bars_post(hold: Hold, label: Label) -> bool:
    """Whether a standing hold on a label's shipment or order keeps it from being posted.

    What keeps failing is tried on. A parcel that a person has sent off is gone: what the machine holds
    against its order does not bring it back.
    """
    if hold.code is HoldCode.KEEPS_FAILING:
        return False
    return label.adapter != ByHand.name or bool(hold.shipment_id) or hold.placed_by != MACHINE


async def _post(desk: Desk, work: Work, shipment: Shipment, label: Label, decided: Order) -> None:
    if not shipment.post_body:
        shipment = await _make_ready(desk, work, shipment, label)
    if desk.clock.monotonic() - work.looked_at > _FRESH_S:
        work.order = await desk.store.order(work.order_id)
        work.looked_at = desk.clock.monotonic()
    if label.adapter != ByHand.name and must_not_leave(work.seen, shipment, _gone_before(work, shipment)):
        if work.order is not decided:
            work.wake_at(desk.clock.now())  # the next look decides what becomes of it
        return
    if work.seen.has_tracking(label.tracking_number):
        await _fulfilled(desk, work, shipment, "The store has it already.")
        return
    if paused := await desk.last_word(work):
        work.rests(desk.clock.now() + desk.settings.poll.relook_s, f"Paused: {paused}")
        return
    try:
        await desk.store.fulfill(work.order_id, shipment.post_body.encode(), shipment.post_key)
    except _FINAL as error:
        await _judge_refusal(desk, work, shipment, label, error)
    else:
        await _fulfilled(desk, work, shipment, f"{counted(shipment.units)} with {label.tracking_number}.")


def _gone_before(work: Work, shipment: Shipment) -> list[Shipment]:
    """What leaves no unit to this shipment that it took itself."""
    gone = work.in_state(_S.FULFILLED, _S.DELIVERED, _S.BUYING, _S.UNKNOWN)
    return [other for other in gone if other.id != shipment.id]


async def _make_ready(desk: Desk, work: Work, shipment: Shipment, label: Label) -> Shipment:
    """Keep the label's file, and save the very bytes before they are first sent: without them, none were."""
    carrier = desk.settings.store.name_of(label.carrier)
    body = fulfill_body(shipment.units, carrier, label.tracking_number).decode()
    return await _keep_file(desk, work, shipment, label, body)


async def _keep_file(desk: Desk, work: Work, shipment: Shipment, label: Label, body: str = "") -> Shipment:
    """Keep the label's file, and save the key of its post, with the body of one that is about to be sent."""
    acts = []
    digest, kind = label.document, label.document_format
    if not digest:
        document = await _document(desk, work, shipment, label)
        if document is None:
            acts.append(Act(work.order_id, "no_label_file", "The carrier gave no label file.", shipment.id))
        else:
            digest, kind = await desk.shelf.keep(document), document.format
    key = shipment.post_key or post_keys.first(shipment)
    await desk.write(
        work,
        shipments.to_post,
        shipment,
        key=key,
        body=body,
        document=digest,
        document_format=kind,
        acts=acts,
    )
    desk.tell(*acts)
    kept = replace(label, document=digest, document_format=kind)
    return work.update(shipment, post_key=key, post_body=body, label=kept)


async def _document(desk: Desk, work: Work, shipment: Shipment, label: Label) -> LabelDocument | None:
    if handed_over := work.documents.get(shipment.id):
        return handed_over
    try:
        return await desk.adapter(label.adapter).document(label)
    except CarrierRefused:
        return None


async def _judge_refusal(desk: Desk, work: Work, shipment: Shipment, label: Label, error: StoreError) -> None:
    """A 409 or 422 may mean that it is done already: read the order again before believing it."""
    # What it says now is true of the parcels after this one too.
    work.order = order = await desk.store.order(work.order_id)
    work.looked_at = desk.clock.monotonic()
    if order.has_tracking(label.tracking_number):
        await _fulfilled(desk, work, shipment, "The store had it already.")
    elif order.status in STOPPED and order.fulfillments is None:
        await let_go(desk, work, shipment, f"The store refuses the fulfillment: the order is {order.status}.")
    elif order.status in STOPPED and label.adapter != ByHand.name:
        why = f"The store refuses the fulfillment, as the order is {order.status}. The money is asked back."
        act = Act(work.order_id, "voiding", why, shipment.id)
        await desk.write(work, shipments.label_moved, shipment, _S.VOIDING, LabelState.VOIDING, (act,))
        desk.tell(act)
        work.update(shipment, state=_S.VOIDING)
        work.wake_at(desk.clock.now())
    elif label.adapter != ByHand.name and must_not_leave(order, shipment, _gone_before(work, shipment)):
        work.wake_at(desk.clock.now())  # the next look decides what becomes of it
    else:
        code = HoldCode.STORE_FORBIDS if isinstance(error, Forbidden) else HoldCode.STORE_REFUSED
        if order.fulfillments is None or isinstance(error, UnexpectedStatus):
            await desk.hold(work, code, str(error), shipment=shipment)
            return
        # Nothing was recorded, for certain: once a person has seen to it, the post is worded anew.
        key = post_keys.after(shipment.post_key)
        await desk.hold(
            work,
            code,
            str(error),
            shipment=shipment,
            also=lambda connection, now, lease: shipments.move(
                connection, now, lease, shipment, _S.LABELED, (), post_key=key, post_body=""
            ),
        )
        work.update(shipment, post_key=key, post_body="")


async def _fulfilled(desk: Desk, work: Work, shipment: Shipment, why: str) -> None:
    act = Act(work.order_id, "fulfilled", why, shipment.id)
    await desk.write(work, shipments.move, shipment, _S.FULFILLED, (act,))
    desk.tell(act)
    work.update(shipment, state=_S.FULFILLED)
