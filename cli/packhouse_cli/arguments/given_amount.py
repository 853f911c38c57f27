"""An amount of money as an operator gives it: whole minor units, or with a decimal point or a currency."""

from __future__ import annotations

import re
from dataclasses import dataclass

from packhouse_cli.exit_codes import UsageError

_LARGEST = 2**53
_NUMBER = re.compile(r"[0-9]{1,16}(?:\.[0-9]{1,4})?")
_CODE = re.compile(r"[A-Z]{3}")
_FORMS = "Whole numbers are minor units: 1500 is 15.00 USD. 15.00 and 15.00USD are read as they stand."


@dataclass(frozen=True, slots=True)
class GivenAmount:
    """A number and a currency, as given. Without a point and a currency, it counts minor units."""

    number: str
    currency: str = ""

    def __str__(self) -> str:
        return f"{self.number}{self.currency}"

    @property
    def in_minor_units(self) -> bool:
        """Whether the number counts minor units."""
        return "." not in self.number and not self.currency

    def minor(self, currency: str) -> int:
        """The amount in minor units of the order's currency, 1 or more.

        Raises UsageError for another currency than the order's, for a number with other decimals than the
        currency has, and for nothing.
        """
        if self.in_minor_units:
            return self._checked(int(self.number))
        from packhouse.model.money import Money, minor_digits

        code = currency.upper()
        if not code:
            raise UsageError(f"The order has no currency, so {self} cannot be read. {_FORMS}")
        if self.currency and self.currency != code:
            raise UsageError(f"The amount {self} is in {self.currency}, and the order is in {code}.")
        whole, _, decimals = self.number.partition(".")
        digits = minor_digits(code)
        if decimals and len(decimals) != digits:
            near = decimals[:digits].ljust(digits, "0") if digits else ""
            units, cents = Money(int(whole + near), code), Money(int(whole), code)
            raise UsageError(
                f"The amount {self} is not a sum in {code}, which has {digits} decimals. Write "
                f"{str(units).replace(' ', '')} for {units}, or {int(whole)} for {cents}."
            )
        return self._checked(int(whole + (decimals or "0" * digits)))

    def _checked(self, minor: int) -> int:
        if not 0 < minor < _LARGEST:
            raise UsageError(f"The amount {self} is not an amount that can be refunded.")
        return minor


def given_amount(text: str) -> GivenAmount:
    """Read 1500, 15.00, 15.00USD, "15.00 USD" or "USD 15.00". Raises UsageError for any other text."""
    words = text.strip().upper()
    number = words.strip("ABCDEFGHIJKLMNOPQRSTUVWXYZ").strip()
    code = words.replace(number, "", 1).strip() if number else ""
    if not _NUMBER.fullmatch(number) or (code and not _CODE.fullmatch(code)):
        raise UsageError(f"{text!r} is not an amount. {_FORMS}")
    amount = GivenAmount(number, code)
    if not number.strip("0."):
        raise UsageError(f"{text!r} is nothing; an amount is 1 or more.")
    return amount


def is_suspicious(amount: GivenAmount | None, currency: str) -> bool:
    """Whether minor units may have been meant as units: a whole number that is less than 1.00."""
    from packhouse.model.money import minor_digits

    return (
        amount is not None
        and amount.in_minor_units
        and bool(currency)
        and int(amount.number) < 10 ** minor_digits(currency)
        and minor_digits(currency) > 0
    )
