"""papers: when each paper is fetched, what a failed try changes, and when a person learns of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from packhouse.errors import ProviderRefused, ProviderUnavailable
from packhouse.model.hold import HoldCode
from packhouse.model.label import LabelDocument, LabelFormat, LabelPaper
from packhouse.model.states import ShipmentState
from packhouse.steps.context import OrderJob
from tests.service.harness import Harness
from tests.service.providers.in_memory import in_memory
from tests.service.steps.jobs import entries, held, label_of, labeled, stored

_S = ShipmentState
DAY_S = 86_400.0
HOURS_6 = 6 * 3600.0
PDF = LabelDocument(b"%PDF-1.4 invoice", LabelFormat.PDF)
DOWN = ProviderUnavailable("the host is down")
NONE = ProviderRefused("there is no file")
INVOICE = LabelPaper("invoice", "https://files.example/1")
CN22 = LabelPaper("cn22", "https://files.example/2")
KEPT = replace(CN22, document="a" * 64, document_format=LabelFormat.PDF)


async def with_papers(
    harness: Harness, papers: Sequence[LabelPaper], answer: Any = None, **label: Any
) -> OrderJob:
    """A label with these papers, at a provider that answers so when they are fetched."""
    harness.provider.script(paper=answer)
    job, shipment, bought = await labeled(harness)
    job.update(shipment, label=replace(bought, papers=tuple(papers), **label))
    return job


async def papers_after(harness: Harness, job: OrderJob) -> tuple[LabelPaper, ...]:
    """The papers after the step, which the job and the ledger have in the same way."""
    await harness.run_step("papers", job)
    kept = (await stored(harness, job)).label
    assert kept is not None
    assert kept.papers == label_of(job).papers
    return kept.papers


def fetched(harness: Harness) -> list[str]:
    return [kind for _, kind, _ in harness.provider.seen("paper")]


async def test_a_missing_paper_is_fetched_and_kept_with_its_label(harness: Harness) -> None:
    job = await with_papers(harness, (replace(INVOICE, tries=1, problem="it was down"), KEPT), PDF)
    paper, other = await papers_after(harness, job)
    assert (paper.document_format, paper.problem, paper.tries) == (LabelFormat.PDF, "", 1)
    assert harness.context.documents.get(paper.document, LabelFormat.PDF) == PDF.content
    assert other == KEPT
    assert fetched(harness) == ["invoice"]
    ((label, kind, source),) = harness.provider.seen("paper")
    assert (label.id, kind, source) == (label_of(job).id, INVOICE.kind, INVOICE.source)
    (entry,) = await entries(harness, job, "paper_kept")
    assert (entry.why, entry.shipment_id) == ("The invoice is kept with the label.", job.shipments[0].id)
    assert job.recheck_times == []


async def test_labels_without_papers_and_shipments_without_labels_are_left_alone(harness: Harness) -> None:
    job = await with_papers(harness, ())
    await harness.run_step("papers", job)
    job.update(job.shipments[0], label=None)
    await harness.run_step("papers", job)
    job.update(job.shipments[0], state=_S.VOIDING)
    await harness.run_step("papers", job)
    assert fetched(harness) == []


@pytest.mark.parametrize(("due_in_s", "is_fetched"), [(-1.0, True), (0.0, True), (1.0, False)])
async def test_a_paper_is_fetched_once_its_next_try_is_due(
    harness: Harness, due_in_s: float, is_fetched: bool
) -> None:
    next_at = harness.clock.now() + due_in_s
    job = await with_papers(harness, (replace(INVOICE, next_at=next_at),), PDF)
    await harness.run_step("papers", job)
    assert fetched(harness) == (["invoice"] if is_fetched else [])
    assert job.recheck_times == ([] if is_fetched else [next_at])


@pytest.mark.parametrize(("age_s", "is_fetched"), [(30 * DAY_S, True), (30 * DAY_S + 1, False)])
async def test_papers_are_fetched_until_the_parcel_has_passed_its_customs(
    harness: Harness, age_s: float, is_fetched: bool
) -> None:
    job = await with_papers(harness, (INVOICE,), DOWN, bought_at=harness.clock.now() - age_s)
    await harness.run_step("papers", job)
    assert fetched(harness) == (["invoice"] if is_fetched else [])
    assert len(job.recheck_times) == int(is_fetched)


@pytest.mark.parametrize(
    ("tries", "wait_s"),
    [(0, 60.0), (1, 240.0), (2, 960.0), (4, 15_360.0), (5, HOURS_6), (50, HOURS_6)],
)
async def test_a_paper_that_fails_is_tried_less_and_less_often(
    harness: Harness, tries: int, wait_s: float
) -> None:
    job = await with_papers(harness, (replace(INVOICE, tries=tries), KEPT), DOWN)
    paper, _ = await papers_after(harness, job)
    next_at = harness.clock.now() + wait_s
    assert (paper.tries, paper.next_at, paper.problem) == (tries + 1, next_at, "the host is down")
    assert job.recheck_times == [next_at]
    told = ["The invoice could not be fetched; it is tried again. the host is down"]
    assert [one.why for one in await entries(harness, job, "paper_failed")] == ([] if tries else told)
    assert await entries(harness, job, "paper_kept") == []


@pytest.mark.parametrize(("tries", "counted_as"), [(0, 3), (1, 3), (2, 3), (3, 4)])
async def test_a_paper_that_the_provider_does_not_have_is_told_at_once_and_asked_for_seldom(
    harness: Harness, tries: int, counted_as: int
) -> None:
    job = await with_papers(harness, (replace(INVOICE, tries=tries),), NONE)
    (paper,) = await papers_after(harness, job)
    assert (paper.tries, paper.next_at) == (counted_as, harness.clock.now() + HOURS_6)
    assert held(job) == [("paper_missing", job.shipments[0].id)]


async def test_a_long_problem_is_cut(harness: Harness) -> None:
    job = await with_papers(harness, (INVOICE,), ProviderUnavailable("x" * 600))
    (paper,) = await papers_after(harness, job)
    assert paper.problem == "x" * 500


@pytest.mark.parametrize(("tries", "is_held"), [(1, False), (2, True), (3, True)])
async def test_the_third_failure_is_shown_to_a_person(harness: Harness, tries: int, is_held: bool) -> None:
    job = await with_papers(harness, (replace(INVOICE, tries=tries), CN22, KEPT), DOWN)
    await harness.run_step("papers", job)
    assert held(job) == ([("paper_missing", job.shipments[0].id)] if is_held else [])
    if is_held:
        label = label_of(job)
        (hold,) = job.active_holds()
        assert hold.note == f"invoice of {label.carrier} {label.tracking_number}: the host is down"


async def test_each_kind_of_missing_paper_is_named_once(harness: Harness) -> None:
    other = replace(INVOICE, source="https://files.example/3")
    job = await with_papers(harness, [replace(one, tries=2) for one in (INVOICE, other, CN22)], DOWN)
    await harness.run_step("papers", job)
    (hold,) = job.active_holds()
    assert hold.note.startswith("invoice, cn22 of ")


async def held_for_papers(harness: Harness, answer: Any, *papers: LabelPaper) -> OrderJob:
    """A shipment with the hold on its papers, and another shipment's and another kind's hold."""
    job = await with_papers(harness, papers, answer)
    await harness.context.hold(job, HoldCode.PAPER_MISSING, "invoice", shipment=job.shipments[0])
    await harness.context.hold(job, HoldCode.PAPER_MISSING, "of the order")
    await harness.context.hold(job, HoldCode.PRICE_DRIFT, "it rose", shipment=job.shipments[0])
    return job


async def test_the_hold_ends_with_the_last_paper_and_no_other_hold_does(harness: Harness) -> None:
    job = await held_for_papers(harness, PDF, replace(INVOICE, tries=3))
    await harness.run_step("papers", job)
    assert held(job) == [("paper_missing", ""), ("price_drift", job.shipments[0].id)]
    (entry,) = await entries(harness, job, "released")
    assert entry.why == "paper_missing: The paper is fetched."


async def test_the_hold_stays_while_a_paper_is_missing_and_is_not_placed_twice(harness: Harness) -> None:
    late = replace(CN22, next_at=harness.clock.now() + 60, tries=3)
    job = await held_for_papers(harness, PDF, replace(INVOICE, tries=3), late)
    before = held(job)
    await harness.run_step("papers", job)
    assert held(job) == before
    assert await entries(harness, job, "released") == []
    assert [one.note for one in job.active_holds()] == ["invoice", "of the order", "it rose"]


@pytest.mark.parametrize("by", ["ada", "packhouse"])
async def test_only_a_release_by_a_person_is_final(harness: Harness, by: str) -> None:
    job = await with_papers(harness, (replace(INVOICE, tries=3),), DOWN)
    await harness.context.hold(job, HoldCode.PAPER_MISSING, "invoice", shipment=job.shipments[0])
    job.holds = [replace(one, released_by=by, released_at=2.0) for one in job.holds]
    await harness.run_step("papers", job)
    assert held(job) == ([] if by == "ada" else [("paper_missing", job.shipments[0].id)])


async def test_no_hold_is_placed_for_papers_that_are_all_kept(harness: Harness) -> None:
    job = await with_papers(harness, (INVOICE,), PDF)
    await harness.run_step("papers", job)
    assert (held(job), await entries(harness, job, "released")) == ([], [])


@pytest.mark.harness(provider=in_memory())
async def test_a_provider_that_cannot_fetch_papers_has_none(harness: Harness) -> None:
    real = harness.provider.real
    job = await with_papers(harness, (INVOICE,))
    providers: Any = harness.context.providers
    providers[real.account] = real
    (paper,) = await papers_after(harness, job)
    assert paper.problem == "The provider account in_memory cannot fetch papers."


async def test_a_label_that_was_bought_elsewhere_has_no_account_to_fetch_its_papers_from(
    harness: Harness,
) -> None:
    job = await with_papers(harness, (INVOICE,), PDF, provider="manual")
    (paper,) = await papers_after(harness, job)
    assert paper.problem == "The provider account manual cannot fetch papers."


async def test_papers_that_wait_for_their_next_try_change_nothing(harness: Harness) -> None:
    next_at = harness.clock.now() + 60
    job = await with_papers(harness, (replace(INVOICE, tries=3, next_at=next_at), KEPT), PDF)
    writes = len(harness.ledger.seen("write"))
    await harness.run_step("papers", job)
    assert len(harness.ledger.seen("write")) == writes
    assert held(job) == []


async def test_papers_without_a_hold_are_written_once_and_nothing_is_released(harness: Harness) -> None:
    job = await with_papers(harness, (INVOICE,), PDF)
    writes = len(harness.ledger.seen("write"))
    await harness.run_step("papers", job)
    assert len(harness.ledger.seen("write")) == writes + 1


async def test_the_papers_of_an_account_that_is_no_longer_set_up_are_a_problem_of_the_paper(
    harness: Harness,
) -> None:
    job = await with_papers(harness, (INVOICE,), provider="closed")
    (paper,) = await papers_after(harness, job)
    assert "'closed'" in paper.problem
