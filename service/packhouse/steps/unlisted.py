"""Asks accounts that do not list what they sold whether the ledger lost something: reference by reference."""

from __future__ import annotations

from dataclasses import replace

from packhouse.errors import ProviderError
from packhouse.ledger import restores
from packhouse.ledger.recalled import Recalled, Reference
from packhouse.ledger.since_restore import SinceRestore
from packhouse.model.hold import HoldCode
from packhouse.model.label import Rate
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.providers.deadline import BoundedProvider
from packhouse.providers.manual import ManualProvider
from packhouse.providers.port import Absent, Bought, Purchase, Safety, Unknown, Withdrawn
from packhouse.steps import purchase
from packhouse.steps.adoption import begin, hold_unclear, new_shipment, plan_posted, units_of
from packhouse.steps.context import Context, OrderJob
from packhouse.steps.late_label import was_voided

_S = ShipmentState


async def look_up(context: Context, job: OrderJob, known: SinceRestore) -> bool:
    """Ask the accounts about each planned shipment, and about each label that is not posted."""
    is_compared = True
    for shipment in planned(job):
        is_compared = await look_up_planned(context, job, shipment, known) and is_compared
    for shipment in job.in_state(_S.LABELED):
        label = shipment.label
        if label is None or label.provider == ManualProvider.account or label.bought_at > job.restored_at:
            continue
        if context.provider(label.provider).safety is Safety.BLIND and known.has_gap:
            note = f"{label.provider} cannot say whether {label.tracking_number} was voided since the backup"
            is_held = await hold_unclear(context, job, note, shipment)
            is_compared = is_compared and not is_held
        elif not job.order.has_tracking(label.tracking_number):
            await was_voided(context, job, shipment, label, late_after_s=0.0)
    return is_compared


async def look_up_planned(context: Context, job: OrderJob, shipment: Shipment, known: SinceRestore) -> bool:
    """Whether no account has sold a label under this reference, or one that may have followed it.

    An account that does not say is asked again. Where nothing but the age of the ledger speaks for a restore,
    one that had sold nothing before stops no order.
    """
    if shipment.id in job.looked_up:
        return True
    for seller in context.sellers:
        if seller.safety is Safety.BLIND and known.has_gap:
            note = f"{seller.account} cannot say whether it sold {shipment.reference} since the backup"
            if await hold_unclear(context, job, note, shipment):
                return False
        if seller.safety is not Safety.LOOKUP or seller.lists_purchases:
            continue
        for reference in _references(job, shipment)[: None if known.is_noticed else 1]:
            if not await _is_absent(context, job, shipment, seller, reference, known):
                return False
    job.looked_up.add(shipment.id)
    return True


async def look_up_posted(context: Context, job: OrderJob) -> None:
    """Ask about a parcel that the store has and the ledger lacks: its label may be one that we paid for."""
    for row in job.order.fulfillments or ():
        known = any(one.label and row.is_of(one.label.tracking_number) for one in job.shipments)
        if known or job.in_state(_S.PLANNED, _S.HELD, _S.BUYING, _S.UNKNOWN):
            continue
        reference = Reference(job.order_id, max((one.seq for one in job.shipments), default=0) + 1, 1)
        posted = new_shipment(job, reference, units_of(job.order, row.tracking_number))
        for seller in context.sellers:
            if not posted.units or seller.safety is not Safety.LOOKUP or seller.lists_purchases:
                continue
            answer = await _ask(context, job, posted, seller, reference)
            if not isinstance(answer, Absent | Unknown) and row.is_of(answer.tracking_number):
                found = {"tracking_number": answer.tracking_number}
                one = Recalled(posted.reference, job.order_id, seller.account, found)
                await _notice(context)
                if shipment := await plan_posted(context, job, reference, one):
                    await begin(context, job, shipment, one)
                break


def planned(job: OrderJob) -> list[Shipment]:
    """The shipments that have no label and were never begun."""
    return [one for one in job.in_state(_S.PLANNED, _S.HELD) if one.label is None and one.parcel is not None]


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
    known: SinceRestore,
) -> bool:
    """Whether the account sold nothing under this reference. What it sold is adopted, or held."""
    name = "/".join(map(str, reference))
    answer = await _ask(context, job, shipment, seller, reference)
    if isinstance(answer, Absent):
        return True
    if isinstance(answer, Unknown):
        why = f"{seller.account} was asked about {name}, because the ledger may be a restored one"
        return not await _stops(context, job, shipment, seller.account, f"{why}: {answer.reason}", known)
    await _notice(context)
    later = shipment.generation + 1
    if name == shipment.reference:
        followed = await _ask(context, job, shipment, seller, reference._replace(generation=later))
        if isinstance(followed, Absent):
            found = {"tracking_number": answer.tracking_number}
            await begin(context, job, shipment, Recalled(name, job.order_id, seller.account, found))
            job.wake_at(context.clock.now())
            return False
        name = f"{name} and perhaps a later one"
    note = f"{seller.account} sold {answer.tracking_number} as {name}, which matches no shipment"
    return not await hold_unclear(context, job, note, shipment)


async def _stops(
    context: Context, job: OrderJob, shipment: Shipment, account: str, why: str, known: SinceRestore
) -> bool:
    """Whether an account that does not say what it sold stops the order; after many tries a person decides.

    As in unasked.py, one from which this ledger had bought may have sold a label that the ledger lost.
    """
    if not known.is_noticed:
        had_sold = await context.ledger.read(restores.had_sold, account, job.restored_at)
        if not had_sold or context.is_waived(job, HoldCode.RESTORE_UNCLEAR, shipment):
            context.log.warning("purchase_not_looked_up", shipment_id=shipment.id, reason=why)
            return False
        if job.lease.attempts + 1 >= context.settings.retry.hold_after:
            return await hold_unclear(context, job, why, shipment)
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
