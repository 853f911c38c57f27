"""The entries of the settings that end a hold of a product: text for a hold's detail."""

from __future__ import annotations

import json
from collections.abc import Sequence

from packhouse.model.order import Line

_ENTRIES_SHOWN = 3


def entries_to_add(lines: Sequence[Line], setting: str) -> str:
    """The [[products]] entries that say `setting` of these lines' products, for a sentence."""
    entries = []
    for line in lines:
        by = ("id", line.product_id) if line.product_id else ("name", line.name or "*")
        entries.append(f"{by[0]} = {json.dumps(by[1], ensure_ascii=False)} and {setting}")
    entries = list(dict.fromkeys(entries))
    said = " and ".join(f"[[products]] with {entry}" for entry in entries[:_ENTRIES_SHOWN])
    return said + (" and one for each other product" if len(entries) > _ENTRIES_SHOWN else "")
