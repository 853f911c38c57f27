"""One reader of tracking numbers: what is one, how it is written, and when two writings are the same number.

`read_tracking_number` is for whatever becomes a label or a post: it refuses what is certainly no number, and
accepts every unknown format. `canonical` is for comparison only. Shapes follow the carriers' published
formats, as collected in https://github.com/jkeen/tracking_number_data (MIT).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any, Final

# No format of a carrier is longer than 36 characters. Shops number the parcels of their own vans by order.
LONGEST: Final = 120

# Words that forms, spreadsheets and programs write in place of a number, as letters and digits only.
_WORDS: Final = """
NULL NONE NIL NAN NAT NA NOTAVAILABLE NOTAPPLICABLE NOTYET NOTYETAVAILABLE NOTASSIGNED NOTRACKING
NOTRACKINGNUMBER NOTRACKINGAVAILABLE NOTTRACKED UNTRACKED UNDEFINED UNKNOWN UNASSIGNED TBD TBA TBC TBS
TOBEDETERMINED TOBEANNOUNCED TOFOLLOW PENDING LABELPENDING AWAITING PROCESSING INPROCESS INPROGRESS
VOID VOIDED EMPTY MISSING BLANK FALSE TRUE YES NO OK INF INFINITY REF VALUE NAME NUM DIV0 SPILL CALC
OBJECTOBJECT ERROR FAILED CANCELLED CANCELED SHIPPED DELIVERED TRACKING TRACKINGNUMBER TRACKINGCODE
NUMBER SEEEMAIL ASAP KEINE OHNE AUCUN SANS INCONNU NINGUNO
"""
_PLACEHOLDERS: Final = frozenset(_WORDS.split())
_ALLOWED: Final = frozenset("-._/+():#*~& ")
# Carriers print these between groups of characters; no two of their numbers differ in them alone.
_SEPARATORS: Final = str.maketrans("", "", " -.()")
_QUOTES: Final = str.maketrans("‘’‚′“”„″", "''''\"\"\"\"")
_DASHES: Final = "\N{MINUS SIGN}\N{HYPHEN BULLET}"

_SCIENTIFIC: Final = re.compile(r"[+-]?(?:\d(?:[.,]\d*)?E[+-]?\d{1,3}|\d+[.,]\d*E[+-]?\d+|\d+E[+-]\d+)", re.I)
_DECIMAL: Final = re.compile(r"[+-]?\d+\.\d{0,3}")
_DATE: Final = re.compile(
    r"(?:19|20)\d\d-[01]\d-[0-3]\d(?:[T ].*)?|[0-3]?\d[/.][0-3]?\d[/.](?:19|20)\d\d(?: .*)?"
)
_LABEL: Final = re.compile(
    r"(?:tracking|awb|waybill|sendung)[ -]?(?:number|code|num|no|nr|id|snummer)?\.? ?[:#]+ ?", re.I
)
_CARRIER: Final = re.compile(
    r"(?:USPS|UPS|FedEx|DHL|DPD|GLS|TNT|OnTrac|Royal Mail|Canada Post|Purolator|LaserShip|Evri|Hermes)"
    r"(?: ?: ?| )(?=(?:.*\d){6})",
    re.I,
)
_WORD: Final = re.compile(r"[A-Za-z]{4,}")
# Shapes that only one carrier uses: only there are blanks, dashes and case certainly not part of the number.
_CERTAIN: Final = re.compile(
    r"1Z[0-9A-Z]{16}"  # UPS
    r"|[A-Z]{2}\d{9}[A-Z]{2}"  # S10 of the Universal Postal Union
    r"|9[1-5]\d{18}|9[1-5]\d{20}|9[1-5]\d{24}"  # USPS, Intelligent Mail package barcode
    r"|TB[ACM]\d{12}"  # Amazon Logistics
    r"|JJ?D\d{12,18}"  # DHL, Yodel
    r"|YT\d{16}"  # YunExpress
)
# USPS prints the postal code of the destination before the number, in the same barcode.
_ROUTED: Final = re.compile(r"420\d{5}(?:\d{4})?(9[1-5]\d{20})")

# Up to here every integer is exact in the floating-point numbers of spreadsheets, jq and JavaScript.
_EXACT: Final = 2**53


class NotATrackingNumber(ValueError):
    """What was given is certainly no tracking number. The message quotes it and says why."""


def read_tracking_number(given: Any) -> str:
    """The number as it is posted: text without blanks around and within it, invisible characters or quotes.

    Dashes and case stay as they are, except in the shapes that only one carrier uses. Accepts an integer of
    JSON that no program can have rounded. Raises NotATrackingNumber.
    """
    text = _text(given)
    shown = repr(text if len(text) <= 60 else f"{text[:57]}...")
    if not text:
        raise NotATrackingNumber("is empty")
    # None of these categories is printable.
    if not text.isprintable() and any(unicodedata.category(char) in ("Cc", "Zl", "Zp") for char in text):
        raise NotATrackingNumber(f"{shown} has a line break or a control character inside")
    _refuse_rounded(text, shown)
    _refuse_other(text, shown)
    number = text.replace(" ", "")
    if len(number) > LONGEST:
        raise NotATrackingNumber(f"{shown} is longer than {LONGEST} characters")
    short = canonical(number)
    return short if _CERTAIN.fullmatch(short) else number


@lru_cache(maxsize=4096)
def canonical(number: str) -> str:
    """The form in which numbers are compared: upper case, without blanks, dashes, dots and parentheses.

    Any text has one; it is "" where no letter or digit is left. The ledger stores it with each label, so a
    change of this form needs a migration.
    """
    bare = _tidy(number).upper().translate(_SEPARATORS)
    if not any(char.isalnum() for char in bare):
        return ""
    routed = _ROUTED.fullmatch(bare)
    return routed[1] if routed else bare


def same_number(one: str, other: str) -> bool:
    """Whether two writings are the same number. A missing number is the same as none."""
    return one == other != "" or canonical(one) == canonical(other) != ""


def _text(given: Any) -> str:
    if isinstance(given, str):
        return _tidy(given)
    if type(given) is int:
        if given > _EXACT and _may_be_rounded(given):
            raise NotATrackingNumber(
                f"{given} was given as a number and may be rounded; keep tracking numbers as text"
            )
        return str(given)
    if type(given) is float:
        raise NotATrackingNumber(f"'{given!r}' was rounded: it is a decimal number; keep it as text")
    raise NotATrackingNumber("is empty" if given is None else f"{str(given)[:60]!r} is not text")


def _may_be_rounded(number: int) -> bool:
    """Whether a floating-point number may have become this integer: exactly, or printed with 17 digits."""
    digits = str(number)
    zeros = len(digits) - len(digits.rstrip("0"))
    return len(digits) > 300 or int(float(number)) == number or (zeros > 1 and len(digits) - zeros <= 17)


def _tidy(text: str) -> str:
    """The text with one kind of blank, dash and quote, and without what only wraps the number."""
    if not text.isascii():
        text = "".join(map(_folded, text)).translate(_QUOTES)
    text = text.strip()
    if text.startswith("="):  # ="0123", by which spreadsheets keep a number as text
        text = text[1:].strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'`":
        text = text[1:-1].strip()
    text = text.removeprefix("'").strip()
    if len(text) > 1 and text[0] == "#" and text[1:2].isdigit():
        text = text[1:]
    for prefix in (_LABEL, _CARRIER):
        if found := prefix.match(text):
            text = text[found.end() :].strip()
    return text


def _folded(char: str) -> str:
    if char.isascii():
        return char
    category = unicodedata.category(char)
    if category == "Cf":  # byte-order marks, zero-width and direction marks, soft hyphens
        return ""
    if category == "Zs":
        return " "
    if category == "Pd" or char in _DASHES:
        return "-"
    if category == "Nd":
        return str(unicodedata.decimal(char))
    return unicodedata.normalize("NFKC", char) if "\uff01" <= char <= "\uff5e" else char


def _refuse_rounded(text: str, shown: str) -> None:
    """Raise for what a spreadsheet or a program makes of a number that it does not keep as text."""
    bare = text.replace(" ", "")
    if _SCIENTIFIC.fullmatch(bare):
        raise NotATrackingNumber(
            f"{shown} was rounded by a spreadsheet or a program; keep tracking numbers as text"
        )
    if _DECIMAL.fullmatch(bare):
        raise NotATrackingNumber(f"{shown} is a decimal number; keep tracking numbers as text")
    digits = canonical(text)
    if digits.isdigit() and len(digits) > 16 and not _passes_mod10(digits):
        kept = len(digits.rstrip("0"))
        # An example such as 94001 and zeros is no rounding: that keeps at least six digits.
        if len(digits) - kept >= 5 and 6 <= kept <= 17:
            raise NotATrackingNumber(
                f"{shown} ends in zeros and fails its check digit, so it was rounded; keep tracking numbers "
                "as text"
            )
    if _DATE.fullmatch(text):
        raise NotATrackingNumber(f"{shown} is a date; keep tracking numbers as text")


def _refuse_other(text: str, shown: str) -> None:
    """Raise for words, links, addresses, lists and the signs of a missing value."""
    bare = "".join(char for char in text.upper() if char.isalnum())
    if not bare or bare in _PLACEHOLDERS or set(bare) in ({"0"}, {"X"}) or re.fullmatch(r"-\d", text):
        raise NotATrackingNumber(f"{shown} stands for a missing number")
    if "://" in text or text.lower().startswith("www."):
        raise NotATrackingNumber(f"{shown} is a link; give the number itself")
    if "@" in text:
        raise NotATrackingNumber(f"{shown} is an e-mail address")
    parts = [part for part in re.split(r"[ ,;|/&+]+", text) if part]
    if sum(len(part) >= 10 and any(map(str.isdigit, part)) for part in parts) > 1:
        raise NotATrackingNumber(f"{shown} is more than one number")
    wrong = next(
        (char for char in text if not (char.isascii() and char.isalnum()) and char not in _ALLOWED), ""
    )
    if wrong:
        raise NotATrackingNumber(f"{shown} has the character {wrong!r}, which no tracking number has")
    if " " in text and any(_WORD.fullmatch(part) for part in parts):
        raise NotATrackingNumber(f"{shown} is a sentence, not a number")


def _passes_mod10(digits: str) -> bool:
    """Whether the last digit is the check digit of GS1, which USPS and SSCC numbers have."""
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    return weighted % 10 == 0
