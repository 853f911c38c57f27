"""The offline provider: its labels are real paper, and valid nowhere."""

from __future__ import annotations

import asyncio
import io
from dataclasses import replace
from typing import Any

import pypdfium2
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from packhouse.documents import SAMPLE_MARK
from packhouse.errors import ProviderRefused, SettingsError
from packhouse.model.label import USUAL_FORMATS, LabelFormat, Rate
from packhouse.model.money import Money
from packhouse.providers.conformance import sample_request
from packhouse.providers.offline import wire
from packhouse.providers.offline.adapter import OfflineProvider
from packhouse.providers.port import Bought, Purchase, Voided
from tests.service.providers.context import SENDER, context, kept
from tests.service.providers.tracking_formats import TABLE, formats, takers

RATE = Rate("Standard", "Offline", "Standard", Money(495, "USD"), 4)
needs_table = pytest.mark.skipif(not TABLE.is_dir(), reason="the table of tracking numbers is not here")


def bought(fmt: LabelFormat, reference: str = "ord_1/1/1", **options: Any) -> Bought:
    provider = OfflineProvider.from_settings(options, context(fmt))
    outcome = asyncio.run(provider.buy(Purchase(sample_request(reference), "", RATE)))
    assert isinstance(outcome, Bought)
    return outcome


@needs_table
def test_the_reader_of_the_table_judges_its_own_numbers_right() -> None:
    seen = 0
    for form in formats():
        for number in form["test_numbers"]["valid"]:
            assert form["name"] in takers(number), number
            seen += 1
        for number in form["test_numbers"]["invalid"]:
            assert form["name"] not in takers(number), number
            seen += 1
    assert seen > 150


@needs_table
def test_no_carrier_accepts_a_sample_number() -> None:
    for number in range(200):
        reference = f"ord_{number}/1/1"
        tracking = wire.tracking_number(reference)
        assert takers(tracking) == []
        assert takers(tracking.lower()) == []
        # What a scanner reads from the second code is none either, as it is and without its identifiers.
        request = sample_request(reference)
        gs1 = wire.gs1_data(reference, SENDER, request.to_address)
        assert takers(gs1.replace("(", "").replace(")", "")) == []
        assert takers(gs1.rpartition(")")[2]) == []


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60))
def test_a_number_follows_from_its_reference_alone(reference: str) -> None:
    number = wire.tracking_number(reference)
    assert number == wire.tracking_number(reference)
    assert number.startswith("SAMPLE")
    assert len(number) == 22
    assert number[6:].isdigit()


def test_references_do_not_share_numbers() -> None:
    assert len({wire.tracking_number(f"ord_{n}/{s}/1") for n in range(5000) for s in (1, 2)}) == 10_000


@pytest.mark.parametrize("fmt", sorted(USUAL_FORMATS))
def test_the_label_comes_with_the_purchase_and_can_be_drawn_again(fmt: LabelFormat) -> None:
    provider = OfflineProvider.from_settings({}, context(fmt))
    outcome = bought(fmt)
    assert outcome.document is not None
    assert outcome.document.format is fmt
    assert asyncio.run(provider.document(kept("offline", outcome))) == outcome.document


def test_its_barcodes_scan_and_it_is_marked() -> None:
    png, pdf = bought(LabelFormat.PNG), bought(LabelFormat.PDF)
    assert png.document is not None
    assert pdf.document is not None
    codes = {code.text for code in zxingcpp.read_barcodes(Image.open(io.BytesIO(png.document.content)))}
    assert png.tracking_number in codes
    assert any(code.startswith("(420)90277(98)") for code in codes)
    text = pypdfium2.PdfDocument(pdf.document.content)[0].get_textpage().get_text_range()
    assert SAMPLE_MARK in text
    assert "ELIZABETH SWAN" in text


@pytest.mark.parametrize(
    ("country", "postcode", "starts"),
    [
        ("US", "90277", "(420)90277(98)"),
        ("US", "90277-1234", "(420)902771234(98)"),
        ("GB", "SW1A 1AA", "(98)"),
    ],
)
def test_the_postal_code_is_coded_where_gs1_allows_it(country: str, postcode: str, starts: str) -> None:
    there = replace(sample_request("r").to_address, country=country, postcode=postcode)
    assert wire.gs1_data("r", SENDER, there).startswith(starts)


def test_a_label_made_elsewhere_is_not_drawn() -> None:
    provider = OfflineProvider.from_settings({}, context())
    for source in ("", "https://files.example.net/1.pdf", "[]", '{"sender": {}}', '{"sender": {"x": 1}}'):
        label = replace(kept("offline", bought(LabelFormat.ZPL)), document_source=source)
        with pytest.raises(ProviderRefused, match="offline provider did not make label"):
            asyncio.run(provider.document(label))


def test_heavier_parcels_cost_more_and_prices_can_be_set() -> None:
    async def prices(weight_g: int, **options: Any) -> list[Money]:
        provider = OfflineProvider.from_settings(options, context())
        prepared = await provider.prepare(sample_request("r", weight_g=weight_g))
        return [rate.price for rate in prepared.rates]

    assert asyncio.run(prices(1000)) == [Money(495, "USD"), Money(1290, "USD")]
    assert asyncio.run(prices(1001)) == [Money(615, "USD"), Money(1600, "USD")]
    own = '[{"name": "Van", "price_minor": 0}]'
    assert asyncio.run(prices(9000, currency="EUR", services=own)) == [Money(0, "EUR")]


@pytest.mark.parametrize(
    "options",
    [{"services": []}, {"currency": "dollars"}, {"services": [{"name": "x", "price_minor": -1}]}, {"no": 1}],
)
def test_a_wrong_tariff_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=r"providers\.offline"):
        OfflineProvider.from_settings(options, context())


def test_a_void_succeeds_at_once() -> None:
    provider = OfflineProvider.from_settings({}, context())
    assert asyncio.run(provider.void(kept("offline", bought(LabelFormat.ZPL)))) == Voided()
