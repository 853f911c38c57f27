"""When a shipment from the US has to be filed with the Census Bureau first, and the exemption to declare.

Sources: Foreign Trade Regulations, 15 CFR part 30, https://www.ecfr.gov/current/title-15/part-30:
- 30.37(a): no filing for goods of one Schedule B number, from one shipper to one consignee, worth 2500 USD or
  less, except as noted in 30.2(a)(1)(iv). An order goes to one consignee, however many boxes it fills.
- 30.36: no filing for goods to Canada for use there.
- 30.2(a)(1)(iii): goods between the US and Puerto Rico, and to the Virgin Islands, are filed as exports are.
- 30.2(d)(2): goods between the US and its other territories are not filed.
- 30.2(a)(1)(iv), 30.16 and 758.1(b) of the Export Administration Regulations: goods to an embargoed country
  (groups E:1 and E:2, supplement 1 to part 740), or under a licence, are filed whatever their value.
- 746.5, 746.6, 746.8, 746.10: most goods to Russia, Belarus and occupied regions of Ukraine need a licence.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from packhouse.model.money import Money
from packhouse.model.order import Address
from packhouse.rules.customs_areas import areas

LIMIT = Money(250_000, "USD")
_FILES = frozenset({"US", "PR", "VI"})
_TERRITORIES = frozenset({"AS", "GU", "MP", "UM"})
_LIKE_EXPORTS = frozenset({"PR", "VI"})
_EMBARGOED = {
    "CU": "Cuba",
    "IR": "Iran",
    "KP": "North Korea",
    "SY": "Syria",
    "RU": "Russia",
    "BY": "Belarus",
}
# Crimea with Sevastopol 95-99, Donetsk 83-87, Luhansk 91-94: postal codes of Ukrposhta. Six digits: Russian.
_OCCUPIED = re.compile(r"(?:8[3-7]|9[1-9])\d{3}|\d{6}")
_OCCUPIED_NAMES = re.compile(
    r"crimea|krym|krim|крым|крим|sevastopol|sebastopol|севастополь|simferopol|симферополь|yalta|ялта"
    r"|donetsk|donec|донец|luhansk|lugansk|луганс|\bua-?(?:09|14|40|43)\b"
)


def must_be_asked(sender: Address, to: Address) -> bool:
    """Whether the sender is in the US, so that a shipment to `to` is filed, or exempt from filing."""
    return sender.country in _FILES and (not areas(sender) & areas(to) or _is_like_export(sender, to))


def _is_like_export(sender: Address, to: Address) -> bool:
    places = (_place(sender), _place(to))
    return places[0] != places[1] and not _LIKE_EXPORTS.isdisjoint(places)


def _place(address: Address) -> str:
    """PR for both writings of Puerto Rico, else the area."""
    zips = ("006", "007", "009")
    is_pr = address.country == "PR" or (
        address.country == "US" and (address.state.upper() == "PR" or address.postcode.startswith(zips))
    )
    return "PR" if is_pr else "".join(sorted(areas(address)))


def exemption(
    to: Address, goods: Iterable[tuple[str, Money]], limits_minor: Mapping[str, int]
) -> tuple[str, str]:
    """The exemption to declare and "", or "" and why there is none.

    `goods` are the tariff number and the value of everything that the order ships; `limits_minor` the limit
    in other currencies than USD.
    """
    if name := _embargo(to):
        return "", f"US goods to {name} are filed whatever their value, and most need a licence (15 CFR 746)"
    if to.country == "CA":
        return "NOEEI 30.36", ""
    why = _over_limit(goods, limits_minor)
    if not why:
        return "NOEEI 30.37(a)", ""
    if areas(to) & _TERRITORIES:
        return "NOEEI 30.2(d)(2)", ""
    return "", why


def _embargo(to: Address) -> str:
    if to.country in _EMBARGOED:
        return _EMBARGOED[to.country]
    place = f"{to.state} {to.city}".casefold()
    if to.country == "UA" and (_OCCUPIED.fullmatch(to.postcode.strip()) or _OCCUPIED_NAMES.search(place)):
        return "Crimea, Donetsk and Luhansk"
    return ""


def _over_limit(goods: Iterable[tuple[str, Money]], limits_minor: Mapping[str, int]) -> str:
    """Why the goods of one tariff number may be over the limit; goods without a number count together."""
    totals: Counter[tuple[str, str]] = Counter()
    for number, value in goods:
        totals[number, value.currency] += value.minor
    for (number, currency), minor in sorted(totals.items()):
        limit = LIMIT.minor if currency == LIMIT.currency else limits_minor.get(currency)
        named = f"goods of tariff number {number}" if number else "goods"
        worth = f"{named} in this order are worth {Money(minor, currency)} together"
        if limit is None:
            return (
                f"{worth}, and above {LIMIT} a US export has to be filed first (15 CFR 30.37(a)): set "
                f"customs.filing_limits_minor.{currency} to a value surely below that"
            )
        if minor > limit:
            most = Money(limit, currency)
            return f"{worth}, and above {most} a US export has to be filed first (15 CFR 30.37(a))"
    return ""
