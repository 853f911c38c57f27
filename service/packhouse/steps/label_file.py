"""Keeps the file of each label. A file that is missing or cannot be printed never stops a paid parcel's post.

A hold that blocks nothing says what is wrong and where the file is. It ends when the file arrives.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from packhouse.errors import ProviderError, ProviderRefused, ProviderUnavailable
from packhouse.ledger import late_answers, shipments
from packhouse.model.hold import HoldCode
from packhouse.model.journal import MACHINE, Entry
from packhouse.model.label import Label, LabelDocument, LabelFormat
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.providers.port import NO_FILE
from packhouse.rules import idempotency
from packhouse.steps import answers
from packhouse.steps.context import Context, OrderJob

_S = ShipmentState
# How long after its purchase a label waits for a file that its provider cannot deliver at the moment.
_PATIENCE_S = 600.0
_KEPT_AS_IT_CAME = "The file that came with the label cannot be printed. Its bytes are kept as they came."


async def keep_file(
    context: Context, job: OrderJob, shipment: Shipment, label: Label, body: str = ""
) -> Shipment:
    """Keep the label's file, and save the key of its post, with the body if it is about to be sent.

    Raises ProviderUnavailable while a late file may still come in time, and ProviderMisconfigured as long as
    the account is refused: then the account's state says so.
    """
    entries = []
    digest, kind = label.document, label.document_format
    if not digest or (kind is LabelFormat.RAW and not _is_reported(job, shipment)):
        document, problem = await _document(context, job, shipment, label)
        if document is not None and document.content:
            digest, kind = await context.documents.keep(document), document.format
        if problem:
            # Before the post is saved: a crash in between places the hold again, and loses nothing.
            await context.hold(job, HoldCode.LABEL_FILE_MISSING, problem, shipment=shipment)
        elif not digest:
            why = "The provider has no file for this label."
            entries.append(Entry(job.order_id, "no_label_file", why, shipment.id))
    key = shipment.post_key or idempotency.first(shipment)
    save = partial(
        shipments.save_post,
        shipment=shipment,
        key=key,
        body=body,
        document=digest,
        document_format=kind,
        entries=entries,
    )
    keep = partial(late_answers.file_fetched, label=label, document=digest, document_format=kind)
    await answers.record(context, job, save, keep)
    context.record(*entries)
    kept = replace(label, document=digest, document_format=kind)
    return job.update(shipment, post_key=key, post_body=body, label=kept)


def _is_reported(job: OrderJob, shipment: Shipment) -> bool:
    """Whether a person knows that this label's file cannot be printed."""
    code = HoldCode.LABEL_FILE_MISSING
    return any((hold.code, hold.shipment_id) == (code, shipment.id) for hold in job.holds)


async def fetch_missing(context: Context, job: OrderJob) -> None:
    """Ask again for the file of each posted parcel that left without one, and announce it when it arrives."""
    for hold in job.active_holds():
        if hold.code is not HoldCode.LABEL_FILE_MISSING or hold.placed_by != MACHINE:
            continue
        shipment = next((one for one in job.in_state(_S.FULFILLED) if one.id == hold.shipment_id), None)
        label = shipment.label if shipment else None
        if any(one.id == hold.shipment_id for one in job.in_state(_S.DELIVERED)):
            await context.release(job, [hold], "The parcel is delivered.")
        elif shipment and label and (document := await _usable(context, label)):
            digest = await context.documents.keep(document)
            await context.write(job, shipments.keep_document, label, digest, document.format)
            kept = replace(label, document=digest, document_format=document.format)
            job.update(shipment, label=kept, announced_at=None)
            await context.release(job, [hold], "The label's file has arrived.")


async def _usable(context: Context, label: Label) -> LabelDocument | None:
    try:
        document = await context.provider(label.provider).document(label)
    except ProviderError:
        return None
    return None if document.format is LabelFormat.RAW else document


async def _document(
    context: Context, job: OrderJob, shipment: Shipment, label: Label
) -> tuple[LabelDocument | None, str]:
    """The file, and what is wrong with it; "" if nothing is, or if no file was promised."""
    bought_with = job.documents.get(shipment.id)
    if bought_with and bought_with.format is not LabelFormat.RAW:
        return bought_with, ""
    try:
        document = await context.provider(label.provider).document(label)
    except ProviderRefused as error:
        if bought_with is None and label.document_format is LabelFormat.RAW:
            return None, _KEPT_AS_IT_CAME
        if bought_with is None:
            return None, "" if error.code == NO_FILE else str(error)
        document = bought_with
    except ProviderUnavailable as error:
        if context.clock.now() - label.bought_at < _PATIENCE_S:
            raise
        return None, f"{label.provider} has not delivered it: {error}"
    if document.format is not LabelFormat.RAW:
        return document, ""
    where = f" The {len(document.content)} bytes are kept as they came." if document.content else ""
    return document, f"{document.problem}{where}"
