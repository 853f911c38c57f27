"""void: ask for a label's money back, and follow that to its end. It is the undo of buy.py."""

from __future__ import annotations

from dataclasses import replace

from packhouse.carriers.port import Voided, VoidPending, VoidRefused
from packhouse.ledger import shipments
from packhouse.model.hold import HoldCode
from packhouse.model.journal import Act
from packhouse.model.label import Label
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.rules.units import exceeds
from packhouse.rules.verdict import HoldIt, LeaveAlone
from packhouse.steps.desk import Desk, Work

_S = ShipmentState
_DAY_S = 86_400.0

# How long a carrier takes labels back after they were bought; the shortest for those we do not know.
_WINDOW_DAYS = {"USPS": 30, "UPS": 90, "UPSDAP": 90, "FEDEX": 90, "FEDEXDEFAULT": 90}
_SHORTEST_WINDOW_DAYS = 30
# A person needs some days to write to the carrier's support before the window shuts.
_MARGIN_DAYS = 5
_REFUSALS_UNTIL_A_PERSON = 4


async def void(desk: Desk, work: Work) -> None:
    """Ask, or ask again, for each label that will not ship."""
    for shipment in work.in_state(_S.VOIDING):
        if shipment.label is not None:
            await _void(desk, work, shipment, shipment.label)


async def _void(desk: Desk, work: Work, shipment: Shipment, label: Label) -> None:
    match await desk.adapter(label.adapter).void(label):
        case Voided():
            act = Act(work.order_id, "voided", f"{label.cost} came back.", shipment.id)
            await desk.write(work, shipments.label_moved, shipment, _S.VOIDED, LabelState.VOIDED, (act,))
            desk.tell(act)
            work.update(shipment, state=_S.VOIDED, label=replace(label, state=LabelState.VOIDED))
            work.wake_at(desk.clock.now())
        case VoidPending(note):
            if _window_shuts(desk, label):
                await _ask_a_person(desk, work, shipment, label, note or "The carrier has not decided yet.")
            else:
                await _show_if_awaited(desk, work, shipment, label)
                _ask_again(desk, work, label)
        case VoidRefused(reason):
            refusals = label.void_refusals + 1
            if refusals >= _REFUSALS_UNTIL_A_PERSON or _window_shuts(desk, label):
                await _ask_a_person(desk, work, shipment, label, reason)
                return
            act = Act(
                work.order_id, "void_refused", "The carrier is asked again later.", shipment.id, quoted=reason
            )
            state = LabelState.VOIDING
            await desk.write(work, shipments.label_moved, shipment, _S.VOIDING, state, (act,), refusals)
            desk.tell(act)
            label = replace(label, void_refusals=refusals)
            work.update(shipment, label=label)
            _ask_again(desk, work, label)


async def _show_if_awaited(desk: Desk, work: Work, shipment: Shipment, label: Label) -> None:
    """A refund takes weeks. An order that waits for it, to ship afresh, must not wait unseen."""
    asked_at = label.void_asked_at or desk.clock.now()
    wanted = isinstance(work.verdict, LeaveAlone | HoldIt) and work.claims(shipment)
    if work.order is None or not wanted or desk.clock.now() - asked_at < desk.settings.poll.relook_s:
        return
    if not exceeds(work.order, shipment, work.in_state(_S.FULFILLED, _S.DELIVERED)):
        note = f"{label.cost} for {label.tracking_number}."
        await desk.hold(work, HoldCode.REFUND_PENDING, note, shipment=shipment)


def _window_shuts(desk: Desk, label: Label) -> bool:
    days = _WINDOW_DAYS.get(label.carrier.upper(), _SHORTEST_WINDOW_DAYS) - _MARGIN_DAYS
    return desk.clock.now() - label.bought_at > days * _DAY_S


def _ask_again(desk: Desk, work: Work, label: Label) -> None:
    """The older the request and the more refusals, the less often, but once a day at least."""
    now = desk.clock.now()
    age = now - (label.void_asked_at or now)
    wait = min(max(age, desk.settings.retry.base_s), desk.settings.poll.relook_s)
    if label.void_refusals:
        wait = min(desk.settings.poll.relook_s * 4**label.void_refusals, _DAY_S)
    work.wake_at(now + wait)


async def _ask_a_person(desk: Desk, work: Work, shipment: Shipment, label: Label, reason: str) -> None:
    refused = LabelState.VOID_REFUSED
    await desk.hold(
        work,
        HoldCode.VOID_REFUSED,
        f"{label.cost} for {label.tracking_number}: {reason}",
        shipment=shipment,
        also=lambda connection, now, lease: shipments.label_moved(
            connection, now, lease, shipment, _S.HELD, refused, (), label.void_refusals
        ),
    )
    work.update(shipment, state=_S.HELD, label=replace(label, state=refused))
