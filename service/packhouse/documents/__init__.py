"""Draws 4x6 inch labels as PDF, ZPL or PNG. Pure: it reads only the fonts in this package.

The sandbox and the offline provider use it. A label that is not valid for carriage is marked as a sample.
"""

from __future__ import annotations

from packhouse.documents.label_data import SAMPLE_MARK, LabelData
from packhouse.documents.zpl import draw_zpl
from packhouse.model.label import LabelFormat

__all__ = ["SAMPLE_MARK", "LabelData", "draw", "draw_pdf", "draw_png", "draw_zpl"]


def draw_pdf(label: LabelData) -> bytes:
    """One page of 288 x 432 points. Raises ValueError if a barcode cannot encode its data."""
    from packhouse.documents.pdf import draw_pdf as drawn  # imported late: reportlab is slow to import

    return drawn(label)


def draw_png(label: LabelData) -> bytes:
    """1200 x 1800 grey pixels, 300 dpi. Raises ValueError if a barcode cannot encode its data."""
    from packhouse.documents.png import draw_png as drawn

    return drawn(label)


def draw(label: LabelData, fmt: LabelFormat) -> bytes:
    """Draw the label in a format. The same data always gives the same bytes.

    ZPL takes microseconds; PDF and PNG take milliseconds of CPU and may be drawn in a thread.
    """
    if fmt is LabelFormat.ZPL:
        return draw_zpl(label)
    return draw_pdf(label) if fmt is LabelFormat.PDF else draw_png(label)
