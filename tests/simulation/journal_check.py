"""Checks that the journal explains everything: its entries alone lead each shipment to its current state,
each hold has its placement and its release, and only an operator releases an operator's hold.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator

from tests.simulation.ledger import Database

_MACHINE = "packhouse"
# The state of a shipment after an entry of the journal.
_AFTER = {
    "planned": "planned",
    "buying": "buying",
    "bought": "labeled",
    "adopted": "labeled",
    "unknown": "unknown",
    "not_bought": "planned",
    "resumed": "planned",
    "fulfilled": "fulfilled",
    "voiding": "voiding",
    "void_refused": "voiding",
    "voided": "voided",
    "cancelled": "cancelled",
    "delivered": "delivered",
}
# The states before an entry.
_BEFORE = {
    "planned": {""},
    "buying": {"planned"},
    # An answer may arrive after the purchase was counted as not made; "": its label is not needed any more.
    "bought": {"buying", "unknown", "planned", "held", ""},
    "adopted": {"held", "unknown"},
    "unknown": {"buying"},
    "not_bought": {"buying", "unknown", "held"},
    "resumed": {"planned", "held"},
    "fulfilled": {"labeled"},
    "voiding": {"labeled", "held", "unknown"},
    "void_refused": {"voiding"},
    "voided": {"voiding", "unknown", "held", "labeled"},
    "cancelled": {"planned", "held"},
    "delivered": {"fulfilled"},
}
_MAY_BE_HELD = {"planned", "unknown", "voiding"}


class JournalCheck:
    """Replays the journal from its first entry to its last."""

    def __init__(self, database: Database) -> None:
        self._rows = database.rows

    def problems(self) -> list[str]:
        """A sentence for each state that the journal does not explain."""
        by_order: defaultdict[str, list[sqlite3.Row]] = defaultdict(list)
        for row in self._rows("SELECT * FROM journal ORDER BY id"):
            by_order[row["order_id"]].append(row)
        found: list[str] = []
        for order in self._rows("SELECT * FROM orders"):
            entries = by_order.get(order["id"], [])
            if any(entry["action"] in ("restored", "recalled") for entry in entries):
                continue  # a restore lost some of its entries; what is known again is checked in restores.py
            found += self._shipments(order["id"], entries)
            found += self._holds(order["id"], entries)
            found += self._phase(order, entries)
        return found

    def _shipments(self, order_id: str, entries: list[sqlite3.Row]) -> Iterator[str]:
        for row in self._rows("SELECT * FROM shipments WHERE order_id = ?", order_id):
            state, held = "", False
            for entry in entries:
                about = entry["shipment_id"]
                if entry["action"] == "held" and about in ("", row["id"]):
                    held = True
                if about != row["id"] or entry["action"] not in _AFTER:
                    continue
                before = _BEFORE[entry["action"]]
                if state not in before and not (held and "held" in before and state in _MAY_BE_HELD):
                    yield f"{row['id']}: the journal has {entry['action']!r} while it is {state!r}"
                state = _AFTER[entry["action"]]
            is_held = row["state"] == "held" and held and state in _MAY_BE_HELD
            if row["state"] != state and not is_held:
                yield f"{row['id']}: is {row['state']}, but the journal leads to {state or 'nothing'!r}"

    def _holds(self, order_id: str, entries: list[sqlite3.Row]) -> Iterator[str]:
        for hold in self._rows("SELECT * FROM holds WHERE order_id = ?", order_id):
            about, code = hold["shipment_id"], hold["code"]
            mine = [entry for entry in entries if entry["shipment_id"] == about]
            if not any(
                e["action"] == "held" and json.loads(e["data"] or "{}").get("code") == code for e in mine
            ):
                yield f"{order_id}: the hold {code} has no placement in the journal"
            if hold["released_at"] is not None and not any(_ends(entry, code) for entry in mine):
                yield f"{order_id}: the hold {code} was released without an entry in the journal"
            if hold["placed_by"] != _MACHINE and hold["released_by"] == _MACHINE:
                yield f"{order_id}: {hold['placed_by']} placed a hold and Packhouse released it"

    def _phase(self, order: sqlite3.Row, entries: list[sqlite3.Row]) -> Iterator[str]:
        if order["phase"] in ("shipped", "closed") and not any(
            e["action"] == order["phase"] for e in entries
        ):
            yield f"{order['id']}: is {order['phase']} without an entry in the journal"


def _ends(entry: sqlite3.Row, code: str) -> bool:
    if entry["action"] == "released":
        return bool(entry["why"].startswith(f"{code}:"))
    return code == "purchase_unknown" and entry["action"] in ("adopted", "not_bought")
