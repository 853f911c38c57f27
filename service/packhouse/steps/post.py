"""post: send exactly the bought units and their tracking number to the store, with a saved key and body."""

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
from packhouse.model.hold_kind import Stage
from packhouse.model.journal import MACHINE, Entry
from packhouse.model.label import Label, LabelDocument
from packhouse.model.order import Order, counted
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.providers.manual import ManualProvider
from packhouse.rules import idempotency
from packhouse.rules.changes import STOPPED, shipping_conflict
from packhouse.steps.context import Context, OrderJob
from packhouse.steps.moves import Move
from packhouse.steps.withdraw import withdraw
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


# How old the store's response may be when a fulfillment is posted.
_FRESH_S = 2.0


async def post(context: Context, job: OrderJob) -> None:
    """Post each labeled shipment that no hold blocks; record those that the store has already."""
    if job.fetched is None:
        return
    decided = job.fetched
    for shipment in job.in_state(_S.LABELED):
        label = shipment.label
        if label is None:
            continue
        if job.order.has_tracking(label.tracking_number):
            await _fulfilled(context, job, shipment, "The store already has this tracking number.")
        elif holds := _posting_blocks(job, shipment, label):
            if not shipment.post_key and not any(hold.blocks(Stage.BUYING) for hold in holds):
                await _keep_file(context, job, shipment, label)
        elif job.paused:
            job.wait_for_resume(context.clock.now() + context.settings.poll.recheck_s, job.paused)
        else:
            await _post(context, job, shipment, label, decided)


def _posting_blocks(job: OrderJob, shipment: Shipment, label: Label) -> list[Hold]:
    return [hold for hold in job.blocking(shipment) if blocks_posting(hold, label)]


def blocks_posting(hold: Hold, label: Label) -> bool:
    """Whether an active hold on a label's shipment or order stops it from being posted.

    A parcel that an operator has shipped is on its way: a hold of Packhouse's own on its order stops nothing.
    """
    if not hold.blocks(Stage.POSTING):
        return False
    return label.provider != ManualProvider.account or bool(hold.shipment_id) or hold.placed_by != MACHINE


async def _post(context: Context, job: OrderJob, shipment: Shipment, label: Label, decided: Order) -> None:
    if not shipment.post_body:
        shipment = await _save_post(context, job, shipment, label)
    if context.clock.monotonic() - job.fetched_at > _FRESH_S:
        job.fetched = await context.store.order(job.order_id)
        job.fetched_at = context.clock.monotonic()
    if label.provider != ManualProvider.account and shipping_conflict(
        job.order, shipment, _counted_before(job, shipment)
    ):
        if job.fetched is not decided:
            job.wake_at(context.clock.now())  # the next pass decides what becomes of it
        return
    if job.order.has_tracking(label.tracking_number):
        await _fulfilled(context, job, shipment, "The store already has this tracking number.")
        return
    if paused := await context.check_may_proceed(job):
        job.wait_for_resume(context.clock.now() + context.settings.poll.recheck_s, paused)
        return
    try:
        await context.store.fulfill(job.order_id, shipment.post_body.encode(), shipment.post_key)
    except _FINAL as error:
        await _process_refusal(context, job, shipment, label, error)
    else:
        await _fulfilled(
            context, job, shipment, f"{counted(shipment.units)} with {_number_of(context, label)}."
        )


def _number_of(context: Context, label: Label) -> str:
    """The carrier as the store is told, and the tracking number."""
    return f"{context.settings.store.name_of(label.carrier)} {label.tracking_number}".strip()


def _counted_before(job: OrderJob, shipment: Shipment) -> list[Shipment]:
    """The shipments whose units this one cannot have: those that may have shipped already."""
    shipped = job.in_state(_S.FULFILLED, _S.DELIVERED, _S.BUYING, _S.UNKNOWN)
    return [other for other in shipped if other.id != shipment.id]


async def _save_post(context: Context, job: OrderJob, shipment: Shipment, label: Label) -> Shipment:
    """Keep the label's file, and save the body before it is first sent: without one, nothing was sent."""
    carrier = context.settings.store.name_of(label.carrier)
    body = fulfill_body(shipment.units, carrier, label.tracking_number).decode()
    return await _keep_file(context, job, shipment, label, body)


async def _keep_file(
    context: Context, job: OrderJob, shipment: Shipment, label: Label, body: str = ""
) -> Shipment:
    """Keep the label's file, and save the key of its post, with the body if it is about to be sent."""
    entries = []
    digest, kind = label.document, label.document_format
    if not digest:
        document = await _document(context, job, shipment, label)
        if document is None:
            entries.append(
                Entry(job.order_id, "no_label_file", "The provider has no file for this label.", shipment.id)
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
    if bought_with := job.documents.get(shipment.id):
        return bought_with
    try:
        return await context.provider(label.provider).document(label)
    except ProviderRefused:
        return None


async def _process_refusal(
    context: Context, job: OrderJob, shipment: Shipment, label: Label, error: StoreError
) -> None:
    """A 409 or 422 may mean that the fulfillment is recorded already: read the order again first."""
    # This response counts for the parcels after this one too.
    job.fetched = order = await context.store.order(job.order_id)
    job.fetched_at = context.clock.monotonic()
    if order.has_tracking(label.tracking_number):
        await _fulfilled(context, job, shipment, "The store already had this tracking number.")
    elif order.status in STOPPED and order.fulfillments is None:
        why = f"The store refused the fulfillment: the order is {order.status}."
        await withdraw(context, job, shipment, why)
    elif order.status in STOPPED and label.provider != ManualProvider.account:
        why = f"The store refused the fulfillment: the order is {order.status}. The void is requested."
        entry = Entry(job.order_id, "voiding", why, shipment.id)
        await context.move_label(job, shipment, _S.VOIDING, LabelState.VOIDING, entry)
        job.wake_at(context.clock.now())
    elif label.provider != ManualProvider.account and shipping_conflict(
        order, shipment, _counted_before(job, shipment)
    ):
        job.wake_at(context.clock.now())  # the next pass decides what becomes of it
    else:
        code = HoldCode.STORE_FORBIDS if isinstance(error, StoreForbidden) else HoldCode.STORE_REFUSED
        if order.fulfillments is None or isinstance(error, StoreUnexpectedStatus):
            await context.hold(job, code, str(error), shipment=shipment)
            return
        # The store certainly recorded nothing, so after a release the post gets a new key and a new body.
        changes = {"post_key": idempotency.after(shipment.post_key), "post_body": ""}
        move = Move(shipment, _S.LABELED, changes=changes)
        await context.hold(job, code, str(error), shipment=shipment, move=move)


async def _fulfilled(context: Context, job: OrderJob, shipment: Shipment, why: str) -> None:
    await context.move(job, shipment, _S.FULFILLED, Entry(job.order_id, "fulfilled", why, shipment.id))
