"""One run of a plan: an executor with a client that never waits, and an order takeover that is recorded."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from packhouse_cli.bulk.actions import ACTIONS
from packhouse_cli.bulk.executor import ItemExecutor
from packhouse_cli.bulk.plan import Plan, PlanItem
from packhouse_cli.bulk.results import Results, State
from packhouse_cli.bulk.throttled_client import ThrottledClient
from packhouse_cli.clients.rate_limiter import RateLimiter
from packhouse_cli.exit_codes import CommandError
from tests.cli.bulk.memory_store import MemoryStore


class InstantLimiter(RateLimiter):
    """Never waits, and records how long it would have waited."""

    def __init__(self) -> None:
        super().__init__(0, threading.Event(), monotonic=lambda: sum(self.waited))
        self.waited: list[float] = []

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)


class OrderTakeover:
    """An order that was taken over; the daemon has bought no label for it."""

    def __init__(self) -> None:
        self.was_sent, self.stays_for, self.released = False, "", False

    def mark_sent(self) -> None:
        self.was_sent = True

    def keep(self, why: str) -> None:
        self.stays_for = why

    def refuse_other_labels(self, units: object, tracking: str) -> None:
        """Nothing was bought."""


class Run:
    """A plan for a store, applied by one thread."""

    def __init__(self, folder: Path, store: MemoryStore, plan: Plan) -> None:
        self.store, self.plan, self.path = store, plan, folder / "results"
        self.limiter = InstantLimiter()
        self.later_s = 0.0
        self.takeover = OrderTakeover()
        self.busy: CommandError | None = None

    def again(self) -> list[State]:
        """Apply the plan once; the states of its items."""
        results = Results(self.path, self.plan)
        client = ThrottledClient(self.store, self.limiter)  # type: ignore[arg-type]
        executor = ItemExecutor(
            client, ACTIONS[self.plan.action], results, self.take_over, now=lambda: _now() + self.later_s
        )
        try:
            executor.run_order(self.plan.items)
        finally:
            results.finish(self.plan)
        return [results.get(item).state for item in self.plan.items]

    @contextmanager
    def take_over(self, item: PlanItem) -> Iterator[OrderTakeover]:
        """Take the order over from a daemon that may be busy with it, and release it."""
        if self.busy is not None:
            raise self.busy
        self.takeover = OrderTakeover()
        try:
            yield self.takeover
        finally:
            self.takeover.released = not self.takeover.stays_for

    def begun(self, state: State) -> None:
        """An earlier run recorded this state and was killed."""
        Results(self.path, self.plan).record(self.plan.items[0], state)

    @property
    def reason(self) -> str:
        return str(json.loads(self.path.read_text().splitlines()[0])["reason"])


def _now() -> float:
    import time

    return time.time()
