"""The customs declaration of a parcel that leaves a customs area. Pure; a missing fact is never guessed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from packhouse.errors import ProviderRefused
from packhouse.model.money import Money
from packhouse.model.order import Address
from packhouse.providers.easypost.options import EasyPostOptions
from packhouse.providers.port import PurchaseRequest

_EU = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MC MT NL PL PT RO SE SI SK".split()  # noqa: SIM905
)
_AREAS = (_EU, frozenset({"US", "PR"}), frozenset({"CH", "LI"}))
# Places with their country's code, but outside its customs area or its area for taxes on goods.
_OUTSIDE = {
    "ES": ("35", "38", "51", "52"),  # Canaries, Ceuta, Melilla
    "DE": ("27498", "78266"),  # Heligoland, Büsingen
    "IT": ("23041",),  # Livigno
}
_MILITARY = frozenset({"AA", "AE", "AP"})
# Above this a US export has to be filed first (15 CFR 30.37(a)), and the filing's number given.
_MAX_UNFILED = Money(250_000, "USD")


def crosses_border(sender: Address, to: Address) -> bool:
    """Whether the parcel needs a customs declaration."""
    if _is_outside(sender) or _is_outside(to):
        return True
    here, there = sender.country or "US", to.country
    return here != there and not any(here in area and there in area for area in _AREAS)


def _is_outside(address: Address) -> bool:
    if address.country == "US":
        return address.state.upper() in _MILITARY
    return address.postcode.replace(" ", "").startswith(_OUTSIDE.get(address.country, ("\0",)))


def declaration(
    request: PurchaseRequest, sender: Address, options: EasyPostOptions, account: str = "easypost"
) -> dict[str, Any] | None:
    """EasyPost's `customs_info`, or None within one customs area.

    Raises ProviderRefused if a fact that the declaration needs is missing.
    """
    if not crosses_border(sender, request.to_address):
        return None
    signer = options.customs_signer or sender.name
    if not options.customs_origin or not signer:
        raise ProviderRefused(
            f"The parcel crosses a customs border. Set providers.{account}.customs_origin to the country "
            f"where the goods are made and providers.{account}.customs_signer to the name of the signer, or "
            "ship the order manually."
        )
    values = [_value(request, units.line_id, units.quantity) for units in request.units]
    info: dict[str, Any] = {
        "customs_certify": True,
        "customs_signer": signer,
        "contents_type": "merchandise",
        "restriction_type": "none",
        "non_delivery_option": "return",
        "customs_items": [_item(request, options, number, value) for number, value in enumerate(values)],
    }
    if (sender.country or "US") == "US":
        info["eel_pfc"] = _export_code(request.to_address, values)
    return info


def _value(request: PurchaseRequest, line_id: str, quantity: int) -> Money:
    line = request.order.line(line_id)
    if line is None or line.unit_price_minor is None or not request.order.currency:
        raise ProviderRefused(
            f"The parcel crosses a customs border, and the order has no price for line {line_id}. Ship the "
            "order manually."
        )
    return Money(line.unit_price_minor * quantity, request.order.currency)


def _item(request: PurchaseRequest, options: EasyPostOptions, number: int, value: Money) -> dict[str, Any]:
    units = request.units[number]
    line = request.order.line(units.line_id)
    in_all = sum(some.quantity for some in request.units)
    # A share of the parcel's weight, rounded down: together they must not weigh more than the parcel.
    tenths = request.parcel.weight_g * units.quantity * 10_000_000_000 // (in_all * 28_349_523_125)
    item: dict[str, Any] = {
        "description": ((line.name or line.product_id) if line else "")[:255] or "Goods",
        "quantity": units.quantity,
        "value": str(value).split(" ", maxsplit=1)[0],
        "currency": value.currency,
        "weight": max(tenths, 1) / 10,
        "origin_country": options.customs_origin,
    }
    if options.customs_hs_code:
        item["hs_tariff_number"] = options.customs_hs_code
    return item


def _export_code(to: Address, values: list[Money]) -> str:
    """The exemption of a US export from filing. Raises ProviderRefused if it must be filed."""
    if to.country == "CA":
        return "NOEEI 30.36"
    worth = sum((Decimal(value.minor) for value in values), Decimal(0))
    if any(value.currency != _MAX_UNFILED.currency for value in values) or worth > _MAX_UNFILED.minor:
        raise ProviderRefused(
            f"A US export of more than {_MAX_UNFILED}, or not priced in US dollars, may need a filing first. "
            "Ship the order manually."
        )
    return "NOEEI 30.37(a)"
