"""Reads an address in any of the known field names.

The store documents only country, state and postcode; every other name here is a synonym seen elsewhere.
Nothing is guessed: where a field is missing, a rule holds the order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packhouse.model.order import Address
from packhouse.store.json_fields import first_text, mapping, text

# The documented name is first and takes precedence.
_NAME = ("name", "full_name", "recipient_name", "recipient")
_COMPANY = ("company", "company_name", "organization", "organisation")
_STREET1 = ("line1", "address1", "street", "street1", "address_line1", "address_line_1", "line_1")
_STREET2 = ("line2", "address2", "street2", "address_line2", "address_line_2", "line_2")
_CITY = ("city", "town", "locality")
_STATE = ("state", "province", "region", "state_code", "province_code")
_POSTCODE = ("postcode", "postal_code", "zip", "zip_code", "postalCode")
_COUNTRY = ("country", "country_code", "countryCode")
_PHONE = ("phone", "phone_number", "telephone")
_FIRST = ("first_name", "firstName")
_LAST = ("last_name", "lastName")


def address_from_json(raw: Any) -> Address | None:
    """Read an address object; None when there is none. A number is no postcode: its zeros may be lost."""
    if not isinstance(raw, dict) or not raw:
        return None
    street1, street2 = _street(raw)
    return Address(
        name=first_text(raw, _NAME) or _joined_name(raw),
        company=first_text(raw, _COMPANY),
        street1=street1,
        street2=street2,
        city=first_text(raw, _CITY),
        state=first_text(raw, _STATE),
        postcode=first_text(raw, _POSTCODE),
        country=_country(raw),
        phone=first_text(raw, _PHONE),
        email=text(raw.get("email")),
    )


def _joined_name(raw: Mapping[str, Any]) -> str:
    return f"{first_text(raw, _FIRST)} {first_text(raw, _LAST)}".strip()


def _street(raw: Mapping[str, Any]) -> tuple[str, str]:
    street1, street2 = first_text(raw, _STREET1), first_text(raw, _STREET2)
    for name in ("street", "lines"):
        lines = raw.get(name)
        if not street1 and isinstance(lines, list):
            filled = [line for line in map(text, lines) if line]
            street1, street2 = "".join(filled[:1]), ", ".join(filled[1:]) or street2
    return street1, street2


def _country(raw: Mapping[str, Any]) -> str:
    """The first two-letter code among the country's fields; a country's name is not turned into a code."""
    for name in _COUNTRY:
        value = raw.get(name)
        code = text(mapping(value).get("code") if isinstance(value, dict) else value)
        if len(code) == 2 and code.isascii() and code.isalpha():
            return code.upper()
    return ""
