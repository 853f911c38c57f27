"""papers: fetch what travels with a parcel, such as its commercial invoice, and keep it with the label.

A file that cannot be fetched never blocks the shipment: it is tried again, and a hold shows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from packhouse.errors import ProviderError, ProviderRefused
from packhouse.ledger import shipments
from packhouse.model.hold import HoldCode
from packhouse.model.journal import Entry
from packhouse.model.label import Label, LabelDocument, LabelPaper
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.providers.port import KeepsPapers
from packhouse.steps.context import Context, OrderJob

_S = ShipmentState
_TRIES_UNTIL_HOLD = 3
_FIRST_WAIT_S, _LONGEST_WAIT_S = 60.0, 6 * 3600.0
# A parcel has passed its customs, or has come back, after this long.
_TRY_FOR_S = 30 * 86_400.0


async def papers(context: Context, job: OrderJob) -> None:
    """Fetch each paper that is not kept yet; set the time of the next try for the others."""
    for shipment in job.in_state(_S.LABELED, _S.FULFILLED):
        label = shipment.label
        now = context.clock.now()
        if label is None or now - label.bought_at > _TRY_FOR_S:
            continue
        due = [paper for paper in label.papers if paper.is_missing and paper.next_at <= now]
        if due:
            label = await _fetch_all(context, job, shipment, label, due)
            await _sync_hold(context, job, shipment, label)
        for paper in label.papers:
            if paper.is_missing:
                job.recheck_at(paper.next_at)


async def _fetch_all(
    context: Context, job: OrderJob, shipment: Shipment, label: Label, due: Sequence[LabelPaper]
) -> Label:
    """Fetch these papers side by side, and write what became of each. Returns the label with them."""
    answers = await asyncio.gather(*(_fetch(context, label, paper) for paper in due))
    after: dict[LabelPaper, LabelPaper] = {}
    entries = []
    for paper, answer in zip(due, answers, strict=True):
        if isinstance(answer, LabelDocument):
            digest = await context.documents.keep(answer)
            after[paper] = replace(paper, document=digest, document_format=answer.format, problem="")
            why = f"The {paper.kind} is kept with the label."
            entries.append(Entry(job.order_id, "paper_kept", why, shipment.id))
            continue
        tries = paper.tries + 1
        wait_s = min(_FIRST_WAIT_S * 4 ** min(paper.tries, 10), _LONGEST_WAIT_S)
        is_final = isinstance(answer, ProviderRefused)
        after[paper] = replace(
            paper,
            tries=max(tries, _TRIES_UNTIL_HOLD) if is_final else tries,
            next_at=context.clock.now() + (_LONGEST_WAIT_S if is_final else wait_s),
            problem=str(answer)[:500],
        )
        if not paper.tries:
            why = f"The {paper.kind} could not be fetched; it is tried again."
            entries.append(Entry(job.order_id, "paper_failed", why, shipment.id, quoted=str(answer)))
    kept = replace(label, papers=tuple(after.get(paper, paper) for paper in label.papers))
    await context.write(job, shipments.save_papers, label.id, kept.papers, entries)
    context.record(*entries)
    job.update(shipment, label=kept)
    return kept


async def _fetch(context: Context, label: Label, paper: LabelPaper) -> LabelDocument | ProviderError:
    try:
        provider = context.provider(label.provider)
        if not isinstance(provider, KeepsPapers):
            raise ProviderRefused(f"The provider account {label.provider} cannot fetch papers.")
        return await provider.paper(label, paper.kind, paper.source)
    except ProviderError as error:
        return error


async def _sync_hold(context: Context, job: OrderJob, shipment: Shipment, label: Label) -> None:
    """Hold a shipment whose papers failed too often, and release it when all are kept."""
    missing = [paper for paper in label.papers if paper.is_missing]
    active = [
        one
        for one in job.active_holds()
        if (one.code, one.shipment_id) == (HoldCode.PAPER_MISSING, shipment.id)
    ]
    failed = [paper for paper in missing if paper.tries >= _TRIES_UNTIL_HOLD]
    if active and not missing:
        await context.release(job, active, "The paper is fetched.")
    elif failed and not active and not context.is_waived(job, HoldCode.PAPER_MISSING, shipment):
        kinds = ", ".join(dict.fromkeys(paper.kind for paper in failed))
        note = f"{kinds} of {label.carrier} {label.tracking_number}: {failed[0].problem}"
        await context.hold(job, HoldCode.PAPER_MISSING, note, shipment=shipment)
