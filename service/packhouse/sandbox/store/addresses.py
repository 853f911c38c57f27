"""Buyers' names and addresses: people of old novels in real towns with real postal codes."""

from __future__ import annotations

import random

PEOPLE = (
    "Elizabeth Bennet",
    "Edmond Dantès",
    "Anna Karenina",
    "Huckleberry Finn",
    "Jane Eyre",
    "Sherlock Holmes",
    "Jo March",
    "Jean Valjean",
    "Dorothea Brooke",
    "Ishmael Coffin",
    "Emma Woodhouse",
    "Phileas Fogg",
    "Hester Prynne",
    "Rodion Raskolnikov",
    "Becky Sharp",
    "Tom Sawyer",
    "Lucy Snowe",
    "Alexei Vronsky",
    "Catherine Earnshaw",
    "Allan Quatermain",
    "Isabel Archer",
    "David Copperfield",
    "Nora Helmer",
    "Captain Nemo",
    "Effi Briest",
    "Sancho Panza",
    "Esther Summerson",
    "Axel Lidenbrock",
    "Amy Dorrit",
    "Philip Pirrip",
)

_US_TOWNS = (
    ("San Francisco", "CA", "94110"),
    ("Portland", "OR", "97205"),
    ("Austin", "TX", "78704"),
    ("Brooklyn", "NY", "11215"),
    ("Chicago", "IL", "60614"),
    ("Denver", "CO", "80203"),
    ("Seattle", "WA", "98103"),
    ("Atlanta", "GA", "30307"),
    ("Boston", "MA", "02116"),
    ("Minneapolis", "MN", "55408"),
    ("Nashville", "TN", "37206"),
    ("Phoenix", "AZ", "85004"),
    ("Philadelphia", "PA", "19103"),
    ("Raleigh", "NC", "27605"),
    ("Salt Lake City", "UT", "84102"),
    ("Madison", "WI", "53703"),
)
_US_STREETS = (
    "Valencia St",
    "Oak Ave",
    "Main St",
    "2nd St",
    "Maple Dr",
    "Lincoln Blvd",
    "River Rd",
    "Park Pl",
)

# (street pattern, city, state, postcode, phone prefix)
_OVERSEAS_US = (
    ("{n} Marine Corps Drive", "Tamuning", "GU", "96913", "+1 671 555 0"),
    ("{n} Calle Fortaleza", "San Juan", "PR", "00901", "+1 787 555 0"),
    ("{n} Dronningens Gade", "St Thomas", "VI", "00802", "+1 340 555 0"),
    ("PSC {n} Box 456", "APO", "AE", "09012", "+1 555 010 "),
)
_ABROAD = {
    "DE": (
        ("Torstraße {n}", "Berlin", "", "10119", "+49 30 5550"),
        ("Lindwurmstraße {n}", "München", "", "80337", "+49 89 5550"),
        ("Schanzenstraße {n}", "Hamburg", "", "20357", "+49 40 5550"),
    ),
    "GB": (
        ("{n} Upper Street", "London", "", "N1 0NY", "+44 20 7946 0"),
        ("{n} Oldham Street", "Manchester", "", "M4 1LE", "+44 161 496 0"),
        ("{n} Lisburn Road", "Belfast", "", "BT9 6AG", "+44 28 9018 0"),
        ("{n} Halkett Place", "St Helier", "", "JE2 4WG", "+44 1534 496 0"),
    ),
    "CA": (
        ("{n} Queen St W", "Toronto", "ON", "M5V 2B7", "+1 416 555 0"),
        ("{n} Rue Saint-Denis", "Montréal", "QC", "H2X 3K8", "+1 514 555 0"),
    ),
    "JP": (
        ("{n}-3 Jingumae", "Shibuya-ku", "Tokyo", "150-0001", "+81 3 5550 0"),
        ("{n}-7 Karasuma", "Kyoto-shi", "Kyoto", "604-8162", "+81 75 555 0"),
    ),
    "US": _OVERSEAS_US,
}
ABROAD_SHARE = 0.15


def random_address(rng: random.Random) -> tuple[dict[str, str], dict[str, str]]:
    """A buyer {email, name} and a complete shipping address, in the store's JSON."""
    name = rng.choice(PEOPLE)
    number = rng.randint(1, 980)
    if rng.random() < ABROAD_SHARE:
        country = rng.choice(tuple(_ABROAD))
        pattern, city, state, postcode, phone = rng.choice(_ABROAD[country])
        line1 = pattern.format(n=number % 120 + 1)
    else:
        country, phone = "US", "+1 555 010 "
        city, state, postcode = rng.choice(_US_TOWNS)
        line1 = f"{number} {rng.choice(_US_STREETS)}"
    line2 = f"Apt {rng.randint(1, 40)}" if country == "US" and rng.random() < 0.25 else ""
    address = {
        "name": name,
        "line1": line1,
        "line2": line2,
        "city": city,
        "state": state,
        "postcode": postcode,
        "country": country,
        "phone": f"{phone}{rng.randint(100, 999)}",
    }
    first, _, last = name.partition(" ")
    return {"email": f"{first}.{last}@example.com".lower().replace("è", "e"), "name": name}, address


def make_incomplete(address: dict[str, str], rng: random.Random) -> dict[str, str]:
    """The same address without one required part."""
    return {**address, rng.choice(("line1", "city", "postcode")): ""}
