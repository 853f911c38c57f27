"""The kind of a label's file, by its bytes: a daemon does not choose its name, viewer or printer."""

from __future__ import annotations

import re

_BLANKS = b"\xef\xbb\xbf\x00 \t\r\n"
_EPL = re.compile(rb"(?m)^(?:A|B|LO|GW|b)\d+,\d+,")
# A printer's language; other bytes are not sent to a printer as they are.
PRINTER_LANGUAGES = frozenset({"zpl", "epl"})
UNKNOWN = "bin"


def kind_of(content: bytes) -> str:
    """pdf, png, zpl, epl, or bin for everything else."""
    if content.startswith(b"%PDF-"):
        return "pdf"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    bare = content.lstrip(_BLANKS)
    if bare[:1] in (b"<", b"#", b""):  # a page, XML, a script, nothing
        return UNKNOWN
    if b"^XA" in bare.upper():
        return "zpl"
    return "epl" if _EPL.search(bare) else UNKNOWN


def name_of(typed: str, shipment_id: object) -> str:
    """What the label is called on this machine: the id that a person typed, with the shipment's number.

    It is a file's name without its kind, and stays in its folder. Of the daemon's id only a number counts.
    """
    number = re.fullmatch(re.escape(typed) + r"(-\d{1,4})", str(shipment_id), re.ASCII)
    return cleaned_name(typed) + (number[1] if number else "")


def cleaned_name(typed: str) -> str:
    """The text as a part of a file's name."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", typed).lstrip(".-")[:120] or "label"
