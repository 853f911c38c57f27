"""void: ask for a label's money back, and follow that to its end. It is the undo of buy.py."""

from __future__ import annotations

from dataclasses import replace

from packhouse.ledger import shipments
from packhouse.model.hold import HoldCode
from packhouse.model.journal import Entry
from packhouse.model.label import Label
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.providers.port import Voided, VoidPending, VoidRefused
from packhouse.rules.decision import NeedsHold, Skip
from packhouse.rules.units import exceeds
from packhouse.steps.context import Context, OrderJob

_S = ShipmentState
_DAY_S = 86_400.0

# How long a carrier takes labels back after they were bought; the shortest for those we do not know.
_WINDOW_DAYS = {"USPS": 30, "UPS": 90, "UPSDAP": 90, "FEDEX": 90, "FEDEXDEFAULT": 90}
_SHORTEST_WINDOW_DAYS = 30
# A person needs some days to write to the carrier's support before the window shuts.
_MARGIN_DAYS = 5
_REFUSALS_UNTIL_A_PERSON = 4


async def void(context: Context, job: OrderJob) -> None:
    """Ask, or ask again, for each label that will not ship."""
    for shipment in job.in_state(_S.VOIDING):
        if shipment.label is not None:
            await _void(context, job, shipment, shipment.label)


async def _void(context: Context, job: OrderJob, shipment: Shipment, label: Label) -> None:
    match await context.provider(label.provider).void(label):
        case Voided():
            act = Entry(job.order_id, "voided", f"{label.cost} came back.", shipment.id)
            await context.write(
                job, shipments.move_with_label, shipment, _S.VOIDED, LabelState.VOIDED, (act,)
            )
            context.record(act)
            job.update(shipment, state=_S.VOIDED, label=replace(label, state=LabelState.VOIDED))
            job.wake_at(context.clock.now())
        case VoidPending(note):
            if _window_shuts(context, label):
                await _ask_a_person(context, job, shipment, label, note or "The carrier has not decided yet.")
            else:
                await _show_if_awaited(context, job, shipment, label)
                _ask_again(context, job, label)
        case VoidRefused(reason):
            refusals = label.void_refusals + 1
            if refusals >= _REFUSALS_UNTIL_A_PERSON or _window_shuts(context, label):
                await _ask_a_person(context, job, shipment, label, reason)
                return
            act = Entry(
                job.order_id, "void_refused", "The carrier is asked again later.", shipment.id, quoted=reason
            )
            state = LabelState.VOIDING
            await context.write(job, shipments.move_with_label, shipment, _S.VOIDING, state, (act,), refusals)
            context.record(act)
            label = replace(label, void_refusals=refusals)
            job.update(shipment, label=label)
            _ask_again(context, job, label)


async def _show_if_awaited(context: Context, job: OrderJob, shipment: Shipment, label: Label) -> None:
    """A refund takes weeks. An order that waits for it, to ship afresh, must not wait unseen."""
    asked_at = label.void_asked_at or context.clock.now()
    wanted = isinstance(job.decision, Skip | NeedsHold) and job.reserves_units(shipment)
    if job.fetched is None or not wanted or context.clock.now() - asked_at < context.settings.poll.recheck_s:
        return
    if not exceeds(job.fetched, shipment, job.in_state(_S.FULFILLED, _S.DELIVERED)):
        note = f"{label.cost} for {label.tracking_number}."
        await context.hold(job, HoldCode.VOID_PENDING, note, shipment=shipment)


def _window_shuts(context: Context, label: Label) -> bool:
    days = _WINDOW_DAYS.get(label.carrier.upper(), _SHORTEST_WINDOW_DAYS) - _MARGIN_DAYS
    return context.clock.now() - label.bought_at > days * _DAY_S


def _ask_again(context: Context, job: OrderJob, label: Label) -> None:
    """The older the request and the more refusals, the less often, but once a day at least."""
    now = context.clock.now()
    age = now - (label.void_asked_at or now)
    wait = min(max(age, context.settings.retry.base_s), context.settings.poll.recheck_s)
    if label.void_refusals:
        wait = min(context.settings.poll.recheck_s * 4**label.void_refusals, _DAY_S)
    job.wake_at(now + wait)


async def _ask_a_person(
    context: Context, job: OrderJob, shipment: Shipment, label: Label, reason: str
) -> None:
    refused = LabelState.VOID_REFUSED
    await context.hold(
        job,
        HoldCode.VOID_REFUSED,
        f"{label.cost} for {label.tracking_number}: {reason}",
        shipment=shipment,
        also=lambda tx: shipments.move_with_label(tx, shipment, _S.HELD, refused, (), label.void_refusals),
    )
    job.update(shipment, state=_S.HELD, label=replace(label, state=refused))
