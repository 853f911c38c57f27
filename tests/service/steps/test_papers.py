"""papers: what travels with a parcel is kept with its label and printed with it, and never delays a post."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from packhouse.errors import ProviderRefused, ProviderUnavailable
from packhouse.model.label import LabelDocument, LabelFormat
from packhouse.providers.port import Bought, Paper, Purchase
from packhouse.sinks.folder import FolderSink
from tests.service.harness import Harness, NewHarness
from tests.service.steps.hold_situations import DAY_S
from tests.service.steps.parcel_situations import ship_abroad
from tests.service.steps.test_announce import RecordingSink

pytestmark = pytest.mark.usefixtures("engine")

INVOICE = "commercial_invoice"


async def test_the_commercial_invoice_of_an_export_is_kept_and_printed_with_its_label(
    new_harness: NewHarness, tmp_path: Path
) -> None:
    sink = RecordingSink()
    harness = new_harness(sinks=(sink, FolderSink(tmp_path / "out")))
    order = await ship_abroad(harness)
    assert await harness.states(order) == ["fulfilled"]
    (shipment,) = await harness.shipments(order)
    assert shipment.label
    (paper,) = shipment.label.papers
    assert (paper.kind, paper.document_format, paper.announced) == (INVOICE, LabelFormat.PDF, True)
    kept = await harness.operations.queries.label_document(paper.document)
    assert kept.content.startswith(b"%PDF")
    (announcement,) = sink.announced
    assert [(one.kind, one.file.read_bytes()) for one in announcement.papers] == [(INVOICE, kept.content)]
    assert files_in(tmp_path / "out") == [f"{shipment.id}-{INVOICE}.pdf", f"{shipment.id}.zpl"]
    assert "paper_kept" in await harness.journal(order)


async def test_a_parcel_within_its_country_has_no_papers(harness: Harness) -> None:
    order = await harness.ship()
    (shipment,) = await harness.shipments(order)
    assert shipment.label
    assert shipment.label.papers == ()


async def test_a_paper_that_cannot_be_fetched_delays_neither_the_post_nor_the_label(
    new_harness: NewHarness,
) -> None:
    sink = RecordingSink()
    harness = new_harness(sinks=(sink,))
    harness.provider.script(paper=ProviderUnavailable("the file host is down"))
    order = await ship_abroad(harness)
    assert await harness.states(order) == ["fulfilled"]
    assert [one.papers for one in sink.announced] == [()]
    assert await harness.active_holds(order) == []
    assert "paper_failed" in await harness.journal(order)
    harness.provider.script(paper=None)
    await harness.advance(120)
    late = sink.announced[-1]
    assert (late.label_file, [one.kind for one in late.papers]) == (None, [INVOICE])
    assert len(sink.announced) == 2
    assert await harness.phase(order) == "shipped"


async def test_a_provider_that_lists_papers_without_end_has_a_few_fetched(harness: Harness) -> None:
    async def buy(purchase: Purchase) -> Bought:
        bought = await harness.provider.real.buy(purchase)
        assert isinstance(bought, Bought)
        papers = tuple(Paper("form" * 1000, f"http://sandbox.invalid/{number}") for number in range(5000))
        return replace(bought, papers=papers)

    harness.provider.script(buy=buy, paper=ProviderUnavailable("the file host is down"))
    order = await harness.ship()
    assert await harness.states(order) == ["fulfilled"]
    (shipment,) = await harness.shipments(order)
    assert shipment.label
    assert len(shipment.label.papers) == len(harness.provider.seen("paper")) == 20
    assert max(len(paper.kind) for paper in shipment.label.papers) == 100


async def test_a_paper_that_stays_away_is_shown_until_it_is_there(harness: Harness) -> None:
    harness.provider.script(paper=ProviderUnavailable("the file host is down"))
    order = await ship_abroad(harness)
    await harness.advance(600, step=30)
    (hold,) = await harness.active_holds(order)
    assert hold.code == "paper_missing"
    assert INVOICE in hold.sentence
    assert "the file host is down" in hold.sentence
    assert await harness.states(order) == ["fulfilled"]
    harness.provider.script(paper=None)
    await harness.advance(2 * 3600, step=300)
    assert await harness.active_holds(order) == []


async def test_a_paper_without_a_file_is_shown_at_once_and_a_release_is_final(harness: Harness) -> None:
    harness.provider.script(paper=ProviderRefused("there is no file"))
    order = await ship_abroad(harness)
    (hold,) = await harness.active_holds(order)
    assert "there is no file" in hold.sentence
    await harness.release_hold(hold)
    await harness.advance(DAY_S, step=3600)
    assert await harness.active_holds(order) == []


async def test_a_paper_that_the_carrier_has_electronically_is_kept_and_not_printed(
    new_harness: NewHarness,
) -> None:
    sink = RecordingSink()
    harness = new_harness(sinks=(sink,))
    link = "https://files.example/i.pdf"
    sell_with(harness, (Paper(INVOICE, link, submitted=True), Paper("cn22", "", submitted=True)))
    harness.provider.script(paper=LabelDocument(b"%PDF-1.4 invoice", LabelFormat.PDF))
    order = await harness.ship()
    (shipment,) = await harness.shipments(order)
    assert shipment.label
    assert [bool(paper.document) for paper in shipment.label.papers] == [True, False]
    assert [one.papers for one in sink.announced] == [()]
    assert await harness.active_holds(order) == []


async def test_two_papers_of_one_kind_have_names_of_their_own(
    new_harness: NewHarness, tmp_path: Path
) -> None:
    harness = new_harness(sinks=(FolderSink(tmp_path / "out"),))
    links = ("https://files.example/1", "https://files.example/2")
    sell_with(harness, tuple(Paper("cn22", link) for link in links))

    async def paper(label: object, kind: str, source: str) -> LabelDocument:
        return LabelDocument(b"%PDF-1.4 " + source.encode(), LabelFormat.PDF)

    harness.provider.script(paper=paper)
    order = await harness.ship()
    (shipment,) = await harness.shipments(order)
    assert {f"{shipment.id}-cn22.pdf", f"{shipment.id}-cn22-2.pdf"} < set(files_in(tmp_path / "out"))


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def sell_with(harness: Harness, papers: tuple[Paper, ...]) -> None:
    """Sell labels with these papers."""

    async def buy(purchase: Any) -> Any:
        return replace(await harness.provider.real.buy(purchase), papers=papers)  # type: ignore[type-var, call-arg]

    harness.provider.script(buy=buy)
