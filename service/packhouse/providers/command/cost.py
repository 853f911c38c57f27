"""Reads the cost in a program's answer, in any usual form. Pure; a cost that cannot be read is an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_UP, Decimal
from typing import Any, Final

from packhouse.model.money import Money, minor_digits

_MAJOR: Final = ("cost", "price")
_MINOR: Final = ("cost_minor", "price_minor", "cost_cents")
_AMOUNT_NAMES: Final = ("amount", "value", "total")
_MINOR_NAMES: Final = ("amount_minor", "minor", "minor_units", "cents")
_CURRENCY_NAMES: Final = ("currency", "currency_code")
_SIGNS: Final = {
    "€": "EUR",
    "£": "GBP",
    "₹": "INR",
    "₩": "KRW",
    "₺": "TRY",
    "₴": "UAH",
    "₪": "ILS",
    "R$": "BRL",
    "US$": "USD",
    "CA$": "CAD",
    "C$": "CAD",
    "AU$": "AUD",
    "A$": "AUD",
    "NZ$": "NZD",
    "HK$": "HKD",
    "S$": "SGD",
    "MX$": "MXN",
    "JP¥": "JPY",
    "CN¥": "CNY",
    "ZŁ": "PLN",
    "KČ": "CZK",
    "FT": "HUF",
    "FR.": "CHF",
    "EURO": "EUR",
    "EUROS": "EUR",
}
# One sign for several currencies: it is the account's own currency, if that has the sign.
_SHARED_SIGNS: Final = {
    "$": frozenset(["USD", "CAD", "AUD", "NZD", "HKD", "SGD", "MXN", "ARS", "CLP", "COP", "TWD"]),
    "¥": frozenset({"JPY", "CNY"}),
    "KR": frozenset({"SEK", "NOK", "DKK", "ISK"}),
}
_PRICE: Final = re.compile(r"(?P<before>[^\d+()-]*)(?P<amount>\+?\d[\d.,'\u2019 ]*)(?P<after>[^\d]*)")
_BLANKS: Final = re.compile(r"[\s\u00a0\u2007\u2009\u202f]+")
_LARGEST_DIGITS: Final = 12
# A bare whole number may count cents: from here on it is not guessed.
_DOUBTFUL: Final = 100


class JsonDecimal(str):
    """A decimal number of JSON, digit by digit as the program wrote it; never a float."""

    __slots__ = ()


class UnreadableCost(ValueError):
    """The program reports a cost in no form that is certain. The message quotes it."""


def read_cost(answer: Mapping[str, Any], currency: str) -> Money | None:
    """The cost of the label; None if the answer has none. `currency` counts where the answer names none.

    A fraction of a minor unit is rounded up. Raises UnreadableCost.
    """
    given = {name: answer[name] for name in (*_MAJOR, *_MINOR) if answer.get(name) not in (None, "")}
    found: set[Money] = set()
    for name, value in given.items():
        try:
            found.add(_read(name, value, answer, currency))
        except UnreadableCost as error:
            raise UnreadableCost(f"its {name} {_shown(value)} {error}") from None
    if len(found) > 1:
        listed = " and ".join(sorted(map(str, found)))
        raise UnreadableCost(f"it reports two costs, {listed}")
    return found.pop() if found else None


def _read(name: str, value: Any, answer: Mapping[str, Any], currency: str) -> Money:
    named = _named(answer, _CURRENCY_NAMES)
    if name in _MINOR:
        return Money(_minor(value), _code(named, currency))
    if not isinstance(value, Mapping):
        return _price(value, named, currency)
    named = _named(value, _CURRENCY_NAMES) or named
    if (minor := _named(value, _MINOR_NAMES)) is not None:
        return Money(_minor(minor), _code(named, currency))
    amount = _named(value, _AMOUNT_NAMES)
    if amount is None:
        raise UnreadableCost("has no amount")
    return _price(str(amount) if type(amount) is int else amount, named, currency)


def _named(row: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((row[name] for name in names if row.get(name) not in (None, "")), None)


def _minor(value: Any) -> int:
    text = value.strip() if isinstance(value, str) else str(value) if type(value) is int else ""
    if not re.fullmatch(r"\d{1,15}", text) or isinstance(value, JsonDecimal):
        raise UnreadableCost("is not a whole number of minor units, 0 or more")
    return int(text)


def _price(value: Any, named: Any, currency: str) -> Money:
    """An amount in major units, with or without its currency."""
    if type(value) is int:
        if abs(value) >= _DOUBTFUL and minor_digits(_code(named, currency)):
            raise UnreadableCost(
                f"may be whole units or cents; write {value}.00, or use cost_minor for cents"
            )
        value = str(value)
    if not isinstance(value, str):
        raise UnreadableCost("is not an amount")
    text = _BLANKS.sub(" ", value).strip()
    if "-" in text or "\N{MINUS SIGN}" in text or "(" in text:
        raise UnreadableCost("is negative, or not an amount")
    parts = _PRICE.fullmatch(text)
    if parts is None:
        raise UnreadableCost("is not an amount")
    before, after = parts["before"].strip(), parts["after"].strip()
    usual = _code(named, currency)
    codes = {_code(word, usual) for word in (before, after, named) if word}
    if len(codes) > 1:
        raise UnreadableCost(f"is in two currencies, {' and '.join(sorted(codes))}")
    code = codes.pop() if codes else currency
    exact = isinstance(value, JsonDecimal)
    amount = Decimal(_plain(parts["amount"], minor_digits(code), exact=exact))
    return Money(int(amount.scaleb(minor_digits(code)).to_integral_value(ROUND_UP)), code)


def _code(named: Any, currency: str) -> str:
    """The ISO 4217 code of a currency's code or sign; `currency` if none is named."""
    if named is None or named == "":
        return currency
    word = named.strip().upper() if isinstance(named, str) else ""
    if re.fullmatch(r"[A-Z]{3}", word):
        return word
    if word in _SIGNS:
        return _SIGNS[word]
    if currency in _SHARED_SIGNS.get(word, ()):
        return currency
    raise UnreadableCost(f"has the currency {_shown(named)}, which is not certain; use a code such as USD")


def _plain(written: str, digits: int, *, exact: bool) -> str:
    """The amount with a decimal point and no other mark, where only one reading is possible."""
    bare = re.sub(r"(?<=\d)['\u2019 ](?=\d{3}(?:\D|$))", "", written.strip().removeprefix("+"))
    if not re.fullmatch(r"[\d.,]*\d", bare) or len(re.sub(r"\D", "", bare)) > _LARGEST_DIGITS:
        raise UnreadableCost("is not an amount")
    marks = [char for char in bare if char in ".,"]
    if not marks or exact:
        return bare
    last = marks[-1]
    whole, _, fraction = bare.rpartition(last)
    other = "," if last == "." else "."
    if len(set(marks)) == 1 and len(marks) == 1:
        if len(fraction) != 3 or digits == 3 or whole.strip("0") == "":
            return f"{whole}.{fraction}"
        if digits == 0:
            return whole + fraction
        raise UnreadableCost("may be a thousand or a fraction; write two decimals, such as 5.49")
    groups = (bare if len(set(marks)) == 1 else whole).split(last if len(set(marks)) == 1 else other)
    if len(groups[0]) > 3 or not groups[0] or any(len(group) != 3 for group in groups[1:]):
        raise UnreadableCost("is not an amount")
    return "".join(groups) if len(set(marks)) == 1 else f"{''.join(groups)}.{fraction}"


def _shown(value: Any) -> str:
    text = str(value)
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
