"""Checks that news of a parcel is never lost: what a tracker said is acted on, and none is forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from tests.simulation.replica import Environment

_HOLD_CODES = {"returned": "parcel_returned", "failure": "parcel_failed"}


class TrackingCheck:
    """Reads the rows of the ledger, as checker.py does."""

    def __init__(self, environment: Environment) -> None:
        self._rows = environment.database.rows
        self._now = environment.database.now()
        self._is_tracked = environment.settings.poll.track_interval_s > 0

    def problems(self) -> Iterator[str]:
        """Every broken promise."""
        if not self._is_tracked:
            return
        for row in self._rows(
            "SELECT s.id, l.tracking_state, l.track_due_at, o.due_at FROM shipments s "
            "JOIN labels l ON l.shipment_id = s.id JOIN orders o ON o.id = s.order_id "
            "WHERE s.state = 'fulfilled' AND l.provider <> 'manual'"
        ):
            if row["due_at"] is not None and row["due_at"] <= self._now:
                continue  # its order is about to be processed
            yield from self._of_posted(row)

    def _of_posted(self, row: sqlite3.Row) -> Iterator[str]:
        state = row["tracking_state"]
        if state == "delivered":
            yield f"{row['id']}: its tracker said delivered, and it is still fulfilled"
        elif row["track_due_at"] is None:
            yield f"{row['id']}: is posted, and its tracker is not asked any more"
        code = _HOLD_CODES.get(state, "")
        known = "SELECT 1 FROM holds WHERE shipment_id = ? AND code = ?"
        if code and not self._rows(known, row["id"], code):
            yield f"{row['id']}: its tracker said {state}, and nobody was told"
