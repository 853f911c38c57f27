"""Reads the shipping option that the buyer chose. No field is documented, so each usual one is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from packhouse.model.order import ShippingOption
from packhouse.store.json_fields import camel, first_text, mapping, text

# Fields that hold the choice: text, an object, or a list of them.
_CHOSEN = (
    "shipping_option",
    "selected_shipping_option",
    "shipping_method",
    "selected_shipping_method",
    "shipping_rate",
    "shipping_lines",
    "delivery_option",
    "delivery_method",
    "delivery_type",
    "fulfillment_method",
    "fulfillment_type",
)
# Objects that may hold the choice among an address or amounts.
_AROUND = ("shipping", "delivery", "fulfillment", "checkout")
_INSIDE = (*_CHOSEN, "option", "method", "type", "service")
_IDS = ("id", "code", "handle", "key", "slug", "type", "method_id", "option_id")
_NAMES = ("name", "label", "title", "display_name", "method_title", "method", "option", "service")
# Parts of the choice that may be fields of their own: shipping_option_id, shippingOptionName.
_PARTS = ("id", "code", "handle", "key", "slug", "name", "label", "title", "display_name")
_FLAGS = ("local_pickup", "is_pickup", "pickup", "store_pickup", "in_store_pickup")


def shipping_options_from_json(raw: Mapping[str, Any]) -> tuple[ShippingOption, ...]:
    """The options of an order, each once; () if the order names none.

    Several shipping lines are several options. A list of all options that the buyer could have chosen is
    read only as far as its rows are marked as selected, or if it has one row. A flag such as `local_pickup`
    counts as an option.
    """
    found = _first(raw, _CHOSEN)
    for name in _AROUND:
        found = found or _first(mapping(raw.get(name)), _INSIDE)
    found = found or _selected(raw.get("shipping_options"))
    flags = [ShippingOption(id=name) for name in _FLAGS if raw.get(name) is True]
    return tuple(dict.fromkeys([*found, *flags]))


def _first(source: Mapping[str, Any], names: tuple[str, ...]) -> list[ShippingOption]:
    """The options of the first of these fields that names any, in either writing, whole or in two fields."""
    if source.keys().isdisjoint(_ALL_WRITINGS):
        return []
    for name in names:
        if source.keys().isdisjoint(_OF_NAME[name]):
            continue
        in_camel_case, apart = _WRITINGS[name]
        for writing in (name, in_camel_case):
            if writing in source and (found := list(_options(source[writing]))):
                return found
        parts = {
            part: source[writing] for part, *writings in apart for writing in writings if source.get(writing)
        }
        if parts and (found := list(_options(parts))):
            return found
    return []


def _writings(name: str) -> tuple[str, tuple[tuple[str, str, str], ...]]:
    """The field's name in camel case, and the names of its parts if they are fields of their own."""
    parts = ((part, f"{name}_{part}") for part in _PARTS)
    return camel(name), tuple((part, snake, camel(snake)) for part, snake in parts)


_WRITINGS = {name: _writings(name) for name in _INSIDE}
_OF_NAME = {
    name: frozenset((name, in_camel_case, *(part for _, *parts in apart for part in parts)))
    for name, (in_camel_case, apart) in _WRITINGS.items()
}
_ALL_WRITINGS = frozenset[str]().union(*_OF_NAME.values())


def _options(value: Any) -> Iterator[ShippingOption]:
    if isinstance(value, str):
        option = ShippingOption(name=_plain(text(value)))
        if option.name:
            yield option
    elif isinstance(value, list):
        for one in value:
            yield from _options(one)
    elif isinstance(value, dict):
        inside = [value[name] for name in ("option", "method") if isinstance(value.get(name), dict)]
        if inside:
            yield from _options(inside[0])
            return
        option = ShippingOption(_plain(first_text(value, _IDS)), _plain(first_text(value, _NAMES)))
        if option.id or option.name:
            yield option


def _selected(value: Any) -> list[ShippingOption]:
    if isinstance(value, list) and len(value) == 1:
        return list(_options(value))
    rows = [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
    return list(_options([row for row in rows if row.get("selected") is True or row.get("chosen") is True]))


def _plain(words: str) -> str:
    return " ".join(words.split())
