"""Money: an integer of minor units and a currency, never a float."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

# Minor digits that differ from two (ISO 4217, list one).
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_DIGITS = dict.fromkeys(_NONE.split(), 0) | dict.fromkeys(_THREE.split(), 3)


def minor_digits(currency: str) -> int:
    """How many decimal places the currency's minor unit has: 2 for USD, 0 for JPY, 3 for KWD."""
    return _DIGITS.get(currency.upper(), 2)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount: `minor` units (cents for USD, yen for JPY) of an upper-case ISO 4217 `currency`."""

    minor: int
    currency: str

    @classmethod
    def from_decimal(cls, text: str | Decimal, currency: str) -> Money:
        """Read a decimal amount such as "5.49". Raises ValueError for anything finer than a minor unit."""
        try:
            scaled = Decimal(text).scaleb(minor_digits(currency))
            if scaled == scaled.to_integral_value():
                return cls(int(scaled), currency.upper())
        except InvalidOperation:
            pass
        raise ValueError(f"{text!r} is not an amount in {currency}")

    def __str__(self) -> str:
        digits = minor_digits(self.currency)
        return f"{Decimal(self.minor).scaleb(-digits):.{digits}f} {self.currency}"
