"""post: send exactly the bought units and their tracking number to the store, under a saved key and body."""

from __future__ import annotations

from dataclasses import replace

from packhouse.errors import (
    ProviderRefused,
    StoreConflict,
    StoreError,
    StoreForbidden,
    StoreInvalidRequest,
    StoreNotFound,
    StoreRefused,
    StoreUnexpectedStatus,
)
from packhouse.ledger import shipments
from packhouse.model.hold import Hold, HoldCode
from packhouse.model.journal import MACHINE, Entry
from packhouse.model.label import Label, LabelDocument
from packhouse.model.order import Order, counted
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.providers.manual import ManualProvider
from packhouse.rules import idempotency
from packhouse.rules.changes import STOPPED, shipping_conflict
from packhouse.steps.context import Context, OrderJob
from packhouse.steps.withdraw import let_go
from packhouse.store.protocol import fulfill_body

_S = ShipmentState
_FINAL = (
    StoreConflict,
    StoreRefused,
    StoreInvalidRequest,
    StoreNotFound,
    StoreForbidden,
    StoreUnexpectedStatus,
)


# How old the store's answer may be when the buyer is told that a parcel is on its way.
_FRESH_S = 2.0


async def post(context: Context, job: OrderJob) -> None:
    """Post each labeled shipment on which no hold stands; what the store has already is written down."""
    if job.fetched is None:
        return
    decided = job.fetched
    for shipment in job.in_state(_S.LABELED):
        label = shipment.label
        if label is None:
            continue
        if job.order.has_tracking(label.tracking_number):
            await _fulfilled(context, job, shipment, "The store has it already.")
        elif holds := _posting_blocks(job, shipment, label):
            if not shipment.post_key and all(hold.code is HoldCode.EXTERNAL_POSTING for hold in holds):
                await _keep_file(context, job, shipment, label)
        elif job.paused:
            job.defer(context.clock.now() + context.settings.poll.recheck_s, f"Paused: {job.paused}")
        else:
            await _post(context, job, shipment, label, decided)


def _posting_blocks(job: OrderJob, shipment: Shipment, label: Label) -> list[Hold]:
    return [hold for hold in job.blocking(shipment) if blocks_posting(hold, label)]


def blocks_posting(hold: Hold, label: Label) -> bool:
    """Whether a standing hold on a label's shipment or order keeps it from being posted.

    What keeps failing is tried on. A parcel that a person has sent off is gone: what the machine holds
    against its order does not bring it back.
    """
    if hold.code is HoldCode.REPEATED_FAILURE:
        return False
    return label.provider != ManualProvider.name or bool(hold.shipment_id) or hold.placed_by != MACHINE


async def _post(context: Context, job: OrderJob, shipment: Shipment, label: Label, decided: Order) -> None:
    if not shipment.post_body:
        shipment = await _make_ready(context, job, shipment, label)
    if context.clock.monotonic() - job.fetched_at > _FRESH_S:
        job.fetched = await context.store.order(job.order_id)
        job.fetched_at = context.clock.monotonic()
    if label.provider != ManualProvider.name and shipping_conflict(
        job.order, shipment, _gone_before(job, shipment)
    ):
        if job.fetched is not decided:
            job.wake_at(context.clock.now())  # the next look decides what becomes of it
        return
    if job.order.has_tracking(label.tracking_number):
        await _fulfilled(context, job, shipment, "The store has it already.")
        return
    if paused := await context.check_may_proceed(job):
        job.defer(context.clock.now() + context.settings.poll.recheck_s, f"Paused: {paused}")
        return
    try:
        await context.store.fulfill(job.order_id, shipment.post_body.encode(), shipment.post_key)
    except _FINAL as error:
        await _judge_refusal(context, job, shipment, label, error)
    else:
        await _fulfilled(context, job, shipment, f"{counted(shipment.units)} with {label.tracking_number}.")


def _gone_before(job: OrderJob, shipment: Shipment) -> list[Shipment]:
    """What leaves no unit to this shipment that it took itself."""
    gone = job.in_state(_S.FULFILLED, _S.DELIVERED, _S.BUYING, _S.UNKNOWN)
    return [other for other in gone if other.id != shipment.id]


async def _make_ready(context: Context, job: OrderJob, shipment: Shipment, label: Label) -> Shipment:
    """Keep the label's file, and save the very bytes before they are first sent: without them, none were."""
    carrier = context.settings.store.name_of(label.carrier)
    body = fulfill_body(shipment.units, carrier, label.tracking_number).decode()
    return await _keep_file(context, job, shipment, label, body)


async def _keep_file(
    context: Context, job: OrderJob, shipment: Shipment, label: Label, body: str = ""
) -> Shipment:
    """Keep the label's file, and save the key of its post, with the body of one that is about to be sent."""
    entries = []
    digest, kind = label.document, label.document_format
    if not digest:
        document = await _document(context, job, shipment, label)
        if document is None:
            entries.append(
                Entry(job.order_id, "no_label_file", "The carrier gave no label file.", shipment.id)
            )
        else:
            digest, kind = await context.documents.keep(document), document.format
    key = shipment.post_key or idempotency.first(shipment)
    await context.write(
        job,
        shipments.save_post,
        shipment,
        key=key,
        body=body,
        document=digest,
        document_format=kind,
        entries=entries,
    )
    context.record(*entries)
    kept = replace(label, document=digest, document_format=kind)
    return job.update(shipment, post_key=key, post_body=body, label=kept)


async def _document(
    context: Context, job: OrderJob, shipment: Shipment, label: Label
) -> LabelDocument | None:
    if handed_over := job.documents.get(shipment.id):
        return handed_over
    try:
        return await context.provider(label.provider).document(label)
    except ProviderRefused:
        return None


async def _judge_refusal(
    context: Context, job: OrderJob, shipment: Shipment, label: Label, error: StoreError
) -> None:
    """A 409 or 422 may mean that it is done already: read the order again before believing it."""
    # What it says now is true of the parcels after this one too.
    job.fetched = order = await context.store.order(job.order_id)
    job.fetched_at = context.clock.monotonic()
    if order.has_tracking(label.tracking_number):
        await _fulfilled(context, job, shipment, "The store had it already.")
    elif order.status in STOPPED and order.fulfillments is None:
        await let_go(
            context, job, shipment, f"The store refuses the fulfillment: the order is {order.status}."
        )
    elif order.status in STOPPED and label.provider != ManualProvider.name:
        why = f"The store refuses the fulfillment, as the order is {order.status}. The money is asked back."
        act = Entry(job.order_id, "voiding", why, shipment.id)
        await context.write(job, shipments.move_with_label, shipment, _S.VOIDING, LabelState.VOIDING, (act,))
        context.record(act)
        job.update(shipment, state=_S.VOIDING)
        job.wake_at(context.clock.now())
    elif label.provider != ManualProvider.name and shipping_conflict(
        order, shipment, _gone_before(job, shipment)
    ):
        job.wake_at(context.clock.now())  # the next look decides what becomes of it
    else:
        code = HoldCode.STORE_FORBIDS if isinstance(error, StoreForbidden) else HoldCode.STORE_REFUSED
        if order.fulfillments is None or isinstance(error, StoreUnexpectedStatus):
            await context.hold(job, code, str(error), shipment=shipment)
            return
        # Nothing was recorded, for certain: once a person has seen to it, the post is worded anew.
        key = idempotency.after(shipment.post_key)
        await context.hold(
            job,
            code,
            str(error),
            shipment=shipment,
            also=lambda tx: shipments.move(tx, shipment, _S.LABELED, (), post_key=key, post_body=""),
        )
        job.update(shipment, post_key=key, post_body="")


async def _fulfilled(context: Context, job: OrderJob, shipment: Shipment, why: str) -> None:
    act = Entry(job.order_id, "fulfilled", why, shipment.id)
    await context.write(job, shipments.move, shipment, _S.FULFILLED, (act,))
    context.record(act)
    job.update(shipment, state=_S.FULFILLED)
