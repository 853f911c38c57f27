"""Looks at what happens: the store's orders from the sandbox, their way from the daemon, as one picture.

`Looker.look()` asks both; a `Look` is a frozen value that the view and the course of the demonstration read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from packhouse_cli.clients.daemon import Daemon
from packhouse_cli.clients.http import Peer, rows_of
from packhouse_cli.terminal.output import safe

ACTS_KEPT = 60
# How far along its way (received, decided, label, posted) an order with such a shipment is, and our word.
_WAY: dict[str, tuple[int, str]] = {
    "planned": (2, "packing"),
    "held": (2, "held"),
    "buying": (2, "buying"),
    "unknown": (2, "looking up"),
    "labeled": (3, "label"),
    "voiding": (3, "voiding"),
    "fulfilled": (4, "shipped"),
    "delivered": (4, "delivered"),
}
_RESTLESS = frozenset({"planned", "buying", "unknown", "labeled", "voiding"})


class Place(StrEnum):
    """Where an order is, for the eye."""

    AT_STORE = "at the store"
    ON_THE_WAY = "on the way"
    SHIPPED = "shipped"
    HELD = "held"
    LEFT_ALONE = "left alone"


@dataclass(frozen=True, slots=True)
class OrderSeen:
    """One order: `steps` of 4 done, a `word`, `why` as a sentence, `settled` if nothing moves by itself."""

    id: str
    place: Place
    steps: int
    word: str
    why: str = ""
    changed_at: float = 0.0
    settled: bool = True


@dataclass(frozen=True, slots=True)
class Look:
    """One moment. `expected` orders were asked for; `orders` are those the store has, oldest first."""

    expected: int
    orders: tuple[OrderSeen, ...]
    acts: tuple[Mapping[str, Any], ...] = ()
    new_acts: tuple[Mapping[str, Any], ...] = ()
    status: Mapping[str, Any] = field(default_factory=dict)
    coming: int = 0

    def count(self, place: Place) -> int:
        """How many orders are there."""
        return sum(order.place is place for order in self.orders)

    @property
    def settled(self) -> bool:
        """Every order has come, stands where it will stay, and nothing more is about to happen."""
        return (
            len(self.orders) >= self.expected
            and not self.coming
            and all(order.settled for order in self.orders)
        )


class Looker:
    """Asks the daemon and the sandbox, again and again."""

    def __init__(self, daemon: Daemon, sandbox: Peer, expected: int) -> None:
        self._daemon = daemon
        self._sandbox = sandbox
        self._expected = expected
        self._heard_upto = 0
        self._acts: list[dict[str, Any]] = []

    def look(self) -> Look:
        """One picture. Raises CommandError when one of them does not answer."""
        state = self._sandbox.get("/sandbox/state")
        at_store = state.get("orders")
        known = {str(order.get("id")): order for order in self._daemon.orders()}
        fresh = self._listen()
        seen = (
            seen_order(
                order_id, str(facts.get("status", "")) if isinstance(facts, dict) else "", known.get(order_id)
            )
            for order_id, facts in (at_store.items() if isinstance(at_store, dict) else ())
        )
        coming = state.get("scheduled")
        return Look(
            self._expected,
            tuple(seen),
            tuple(self._acts),
            tuple(fresh),
            self._daemon.status(),
            coming if isinstance(coming, int) else 0,
        )

    def _listen(self) -> list[dict[str, Any]]:
        fresh: list[dict[str, Any]] = []
        while entries := self._daemon.journal(self._heard_upto, 500):
            fresh.extend(entries)
            self._heard_upto = max(int(entry.get("id", 0)) for entry in entries)
            if len(entries) < 500:
                break
        self._acts = (self._acts + fresh)[-ACTS_KEPT:]
        return fresh


def seen_order(order_id: str, store_status: str, ours: Mapping[str, Any] | None) -> OrderSeen:
    """One order, from the store's status and the daemon's record (None: it has not heard of it)."""
    if ours is None:
        # A poll lists what waits to be shipped; what ended before anyone heard of it is rightly left alone.
        if store_status in ("cancelled", "refunded", "returned"):
            return OrderSeen(
                order_id,
                Place.LEFT_ALONE,
                0,
                store_status,
                f"{store_status.capitalize()} before Packhouse heard of it.",
            )
        return OrderSeen(order_id, Place.AT_STORE, 0, "at store", settled=False)
    phase = str(ours.get("phase", ""))
    states = [str(shipment.get("state", "")) for shipment in rows_of(ours, "shipments")]
    moving = any(state in _RESTLESS for state in states)
    changed_at = float(ours.get("updated_at") or 0.0)
    if phase == "held":
        holds = rows_of(ours, "holds")
        why = " ".join(safe(hold.get("sentence")) for hold in holds)
        word = safe(holds[0].get("code", "held")).replace("_", " ") if holds else "held"
        return OrderSeen(
            order_id, Place.HELD, 2, word, why, changed_at, settled=not (set(states) & {"voiding"})
        )
    if phase == "closed":
        return OrderSeen(
            order_id,
            Place.LEFT_ALONE,
            2,
            "left alone",
            safe(ours.get("reason")),
            changed_at,
            settled=not moving,
        )
    if phase == "shipped":
        return OrderSeen(order_id, Place.SHIPPED, 4, "shipped", "", changed_at, settled=not moving)
    steps, word = min((_WAY[state] for state in states if state in _WAY), default=(1, "received"))
    return OrderSeen(
        order_id, Place.ON_THE_WAY, steps, word, safe(ours.get("last_error")), changed_at, settled=False
    )
