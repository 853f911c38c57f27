"""Every kind of hold: `KINDS` has one row for each, by its code: what it stops and how it ends.

Steps, operations, the API, `packhouse why` and docs/concepts.md read the rows. A new kind is a new row in one
of the modules; no other module lists kinds.
"""

from __future__ import annotations

from typing import Final

from packhouse.model.hold_kinds import label, operator, order, parcel

KINDS: Final = {row.code: row for row in (*order.KINDS, *label.KINDS, *parcel.KINDS, *operator.KINDS)}
