"""announce: what each announcement carries, and what is written down about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from packhouse.model.label import LabelFormat, LabelPaper
from packhouse.model.states import ShipmentState
from packhouse.steps.context import OrderJob
from tests.service.harness import Harness, NewHarness
from tests.service.steps.jobs import label_of, labeled, moved, stored
from tests.service.steps.test_announce import RecordingSink

DIGEST = "a" * 64
TO_PRINT = LabelPaper("invoice", "x", document=DIGEST, document_format=LabelFormat.PDF)
PRINTED = replace(TO_PRINT, kind="cn22", announced=True)
MISSING = LabelPaper("licence", "x")
ELECTRONIC = replace(TO_PRINT, kind="cn23", submitted=True)


class Announced:
    """A posted parcel, and the sink that learns of it."""

    def __init__(self, harness: Harness, sink: RecordingSink, job: OrderJob) -> None:
        self.harness, self.sink, self.job = harness, sink, job

    async def announce(self) -> list[tuple[bool, list[str]]]:
        """Whether each announcement has a label file, and its papers."""
        await self.harness.run_step("announce", self.job)
        return [
            (one.label_file is not None, [paper.kind for paper in one.papers]) for one in self.sink.announced
        ]


async def posted(
    new_harness: NewHarness,
    papers: Sequence[LabelPaper] = (),
    announced_at: float | None = None,
    **label: Any,
) -> Announced:
    sink = RecordingSink()
    harness = new_harness(sinks=(sink,))
    job, _, bought = await labeled(harness)
    shipment = await moved(harness, job, ShipmentState.FULFILLED, announced_at=announced_at)
    kept = {"document": DIGEST, "document_format": LabelFormat.ZPL} | label
    job.update(shipment, label=replace(bought, papers=tuple(papers), **kept))
    return Announced(harness, sink, job)


async def test_a_parcel_is_announced_with_the_papers_that_are_to_be_printed(new_harness: NewHarness) -> None:
    parcel = await posted(new_harness, (TO_PRINT, PRINTED, MISSING, ELECTRONIC))
    assert await parcel.announce() == [(True, ["invoice"])]
    (announcement,) = parcel.sink.announced
    documents = parcel.harness.context.documents
    assert announcement.label_file == documents.path(DIGEST, LabelFormat.ZPL)
    assert announcement.papers[0].file == documents.path(DIGEST, LabelFormat.PDF)
    assert announcement.shipment.id == parcel.job.shipments[0].id


async def test_an_announcement_is_written_down_with_the_next_write(new_harness: NewHarness) -> None:
    parcel = await posted(new_harness, (TO_PRINT, MISSING))
    await parcel.announce()
    now = parcel.harness.clock.now()
    papers = (replace(TO_PRINT, announced=True), MISSING)
    assert parcel.job.shipments[0].announced_at == now
    assert label_of(parcel.job).papers == papers
    assert (await stored(parcel.harness, parcel.job)).announced_at is None
    await parcel.harness.context.write(parcel.job, lambda tx: None)
    kept = await stored(parcel.harness, parcel.job)
    assert kept.announced_at == now
    assert kept.label is not None
    assert kept.label.papers == papers
    assert len(await parcel.announce()) == 1, "it is announced once"
    assert parcel.job.deferred == []


async def test_a_paper_that_is_fetched_later_follows_without_the_label(new_harness: NewHarness) -> None:
    parcel = await posted(new_harness, (TO_PRINT, PRINTED), announced_at=5.0)
    assert await parcel.announce() == [(False, ["invoice"])]
    assert parcel.job.shipments[0].announced_at == 5.0
    assert len(parcel.job.deferred) == 1
    assert all(paper.announced for paper in label_of(parcel.job).papers)


async def test_a_parcel_that_was_announced_with_all_its_papers_is_not_announced_again(
    new_harness: NewHarness,
) -> None:
    parcel = await posted(new_harness, (PRINTED, MISSING, ELECTRONIC), announced_at=5.0)
    assert await parcel.announce() == []
    assert parcel.job.deferred == []


async def test_a_parcel_without_papers_writes_nothing_about_papers(new_harness: NewHarness) -> None:
    parcel = await posted(new_harness)
    assert await parcel.announce() == [(True, [])]
    assert len(parcel.job.deferred) == 1


@pytest.mark.parametrize(
    "label",
    [{"document": ""}, {"document_format": None}, {"document_format": LabelFormat.RAW}],
    ids=str,
)
async def test_what_no_printer_can_print_is_announced_without_a_file(
    new_harness: NewHarness, label: dict[str, Any]
) -> None:
    parcel = await posted(new_harness, **label)
    assert await parcel.announce() == [(False, [])]


async def test_a_paper_of_an_unknown_format_is_not_sent_to_a_printer(new_harness: NewHarness) -> None:
    parcel = await posted(new_harness, (replace(TO_PRINT, document_format=None),))
    assert await parcel.announce() == [(True, [])]


async def test_a_posted_shipment_without_a_label_is_announced(new_harness: NewHarness) -> None:
    parcel = await posted(new_harness)
    parcel.job.update(parcel.job.shipments[0], label=None)
    assert await parcel.announce() == [(False, [])]
    assert parcel.job.shipments[0].announced_at == parcel.harness.clock.now()
