"""announce: notify the sinks of each posted shipment. A sink that fails never blocks a shipment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from packhouse.ledger import shipments
from packhouse.model.label import Label, LabelPaper
from packhouse.model.states import ShipmentState
from packhouse.sinks.port import Announcement, PaperFile
from packhouse.steps.context import Context, OrderJob


async def announce(context: Context, job: OrderJob) -> None:
    """Announce each posted shipment once, with its papers; a paper that is fetched later follows alone."""
    for shipment in job.in_state(ShipmentState.FULFILLED):
        label = shipment.label
        papers = [paper for paper in label.papers if paper.is_to_print] if label else []
        is_new = shipment.announced_at is None
        if not is_new and not papers:
            continue
        file = _label_file(context, label) if label and is_new else None
        announcement = Announcement(shipment, file, _files(context, papers))
        for sink in context.sinks:
            try:
                await sink.announce(announcement)
            except Exception as error:  # noqa: BLE001 - a printer out of paper must not stop a shop
                context.log.warning(
                    "announce_failed", sink=sink.name, shipment_id=shipment.id, error=str(error)
                )
        if label and papers:
            printed = tuple(
                replace(paper, announced=True) if paper in papers else paper for paper in label.papers
            )
            job.deferred.append(partial(shipments.save_papers, label_id=label.id, papers=printed))
            shipment = job.update(shipment, label=replace(label, papers=printed))
        if is_new:
            now = context.clock.now()
            job.deferred.append(partial(shipments.mark_announced, shipment_id=shipment.id, at=now))
            job.update(shipment, announced_at=now)


def _label_file(context: Context, label: Label) -> Path | None:
    if not label.document or not label.document_format:
        return None
    return context.documents.path(label.document, label.document_format)


def _files(context: Context, papers: Sequence[LabelPaper]) -> tuple[PaperFile, ...]:
    return tuple(
        PaperFile(paper.kind, context.documents.path(paper.document, paper.document_format))
        for paper in papers
        if paper.document_format
    )
