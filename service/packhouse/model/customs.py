"""A customs declaration: what a parcel contains, for the form that crosses a border with it."""

from __future__ import annotations

from dataclasses import dataclass

from packhouse.model.money import Money


@dataclass(frozen=True, slots=True)
class CustomsItem:
    """The units of one line in one parcel. `value` and `weight_g` are those of all its units together.

    `origin_country` is an ISO 3166-1 alpha-2 code; `tariff_number` has digits only, "" if none is declared.
    """

    line_id: str
    description: str
    quantity: int
    value: Money
    weight_g: int
    origin_country: str
    tariff_number: str = ""


@dataclass(frozen=True, slots=True)
class Customs:
    """The declaration of one parcel. The items together weigh no more than the parcel.

    `export_code` is the exemption of a US export from filing, such as "NOEEI 30.37(a)"; "" elsewhere.
    """

    items: tuple[CustomsItem, ...]
    signer: str
    export_code: str = ""
