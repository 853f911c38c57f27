"""An order as a row of the store's list shows it, and whether the row shows anything new."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# What a change of an order that matters to shipping shows up in, each under its possible names.
_PARTS = {
    "status": ("status",),
    "updated": ("updated_at", "updatedAt"),
    "lines": ("items", "line_items"),
    "fulfillments": ("fulfillments",),
    "refunds": ("refunds",),
    "returns": ("returns",),
    "address": ("shipping_address",),
}
# Texts that say what a row is about. Others, such as links that expire, change without meaning anything.
_WORDS = frozenset({"id", "line_item_id", "status", "state", "tracking_number", "tracking"})


_EMPTY = ("[]", "{}", '""')


@dataclass(frozen=True, slots=True)
class Listed:
    """One row. `needs_work` is False where the row shows that nothing is left to ship, `shown` what it says
    about each part of the order: a part that the row does not have is absent.
    """

    order_id: str
    site_slug: str = ""
    status: str = ""
    needs_work: bool = True
    shown: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """A short text that is the same for two rows which show the same."""
        return hashlib.sha256(json.dumps(self.shown, sort_keys=True).encode()).hexdigest()[:16]


def shown_by(raw: Mapping[str, Any]) -> dict[str, str]:
    """What an order's JSON says about each part of it that matters to shipping."""
    found: dict[str, str] = {}
    for part, names in _PARTS.items():
        for name in names:
            if raw.get(name) is not None:
                keep_texts = part in ("status", "updated", "address")
                found[part] = json.dumps(_essence(raw[name], keep_texts), sort_keys=True)
                break
    return found


def is_news(shown: Mapping[str, str], known: Mapping[str, str]) -> bool:
    """Whether a row shows something that is not known.

    A list may show less of an order than its own page, and may show as empty what the page leaves out.
    """
    return any(known.get(part, value if value in _EMPTY else "") != value for part, value in shown.items())


def _essence(value: Any, keep_texts: bool) -> Any:
    """The numbers and the telling texts of a value, its lists in any sequence."""
    if isinstance(value, dict):
        return {
            name: _essence(inner, keep_texts)
            for name, inner in value.items()
            if keep_texts or not isinstance(inner, str) or name in _WORDS
        }
    if isinstance(value, list):
        return sorted((_essence(inner, keep_texts) for inner in value), key=json.dumps)
    return value
