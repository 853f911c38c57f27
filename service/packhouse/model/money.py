"""Money: an integer of minor units and a currency, never a float."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

# Minor digits that differ from two (ISO 4217, list one).
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_DIGITS = dict.fromkeys(_NONE.split(), 0) | dict.fromkeys(_THREE.split(), 3)


def minor_digits(currency: str) -> int:
    """The number of decimal places of the currency's minor unit: 2 for USD, 0 for JPY, 3 for KWD."""
    return _DIGITS.get(currency.upper(), 2)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount: `minor` units (cents for USD, yen for JPY) of an upper-case ISO 4217 `currency`."""

    minor: int
    currency: str

    def __str__(self) -> str:
        digits = minor_digits(self.currency)
        return f"{Decimal(self.minor).scaleb(-digits):.{digits}f} {self.currency}"
