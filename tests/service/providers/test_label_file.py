"""Label files: which kind they are, whether they are whole, and what becomes of the others."""

from __future__ import annotations

import gzip
import zipfile
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from packhouse.model.label import LabelDocument, LabelFormat
from packhouse.providers.label_file import detect, read_or_keep

PDF = b"%PDF-1.7\n1 0 obj\n%%EOF\n"
ZPL = b"^XA^FO50,50^FDhello^FS^XZ"
EPL = b'\nN\nq609\nA50,0,0,1,1,1,N,"hello"\nP1\n'


def picture(kind: str, size: tuple[int, int] = (400, 600), **more: object) -> bytes:
    written = BytesIO()
    Image.new("RGB", size, "white").save(written, kind, **more)
    return written.getvalue()


def archive() -> bytes:
    written = BytesIO()
    with zipfile.ZipFile(written, "w") as made:
        made.writestr("label.pdf", PDF)
    return written.getvalue()


PNG = picture("PNG")


@pytest.mark.parametrize(
    ("content", "fmt"),
    [
        (PDF, LabelFormat.PDF),
        (PDF + b"\x00\x00\r\n", LabelFormat.PDF),
        (PNG, LabelFormat.PNG),
        (ZPL, LabelFormat.ZPL),
        (b"\n \r\n" + ZPL, LabelFormat.ZPL),
        (b"\xef\xbb\xbf" + ZPL, LabelFormat.ZPL),
        (b"CT~~CD,~CC^~CT~\n" + ZPL, LabelFormat.ZPL),
        (b"~SD15\n^FX a comment ^FS" + ZPL, LabelFormat.ZPL),
        (b"\x10" + ZPL, LabelFormat.ZPL),
        (ZPL.lower(), LabelFormat.ZPL),
        (ZPL + ZPL, LabelFormat.ZPL),
        (EPL, LabelFormat.EPL),
        (EPL.replace(b"\n", b"\r\n"), LabelFormat.EPL),
    ],
)
def test_a_label_of_a_usual_kind_is_kept_as_it_came(content: bytes, fmt: LabelFormat) -> None:
    assert detect(content) == LabelDocument(content, fmt)


@pytest.mark.parametrize("before", [b"\n", b"\xef\xbb\xbf", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_what_comes_before_a_pdf_is_taken_off(before: bytes) -> None:
    assert detect(before + PDF) == LabelDocument(PDF, LabelFormat.PDF)


@pytest.mark.parametrize("kind", ["JPEG", "GIF", "TIFF", "BMP", "WEBP"])
def test_a_picture_of_another_kind_becomes_a_png_of_the_same_size(kind: str) -> None:
    document = detect(picture(kind))
    assert document is not None
    assert document.format is LabelFormat.PNG
    with Image.open(BytesIO(document.content)) as read:
        assert read.size == (400, 600)


def test_a_converted_picture_keeps_its_resolution() -> None:
    document = detect(picture("JPEG", dpi=(203, 203)))
    assert document is not None
    with Image.open(BytesIO(document.content)) as read:
        assert round(read.info["dpi"][0]) == 203


def test_a_compressed_file_is_unpacked() -> None:
    assert detect(gzip.compress(PDF)) == LabelDocument(PDF, LabelFormat.PDF)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b" \r\n\x00", "blanks"),
        (b"<html><body>label viewer</body></html>", "web page"),
        (b"\xef\xbb\xbf<!DOCTYPE html><p>^XA^XZ", "web page"),
        (b'<?xml version="1.0"?><svg/>', "XML"),
        (b'{"error": "no label"}', "unknown kind"),
        (b"Label not ready", "unknown kind"),
        (PDF[:-8], "PDF that is cut off"),
        (PNG[:-6], "PNG that is cut off"),
        (b"^XA^FDhello", "ZPL that is cut off"),
        (ZPL + b"^XA^FDsecond", "ZPL that is cut off"),
        (EPL[:-4], "EPL that is cut off"),
        (picture("JPEG")[:300], "JPEG that is damaged"),
        (b"\xff\xd8\xff\xe0" + bytes(30) + b"\xff\xd9", "JPEG that is damaged"),
        (b"GIF89a\x01", "GIF that is damaged"),
        (archive(), "ZIP"),
        (gzip.compress(PDF)[:-9], "gzip file that is cut off"),
        (gzip.compress(bytes(20_000_000)), "too large"),
        (b"\x1f\x8bnothing", "gzip file that is damaged"),
        (b"%!PS-Adobe-3.0\n", "PostScript"),
    ],
    ids=[f"file {number}" for number in range(20)],
)
def test_what_cannot_be_printed_is_kept_as_it_came_with_the_reason(content: bytes, why: str) -> None:
    document = read_or_keep(content)
    assert (document.content, document.format) == (content, LabelFormat.RAW)
    assert why in document.problem
    assert detect(content) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_a_label_or_kept(content: bytes) -> None:
    document = read_or_keep(content)
    assert document.format is not LabelFormat.RAW or document.content == content
    assert (document.format is LabelFormat.RAW) == bool(document.problem)
