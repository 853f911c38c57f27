"""A label as ZPL II for 203 dpi printers, 812 x 1218 dots, in the printer's own font and barcodes.

Text is UTF-8 (^CI28); the printer's fonts decide which scripts beyond Latin it prints. Drawing takes
microseconds.
"""

from __future__ import annotations

import re

from packhouse.documents.barcode import element_string, module_size, zpl_field
from packhouse.documents.label_data import SAMPLE_MARK, LabelData, address_lines, grouped, weight_text

WIDTH_DOTS, HEIGHT_DOTS = 812, 1218
_MARGIN = 34
_MODULE_DOTS = (3, 2)

# After ^FH a byte can be written as _XX: used for ZPL's own characters. Control characters become spaces.
_ESCAPES = str.maketrans(
    {char: f"_{ord(char):02X}" for char in "^~_\\"} | {chr(code): " " for code in (*range(32), 127)}
)
_UNSAFE = re.compile(r"[\^~_\\\x00-\x1f\x7f]")


def draw_zpl(label: LabelData) -> bytes:
    """Draw the label. Raises ValueError if a barcode cannot encode its data."""
    out = [f"^XA^CI28^PW{WIDTH_DOTS}^LL{HEIGHT_DOTS}^LH0,0"]
    if label.sample:
        out.append(_mark(0) + _mark(HEIGHT_DOTS - 56))
    out.append(_text("FROM", 20, _MARGIN, 74))
    for number, line in enumerate(address_lines(label.sender, label.recipient.country)[:5]):
        out.append(_text(line, 26, _MARGIN, 98 + number * 29, limit=36))
    if label.carrier:
        out.append(_text(label.carrier, 38, 490, 74, limit=15, block="R"))
    out.append(_text("WEIGHT", 20, 490, 178, block="R"))
    out.append(_text(weight_text(label.weight_g), 28, 490, 202, limit=22, block="R"))
    out.append(_rule(256, 4) + _text(label.service.upper(), 64, 0, 284, limit=24, block="C") + _rule(362, 4))
    out.append(_text("SHIP TO", 22, _MARGIN, 380))
    for number, line in enumerate(address_lines(label.recipient, label.sender.country)[:6]):
        out.append(_text(line.upper(), 40, _MARGIN, 408 + number * 41, limit=34))
    out.append(_rule(658, 4) + _text("TRACKING NUMBER", 22, _MARGIN, 674))
    tall = 175 if label.gs1 else 290
    out.append(_bars(label.tracking_number, 702, tall))
    out.append(_text(grouped(label.tracking_number), 34, 0, 716 + tall, limit=44, block="C"))
    if label.gs1:
        out.append(_rule(934, 2) + _bars(element_string(label.gs1), 950, 110))
        out.append(_text(label.gs1, 22, 0, 1070, limit=70, block="C"))
    out.append(_rule(1098, 2) + _text(f"Reference {label.reference}", 24, _MARGIN, 1116, limit=44))
    out.append(_text("4 x 6 in", 24, 490, 1116, block="R"))
    out.append("^XZ\n")
    return "".join(out).encode()


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES) if _UNSAFE.search(text) else text


def _text(text: str, size: int, x: int, y: int, *, limit: int = 60, block: str = "") -> str:
    """A line of text, cut to `limit` characters; `block` C centres it on the label, R aligns it right."""
    if len(text) > limit:
        text = text[: limit - 3].rstrip() + "..."
    room = WIDTH_DOTS if block == "C" else WIDTH_DOTS - _MARGIN - x
    field = f"^FB{room},1,0,{block}" if block else ""
    return f"^FO{x},{y}^A0N,{size}{field}^FH^FD{_escaped(text)}^FS"


def _bars(data: str, y: int, height: int) -> str:
    field, modules = zpl_field(data)
    dots = module_size(modules, WIDTH_DOTS, _MODULE_DOTS)
    x = (WIDTH_DOTS - modules * dots) // 2
    return f"^FO{x},{y}^BY{dots}^BCN,{height},N,N,N,N^FH^FD{_escaped(field)}^FS"


def _rule(y: int, thickness: int) -> str:
    return f"^FO0,{y}^GB{WIDTH_DOTS},{thickness},{thickness}^FS"


def _mark(y: int) -> str:
    """The sample mark, white on black."""
    band = f"^FO0,{y}^GB{WIDTH_DOTS},56,56^FS"
    return f"{band}^FO0,{y + 13}^A0N,36^FB{WIDTH_DOTS},1,0,C^FR^FD{SAMPLE_MARK}^FS"
