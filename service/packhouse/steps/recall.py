"""After a restore of the ledger: find out what was bought, posted and voided since the backup.

`recall` comes before anything is decided: what a provider account lists, and the store shows as posted, gets
its shipment back. `compare` comes before anything is bought: each planned shipment is matched with the list,
or looked up by its reference. What is found goes the way of a purchase whose response was lost: reconcile.py.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from packhouse.errors import ProviderError
from packhouse.ledger import recalled, restores
from packhouse.ledger.recalled import Recalled, Reference, read_reference
from packhouse.ledger.tx import Tx
from packhouse.model.hold import HoldCode
from packhouse.model.journal import MACHINE, Entry
from packhouse.model.label import Rate
from packhouse.model.money import Money
from packhouse.model.order import Order, Units
from packhouse.model.parcel import Parcel
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.providers.deadline import BoundedProvider
from packhouse.providers.manual import ManualProvider
from packhouse.providers.port import Absent, Bought, Purchase, Safety, Unknown, Withdrawn
from packhouse.rules import idempotency
from packhouse.rules.changes import fingerprint
from packhouse.steps import purchase
from packhouse.steps.context import Context, OrderJob
from packhouse.steps.late_label import was_voided
from packhouse.steps.moves import Move
from packhouse.steps.unasked import has_unasked
from packhouse.steps.withdraw import does_not_say
from packhouse.store.protocol import fulfill_body, moment

_S = ShipmentState
# The clocks of the store and of this machine may differ by so much.
_SKEW_S = 600.0
# Purchases that one hold names; what is left is told once these are released.
_MOST_TOLD = 5
_SOME_PARCEL = Parcel(1, 1, 1, 1)


async def recall(context: Context, job: OrderJob) -> None:
    """Give each listed purchase of the order its shipment, where the ledger or the store names its units."""
    if not job.restored_at or job.fetched is None or _is_newer(job.fetched, job.restored_at):
        return
    if await context.ledger.read(restores.blocks_claims):
        return
    for one in await context.ledger.read(recalled.of_order, job.order_id):
        reference = read_reference(one.reference)
        shipment = _of(job, reference) if reference else None
        if shipment is None and reference:
            shipment = await _plan_posted(context, job, reference, one)
        if shipment and shipment.state in (_S.PLANNED, _S.HELD) and shipment.label is None:
            await _begin(context, job, shipment, one)
    evidence = await _evidence(context)
    for planned in _planned(job):
        await _look_up_planned(context, job, planned, evidence)
    for shipment in job.in_state(_S.LABELED) if evidence.has_gap else ():
        label = shipment.label
        if label and (changes := _doubt(context, job, shipment, label.carrier, label.tracking_number)):
            await context.move(job, shipment, _S.LABELED, **changes)
    await _look_up_posted(context, job)


async def compare(context: Context, job: OrderJob) -> None:
    """Match what is left of the list, look up what is planned, and note that the order was compared."""
    if not job.restored_at or (job.fetched is None and job.decision is None):
        return
    if await context.ledger.read(restores.blocks_claims):
        return  # noticed again meanwhile: what was lost is being collected first
    is_compared, is_asked = True, True
    if job.fetched is None or not _is_newer(job.fetched, job.restored_at):
        is_asked = not await has_unasked(context, job)
    if job.fetched is not None and not _is_newer(job.fetched, job.restored_at):
        is_compared = await _match(context, job) and await _look_up(context, job)
    if is_compared and not job.in_state(_S.BUYING, _S.UNKNOWN):
        if is_asked:  # else it is compared again in the next pass
            job.deferred.append(partial(recalled.mark_compared, order_id=job.order_id))
        job.restored_at = 0.0


def blocks_purchases(job: OrderJob) -> bool:
    """Whether the order is still to be compared, so that nothing may be bought for it."""
    return bool(job.restored_at)


def _is_newer(order: Order, restored_at: float) -> bool:
    """Whether the store got the order after the restore, so that nothing was bought for it before."""
    created = moment(order.created_at)
    return created is not None and created.timestamp() > restored_at + _SKEW_S


def _planned(job: OrderJob) -> list[Shipment]:
    """The shipments that have no label and were never begun."""
    return [one for one in job.in_state(_S.PLANNED, _S.HELD) if one.label is None and one.parcel is not None]


class _Evidence(NamedTuple):
    """Whether a restore was noticed, and whether the guard log may lack something since the backup."""

    is_noticed: bool
    has_gap: bool


async def _evidence(context: Context) -> _Evidence:
    restore = await context.ledger.read(restores.current)
    has_gap = restore is not None and bool(await context.ledger.read(restores.log_problems, restore))
    return _Evidence(restore is not None, has_gap)


def _of(job: OrderJob, reference: Reference) -> Shipment | None:
    numbers = (reference.seq, reference.generation)
    return next((one for one in job.shipments if (one.seq, one.generation) == numbers), None)


async def _plan_posted(
    context: Context, job: OrderJob, reference: Reference, one: Recalled
) -> Shipment | None:
    """The shipment of a purchase that was posted: the store names its units. None if it was not."""
    units = _units_of(job.order, str(one.found.get("tracking_number") or ""))
    if not units:
        return None
    parcel = Parcel(**one.found["parcel"]) if one.found.get("parcel") else _SOME_PARCEL
    shipment = _new_shipment(job, reference, units, parcel)
    why = f"{one.provider} sold a label for it before the restore, and the store has its tracking number."
    await context.plan(job, [shipment], [Entry(job.order_id, "planned", why, shipment.id)])
    return shipment


def _new_shipment(
    job: OrderJob, reference: Reference, units: tuple[Units, ...], parcel: Parcel = _SOME_PARCEL
) -> Shipment:
    number = f"-{reference.seq}" + (f".{reference.generation}" if reference.generation > 1 else "")
    return Shipment(
        id=f"{job.order_id}{number}",
        order_id=job.order_id,
        seq=reference.seq,
        generation=reference.generation,
        state=_S.PLANNED,
        units=units,
        fingerprint=fingerprint(job.order, units),
        parcel=parcel,
    )


def _units_of(order: Order, tracking_number: str) -> tuple[Units, ...]:
    """The units that the store lists under this number; every unit, if it is the only one and names none."""
    rows = order.fulfillments or ()
    row = next((row for row in rows if row.is_of(tracking_number)), None)
    if row is None:
        return ()
    if row.units or len(rows) > 1:
        return row.units
    return tuple(Units(line.id, line.quantity) for line in order.lines if not line.is_digital)


async def _begin(context: Context, job: OrderJob, shipment: Shipment, one: Recalled) -> None:
    """Write the purchase as begun: the next step looks it up."""
    found = one.found
    changes: dict[str, Any] = {
        "provider": one.provider,
        "provider_ref": str(found.get("provider_ref") or ""),
        "rate": _rate(found),
        "intent_at": float(found.get("at") or context.clock.now()),
    }
    number = str(found.get("tracking_number") or "a label")
    changes |= _doubt(context, job, shipment, changes["rate"].carrier, number)
    why = f"{one.provider} sold {number} as {one.reference} before the ledger was restored. It is adopted."
    entry = Entry(job.order_id, "recalled", why, shipment.id, data={"reference": one.reference})

    def matched(tx: Tx) -> None:
        recalled.set_outcome(tx, one.reference, "adopted")

    if shipment.state is _S.HELD:
        shipment = await context.move(job, shipment, _S.PLANNED)
    begun = await context.apply(job, Move(shipment, _S.BUYING, changes=changes), entry, also=matched)
    # It ended long ago, so the look-up need not wait for it.
    settled_s = context.settings.provider_settle_s + context.settings.provider_timeout_s
    context.settling[purchase.intent_of(begun)] = context.clock.monotonic() - settled_s


def _doubt(context: Context, job: OrderJob, shipment: Shipment, carrier: str, number: str) -> dict[str, str]:
    """What a shipment needs so that its label counts as one that may be posted, where the store does not say.

    A label that was posted since the backup must not be voided because the store counts its units as shipped.
    """
    if shipment.post_body or not shipment.units or not does_not_say(job.order, shipment):
        return {}
    body = fulfill_body(shipment.units, context.settings.store.name_of(carrier), number).decode()
    return {"post_key": idempotency.first(shipment), "post_body": body}


def _rate(found: dict[str, Any]) -> Rate:
    raw = found.get("rate") or {}
    price = raw.get("price")
    return Rate(
        str(raw.get("id") or ""),
        str(raw.get("carrier") or ""),
        str(raw.get("service") or ""),
        Money(price["minor"], price["currency"]) if price else None,
        raw.get("days"),
    )


async def _match(context: Context, job: OrderJob) -> bool:
    """Match the listed purchases with what is planned by now. Returns whether none is left."""
    left = 0
    unmatched: list[Recalled] = []
    for one in await context.ledger.read(recalled.of_order, job.order_id):
        reference = read_reference(one.reference)
        shipment = _of(job, reference) if reference else None
        left += 1
        if shipment and shipment.state in (_S.PLANNED, _S.HELD) and shipment.label is None:
            await _begin(context, job, shipment, one)
            job.wake_at(context.clock.now())
        elif shipment and shipment.label is not None:
            await context.write(job, recalled.set_outcome, one.reference, "known")
            left -= 1
        elif shipment is None and reference and await _was_withdrawn(context, job, reference, one):
            job.wake_at(context.clock.now())
        elif _was_told(job, one):
            await context.write(job, recalled.set_outcome, one.reference, "accepted")
            left -= 1
        else:
            unmatched.append(one)
    if unmatched and not any(hold.code is HoldCode.RESTORE_UNCLEAR for hold in job.active_holds(None)):
        sold = "; ".join(one.sentence for one in unmatched[:_MOST_TOLD])
        note = f"{sold}; no shipment of the order has that reference"
        await context.hold(job, HoldCode.RESTORE_UNCLEAR, note)
    return not left


def _was_told(job: OrderJob, one: Recalled) -> bool:
    """Whether an operator released a hold that named this purchase."""
    return any(
        hold.code is HoldCode.RESTORE_UNCLEAR
        and not hold.is_active
        and hold.released_by not in ("", MACHINE)
        and f"{one.sentence};" in hold.note
        for hold in job.holds
    )


async def _was_withdrawn(context: Context, job: OrderJob, reference: Reference, one: Recalled) -> bool:
    """Whether a purchase that matches no shipment was voided since: it is recorded, and ships no unit.

    Also True while its account does not say.
    """
    shipment = _new_shipment(job, reference, ())
    provider_ref = str(one.found.get("provider_ref") or "")
    begun = Purchase(purchase.request_for(job.order, shipment), provider_ref, _rate(one.found))
    try:
        answer = await context.provider(one.provider).lookup(begun)
    except ProviderError as error:
        answer = Unknown(str(error))
    if isinstance(answer, Unknown):
        job.failed(f"{one.provider} was asked about {one.reference} after the restore: {answer.reason}")
        return True
    if not isinstance(answer, Withdrawn):
        return False
    why = f"{one.provider} sold a label for it before the restore, and it was voided since."
    await context.plan(job, [shipment], [Entry(job.order_id, "planned", why, shipment.id)])
    await _begin(context, job, shipment, one)
    return True


async def _hold(context: Context, job: OrderJob, note: str, shipment: Shipment | None = None) -> bool:
    """Hold what only a person can find out. False if a person has released the same hold before."""
    code = HoldCode.RESTORE_UNCLEAR
    if context.is_waived(job, code, shipment):
        return False
    if not any(hold.code is code for hold in job.active_holds(shipment)):
        await context.hold(job, code, note, shipment=shipment)
    return True


async def _look_up(context: Context, job: OrderJob) -> bool:
    """Ask the accounts about each planned shipment, and about each label that is not posted."""
    evidence = await _evidence(context)
    is_compared = True
    for shipment in _planned(job):
        is_compared = await _look_up_planned(context, job, shipment, evidence) and is_compared
    for shipment in job.in_state(_S.LABELED):
        label = shipment.label
        if label is None or label.provider == ManualProvider.account or label.bought_at > job.restored_at:
            continue
        if context.provider(label.provider).safety is Safety.BLIND and evidence.has_gap:
            note = f"{label.provider} cannot say whether {label.tracking_number} was voided since the backup"
            is_held = await _hold(context, job, note, shipment)
            is_compared = is_compared and not is_held
        elif not job.order.has_tracking(label.tracking_number):
            await was_voided(context, job, shipment, label, late_after_s=0.0)
    return is_compared


async def _look_up_planned(context: Context, job: OrderJob, shipment: Shipment, evidence: _Evidence) -> bool:
    """Whether no account has sold a label under this reference, or one that may have followed it.

    An account that does not say is asked again. Where nothing but the age of the ledger speaks for a restore,
    one that had sold nothing before stops no order.
    """
    if shipment.id in job.looked_up:
        return True
    for seller in context.sellers:
        if seller.safety is Safety.BLIND and evidence.has_gap:
            note = f"{seller.account} cannot say whether it sold {shipment.reference} since the backup"
            if await _hold(context, job, note, shipment):
                return False
        if seller.safety is not Safety.LOOKUP or seller.lists_purchases:
            continue
        for reference in _references(job, shipment)[: None if evidence.is_noticed else 1]:
            if not await _is_absent(context, job, shipment, seller, reference, evidence):
                return False
    job.looked_up.add(shipment.id)
    return True


async def _look_up_posted(context: Context, job: OrderJob) -> None:
    """Ask about a parcel that the store has and the ledger lacks: its label may be one that we paid for."""
    for row in job.order.fulfillments or ():
        known = any(one.label and row.is_of(one.label.tracking_number) for one in job.shipments)
        if known or job.in_state(_S.PLANNED, _S.HELD, _S.BUYING, _S.UNKNOWN):
            continue
        reference = Reference(job.order_id, max((one.seq for one in job.shipments), default=0) + 1, 1)
        posted = _new_shipment(job, reference, _units_of(job.order, row.tracking_number))
        for seller in context.sellers:
            if not posted.units or seller.safety is not Safety.LOOKUP or seller.lists_purchases:
                continue
            answer = await _ask(context, job, posted, seller, reference)
            if not isinstance(answer, Absent | Unknown) and row.is_of(answer.tracking_number):
                found = {"tracking_number": answer.tracking_number}
                one = Recalled(posted.reference, job.order_id, seller.account, found)
                await _notice(context)
                if shipment := await _plan_posted(context, job, reference, one):
                    await _begin(context, job, shipment, one)
                break


def _references(job: OrderJob, shipment: Shipment) -> tuple[Reference, ...]:
    """Under what the units may have been bought: this reference, after a void, or in another shipment."""
    highest = max(one.seq for one in job.shipments)
    mine = Reference(job.order_id, shipment.seq, shipment.generation)
    return (mine, mine._replace(generation=shipment.generation + 1), Reference(job.order_id, highest + 1, 1))


async def _is_absent(
    context: Context,
    job: OrderJob,
    shipment: Shipment,
    seller: BoundedProvider,
    reference: Reference,
    evidence: _Evidence,
) -> bool:
    """Whether the account sold nothing under this reference. What it sold is adopted, or held."""
    name = "/".join(map(str, reference))
    answer = await _ask(context, job, shipment, seller, reference)
    if isinstance(answer, Absent):
        return True
    if isinstance(answer, Unknown):
        why = f"{seller.account} was asked about {name}, because the ledger may be a restored one"
        return not await _stops(context, job, shipment, seller.account, f"{why}: {answer.reason}", evidence)
    await _notice(context)
    later = shipment.generation + 1
    if name == shipment.reference:
        followed = await _ask(context, job, shipment, seller, reference._replace(generation=later))
        if isinstance(followed, Absent):
            found = {"tracking_number": answer.tracking_number}
            await _begin(context, job, shipment, Recalled(name, job.order_id, seller.account, found))
            job.wake_at(context.clock.now())
            return False
        name = f"{name} and perhaps a later one"
    note = f"{seller.account} sold {answer.tracking_number} as {name}, which matches no shipment"
    return not await _hold(context, job, note, shipment)


async def _stops(
    context: Context, job: OrderJob, shipment: Shipment, account: str, why: str, evidence: _Evidence
) -> bool:
    """Whether an account that does not say what it sold stops the order; after many tries a person decides.

    As in unasked.py, one from which this ledger had bought may have sold a label that the ledger lost.
    """
    if not evidence.is_noticed:
        had_sold = await context.ledger.read(restores.had_sold, account, job.restored_at)
        if not had_sold or context.is_waived(job, HoldCode.RESTORE_UNCLEAR, shipment):
            context.log.warning("purchase_not_looked_up", shipment_id=shipment.id, reason=why)
            return False
        if job.lease.attempts + 1 >= context.settings.retry.hold_after:
            return await _hold(context, job, why, shipment)
    job.failed(why)
    return True


async def _ask(
    context: Context, job: OrderJob, shipment: Shipment, seller: BoundedProvider, reference: Reference
) -> Bought | Withdrawn | Absent | Unknown:
    """Ask an account what it sold for this shipment under a reference."""
    request = replace(purchase.request_for(job.order, shipment), reference="/".join(map(str, reference)))
    try:
        return await seller.lookup(Purchase(request, "", shipment.rate or Rate("", "", "", None)))
    except ProviderError as error:
        return Unknown(str(error))


async def _notice(context: Context) -> None:
    """A purchase that the ledger does not know is a restore, if none was noticed before."""
    if await context.ledger.read(restores.current) is None:
        await context.ledger.write(restores.notice, context.clock.now(), restores.Cause.PROVIDER)
