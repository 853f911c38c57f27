"""Reads the state of the demo: the store's orders from the sandbox and their progress from the daemon.

`SnapshotReader.read()` asks both; `view`, `totals` and `run` work with the frozen `Snapshot`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from packhouse_cli.clients.daemon import Daemon
from packhouse_cli.clients.http import JsonClient, rows_of

ENTRIES_KEPT = 60
# The number of finished steps (received, decided, label, posted) for each shipment state, and its label.
_PROGRESS_BY_STATE: dict[str, tuple[int, str]] = {
    "planned": (2, "packing"),
    "held": (2, "held"),
    "buying": (2, "buying"),
    "unknown": (2, "looking up"),
    "labeled": (3, "label"),
    "voiding": (3, "voiding"),
    "fulfilled": (4, "shipped"),
    "delivered": (4, "delivered"),
}
_ACTIVE_STATES = frozenset({"planned", "buying", "unknown", "labeled", "voiding"})


class Place(StrEnum):
    """What has become of an order. The value is its label on the screen."""

    SHIPPED = "shipped"
    HELD = "held"
    CLOSED = "closed"
    IN_PROGRESS = "in progress"
    QUEUED = "queued"


@dataclass(frozen=True, slots=True)
class OrderProgress:
    """The progress of one order: `steps` of 4 are finished. `reason` explains why it is held or closed.

    `processed` is true if Packhouse will do nothing more with the order by itself.
    """

    id: str
    place: Place
    steps: int
    label: str
    reason: str = ""
    changed_at: float = 0.0
    processed: bool = True


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state at one moment. `expected` is the number of requested orders; `orders` has those of the store,
    oldest first. `scheduled` counts the orders that the sandbox has yet to create.
    """

    expected: int
    orders: tuple[OrderProgress, ...]
    entries: tuple[Mapping[str, Any], ...] = ()
    new_entries: tuple[Mapping[str, Any], ...] = ()
    status: Mapping[str, Any] = field(default_factory=dict)
    scheduled: int = 0

    def count(self, place: Place) -> int:
        """The number of orders at this place."""
        return sum(order.place is place for order in self.orders)

    @property
    def processed(self) -> bool:
        """Whether every expected order exists and is processed."""
        return (
            len(self.orders) >= self.expected
            and not self.scheduled
            and all(order.processed for order in self.orders)
        )


class SnapshotReader:
    """Reads snapshots from the daemon and the sandbox."""

    def __init__(self, daemon: Daemon, sandbox: JsonClient, expected: int) -> None:
        self._daemon = daemon
        self._sandbox = sandbox
        self._expected = expected
        self._last_entry_id = 0
        self._entries: list[dict[str, Any]] = []

    def read(self) -> Snapshot:
        """The state now. Raises CommandError if the daemon or the sandbox does not answer."""
        state = self._sandbox.get("/sandbox/state")
        at_store = state.get("orders")
        known = {str(order.get("id")): order for order in self._daemon.orders()}
        fresh = self._read_journal()
        orders = (
            order_progress(
                order_id, str(facts.get("status", "")) if isinstance(facts, dict) else "", known.get(order_id)
            )
            for order_id, facts in (at_store.items() if isinstance(at_store, dict) else ())
        )
        scheduled = state.get("scheduled")
        return Snapshot(
            self._expected,
            tuple(orders),
            tuple(self._entries),
            tuple(fresh),
            self._daemon.status(),
            scheduled if isinstance(scheduled, int) else 0,
        )

    def _read_journal(self) -> list[dict[str, Any]]:
        fresh: list[dict[str, Any]] = []
        while entries := self._daemon.journal(self._last_entry_id, 500):
            fresh.extend(entries)
            self._last_entry_id = max(int(entry.get("id", 0)) for entry in entries)
            if len(entries) < 500:
                break
        self._entries = (self._entries + fresh)[-ENTRIES_KEPT:]
        return fresh


def order_progress(order_id: str, store_status: str, ours: Mapping[str, Any] | None) -> OrderProgress:
    """The progress of one order, from its status at the store and the daemon's record (None: not yet)."""
    if ours is None:
        # A poll lists only orders that wait to ship, so an order that ended before is rightly closed.
        if store_status in ("cancelled", "refunded", "returned"):
            return OrderProgress(
                order_id,
                Place.CLOSED,
                0,
                store_status,
                f"{store_status.capitalize()} before Packhouse received it.",
            )
        return OrderProgress(order_id, Place.QUEUED, 0, "queued", processed=False)
    phase = str(ours.get("phase", ""))
    states = [str(shipment.get("state", "")) for shipment in rows_of(ours, "shipments")]
    is_active = any(state in _ACTIVE_STATES for state in states)
    changed_at = float(ours.get("updated_at") or 0.0)
    if phase == "held":
        holds = rows_of(ours, "holds")
        reason = " ".join(str(hold.get("sentence") or "") for hold in holds)
        label = str(holds[0].get("code", "held")).replace("_", " ") if holds else "held"
        return OrderProgress(
            order_id, Place.HELD, 2, label, reason, changed_at, processed=not (set(states) & {"voiding"})
        )
    if phase == "closed":
        return OrderProgress(
            order_id,
            Place.CLOSED,
            2,
            "closed",
            str(ours.get("reason") or ""),
            changed_at,
            processed=not is_active,
        )
    if phase == "shipped":
        return OrderProgress(order_id, Place.SHIPPED, 4, "shipped", "", changed_at, processed=not is_active)
    steps, label = min(
        (_PROGRESS_BY_STATE[state] for state in states if state in _PROGRESS_BY_STATE),
        default=(1, "received"),
    )
    return OrderProgress(
        order_id,
        Place.IN_PROGRESS,
        steps,
        label,
        str(ours.get("last_error") or ""),
        changed_at,
        processed=False,
    )
