"""A label as PNG: the PDF's page at 300 dpi, 1200 x 1800 grey pixels."""

from __future__ import annotations

import struct
import zlib
from threading import Lock

import pypdfium2

from packhouse.documents.label_data import LabelData
from packhouse.documents.pdf import draw_pdf

WIDTH_PX, HEIGHT_PX = 1200, 1800
_DPI = 300
_PIXELS_PER_METRE = round(_DPI / 0.0254)

_pdfium = Lock()  # PDFium is not thread-safe


def draw_png(label: LabelData) -> bytes:
    """Draw the label. Thread-safe. Raises ValueError if a barcode cannot encode its data."""
    page = draw_pdf(label)
    with _pdfium:
        document = pypdfium2.PdfDocument(page)
        try:
            bitmap = document[0].render(scale=_DPI / 72, grayscale=True)
            if bitmap.width < WIDTH_PX or bitmap.height < HEIGHT_PX:
                raise AssertionError(f"a page of {bitmap.width} x {bitmap.height} pixels is not 4 x 6 inches")
            pixels = memoryview(bytes(bitmap.buffer))
            stride = bitmap.stride
        finally:
            document.close()
    # PDFium rounds the page up by a pixel; the label is cut to the size that printers expect.
    rows = [pixels[row * stride : row * stride + WIDTH_PX] for row in range(HEIGHT_PX)]
    return _png(rows)


def _png(rows: list[memoryview]) -> bytes:
    """Eight-bit grey rows as a PNG file."""
    raw = b"".join(b"\x00" + row for row in rows)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH_PX, HEIGHT_PX, 8, 0, 0, 0, 0)),
            _chunk(b"pHYs", struct.pack(">IIB", _PIXELS_PER_METRE, _PIXELS_PER_METRE, 1)),
            _chunk(b"IDAT", zlib.compress(raw, 6)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
