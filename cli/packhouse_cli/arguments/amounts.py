"""Amounts of money as the reader's language writes them, with their currency; for eyes, never for JSON."""

from __future__ import annotations

import os
from collections.abc import Mapping

_FALLBACK = "en_US"


def amount_text(minor: int | None, currency: str, environ: Mapping[str, str] | None = None) -> str:
    """So many minor units: $15.00 for 1500 of USD, 1500 (no currency) where none is known, "" for None.

    The locale is the environment's (LC_ALL, LC_MONETARY, LANG), else American English. The number of digits
    after the point depends on the currency: ¥1500 for 1500 of JPY.
    """
    if minor is None:
        return ""
    if not currency:
        return f"{minor} (no currency)"
    import re
    from decimal import Decimal

    from babel import Locale, UnknownLocaleError
    from babel.numbers import parse_pattern

    from packhouse.model.money import minor_digits

    try:
        locale = Locale.parse(_locale_name(os.environ if environ is None else environ))
    except (UnknownLocaleError, ValueError):
        locale = Locale.parse(_FALLBACK)
    digits = minor_digits(currency)
    pattern = parse_pattern(locale.currency_formats["standard"].pattern)
    pattern.frac_prec = (digits, digits)
    value = Decimal(minor).scaleb(-digits)
    text = str(pattern.apply(value, locale, currency=currency.upper(), currency_digits=False))
    # Letters and digits do not touch (CLDR's currency spacing, which Babel leaves out).
    return re.sub(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])", "\u00a0", text)


def _locale_name(environ: Mapping[str, str]) -> str:
    locale = next((environ[name] for name in ("LC_ALL", "LC_MONETARY", "LANG") if environ.get(name)), "")
    name = locale.partition(".")[0].partition("@")[0]
    return name if name not in ("", "C", "POSIX") else _FALLBACK
