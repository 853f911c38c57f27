"""Customs areas: between two addresses of one area no customs form is needed.

An area is where goods move freely for customs and for taxes on goods. A place is in none, one or (Northern
Ireland) two areas; a place in the table below leaves its country's area, and has the area that its row names.

Sources:
- EU: European Commission, "Territorial status of EU countries and certain territories",
  https://taxation-customs.ec.europa.eu/territorial-status-eu-countries-and-certain-territories_en;
  Directive 2006/112/EC, articles 6 and 7: outside the VAT area are Mount Athos, the Canary Islands, the
  French overseas territories, Aland, Campione d'Italia, Heligoland, Buesingen, Ceuta, Melilla and Livigno;
  Monaco counts as France.
- United Kingdom: the Isle of Man shares its customs area, the Channel Islands do not (Customs and Excise
  Agreement of 1979; Directive 2006/112/EC, article 7). Northern Ireland (Windsor Framework): goods move
  freely to and from the EU, and parcels from Great Britain to consumers need no declaration,
  https://www.gov.uk/guidance/sending-parcels-between-great-britain-and-northern-ireland.
- US: DMM 608.2 and 703.2.3, customs forms to and from 96799, 969.. and every APO, FPO and DPO (72 FR 31726,
  https://about.usps.com/postal-bulletin/2025/pb22675/html/updt_002.htm). 19 CFR 101.1: the customs territory
  is the states, the District of Columbia and Puerto Rico, so that the Virgin Islands are outside.
- Switzerland: customs treaties with Liechtenstein (1923) and for Buesingen (1964).
- Norway: Svalbard and Jan Mayen are outside the customs territory (Customs Duty Act, section 1-1).
- Australia: Norfolk, Christmas and Cocos Islands are outside the indirect tax zone (GST Act 1999, 195-1).
- Postal codes of places: Universal Postal Union, postal addressing systems in member countries.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from packhouse.model.order import Address
from packhouse.rules.address import normalized
from packhouse.rules.us_places import is_military, territory_of_zip

_EU = """
AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MC MT NL PL PT RO SE SI SK
"""
# The area of each country that shares one; every other country is an area of its own.
_SHARED: dict[str, frozenset[str]] = {
    **{country: frozenset({"EU"}) for country in _EU.split()},
    "PR": frozenset({"US"}),
    "LI": frozenset({"CH"}),
    "IM": frozenset({"GB"}),
}


@dataclass(frozen=True, slots=True)
class Place:
    """A place with a country's code in addresses, but with areas of its own. `code` is a regular expression.

    `names` are what people write as the state, if the place has such a name there.
    """

    country: str
    code: str
    areas: tuple[str, ...]
    name: str
    names: tuple[str, ...] = ()


PLACES: tuple[Place, ...] = (
    Place(
        "ES", r"(35|38)\d{3}", ("IC",), "Canary Islands", ("las palmas", "santa cruz de tenerife", "canarias")
    ),
    Place("ES", r"51\d{3}", ("ES-CE",), "Ceuta", ("ceuta",)),
    Place("ES", r"52\d{3}", ("ES-ML",), "Melilla", ("melilla",)),
    Place("DE", r"27498", ("DE-HL",), "Heligoland"),
    Place("DE", r"78266", ("CH",), "Buesingen"),
    Place("IT", r"23041|23030", ("IT-LV",), "Livigno"),
    Place("IT", r"2206[01]", ("IT-CI",), "Campione d'Italia"),
    Place("IT", r"4789\d", ("SM",), "San Marino"),
    Place("IT", r"00120", ("VA",), "Vatican City"),
    Place("GR", r"63086|63087", ("GR-69",), "Mount Athos", ("mount athos", "agio oros")),
    Place("FI", r"22\d{3}", ("AX",), "Aland", ("aland", "ahvenanmaa", "åland")),
    Place("DK", r"(GL)?39\d\d", ("GL",), "Greenland", ("greenland", "grønland", "kalaallit nunaat")),
    Place("DK", r"(FO|FR)?\d{3}", ("FO",), "Faroe Islands", ("faroe islands", "færøerne", "føroyar")),
    Place("CY", r"99\d{3}", ("CY-TR",), "the north of Cyprus"),
    Place("FR", r"97133|977\d\d", ("BL",), "Saint Barthelemy"),
    Place("FR", r"97150|978\d\d", ("MF",), "Saint Martin"),
    Place("FR", r"971\d\d", ("GP",), "Guadeloupe", ("guadeloupe",)),
    Place("FR", r"972\d\d", ("MQ",), "Martinique", ("martinique",)),
    Place("FR", r"973\d\d", ("GF",), "French Guiana", ("guyane", "french guiana")),
    Place("FR", r"974\d\d", ("RE",), "Reunion", ("la réunion", "réunion", "reunion")),
    Place("FR", r"975\d\d", ("PM",), "Saint Pierre and Miquelon"),
    Place("FR", r"976\d\d", ("YT",), "Mayotte", ("mayotte",)),
    Place("FR", r"984\d\d", ("TF",), "French Southern Territories"),
    Place("FR", r"986\d\d", ("WF",), "Wallis and Futuna"),
    Place("FR", r"987\d\d", ("PF",), "French Polynesia"),
    Place("FR", r"988\d\d", ("NC",), "New Caledonia"),
    Place("NO", r"917\d", ("SJ",), "Svalbard", ("svalbard",)),
    Place("NO", r"8099", ("NO-JM",), "Jan Mayen"),
    Place("GB", r"BT\d.*", ("GB", "EU"), "Northern Ireland", ("northern ireland",)),
    Place("GB", r"JE\d.*", ("JE",), "Jersey", ("jersey",)),
    Place("GB", r"GY\d.*", ("GG",), "Guernsey", ("guernsey", "alderney", "sark")),
    Place("GB", r"GX11.*", ("GI",), "Gibraltar", ("gibraltar",)),
    Place("GB", r"(BFPO|BF1).*", ("GB-BF",), "British Forces"),
    Place("GB", r"FIQQ.*", ("FK",), "Falkland Islands"),
    Place("GB", r"(ASCN|STHL|TDCU).*", ("SH",), "Saint Helena, Ascension and Tristan da Cunha"),
    Place("GB", r"SIQQ.*", ("GS",), "South Georgia"),
    Place("GB", r"BBND.*", ("IO",), "British Indian Ocean Territory"),
    Place("GB", r"BIQQ.*", ("GB-BA",), "British Antarctic Territory"),
    Place("GB", r"PCRN.*", ("PN",), "Pitcairn"),
    Place("GB", r"TKCA.*", ("TC",), "Turks and Caicos Islands"),
    Place("NL", r"(?!)", ("NL-AW",), "the Caribbean Netherlands", ("aruba", "bonaire", "curacao", "curaçao")),
    Place("CN", r"9990(77|78)", ("CN-HK",), "Hong Kong or Macao", ("hong kong", "macao", "macau")),
    Place("AU", r"2899", ("NF",), "Norfolk Island", ("norfolk island",)),
    Place("AU", r"6798", ("CX",), "Christmas Island", ("christmas island",)),
    Place("AU", r"6799", ("CC",), "Cocos Islands", ("cocos islands",)),
)
_BY_COUNTRY = {
    country: tuple((place, re.compile(place.code)) for place in PLACES if place.country == country)
    for country in {place.country for place in PLACES}
}
# States of the US that are outside its customs area.
_US_OUTSIDE = frozenset({"AS", "FM", "GU", "MH", "MP", "PW", "UM", "VI"})
US_MILITARY = "US-military"


def areas(address: Address) -> frozenset[str]:
    """The customs areas of an address; none without a country. The postal code may have any writing."""
    known = normalized(address)
    return _areas(known.country, known.state, known.city, known.postcode)


@lru_cache(maxsize=512)
def _areas(country: str, state: str, city: str, postcode: str) -> frozenset[str]:
    if not country:
        return frozenset()
    if country == "US":
        return frozenset({_us_area(state, city, postcode)})
    signs = "".join(sign for sign in postcode if sign.isalnum())
    state = state.casefold()
    for place, code in _BY_COUNTRY.get(country, ()):
        if code.fullmatch(signs) or state in place.names:
            return frozenset(place.areas)
    return _SHARED.get(country, frozenset({country}))


def _us_area(state: str, city: str, postcode: str) -> str:
    if is_military(city, state, postcode):
        return US_MILITARY
    territory = state if state in _US_OUTSIDE else territory_of_zip(postcode)
    return territory if territory in _US_OUTSIDE else "US"


def crosses_border(sender: Address, to: Address) -> bool:
    """Whether a parcel needs a customs form: the addresses have no customs area in common."""
    return not areas(sender) & areas(to)
