"""Checks what hostile content, lying answers and impatient webhooks must never lead to."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.simulation.hostile import TOO_MUCH
from tests.simulation.replica import Environment
from tests.simulation.scheduler import Scheduler

# guard.max_order_parcels, by default.
_MOST_PARCELS = 20
# After a refusal a void is asked again when it is due, whatever wakes the order meanwhile.
_SHORTEST_WAIT_S = 600.0


class HostileCheck:
    """Reads the rows of the ledger and the records of the provider, as checker.py does."""

    def __init__(self, environment: Environment, scheduler: Scheduler) -> None:
        self._rows = environment.database.rows
        self._committed_at = environment.database.committed_at
        self._sold = environment.sandbox.audit.purchases()
        self._scheduler = scheduler

    def problems(self) -> Iterator[str]:
        """Every broken promise."""
        yield from self._no_slip_buys_a_van_of_labels()
        yield from self._a_refused_void_is_asked_when_it_is_due()

    def _no_slip_buys_a_van_of_labels(self) -> Iterator[str]:
        for order_id, count in Counter(one.order_id for one in self._sold).items():
            content = self._scheduler.content.get(order_id, "")
            if content in TOO_MUCH and count > _MOST_PARCELS and not self._was_released(order_id):
                yield f"{order_id}: {count} labels were bought for {content}, and nobody asked"

    def _a_refused_void_is_asked_when_it_is_due(self) -> Iterator[str]:
        asked: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        for row in self._rows("SELECT * FROM journal WHERE action = 'void_refused' ORDER BY id"):
            asked[row["order_id"], row["shipment_id"]].append(self._committed_at(row["id"]))
        for (order_id, shipment_id), times in asked.items():
            waits = [later - sooner for sooner, later in itertools.pairwise(times)]
            if waits and min(waits) < _SHORTEST_WAIT_S and not self._was_released(order_id):
                yield f"{shipment_id}: its void was refused {len(times)} times, {min(waits):.0f} s apart"

    def _was_released(self, order_id: str) -> bool:
        return bool(self._scheduler.touched.get(order_id, set()) & {"release", "retry"})
