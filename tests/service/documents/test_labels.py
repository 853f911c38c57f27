"""Whole labels: scanned back, marked, repeatable."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pypdfium2
import pytest
import zxingcpp
from PIL import Image, ImageFilter

from packhouse.documents import SAMPLE_MARK, draw, draw_pdf, draw_png, draw_zpl
from packhouse.documents.label_data import address_lines, grouped, weight_text
from packhouse.model.label import USUAL_FORMATS, LabelFormat
from packhouse.model.order import Address
from tests.service.documents.label_data import FACTS, RECIPIENT, SENDER

BOTH = {(FACTS.tracking_number, "]C0"), (FACTS.gs1, "]C1")}


def scanned(image: Image.Image) -> set[tuple[str, str]]:
    return {(code.text, code.symbology_identifier) for code in zxingcpp.read_barcodes(image)}


def text_of(pdf: bytes) -> str:
    return str(pypdfium2.PdfDocument(pdf)[0].get_textpage().get_text_range())


def test_both_barcodes_scan_from_the_png() -> None:
    image = Image.open(io.BytesIO(draw_png(FACTS)))
    assert image.size == (1200, 1800)
    assert round(image.info["dpi"][0]) == 300
    assert scanned(image) == BOTH


def test_they_scan_turned_blurred_and_at_half_size() -> None:
    image = Image.open(io.BytesIO(draw_png(FACTS)))
    assert scanned(image.rotate(90, expand=True)) == BOTH
    assert scanned(image.rotate(7, expand=True, fillcolor=255)) == BOTH
    assert scanned(image.filter(ImageFilter.GaussianBlur(1.5))) == BOTH
    assert scanned(image.resize((600, 900), Image.Resampling.BILINEAR)) == BOTH


def test_they_scan_from_the_pdf_as_a_203_dpi_printer_draws_it() -> None:
    page = pypdfium2.PdfDocument(draw_pdf(FACTS))[0]
    assert page.get_size() == (288, 432)
    assert scanned(page.render(scale=203 / 72).to_pil()) == BOTH


def test_they_scan_from_the_zpl() -> None:
    zplkit = pytest.importorskip("zplkit", reason="zplkit, which draws ZPL, is not installed")
    label = zplkit.render(draw_zpl(FACTS), zplkit.Options(dpi=203, width=812, height=1218)).labels[0]
    assert scanned(Image.open(io.BytesIO(label.png()))) == BOTH


@pytest.mark.parametrize("fmt", sorted(USUAL_FORMATS))
def test_the_same_data_gives_the_same_bytes_on_every_thread(fmt: LabelFormat) -> None:
    with ThreadPoolExecutor(4) as pool:
        drawn = set(pool.map(lambda _: draw(FACTS, fmt), range(6)))
    assert len(drawn) == 1


def test_a_sample_says_so_twice_and_a_real_label_does_not() -> None:
    assert text_of(draw_pdf(FACTS)).count(SAMPLE_MARK) == 2
    assert draw_zpl(FACTS).decode().count(SAMPLE_MARK) == 2
    assert SAMPLE_MARK not in text_of(draw_pdf(replace(FACTS, sample=False)))
    assert SAMPLE_MARK not in draw_zpl(replace(FACTS, sample=False)).decode()


def test_a_label_without_gs1_data_has_one_barcode() -> None:
    plain = replace(FACTS, gs1="")
    assert scanned(Image.open(io.BytesIO(draw_png(plain)))) == {(FACTS.tracking_number, "]C0")}
    assert draw_zpl(plain).count(b"^BC") == 1


def test_everything_a_carrier_reads_is_on_the_paper() -> None:
    for text in (text_of(draw_pdf(FACTS)), draw_zpl(FACTS).decode().replace("_5F", "_")):
        for part in (
            "North Pier Teas",
            "ELIZABETH SWAN",
            "UNIT 4",
            "REDONDO BEACH, CA 90277",
            "ord_1/1/1",
            "0.45 kg",
        ):
            assert part in text


def test_scripts_beyond_latin_print_and_what_no_font_has_becomes_a_question_mark() -> None:
    foreign = replace(
        FACTS, recipient=replace(RECIPIENT, name="Łukasz", street1="ул. Пушкина", city="東京", country="CZ")
    )
    text = text_of(draw_pdf(foreign))
    assert "ŁUKASZ" in text
    assert "УЛ. ПУШКИНА" in text
    assert "?? CA" in text
    assert "東京" in draw_zpl(foreign).decode()


def test_long_texts_are_cut_and_never_leave_the_paper() -> None:
    long = replace(FACTS, service="W" * 90, recipient=replace(RECIPIENT, street1="W" * 200))
    assert "…" in text_of(draw_pdf(long))
    assert "W" * 40 not in draw_zpl(long).decode()
    assert scanned(Image.open(io.BytesIO(draw_png(long)))) == BOTH


def test_an_address_cannot_smuggle_printer_commands() -> None:
    evil = replace(FACTS, recipient=replace(RECIPIENT, name="A^XZ^XA~JR_5E\\&", street1="line\nbreak"))
    zpl = draw_zpl(evil).decode()
    assert zpl.count("^XA") == zpl.count("^XZ") == 1
    assert "~" not in zpl
    assert "A_5EXZ_5EXA_7EJR_5F5E_5C&" in zpl
    assert "LINE BREAK" in zpl


def test_data_that_no_barcode_can_encode_is_refused() -> None:
    for fmt in USUAL_FORMATS:
        with pytest.raises(ValueError, match="does not fit"):
            draw(replace(FACTS, tracking_number="X" * 60), fmt)


def test_addresses_read_as_their_country_writes_them() -> None:
    german = Address(name="Kurt", street1="Hauptstr. 1", city="Köln", postcode="50667", country="DE")
    assert address_lines(german, home="US") == ("Kurt", "Hauptstr. 1", "50667 Köln", "DE")
    assert address_lines(german, home="DE")[-1] == "50667 Köln"
    assert address_lines(SENDER, home="US")[-1] == "San Francisco, CA 94107"


def test_weights_are_rounded_up_in_both_systems() -> None:
    assert weight_text(446) == "0.45 kg / 1.0 lb"
    assert weight_text(1) == "0.01 kg / 0.1 lb"


def test_numbers_are_grouped_for_reading() -> None:
    assert grouped("SAMPLE1234567890123456") == "SAMPLE 1234 5678 9012 3456"
    assert grouped("1Z5R89390357567127") == "1Z5R 8939 0357 5671 27"
    assert grouped("123") == "123"
