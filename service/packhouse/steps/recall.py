"""After a restore of the ledger: find out what was bought, posted and voided since the backup.

`recall` comes before anything is decided: what a provider account lists, and the store shows as posted, gets
its shipment back. `compare` comes before anything is bought: each planned shipment is matched with the list,
or looked up by its reference. What is found goes the way of a purchase whose response was lost: reconcile.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from packhouse.errors import ProviderError
from packhouse.ledger import recalled
from packhouse.ledger.recalled import Recalled, Reference, read_reference
from packhouse.ledger.since_restore import since_restore
from packhouse.model.hold import HoldCode
from packhouse.model.journal import MACHINE, Entry
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.providers.port import Purchase, Unknown, Withdrawn
from packhouse.steps import purchase
from packhouse.steps.adoption import begin, doubt, new_shipment, plan_posted, rate_of
from packhouse.steps.context import Context, OrderJob
from packhouse.steps.unasked import has_unasked
from packhouse.steps.unlisted import look_up, look_up_planned, look_up_posted, planned
from packhouse.store.protocol import moment

_S = ShipmentState
# The clocks of the store and of this machine may differ by so much.
_SKEW_S = 600.0
# Purchases that one hold names; what is left is named once these are released.
_MOST_NAMED = 5


async def recall(context: Context, job: OrderJob) -> None:
    """Give each listed purchase of the order its shipment, where the ledger or the store names its units."""
    if not job.restored_at or job.fetched is None:
        return
    if _seems_newer(context, job) and not await context.ledger.read_now(recalled.of_order, job.order_id):
        return
    known = await context.ledger.read_now(since_restore, job.order_id)
    if known.blocks_claims:
        return
    for one in known.listed:
        reference = read_reference(one.reference)
        shipment = _of(job, reference) if reference else None
        if shipment is None and reference:
            shipment = await plan_posted(context, job, reference, one)
        if shipment and shipment.state in (_S.PLANNED, _S.HELD) and shipment.label is None:
            await begin(context, job, shipment, one)
    for unbought in planned(job):
        await look_up_planned(context, job, unbought, known)
    for shipment in job.in_state(_S.LABELED) if known.has_gap else ():
        label = shipment.label
        if label and (changes := doubt(context, job, shipment, label.carrier, label.tracking_number)):
            await context.move(job, shipment, _S.LABELED, **changes)
    await look_up_posted(context, job)


async def compare(context: Context, job: OrderJob) -> None:
    """Match what is left of the list, look up what is planned, and note that the order was compared."""
    if not job.restored_at or (job.fetched is None and job.decision is None):
        return
    known = await context.ledger.read_now(since_restore, job.order_id)
    if known.blocks_claims:
        return  # noticed again meanwhile: what was lost is being collected first
    is_compared, is_asked = True, True
    if known.listed or not _seems_newer(context, job):
        is_asked = not has_unasked(context, job, known.unasked)
        if job.fetched is not None:
            is_compared = await _match(context, job, known.listed) and await look_up(context, job, known)
    if is_compared and not job.in_state(_S.BUYING, _S.UNKNOWN):
        if is_asked:  # else it is compared again in the next pass
            since = job.restored_at
            job.deferred.append(partial(recalled.mark_compared, order_id=job.order_id, since=since))
        job.restored_at = 0.0


def blocks_purchases(job: OrderJob) -> bool:
    """Whether the order is still to be compared, so that nothing may be bought for it."""
    return bool(job.restored_at)


def _seems_newer(context: Context, job: OrderJob) -> bool:
    """Whether the store got the order after the restore, so that nothing was bought for it before.

    A time in the future says nothing. An account that lists a purchase of the order knows better.
    """
    created = moment(job.fetched.created_at) if job.fetched else None
    if created is None:
        return False
    latest = context.clock.now() + _SKEW_S
    return job.restored_at + _SKEW_S < created.timestamp() <= latest


def _of(job: OrderJob, reference: Reference) -> Shipment | None:
    numbers = (reference.seq, reference.generation)
    return next((one for one in job.shipments if (one.seq, one.generation) == numbers), None)


async def _match(context: Context, job: OrderJob, listed: Sequence[Recalled]) -> bool:
    """Match the listed purchases with what is planned by now. Returns whether none is left."""
    left = 0
    unmatched: list[Recalled] = []
    for one in listed:
        reference = read_reference(one.reference)
        shipment = _of(job, reference) if reference else None
        left += 1
        if shipment and shipment.state in (_S.PLANNED, _S.HELD) and shipment.label is None:
            await begin(context, job, shipment, one)
            job.wake_at(context.clock.now())
        elif shipment and shipment.label is not None:
            await context.write(job, recalled.set_outcome, one.reference, "known")
            left -= 1
        elif shipment is None and reference and await _was_withdrawn(context, job, reference, one):
            job.wake_at(context.clock.now())
        elif _was_named(job, one):
            await context.write(job, recalled.set_outcome, one.reference, "accepted")
            left -= 1
        else:
            unmatched.append(one)
    if unmatched and not any(hold.code is HoldCode.RESTORE_UNCLEAR for hold in job.active_holds(None)):
        sold = "; ".join(one.sentence for one in unmatched[:_MOST_NAMED])
        note = f"{sold}; no shipment of the order has that reference"
        await context.hold(job, HoldCode.RESTORE_UNCLEAR, note)
    return not left


def _was_named(job: OrderJob, one: Recalled) -> bool:
    """Whether an operator released a hold that named this purchase."""
    return any(
        hold.released_by not in ("", MACHINE) and f"{one.sentence};" in hold.note for hold in job.holds
    )


async def _was_withdrawn(context: Context, job: OrderJob, reference: Reference, one: Recalled) -> bool:
    """Whether a purchase that matches no shipment was voided since: it is recorded, and ships no unit.

    Also True while its account does not say.
    """
    shipment = new_shipment(job, reference, ())
    provider_ref = str(one.found.get("provider_ref") or "")
    begun = Purchase(purchase.request_for(job.order, shipment), provider_ref, rate_of(one.found))
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
    await begin(context, job, shipment, one)
    return True
