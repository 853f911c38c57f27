"""What the buyer's shipping option means for the label: by the shop's settings, else by its usual words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from packhouse.config.sections import RateSettings
from packhouse.model.hold import HoldCode
from packhouse.model.order import Order
from packhouse.rules.decision import Reason
from packhouse.rules.shipping_words import (
    CHEAPEST,
    FASTEST,
    HOLD,
    PICKUP,
    is_neutral,
    plain_words,
    usual_meaning,
)

_SHOP = "by [shipping_options]"
_BUILT_IN = "by the built-in table"


@dataclass(frozen=True, slots=True)
class Choice:
    """The names of the buyer's options and what they mean together.

    `meaning` is "cheapest", "fastest", "pickup", "hold" or "CARRIER/SERVICE", "" if nothing says. `source`
    says what decided it. `unknown` are the names that nothing maps.
    """

    names: tuple[str, ...]
    meaning: str
    source: str = ""
    unknown: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The names in quotes."""
        return " and ".join(f'"{name}"' for name in self.names)

    def __str__(self) -> str:
        return f"The buyer chose {self.words}: {self.meaning}, {self.source}."


def choice_of(order: Order, shop: Mapping[str, str]) -> Choice | None:
    """What the buyer chose; None if the order names no option, or one that says nothing of speed.

    `shop` maps the names or ids of options to meanings, as in the settings; case, accents and signs in a
    name do not matter. Two options that mean different things mean nothing certain.
    """
    known = {_key(name): meaning for name, meaning in shop.items()}
    found: dict[str, tuple[str, str]] = {}  # name -> meaning, source
    for option in order.shipping_options:
        name = option.name or option.id
        meaning = known.get(_key(option.id)) or known.get(_key(option.name))
        if meaning:
            found[name] = meaning, _SHOP
        elif usual := usual_meaning(option.id, option.name):
            found[name] = usual, _BUILT_IN
        elif not is_neutral(name):
            found[name] = "", ""
    if not found:
        return None
    unknown = tuple(name for name, (meaning, _) in found.items() if not meaning)
    meanings = {meaning.casefold(): (meaning, source) for meaning, source in found.values()}
    meaning, source = meanings.popitem()[1] if len(meanings) == 1 else ("", "")
    return Choice(tuple(found), meaning, source, unknown)


def _key(name: str) -> str:
    """The form in which names are compared. A name of signs alone is compared as it is."""
    return plain_words(name) or name.strip()


def reason_to_hold(choice: Choice) -> Reason | None:
    """Why the order waits for a person; None if a label may be bought for this choice."""
    match choice.meaning:
        case "pickup":
            return Reason(HoldCode.PICKUP, f"{choice.words}, {choice.source}")
        case "hold":
            return Reason(HoldCode.SHIPPING_OPTION_HELD, choice.words)
        case "":
            return Reason(HoldCode.SHIPPING_OPTION_UNKNOWN, _what_to_add(choice))
    return None


def rates_for(choice: Choice | None, settings: RateSettings) -> RateSettings:
    """The rules for choosing a rate, with the buyer's choice in place of the shop's preference."""
    if choice is None or choice.meaning in ("", PICKUP, HOLD):
        return settings
    if choice.meaning in (CHEAPEST, FASTEST):
        return settings.model_copy(update={"prefer": choice.meaning})
    return settings.model_copy(update={"services": (choice.meaning,)})


def _what_to_add(choice: Choice) -> str:
    """The buyer's words and the lines that map them, ready for packhouse.toml."""
    if not choice.unknown:
        return f"{choice.words} mean different things"
    lines = "; ".join(f'{json.dumps(name, ensure_ascii=False)} = "{CHEAPEST}"' for name in choice.unknown)
    return f"{choice.words}. The line to add, for example: {lines}"
