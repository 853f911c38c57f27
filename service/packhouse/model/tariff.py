"""Tariff numbers of goods (Harmonized System), in the forms in which people write them. Pure."""

from __future__ import annotations

_SHORTEST, _LONGEST = 6, 12


def tariff_number(written: str) -> str:
    """The digits of a tariff number: "6109.10" and "6109 10 00" are how tariffs print it.

    Raises ValueError, which says what a number looks like. Countries add digits of their own to the six that
    all have in common.
    """
    digits = "".join(char for char in written if char not in " .-\u00a0\u2009\u202f")
    if not (digits.isascii() and digits.isdecimal() and _SHORTEST <= len(digits) <= _LONGEST):
        raise ValueError(
            f"must be a tariff number of {_SHORTEST} to {_LONGEST} digits, such as 6109.10 or 610910"
        )
    return digits
