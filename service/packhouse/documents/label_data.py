"""The data that is printed on a label, for every format."""

from __future__ import annotations

import math
from dataclasses import dataclass

from packhouse.model.order import Address

SAMPLE_MARK = "SAMPLE - NOT VALID FOR CARRIAGE"

# Countries that write the postal code after city and state; others write it before the city.
_CODE_LAST = frozenset(("US", "CA", "AU", "GB", "IE", "IN", "NZ", "ZA", "PR"))
_GRAMS_PER_POUND = 453.59237
# No line of a label has room for more characters.
LONGEST_LINE = 1000


@dataclass(frozen=True, slots=True)
class LabelData:
    """A label's content. `weight_g` is in grams.

    `tracking_number` becomes a Code 128 barcode: printable ASCII. `gs1` becomes a GS1-128 barcode, written
    with its application identifiers in brackets, such as "(420)90277(98)0012345678"; "" for none.
    `sample` prints SAMPLE_MARK across the label.
    """

    sender: Address
    recipient: Address
    service: str
    tracking_number: str
    reference: str
    weight_g: int
    carrier: str = ""
    gs1: str = ""
    sample: bool = True


def address_lines(address: Address, home: str) -> tuple[str, ...]:
    """The lines of the address, none empty. The country is included unless it is `home`."""
    if address.country in _CODE_LAST:
        place = " ".join(part for part in (address.state, address.postcode) if part)
        town = ", ".join(part for part in (address.city, place) if part)
    else:
        town = " ".join(part for part in (address.postcode, address.city, address.state) if part)
    country = address.country if address.country != home else ""
    lines = (address.name, address.company, address.street1, address.street2, town, country)
    return tuple(" ".join(line[:LONGEST_LINE].split()) for line in lines if line.strip())


def weight_text(weight_g: int) -> str:
    """The weight in kilograms and pounds, rounded up: "0.45 kg / 1.0 lb"."""
    kilos, pounds = math.ceil(weight_g / 10) / 100, math.ceil(weight_g / _GRAMS_PER_POUND * 10) / 10
    return f"{kilos:.2f} kg / {pounds:.1f} lb"


def grouped(number: str) -> str:
    """A long number in groups: letters first, then digits in fours."""
    head = number.rstrip("0123456789")
    digits = number[len(head) :]
    fours = [digits[i : i + 4] for i in range(0, len(digits), 4)]
    return " ".join([head, *fours]).strip()
