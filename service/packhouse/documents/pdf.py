"""A label as PDF: one page of 4 x 6 inches, vector bars, the same bytes for the same data."""

from __future__ import annotations

import io
from threading import Lock

from reportlab.pdfgen.canvas import Canvas

from packhouse.documents.barcode import QUIET_MODULES, bars, module_size
from packhouse.documents.fonts import fitted
from packhouse.documents.label_data import SAMPLE_MARK, LabelData, address_lines, grouped, weight_text

WIDTH_PT, HEIGHT_PT = 288, 432
_MARGIN = 12
_INNER = WIDTH_PT - 2 * _MARGIN
_DOT = 72 / 300  # modules are whole dots of 300 dpi, so that the PNG's bars are exact
_DOTS_ACROSS = 1200
_MODULE_DOTS = (5, 4, 3)

_fonts = Lock()  # reportlab keeps registered fonts in module globals


def draw_pdf(label: LabelData) -> bytes:
    """Draw the label. Thread-safe. Raises ValueError if a barcode cannot encode its data."""
    with _fonts:
        buffer = io.BytesIO()
        canvas = Canvas(buffer, pagesize=(WIDTH_PT, HEIGHT_PT), invariant=1)
        canvas.setTitle(f"Label {label.tracking_number}")
        canvas.setCreator("Packhouse")
        _Sheet(canvas).label(label)
        canvas.showPage()
        canvas.save()
        return buffer.getvalue()


class _Sheet:
    """A canvas with positions from its top, in points."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas

    def label(self, label: LabelData) -> None:
        if label.sample:
            self._mark(0)
            self._mark(HEIGHT_PT - 20)
        self._sender(label)
        self._rule(92, 1.5)
        self._text(label.service.upper(), 24, 118, bold=True, min_size=11, centre=True)
        self._rule(128, 1.5)
        self._recipient(label)
        self._rule(232, 1.5)
        self._text("TRACKING NUMBER", 7, 243, bold=True)
        self._bars(label.tracking_number, top=249, height=62 if label.gs1 else 104)
        self._text(grouped(label.tracking_number), 12, 325 if label.gs1 else 370, bold=True, centre=True)
        if label.gs1:
            self._rule(332, 0.75)
            self._bars(label.gs1, top=338, height=38, gs1=True)
            self._text(label.gs1, 7.5, 386, centre=True)
        self._rule(391, 0.75)
        self._text(f"Reference {label.reference}", 8, 403, room=_INNER * 0.7)
        self._text("4 x 6 in", 8, 403, right=True)

    def _sender(self, label: LabelData) -> None:
        self._text("FROM", 6.5, 31, bold=True)
        for number, line in enumerate(address_lines(label.sender, label.recipient.country)[:5]):
            self._text(line, 8.5, 41 + number * 10, room=_INNER * 0.62)
        if label.carrier:
            self._text(label.carrier, 13, 36, bold=True, room=_INNER * 0.36, right=True)
        self._text("WEIGHT", 6.5, 70, bold=True, right=True)
        self._text(weight_text(label.weight_g), 9.5, 82, room=_INNER * 0.4, right=True)

    def _recipient(self, label: LabelData) -> None:
        self._text("SHIP TO", 7, 141, bold=True)
        lines = address_lines(label.recipient, label.sender.country)[:6]
        step = 16 if len(lines) <= 5 else 14
        for number, line in enumerate(lines):
            self._text(line.upper(), step - 2, 157 + number * step, bold=number == 0, min_size=8)

    def _mark(self, top: float) -> None:
        self._canvas.rect(0, HEIGHT_PT - top - 20, WIDTH_PT, 20, stroke=0, fill=1)
        self._canvas.setFillGray(1)
        self._text(SAMPLE_MARK, 11.5, top + 14.2, bold=True, centre=True)
        self._canvas.setFillGray(0)

    def _rule(self, top: float, width: float) -> None:
        self._canvas.setLineWidth(width)
        self._canvas.line(0, HEIGHT_PT - top, WIDTH_PT, HEIGHT_PT - top)

    def _text(
        self,
        text: str,
        size: float,
        top: float,
        *,
        bold: bool = False,
        room: float = _INNER,
        min_size: float = 5,
        centre: bool = False,
        right: bool = False,
    ) -> None:
        font, text, size = fitted(text, size, room, bold=bold, min_size=min_size)
        self._canvas.setFont(font, size)
        baseline = HEIGHT_PT - top
        if centre:
            self._canvas.drawCentredString(WIDTH_PT / 2, baseline, text)
        elif right:
            self._canvas.drawRightString(WIDTH_PT - _MARGIN, baseline, text)
        else:
            self._canvas.drawString(_MARGIN, baseline, text)

    def _bars(self, data: str, *, top: float, height: float, gs1: bool = False) -> None:
        black = bars(data, gs1=gs1)
        modules = black[-1][0] + black[-1][1]
        dots = module_size(modules, _DOTS_ACROSS, _MODULE_DOTS)
        left = (_DOTS_ACROSS - modules * dots) // 2
        assert left >= QUIET_MODULES * dots
        for start, width in black:
            x = (left + start * dots) * _DOT
            self._canvas.rect(x, HEIGHT_PT - top - height, width * dots * _DOT, height, stroke=0, fill=1)
