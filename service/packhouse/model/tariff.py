"""Tariff numbers: one reader for settings, products and declarations.

The Harmonized System (WCO) gives every kind of goods six digits; countries add up to four more, some six.
Tariffs print them in groups: 6109.10, 6109 10 00, 6109.10.0012.
"""

from __future__ import annotations

import re
import unicodedata

_GROUPS = re.compile(r"[\s.\-]+")
_PREFIX = re.compile(r"(?i)^(?:hs|hts|taric|schedule b)(?: ?code| ?number)?[\s:.]*(?=\d)")
_LENGTHS = (6, 8, 10, 12)
# Chapters that the Harmonized System has: 77 is reserved, 98 and 99 are for national use.
_CHAPTERS = frozenset({*range(1, 77), *range(78, 100)})


def read_tariff_number(text: str) -> str:
    """The digits of a tariff number, without the dots, dashes and blanks between its groups.

    "" for an empty text. Raises ValueError with a sentence for anything that is no tariff number.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    digits = _GROUPS.sub("", _PREFIX.sub("", plain))
    if not digits:
        return ""
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(
            f"{text!r} is not a tariff number: it has signs other than digits, dots and blanks. "
            "Write six to twelve digits, such as 6109.10 or 6109100012"
        )
    if len(digits) not in _LENGTHS:
        raise ValueError(
            f"{text!r} has {len(digits)} digits; a tariff number has 6, 8, 10 or 12, such as 6109.10 or "
            "6109100012. A leading zero may be missing: 0901.21 is not 901.21"
        )
    if int(digits[:2]) not in _CHAPTERS:
        raise ValueError(f"{text!r} is not a tariff number: there is no chapter {digits[:2]}")
    return digits
