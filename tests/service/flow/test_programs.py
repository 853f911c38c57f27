"""The user's own program from order to post: whatever it prints, a paid label is posted or held."""

from __future__ import annotations

import base64
import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from packhouse.ledger import queries
from packhouse.model.hold import HoldCode
from packhouse.model.label import LabelFormat
from packhouse.model.money import Money
from packhouse.operations.views import AdoptedLabel
from packhouse.providers.command.adapter import CommandProvider
from packhouse.providers.port import Provider, ProviderContext
from tests.service.harness import NewHarness

CASES = Path(__file__).parents[3].parent / "shared/data/cases/carriers"
NUMBER = "1Z999AA10123456784"
USABLE = {"K02a-label-gif": LabelFormat.PNG, "K03a-base64-data-uri": LabelFormat.PDF}


def printing(output: str, *, with_lookup: bool = False, **options: Any) -> Any:
    """A provider whose program prints this and ends with 0; its look-up prints the same."""

    def make(context: ProviderContext, folder: Path) -> Provider:
        file = folder / "printed"
        file.write_text(output)
        line = f"/bin/cat {shlex.quote(str(file))}"
        programs = {"argv": line, "lookup": line if with_lookup else ""}
        return CommandProvider.from_settings(programs | options, context)

    return make


async def test_a_cost_told_after_the_purchase_is_no_drift(new_harness: NewHarness) -> None:
    answer = {"tracking": NUMBER, "carrier": "UPS", "cost": {"amount": "8.21", "currency": "USD"}}
    for options in ({}, {"estimate_minor": 100}):
        harness = new_harness(external_tracking=NUMBER, provider=printing(json.dumps(answer), **options))
        order = await harness.ship()
        assert await harness.states(order) == ["fulfilled"]
        assert await harness.active_holds(order) == []
        (shipment,) = await harness.shipments(order)
        assert shipment.label is not None
        assert (shipment.label.cost, shipment.label.tracking_number) == (Money(821, "USD"), NUMBER)


async def test_an_unreadable_cost_is_counted_as_the_estimate(new_harness: NewHarness) -> None:
    answer = f'{{"tracking": "{NUMBER}", "cost": "five"}}'
    harness = new_harness(external_tracking=NUMBER, provider=printing(answer, estimate_minor=700))
    order = await harness.ship()
    assert await harness.states(order) == ["fulfilled"]
    (shipment,) = await harness.shipments(order)
    assert shipment.label is not None
    assert shipment.label.cost == Money(700, "USD")
    entries = await harness.ledger.read(queries.entries, order_id=order.id)
    assert any("five" in entry.why for entry in entries)


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (f'{{"tracking": "{NUMBER}", "cost": "1,234"}}', [NUMBER, "1,234"]),
        ('{"tracking": 9.40011E+21, "carrier": "USPS"}', ["9.40011E+21", "rounded"]),
        ('{"tracking": "9400100\\n0000001"}', ["line break"]),
        ('{"tracking": "N/A"}', ["N/A"]),
    ],
)
@pytest.mark.parametrize("with_lookup", [False, True])
async def test_an_answer_that_cannot_be_used_is_held_with_its_words_and_a_person_adopts_the_label(
    new_harness: NewHarness, output: str, words: list[str], with_lookup: bool
) -> None:
    harness = new_harness(external_tracking=NUMBER, provider=printing(output, with_lookup=with_lookup))
    order = await harness.ship()
    await harness.advance(60)
    assert harness.store.seen("fulfill") == []
    assert await harness.states(order) == ["held"]
    (hold,) = await harness.active_holds(order)
    assert hold.code is HoldCode.PURCHASE_UNKNOWN
    for word in words:
        assert word in hold.sentence
    found = AdoptedLabel(NUMBER, "UPS", "", Money(549, "USD"))
    await harness.operations.shipments.adopt_label(hold.shipment_id, found, reason="found", actor="ada")
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"]


@pytest.mark.skipif(not CASES.exists(), reason="the files of reported situations are not here")
@pytest.mark.parametrize(
    "name", ["K02a-label-gif", "K02c-label-html", "K02e-label-jpeg", "K03c-base64-cut-off"]
)
async def test_the_reported_label_files_are_posted_and_told(new_harness: NewHarness, name: str) -> None:
    case = json.loads((CASES / f"{name}.json").read_text())
    answer = {"tracking": NUMBER, "cost_minor": 549, "label_base64": case.get("bytes_b64") or case["text"]}
    harness = new_harness(external_tracking=NUMBER, provider=printing(json.dumps(answer)))
    order = await harness.ship()
    assert await harness.states(order) == ["fulfilled"]
    (shipment,) = await harness.shipments(order)
    assert shipment.label is not None
    codes = [hold.code for hold in await harness.active_holds(order)]
    if name in USABLE:
        assert (codes, shipment.label.document_format) == ([], USABLE[name])
    else:
        assert (codes, shipment.label.document_format) == ([HoldCode.LABEL_FILE_MISSING], LabelFormat.RAW)


async def test_a_file_that_came_with_the_purchase_outlives_a_crash_right_after_it(
    new_harness: NewHarness,
) -> None:
    pdf = b"%PDF-1.4\nlabel\n%%EOF\n"
    answer = {"tracking": NUMBER, "carrier": "UPS", "label_base64": base64.b64encode(pdf).decode()}
    harness = new_harness(external_tracking=NUMBER, provider=printing(json.dumps(answer)))
    order = harness.sandbox.place_order("plain")
    await harness.process_until(order, before="post")
    (bought,) = await harness.shipments(order)
    assert bought.state == "labeled"
    await harness.advance(300)
    (shipment,) = await harness.shipments(order)
    assert shipment.state == "fulfilled"
    assert shipment.label is not None
    assert shipment.label.document_format is LabelFormat.PDF
    assert harness.context.documents.get(shipment.label.document, LabelFormat.PDF) == pdf
    assert len(harness.provider.seen("buy")) == 1


async def test_a_damaged_file_is_kept_as_it_came_and_told_after_a_crash_too(new_harness: NewHarness) -> None:
    answer = {"tracking": NUMBER, "carrier": "UPS", "label_base64": "JVBERi0xLjQ..."}
    harness = new_harness(external_tracking=NUMBER, provider=printing(json.dumps(answer)))
    order = harness.sandbox.place_order("plain")
    await harness.process_until(order, before="post")
    await harness.advance(300)
    (shipment,) = await harness.shipments(order)
    assert shipment.state == "fulfilled"
    assert shipment.label is not None
    kept = harness.context.documents.get(shipment.label.document, LabelFormat.RAW)
    assert kept == b"JVBERi0xLjQ..."
    (hold,) = await harness.active_holds(order)
    assert hold.code is HoldCode.LABEL_FILE_MISSING


async def test_a_damaged_file_beside_a_good_one_is_not_the_label(
    new_harness: NewHarness, tmp_path: Path
) -> None:
    (tmp_path / "good.pdf").write_bytes(b"%PDF-1.4\nlabel\n%%EOF\n")
    paths = {"label_base64": "JVBERi0xLjQ...", "label_path": str(tmp_path / "good.pdf")}
    answer = {"tracking": NUMBER, "carrier": "UPS", **paths}
    harness = new_harness(external_tracking=NUMBER, provider=printing(json.dumps(answer)))
    order = await harness.ship()
    (shipment,) = await harness.shipments(order)
    assert shipment.label is not None
    assert shipment.label.document_format is LabelFormat.PDF
    assert await harness.active_holds(order) == []
