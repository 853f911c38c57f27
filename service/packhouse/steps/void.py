"""void: request the void of each label that will not ship, and follow it to its end. It undoes buy.py."""

from __future__ import annotations

from dataclasses import replace

from packhouse.model.hold import HoldCode
from packhouse.model.journal import Entry
from packhouse.model.label import Label
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.model.waiting import Waiting, WaitKind
from packhouse.providers.port import Voided, VoidPending, VoidRefused
from packhouse.rules.decision import NeedsHold, Skip
from packhouse.rules.units import exceeds
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
    match await context.provider(label.provider).void(label):
        case Voided(charged_only_if_used):
            why = f"{label.cost} is credited."
            if charged_only_if_used:
                why = f"No money comes back: {label.cost} would be charged only if the label is used."
            await _record_voided(context, job, shipment, Entry(job.order_id, "voided", why, shipment.id))
            job.wake_at(context.clock.now())
        case VoidPending(note):
            if _window_closes(context, label):
                await _hold_refused(context, job, shipment, label, note or "the void is still pending")
            else:
                await _hold_if_awaited(context, job, shipment, label)
                _ask_again(context, job, label)
        case VoidRefused(reason, final):
            refusals = label.void_refusals + 1
            # Once an operator has released the hold, the label is asked for quietly until its window closes.
            is_news = final and not context.is_waived(job, HoldCode.VOID_REFUSED, shipment)
            if is_news or _window_closes(context, label):
                await _hold_refused(context, job, shipment, label, reason)
                return
            why = "The provider is asked again later."
            entry = Entry(job.order_id, "void_refused", why, shipment.id, quoted=reason)
            state = LabelState.VOIDING
            await context.move_label(job, shipment, _S.VOIDING, state, entry, void_refusals=refusals)
            _ask_again(context, job, replace(label, void_refusals=refusals))


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


def _ask_again(context: Context, job: OrderJob, label: Label) -> None:
    """Ask less often the older the request is and the more refusals there were, but once a day at least."""
    now = context.clock.now()
    age = now - (label.void_requested_at or now)
    wait = min(max(age, context.settings.retry.base_s), context.settings.poll.recheck_s)
    if label.void_refusals:
        wait = min(context.settings.poll.recheck_s * 4 ** min(label.void_refusals, 10), _DAY_S)
    sentence = f"{label.provider} has not decided yet about the void of label {label.tracking_number}."
    job.wake_at(now + wait, Waiting(WaitKind.VOID_UNSETTLED, sentence, label.provider, until=now + wait))


async def _hold_refused(
    context: Context, job: OrderJob, shipment: Shipment, label: Label, reason: str
) -> None:
    note = f"{label.provider}: {label.cost} for {label.tracking_number}: {reason}"
    move = Move(shipment, _S.HELD, LabelState.VOID_REFUSED, label.void_refusals)
    await context.hold(job, HoldCode.VOID_REFUSED, note, shipment=shipment, move=move)
