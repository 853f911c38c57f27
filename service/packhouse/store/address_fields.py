"""The names of an address's fields, as shops, carts and carriers write them.

A name is compared without case, blanks, dashes and underscores: "house_number", "houseNumber" and
"House Number" are one name. The store documents only country, state and postcode.
"""

from __future__ import annotations

import re

_SEPARATORS = re.compile(r"[\W_]+")


def plain(name: str) -> str:
    """A field's name without case and separators."""
    return _SEPARATORS.sub("", name).lower()


def _names(text: str) -> tuple[str, ...]:
    return tuple(plain(name) for name in text.split())


# The documented name is first and takes precedence.
NAME = _names("name full_name recipient_name recipient addressee contact_name contact display_name")
FIRST = _names("first_name given_name forename firstname")
MIDDLE = _names("middle_name second_name")
LAST = _names("last_name family_name surname lastname")
COMPANY = _names(
    "company company_name organization organisation organization_name business_name business firm"
)
LINE1 = _names(
    "line1 address1 street street1 address_line1 street_address street_address_1 street_line1 street_line_1 "
    "address_1 street_name thoroughfare thoroughfare_name road address route straat strasse rue calle via "
    "delivery_address"
)
LINE2 = _names(
    "line2 address2 street2 address_line2 street_address_2 street_line2 address_2 extended_address"
)
MORE_LINES = _names(
    "second_line third_line line3 address3 street3 address_line3 street_address_3 street_line3 address_3 "
    "line4 address4 street4 address_line4 line5 address_line5 additional address_additional additional_info "
    "additional_information additional_address address_extra extra address_supplement supplement "
    "complement complemento complement_address address_complement address_addition adresszusatz "
    "premise premises landmark reference cross_street cross_streets between_streets"
)
LINES = _names("lines address_lines street_lines street_address_lines")
CITY = _names("city town locality city_name municipality post_town village place suburb_city")
STATE = _names(
    "state province region state_code province_code state_or_province region_code administrative_area "
    "state_province state_name province_name region_name administrative_area_level_1 zone_code zone "
    "prefecture emirate canton department_code"
)
POSTCODE = _names(
    "postcode postal_code zip zip_code post_code zip_postal_code pincode pin_code plz cep eircode"
)
ZIP4 = _names("zip4 zip_4 plus4 plus_4 zip_plus4 zip_plus_4 zip_extension postal_code_extension")
COUNTRY = _names(
    "country country_code country_iso country_iso2 country_code_iso2 country_code_alpha2 iso_country_code "
    "country_iso_code country_id country_name country_iso3 country_code_iso3"
)
PHONE = _names(
    "phone phone_number telephone telephone_number mobile mobile_phone mobile_number cell cell_phone tel "
    "contact_phone contact_number phone1 phone2 phone_alt alternate_phone secondary_phone "
    "day_phone daytime_phone recipient_phone"
)
EMAIL = _names("email email_address mail contact_email recipient_email")

NUMBER = _names(
    "house_number street_number number street_no house_no building_number civic_number huisnummer hausnummer "
    "housenumber number_street street_num house_num nr no numero streetnr housenr"
)
NUMBER_SUFFIX = _names(
    "house_number_suffix suffix house_number_addition addition number_addition number_suffix house_letter "
    "house_number_extension number_extension street_suffix street_number_suffix street_number_addition "
    "huisnummertoevoeging toevoeging hausnummerzusatz house_number_ext house_suffix extension"
)

HOUSE = _names("house huis haus dom")  # a number, or a name

ATTENTION = _names("attention attn attention_to attn_to attention_name fao")

# Parts of a second line, in the order in which they are written. A bare value such as "4B" gets the word.
PLACES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("c/o", _names("care_of co c_o careof in_care_of")),
    ("Attn", ATTENTION),
    ("Dept", _names("department dept division organization_unit organisation_unit")),
    ("Building", _names("building building_name bldg house_name residence complex estate")),
    ("House", HOUSE),
    ("Block", _names("block tower block_number wing")),
    ("Entrance", _names("entrance entry gate entrance_code door_code gate_code access_code intercom")),
    ("Staircase", _names("staircase stair stairs stairway stairwell escalera")),
    ("Floor", _names("floor level storey floor_number etage")),
    (
        "Apt",
        _names(
            "apartment apt apartment_number apt_number apartment_no apt_no apt_suite apt_unit "
            "apartment_unit apartment_suite appartement wohnung"
        ),
    ),
    ("Unit", _names("unit unit_number unit_no sub_premise subpremise secondary secondary_unit sub_building")),
    ("Suite", _names("suite suite_number suite_no ste")),
    ("Flat", _names("flat flat_number")),
    ("Room", _names("room room_number")),
    ("Door", _names("door door_number puerta")),
    ("Lot", _names("lot lot_number plot")),
    ("Packstation", _names("packstation")),
    ("Postnummer", _names("post_number postnummer post_nummer")),
    ("Locker", _names("locker locker_number mailbox mailbox_number pmb private_mailbox")),
    ("PO Box", _names("po_box pobox post_office_box po_box_number box postfach")),
    (
        "",
        _names(
            "hamlet district neighborhood neighbourhood suburb sublocality dependent_locality city_area "
            "double_dependent_locality quarter colonia bairro barangay ward borough subdistrict parish "
            "barrio sub_district sector township dependent_thoroughfare city_district"
        ),
    ),
    ("", _names("county county_name administrative_area_level_2 subregion")),
)
NOTES = _names(
    "delivery_instructions shipping_instructions instructions delivery_instruction delivery_note "
    "delivery_notes note notes comment "
    "comments remarks directions delivery_comment special_instructions driver_instructions safe_place"
)

# What follows a person's name, not a house number.
NAME_SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv", "phd", "md", "esq"})

# Objects that hold a part of the address or the whole of it.
NESTED = _names("address postal_address location contact recipient person street details street_address")

# What says nothing about where the parcel goes; names such as is_default, customer_id and updated_at, too.
HARMLESS = frozenset(
    _names(
        "id object type kind label title nickname alias uuid guid key ref external_reference etag hash "
        "version revision "
        "lat latitude lng lon long longitude coordinates geo geocode geolocation geometry position "
        "accuracy plus_code place_id timezone time_zone utc_offset default primary verified validated valid "
        "validation validation_status verification status residential commercial address_type usage "
        "created updated modified created_at updated_at deleted_at date created_on updated_on createdby "
        "vat vat_number vat_id tax_id tax_number eori eori_number cpf cnpj rfc nif "
        "tax_code fiscal_code codice_fiscale "
        "formatted formatted_address full_address display one_line single_line summary text html "
        "salutation honorific prefix gender language locale currency currency_code fax fax_number "
        "country_iso_numeric country_numeric country_flag country_calling_code calling_code dial_code "
        "phone_country_code phone_country phone_prefix phone_extension phone_verified birthday website url "
        "metadata meta custom_attributes attributes extra_data raw source links customer user customer_email "
        "continent geohash dpid barcode delivery_point route_code carrier_route dpv"
    )
)
_HARMLESS_NAME = re.compile(
    r"is[_A-Z].*|.*(?:_at|At|_id|Id|ID|_uuid|_hash|_verified|_url|_latitude|_longitude)"
)

_READ = (
    *(
        NAME,
        FIRST,
        MIDDLE,
        LAST,
        COMPANY,
        LINE1,
        LINE2,
        MORE_LINES,
        LINES,
        CITY,
        STATE,
        POSTCODE,
        ZIP4,
        COUNTRY,
    ),
    *(PHONE, EMAIL, NUMBER, NUMBER_SUFFIX, NOTES, *(names for _, names in PLACES)),
)
KNOWN = frozenset(name for names in _READ for name in names)


def is_harmless(name: str) -> bool:
    """Whether a field says nothing about where the parcel goes."""
    last = name.rpartition(".")[2]
    return plain(last) in HARMLESS or _HARMLESS_NAME.fullmatch(last) is not None
