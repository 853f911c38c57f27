"""The customs declaration of a parcel, the same for every provider. Pure; a missing fact is never guessed."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from packhouse.config.sections import ProductSettings
from packhouse.config.settings import Settings
from packhouse.model.customs import Customs, CustomsItem
from packhouse.model.money import Money
from packhouse.model.order import Address, Line, Order, Units
from packhouse.model.tariff import read_tariff_number
from packhouse.rules import export_filing
from packhouse.rules.customs_areas import crosses_border

_LONGEST_DESCRIPTION = 100
_TAG = re.compile(r"<[^<>]*>")


@dataclass(frozen=True, slots=True)
class CustomsFacts:
    """What the settings say about all goods; "" where they say nothing."""

    origin_country: str = ""
    tariff_number: str = ""
    signer: str = ""
    limits_minor: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Incomplete:
    """Why no declaration can be made: each missing fact, with what to do."""

    why: tuple[str, ...]

    def __str__(self) -> str:
        return "; ".join(self.why)


@dataclass(frozen=True, slots=True)
class Goods:
    """The units of one parcel, and all that the order sends.

    `entries` are the [[products]] entries and `weights_g` the weight of one unit, both by line id.
    """

    order: Order
    units: tuple[Units, ...]
    parcel_g: int
    sent: tuple[Units, ...]
    entries: Mapping[str, ProductSettings | None]
    weights_g: Mapping[str, int]


def facts_of(settings: Settings) -> CustomsFacts:
    """The facts of [customs]; where it says nothing, those in the sections of the accounts that sell."""
    sections = [settings.providers.get(account, {}) for account in settings.provider]

    def of_account(option: str) -> str:
        return next((str(section[option]) for section in sections if section.get(option)), "")

    customs, sender = settings.customs, settings.ship_from
    return CustomsFacts(
        origin_country=customs.origin_country or of_account("customs_origin").strip().upper(),
        tariff_number=customs.tariff_number or _digits(of_account("customs_hs_code")),
        signer=customs.signer or of_account("customs_signer") or sender.name or sender.company,
        limits_minor=customs.filing_limits_minor,
    )


def _digits(text: str) -> str:
    try:
        return read_tariff_number(text)
    except ValueError:
        return ""  # the account refuses to start with it


def is_needed(sender: Address, to: Address) -> bool:
    """Whether a shipment needs a declaration, or a check whether it must be filed."""
    return crosses_border(sender, to) or export_filing.must_be_asked(sender, to)


def declare(goods: Goods, sender: Address, to: Address, facts: CustomsFacts) -> Customs | Incomplete | None:
    """The declaration of a parcel; None within a customs area, Incomplete where a fact is missing."""
    needs_form = crosses_border(sender, to)
    why: list[str] = []
    code = ""
    if export_filing.must_be_asked(sender, to):
        values = [(_number(goods, units, facts), _value(goods, units)) for units in goods.sent]
        priced = [(number, value) for number, value in values if isinstance(value, Money)]
        code, objection = export_filing.exemption(to, priced, facts.limits_minor or {})
        if objection and (needs_form or "filing_limits_minor" not in objection):
            why.append(objection)
    if not needs_form:
        return Incomplete(tuple(why)) if why else None
    if not facts.signer:
        why.append("no name signs the declaration: set customs.signer or ship_from.name")
    items: list[CustomsItem] = []
    missing: dict[str, list[str]] = {}
    for units in goods.units:
        item = _item(goods, units, facts)
        if isinstance(item, CustomsItem):
            items.append(item)
        else:
            for fault in item:
                missing.setdefault(fault, []).append(_name(goods.order.line(units.line_id), units))
    why += [fault.replace("{names}", _listed(names)) for fault, names in missing.items()]
    if why:
        return Incomplete(tuple(why))
    return Customs(_fitted(tuple(items), goods.parcel_g), facts.signer, code)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return ", ".join(f'"{name}"' for name in names[:2]) + more


def _item(goods: Goods, units: Units, facts: CustomsFacts) -> CustomsItem | list[str]:
    """The item of one line, or what is missing for it, with {names} for the goods."""
    line, entry = goods.order.line(units.line_id), goods.entries.get(units.line_id)
    value = _value(goods, units)
    origin = (entry.origin_country if entry else "") or facts.origin_country
    description = _plain(
        (entry.customs_description if entry else "") or (line.name or line.sku if line else "")
    )
    faults = []
    if not isinstance(value, Money):
        faults.append(value)
    if not origin:
        faults.append(
            "no country of origin for {names}: set customs.origin_country, or origin_country in [[products]]"
        )
    if not description:
        faults.append("no description of {names}: set customs_description in [[products]]")
    if units.line_id not in goods.weights_g:
        faults.append("no weight of {names}")
    if faults or not isinstance(value, Money):
        return faults
    return CustomsItem(
        line_id=units.line_id,
        description=description,
        quantity=units.quantity,
        value=value,
        weight_g=goods.weights_g[units.line_id] * units.quantity,
        origin_country=origin,
        tariff_number=_number(goods, units, facts),
    )


def _name(line: Line | None, units: Units) -> str:
    return (line.name or line.sku if line else "") or f"line {units.line_id}"


def _number(goods: Goods, units: Units, facts: CustomsFacts) -> str:
    entry = goods.entries.get(units.line_id)
    return (entry.tariff_number if entry else "") or facts.tariff_number


def _value(goods: Goods, units: Units) -> Money | str:
    """The value of these units, or why it is not known. A price of 0 is no value for customs."""
    line, entry = goods.order.line(units.line_id), goods.entries.get(units.line_id)
    price = line.unit_price_minor if line else None
    if price is None or price <= 0:
        price = entry.customs_value_minor if entry else None
    if not goods.order.currency:
        return "the order has no currency"
    if not price:
        said = "a price of 0" if line and line.unit_price_minor == 0 else "no price"
        return f"{said} for {{names}}: set customs_value_minor in [[products]]"
    return Money(price * units.quantity, goods.order.currency)


def _plain(text: str) -> str:
    """Plain text for a form: no markup, no pictograms, single blanks, cut at a word."""
    bare = unicodedata.normalize("NFKC", html.unescape(_TAG.sub(" ", text)))
    kept = "".join(sign for sign in bare if not _is_picture(sign))
    words = " ".join(kept.split())
    if len(words) <= _LONGEST_DESCRIPTION:
        return words
    return words[: _LONGEST_DESCRIPTION + 1].rpartition(" ")[0] or words[:_LONGEST_DESCRIPTION]


def _is_picture(sign: str) -> bool:
    category = unicodedata.category(sign)
    return category[0] == "C" or (category in ("So", "Sk") and sign not in "°®©™")


def _fitted(items: tuple[CustomsItem, ...], parcel_g: int) -> tuple[CustomsItem, ...]:
    """The items with weights of 1 g or more each that together do not exceed the parcel's.

    They exceed it only if a weight in the settings changed after the parcel was packed.
    """
    total = sum(item.weight_g for item in items)
    if total <= parcel_g:
        return items
    return tuple(replace(item, weight_g=max(item.weight_g * parcel_g // total, 1)) for item in items)
