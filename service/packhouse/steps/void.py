"""void: request the void of each label that will not ship, and follow it to its end. It undoes buy.py."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial

from packhouse.ledger import late_answers, shipments
from packhouse.model.hold import HoldCode
from packhouse.model.journal import Entry
from packhouse.model.label import Label
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.model.waiting import Waiting, WaitKind
from packhouse.providers.port import Voided, VoidPending, VoidRefused
from packhouse.rules.decision import NeedsHold, Skip
from packhouse.rules.units import exceeds
from packhouse.steps import answers
from packhouse.steps.context import Context, OrderJob
from packhouse.steps.moves import Move

_S = ShipmentState
_DAY_S = 86_400.0

# Days after its purchase in which a carrier lets a label be voided; the shortest for carriers not listed.
_WINDOW_DAYS = {"USPS": 30, "UPS": 90, "UPSDAP": 90, "FEDEX": 90, "FEDEXDEFAULT": 90}
_SHORTEST_WINDOW_DAYS = 30
# An operator needs some days to write to the provider's support before the window closes.
_MARGIN_DAYS = 5


async def void(context: Context, job: OrderJob) -> None:
    """Request the void of each label that will not ship, or ask what became of the request."""
    for shipment in job.in_state(_S.VOIDING):
        if shipment.label is not None:
            await _void(context, job, shipment, shipment.label)


async def _void(context: Context, job: OrderJob, shipment: Shipment, label: Label) -> None:
    if (due_at := _not_yet(context, label)) is not None:
        # An event or an operation has woken the order: that is no reason to ask the provider again.
        await _hold_if_awaited(context, job, shipment, label)
        _wait(job, label, due_at)
        return
    try:
        answer = await answers.last_chance(context.provider(label.provider).void(label))
    except answers.Stopped as stopped:
        if isinstance(stopped.answer, Voided):
            await _record_voided(context, job, shipment, label, stopped.answer)
        raise asyncio.CancelledError from None
    match answer:
        case Voided():
            await _record_voided(context, job, shipment, label, answer)
            job.wake_at(context.clock.now())
        case VoidPending(note):
            if _window_closes(context, label):
                await _hold_refused(context, job, shipment, label, note or "the void is still pending")
            else:
                await _hold_if_awaited(context, job, shipment, label)
                await _ask_again_when_pending(context, job, shipment, label)
        case VoidRefused(reason, final):
            # Once an operator has released the hold, the label is asked for quietly until its window closes.
            is_news = final and not context.is_waived(job, HoldCode.VOID_REFUSED, shipment)
            if is_news or _window_closes(context, label):
                await _hold_refused(context, job, shipment, label, reason)
            else:
                await _record_refused(context, job, shipment, label, reason)


def _not_yet(context: Context, label: Label) -> float | None:
    """When the provider is asked again, if that is later. A clock set back delays it by a day at most."""
    now = context.clock.now()
    if label.void_again or label.void_due_at is None or not now < label.void_due_at <= now + _DAY_S:
        return None
    return label.void_due_at


async def _record_voided(
    context: Context, job: OrderJob, shipment: Shipment, label: Label, answer: Voided
) -> None:
    why = f"{label.cost} is credited."
    if answer.charged_only_if_used:
        why = f"No money comes back: {label.cost} would be charged only if the label is used."
    entry = Entry(job.order_id, "voided", why, shipment.id)
    move = Move(shipment, _S.VOIDED, LabelState.VOIDED)
    await answers.record(
        context,
        job,
        partial(move.write, entries=(entry,)),
        partial(late_answers.voided, asked=shipment, entry=entry),
    )
    context.record(entry)
    job.update(shipment, **move.fields(context.clock.now()))


async def _record_refused(
    context: Context, job: OrderJob, shipment: Shipment, label: Label, reason: str
) -> None:
    """Ask again less often the more refusals there were, but once a day at least."""
    refusals, now = label.void_refusals + 1, context.clock.now()
    wait = min(context.settings.poll.recheck_s * 4 ** min(refusals, 10), _DAY_S)
    entry = Entry(
        job.order_id, "void_refused", "The provider is asked again later.", shipment.id, quoted=reason
    )
    move = Move(shipment, _S.VOIDING, LabelState.VOIDING, refusals, now + wait)
    await answers.record(
        context,
        job,
        partial(move.write, entries=(entry,)),
        partial(late_answers.void_refused, asked=shipment, refusals=refusals, due_at=now + wait, entry=entry),
    )
    context.record(entry)
    job.update(shipment, **move.fields(now))
    _wait(job, label, now + wait)


async def _ask_again_when_pending(context: Context, job: OrderJob, shipment: Shipment, label: Label) -> None:
    """Ask less often the older the request is."""
    now = context.clock.now()
    age = now - (label.void_requested_at or now)
    due_at = now + min(max(age, context.settings.retry.base_s), context.settings.poll.recheck_s)
    await context.write(job, shipments.void_due, label.id, due_at)
    job.update(shipment, label=replace(label, void_due_at=due_at, void_again=False))
    _wait(job, label, due_at)


def _wait(job: OrderJob, label: Label, due_at: float) -> None:
    sentence = f"{label.provider} has not decided yet about the void of label {label.tracking_number}."
    job.wake_at(due_at, Waiting(WaitKind.VOID_UNSETTLED, sentence, label.provider, until=due_at))


async def _hold_if_awaited(context: Context, job: OrderJob, shipment: Shipment, label: Label) -> None:
    """A void may take weeks. An order that waits for it to ship with a new label must not wait unseen."""
    requested_at = label.void_requested_at or context.clock.now()
    is_awaited = isinstance(job.decision, Skip | NeedsHold) and job.reserves_units(shipment)
    if (
        job.fetched is None
        or not is_awaited
        or context.clock.now() - requested_at < context.settings.poll.recheck_s
    ):
        return
    if not exceeds(job.fetched, shipment, job.in_state(_S.FULFILLED, _S.DELIVERED)):
        note = f"{label.cost} for {label.tracking_number}"
        await context.hold(job, HoldCode.VOID_PENDING, note, shipment=shipment)


def _window_closes(context: Context, label: Label) -> bool:
    days = _WINDOW_DAYS.get(label.carrier.upper(), _SHORTEST_WINDOW_DAYS) - _MARGIN_DAYS
    return context.clock.now() - label.bought_at > days * _DAY_S


async def _hold_refused(
    context: Context, job: OrderJob, shipment: Shipment, label: Label, reason: str
) -> None:
    note = f"{label.provider}: {label.cost} for {label.tracking_number}: {reason}"
    move = Move(shipment, _S.HELD, LabelState.VOID_REFUSED, label.void_refusals)
    await context.hold(job, HoldCode.VOID_REFUSED, note, shipment=shipment, move=move)
