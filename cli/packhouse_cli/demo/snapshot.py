"""Reads the state of the demo: the store's orders from the sandbox and their progress from the daemon.

`SnapshotReader.read()` asks both; `view`, `totals` and `run` work with the frozen `Snapshot`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from packhouse.model.waiting import WAIT_MEANING, Waiting, WaitKind
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
    """The progress of one order: `steps` of 4 are finished. `reason` explains why it is closed.

    `processed` is true if Packhouse will do nothing more with the order by itself; until then, `waiting` is
    what it waits for, if the daemon says so.
    """

    id: str
    place: Place
    steps: int
    label: str
    reason: str = ""
    changed_at: float = 0.0
    processed: bool = True
    waiting: Waiting | None = None


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
            order_progress(order_id, facts if isinstance(facts, dict) else {}, known.get(order_id))
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


def order_progress(
    order_id: str, at_store: Mapping[str, Any], ours: Mapping[str, Any] | None
) -> OrderProgress:
    """The progress of one order, from the sandbox's facts and the daemon's record (None: not yet)."""
    if ours is None:
        return _unknown(order_id, at_store)
    phase = str(ours.get("phase", ""))
    states = [str(shipment.get("state", "")) for shipment in rows_of(ours, "shipments")]
    changed_at = float(ours.get("updated_at") or 0.0)
    if phase == "held":
        holds = rows_of(ours, "holds")
        label = str(holds[0].get("code", "held")).replace("_", " ") if holds else "held"
        progress = OrderProgress(order_id, Place.HELD, 2, label, "", changed_at)
        return _until_voided(progress, is_active="voiding" in states)
    if phase in ("closed", "shipped"):
        place, steps = (Place.SHIPPED, 4) if phase == "shipped" else (Place.CLOSED, 2)
        reason = str(ours.get("reason") or "") if place is Place.CLOSED else ""
        progress = OrderProgress(order_id, place, steps, phase, reason, changed_at)
        return _until_voided(progress, is_active=any(state in _ACTIVE_STATES for state in states))
    steps, label = min(
        (_PROGRESS_BY_STATE[state] for state in states if state in _PROGRESS_BY_STATE),
        default=(1, "received"),
    )
    return OrderProgress(
        order_id,
        Place.IN_PROGRESS,
        steps,
        label,
        changed_at=changed_at,
        processed=False,
        waiting=next(map(_waiting, rows_of(ours, "waiting")), None),
    )


def _unknown(order_id: str, at_store: Mapping[str, Any]) -> OrderProgress:
    """An order that the daemon has not received: a poll finds it while it has units to ship."""
    status = str(at_store.get("status", ""))
    owed = status == "returned" and at_store.get("unshipped")
    if status in ("cancelled", "refunded", "returned") and not owed:
        reason = f"{status.capitalize()} before Packhouse received it."
        return OrderProgress(order_id, Place.CLOSED, 0, status, reason)
    waiting = Waiting(WaitKind.QUEUED, "Packhouse has not received the order yet. The next poll finds it.")
    return OrderProgress(order_id, Place.QUEUED, 0, "queued", processed=False, waiting=waiting)


def _until_voided(progress: OrderProgress, *, is_active: bool) -> OrderProgress:
    """An order that has ended or is held, which waits if a shipment of it is active."""
    if not is_active:
        return progress
    kind = WaitKind.VOID_UNSETTLED
    return replace(progress, processed=False, waiting=Waiting(kind, WAIT_MEANING[kind]))


def _waiting(value: Mapping[str, Any]) -> Waiting:
    """A reason to wait, from the daemon's JSON. A kind that this command does not know is a retry."""
    kind = str(value.get("kind"))
    return Waiting(
        WaitKind(kind) if kind in set(WaitKind) else WaitKind.RETRY,
        str(value.get("sentence") or kind),
        str(value.get("account") or ""),
        remedy=str(value.get("remedy") or ""),
    )
