"""Label facts become a 4x6 inch label: PDF, ZPL or PNG. Pure: nothing is read but the fonts beside this file.

The sandbox's carrier and the offline adapter come in; bytes leave. Labels that nobody may post are marked.
"""

from __future__ import annotations

from packhouse.documents.label_data import SAMPLE_MARK, LabelFacts
from packhouse.documents.zpl import draw_zpl
from packhouse.model.label import LabelFormat

__all__ = ["SAMPLE_MARK", "LabelFacts", "draw", "draw_pdf", "draw_png", "draw_zpl"]


def draw_pdf(facts: LabelFacts) -> bytes:
    """One page of 288 x 432 points. Raises ValueError if a barcode cannot carry its data."""
    from packhouse.documents.pdf import draw_pdf as drawn  # reportlab is slow to import: only when asked for

    return drawn(facts)


def draw_png(facts: LabelFacts) -> bytes:
    """1200 x 1800 grey pixels, 300 dpi. Raises ValueError if a barcode cannot carry its data."""
    from packhouse.documents.png import draw_png as drawn

    return drawn(facts)


def draw(facts: LabelFacts, fmt: LabelFormat) -> bytes:
    """Draw it as the kind of file asked for. The same facts always give the same bytes.

    ZPL takes microseconds; PDF and PNG take milliseconds of CPU and may be drawn in a thread.
    """
    if fmt is LabelFormat.ZPL:
        return draw_zpl(facts)
    return draw_pdf(facts) if fmt is LabelFormat.PDF else draw_png(facts)
