"""The usual names of shipping options, and what they mean: the built-in table behind [shipping_options].

A name is understood only if its words point one way. A name that also names a carrier, a pickup point or a
negation can mean something else, so it is left to the shop.
"""

from __future__ import annotations

import re
import unicodedata

CHEAPEST = "cheapest"
FASTEST = "fastest"
PICKUP = "pickup"
HOLD = "hold"

# Words and phrases in English, German, French, Spanish, Italian and Dutch; without accents, in lower case.
_MEANINGS = {
    CHEAPEST: """standard|economy|economical|basic|regular|normal|ground|flat rate|cheapest|saver|budget
        standardversand|sparversand|economique|estandar|economico|economica|standaard|voordelig""",
    FASTEST: """express|expedited|overnight|next day|nextday|next business day|next working day|fastest|rush
        expressversand|eilversand|expres|urgente|spoed|espresso""",
    PICKUP: """pickup|pick up|collect|collection|will call|abholung|selbstabholung|selbstabholer|retrait
        recogida|recoger|ritiro|afhalen|ophalen""",
}
# Says the price only: next to another meaning, the other one is meant.
_FREE = """free|gratis|kostenlos|kostenloser|kostenfrei|versandkostenfrei|gratuit|gratuite
    gratuito|gratuita"""
# Says that something is shipped, and nothing else.
_NEUTRAL = """shipping|delivery|home delivery|shipment|default|domestic|international|worldwide|versand
    lieferung|livraison|envio|spedizione|verzending|bezorging"""
# Makes any meaning doubtful: negations, places that are not the shop, other ways of payment, carriers.
_DOUBTFUL = """no|not|non|without|ohne|sans|sin|senza|point|points|relay|relais|locker|lockers|packstation
    parcelshop|parcel shop|paketshop|servicepoint|access point|kiosk|post office|freight|cod|cash|same day
    courier|ups|usps|fedex|dhl|dpd|gls|hermes|evri|royal mail|postnl|canada post|australia post|auspost|tnt
    aramex|purolator|ontrac|lasership|colissimo|chronopost|mondial|inpost|correos|bpost|postnord|yodel"""


def _pattern(phrases: str) -> re.Pattern[str]:
    words = sorted(re.split(r"\||\n\s*", phrases), key=len, reverse=True)
    return re.compile(rf"(?<!\S)(?:{'|'.join(words)})(?!\S)")


_PATTERNS = {meaning: _pattern(phrases) for meaning, phrases in _MEANINGS.items()}
_FREE_WORDS, _NEUTRAL_WORDS, _DOUBTFUL_WORDS = _pattern(_FREE), _pattern(_NEUTRAL), _pattern(_DOUBTFUL)


def plain_words(name: str) -> str:
    """The name's words in lower case, without accents and signs: "Local-Pickup" is "local pickup"."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    letters = "".join(
        letter for letter in unicodedata.normalize("NFKD", apart) if not unicodedata.combining(letter)
    )
    return " ".join(re.findall(r"[^\W_]+", letters.casefold()))


def usual_meaning(*names: str) -> str:
    """What the names of one option mean together: CHEAPEST, FASTEST or PICKUP; "" if that is not certain."""
    words = " ".join(plain_words(name) for name in names)
    if _DOUBTFUL_WORDS.search(words):
        return ""
    meanings = {meaning for meaning, pattern in _PATTERNS.items() if pattern.search(words)}
    if not meanings and _FREE_WORDS.search(words):
        return CHEAPEST
    return meanings.pop() if len(meanings) == 1 else ""


def is_neutral(name: str) -> bool:
    """Whether the name says only that the order is shipped, such as "Shipping" or "Worldwide delivery"."""
    words = plain_words(name)
    return bool(words) and not _NEUTRAL_WORDS.sub("", words).strip()
