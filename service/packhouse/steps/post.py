"""post: send exactly the bought units and their tracking number to the store, with a saved key and body."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from packhouse.errors import (
    StoreConflict,
    StoreError,
    StoreForbidden,
    StoreInvalidRequest,
    StoreNotFound,
    StoreRefused,
    StoreThrottled,
    StoreUnauthorized,
    StoreUnexpectedStatus,
    StoreUnreachable,
    StoreUnreadable,
)
from packhouse.ledger import late_answers, shipments
from packhouse.ledger.tx import Tx
from packhouse.model.hold import Hold, HoldCode
from packhouse.model.hold_kind import Stage
from packhouse.model.journal import MACHINE, Entry
from packhouse.model.label import Label
from packhouse.model.line_units import end_of
from packhouse.model.order import Order, counted
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.providers.manual import ManualProvider
from packhouse.rules import idempotency
from packhouse.rules.changes import shipping_conflict
from packhouse.rules.timeouts import longest_post_s
from packhouse.steps import answers
from packhouse.steps.context import Context, OrderJob
from packhouse.steps.label_file import fetch_missing, keep_file
from packhouse.steps.late_label import was_voided
from packhouse.steps.moves import Move
from packhouse.steps.withdraw import does_not_say, withdraw
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
_REFUSALS = (
    StoreConflict,
    StoreRefused,
    StoreInvalidRequest,
    StoreNotFound,
    StoreForbidden,
    StoreUnauthorized,
)

# How old the store's response may be when a fulfillment is posted.
_FRESH_S = 2.0


async def post(context: Context, job: OrderJob) -> None:
    """Post each labeled shipment that no hold blocks; record those that the store has already."""
    await fetch_missing(context, job)
    if job.fetched is None:
        return
    decided = job.fetched
    for shipment in job.in_state(_S.LABELED):
        label = shipment.label
        if label is None:
            continue
        if job.order.has_tracking(label.tracking_number):
            await _fulfilled(context, job, shipment, f"The store already has {_number_of(context, label)}.")
        elif holds := _posting_blocks(job, shipment, label):
            if not shipment.post_key and not any(hold.blocks(Stage.BUYING) for hold in holds):
                await keep_file(context, job, shipment, label)
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
    # A body of an earlier pass may have reached the store: only its answer, which was lost, could tell.
    was_sent = bool(shipment.post_body)
    if context.unshown.get(shipment.post_key, 0.0) > context.clock.monotonic():
        job.failed(_not_shown(context, label), kind="StoreUnreadable")
        return
    if not was_sent:
        if await was_voided(context, job, shipment, label):
            return
        shipment = await _save_post(context, job, shipment, label)
    forget = partial(shipments.forget_post, shipment_id=shipment.id)
    if not was_sent:
        job.deferred.append(forget)  # until it is sent
    if not await _may_send(context, job, shipment, label, decided):
        return
    if not was_sent:
        job.deferred.remove(forget)
    await _send(context, job, shipment, label, forget, was_sent=was_sent)


async def _send(
    context: Context,
    job: OrderJob,
    shipment: Shipment,
    label: Label,
    forget: Callable[[Tx], None],
    *,
    was_sent: bool,
) -> None:
    """Send the saved body under its saved key, and record what its answer proves."""
    sending = context.store.fulfill(job.order_id, shipment.post_body.encode(), shipment.post_key)
    why = f"{counted(shipment.units)} with {_number_of(context, label)}."
    try:
        is_shown = await answers.last_chance(sending)
    except answers.Stopped as stopped:
        if stopped.answer is True:
            await _fulfilled(context, job, shipment, why)
        raise asyncio.CancelledError from None
    except StoreUnreadable as error:
        await _believe_the_order(context, job, shipment, label, str(error))
    except StoreError as error:
        if not was_sent and leaves_no_doubt(error):
            job.deferred.append(forget)
            shipment = job.update(shipment, post_body="")
        if not isinstance(error, _FINAL):
            raise
        await _process_refusal(context, job, shipment, label, error)
    else:
        if is_shown:
            await _fulfilled(context, job, shipment, why)
        else:
            await _believe_the_order(context, job, shipment, label)


async def _believe_the_order(
    context: Context, job: OrderJob, shipment: Shipment, label: Label, doubt: str = ""
) -> None:
    """Read the order after an answer that does not show the fulfillment.

    `doubt` says why the answer may not be the store's; without it, an order that cannot show the fulfillment
    leaves the store's word. Otherwise the post is sent again later, with the same body under the same key.
    """
    job.fetched = order = await context.store.order(job.order_id)
    job.fetched_at = context.clock.monotonic()
    if order.has_tracking(label.tracking_number):
        await _fulfilled(context, job, shipment, f"The store shows {_number_of(context, label)}.")
    elif not doubt and does_not_say(order, shipment):
        why = f"The store accepted {_number_of(context, label)}. Its orders do not show fulfillments."
        await _fulfilled(context, job, shipment, why)
    else:
        if not doubt:
            settled_at = context.clock.monotonic() + longest_post_s(context.settings)
            context.unshown.setdefault(shipment.post_key, settled_at)
        job.failed(doubt or _not_shown(context, label), kind="StoreUnreadable")


def _not_shown(context: Context, label: Label) -> str:
    return f"The store accepted {_number_of(context, label)}, and its order does not show it yet."


async def _may_send(
    context: Context, job: OrderJob, shipment: Shipment, label: Label, decided: Order
) -> bool:
    """Whether the post may be sent now, after a last look at the order and at the pause."""
    if context.clock.monotonic() - job.fetched_at > _FRESH_S:
        job.fetched = await context.store.order(job.order_id)
        job.fetched_at = context.clock.monotonic()
    # What may ship was decided from another status or other records: then the next pass decides again.
    is_outdated = (job.order.status, job.order.unit_records()) != (decided.status, decided.unit_records())
    if label.provider != ManualProvider.account and (
        is_outdated or shipping_conflict(job.order, shipment, _counted_before(job))
    ):
        if job.fetched is not decided:
            job.wake_at(context.clock.now())  # the next pass decides what becomes of it
        return False
    if job.order.has_tracking(label.tracking_number):
        await _fulfilled(context, job, shipment, f"The store already has {_number_of(context, label)}.")
        return False
    if paused := await context.check_may_proceed(job):
        job.wait_for_resume(context.clock.now() + context.settings.poll.recheck_s, paused)
        return False
    return True


def leaves_no_doubt(error: StoreError) -> bool:
    """Whether a post that was answered so was certainly not recorded by the store.

    A refusal counts only in the store's own words: a proxy's page does not say whether the store got it.
    """
    if isinstance(error, StoreUnreachable | StoreThrottled):
        return True
    return isinstance(error, _REFUSALS) and bool(error.code)


def _number_of(context: Context, label: Label) -> str:
    """The carrier by its name at the store, and the tracking number."""
    return f"{context.settings.store.name_of(label.carrier)} {label.tracking_number}".strip()


def _counted_before(job: OrderJob) -> list[Shipment]:
    """The shipments whose units a labeled one cannot have: those that may have shipped already."""
    return job.in_state(_S.FULFILLED, _S.DELIVERED, _S.BUYING, _S.UNKNOWN)


async def _save_post(context: Context, job: OrderJob, shipment: Shipment, label: Label) -> Shipment:
    """Keep the label's file, and save the body before it is first sent: without one, nothing was sent."""
    carrier = context.settings.store.name_of(label.carrier)
    body = fulfill_body(shipment.units, carrier, label.tracking_number).decode()
    return await keep_file(context, job, shipment, label, body)


async def _process_refusal(
    context: Context, job: OrderJob, shipment: Shipment, label: Label, error: StoreError
) -> None:
    """A 409 or 422 may mean that the fulfillment is recorded already: read the order again first."""
    # This response counts for the parcels after this one too.
    job.fetched = order = await context.store.order(job.order_id)
    job.fetched_at = context.clock.monotonic()
    if order.has_tracking(label.tracking_number):
        await _fulfilled(context, job, shipment, f"The store already had {_number_of(context, label)}.")
    elif (end := end_of(order)) and (order.fulfillments is None or label.provider != ManualProvider.account):
        why = f"The store refused the fulfillment: the order is {end}."
        await withdraw(context, job, shipment, why)
    elif label.provider != ManualProvider.account and shipping_conflict(
        order, shipment, _counted_before(job)
    ):
        job.wake_at(context.clock.now())  # the next pass decides what becomes of it
    else:
        code = HoldCode.STORE_FORBIDS if isinstance(error, StoreForbidden) else HoldCode.STORE_REFUSED
        is_in_doubt = bool(shipment.post_body) and order.fulfillments is None
        if is_in_doubt or isinstance(error, StoreUnexpectedStatus):
            await context.hold(job, code, str(error), shipment=shipment)
            return
        # The store certainly recorded nothing, so after a release the post gets a new key and a new body.
        changes = {"post_key": idempotency.after(shipment.post_key), "post_body": ""}
        move = Move(shipment, _S.LABELED, changes=changes)
        await context.hold(job, code, str(error), shipment=shipment, move=move)


async def _fulfilled(context: Context, job: OrderJob, shipment: Shipment, why: str) -> None:
    entry = Entry(job.order_id, "fulfilled", why, shipment.id)
    move = Move(shipment, _S.FULFILLED)
    await answers.record(
        context,
        job,
        partial(move.write, entries=(entry,)),
        partial(late_answers.posted, sent=shipment, entry=entry),
    )
    context.unshown.pop(shipment.post_key, None)
    context.record(entry)
    job.update(shipment, state=_S.FULFILLED)
