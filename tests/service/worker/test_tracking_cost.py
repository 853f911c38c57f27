"""What tracking a parcel for five days costs, against what shipping it costs: calls and statements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from packhouse.ledger.statements import _Compiled
from packhouse.model.label import Label
from packhouse.model.tracking import TrackerState, Tracking
from packhouse.sandbox.store.state import StoreOrder
from packhouse.worker.tracking import run_every_s
from tests.service.harness import Harness

PARCELS = 40
_T = TrackerState
DAY_S = 86_400.0
# A usual parcel: scanned in the evening, out for delivery on the fourth morning.
JOURNEY = ((4.25, _T.DELIVERED), (4.0, _T.OUT_FOR_DELIVERY), (0.4, _T.IN_TRANSIT), (0.0, _T.PRE_TRANSIT))


@dataclass(slots=True)
class Cost:
    """What was used: HTTP calls to the provider and to the store, and statements to the database."""

    provider: int = 0
    store: int = 0
    statements: int = 0

    def each(self) -> tuple[float, float]:
        """HTTP calls and statements a parcel."""
        return (self.provider + self.store) / PARCELS, self.statements / PARCELS


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """What is sent to the database. One statement with many sets of values counts once."""
    seen: list[object] = []
    execute = _Compiled.execute

    def prepared(one: _Compiled, connection: Connection, values: Mapping[str, Any]) -> Any:
        seen.append(one)
        return execute(one, connection, values)

    def sent(_c: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    monkeypatch.setattr(_Compiled, "execute", prepared)
    event.listen(Engine, "before_cursor_execute", sent)
    yield seen
    event.remove(Engine, "before_cursor_execute", sent)


@contextmanager
def counted(harness: Harness, statements: list[object]) -> Iterator[Cost]:
    """What the block uses."""
    cost = Cost()
    provider, store, before = len(harness.provider.calls), len(harness.store.calls), len(statements)
    yield cost
    cost.provider = len(harness.provider.calls) - provider
    cost.store = len(harness.store.calls) - store
    cost.statements = len(statements) - before


def travel(harness: Harness) -> None:
    """Let each parcel travel as `JOURNEY` says, from the purchase of its label."""

    def where(label: Label) -> Tracking:
        days = (harness.clock.now() - label.bought_at) / DAY_S
        return Tracking(next(state for since, state in JOURNEY if days >= since))

    async def one(label: Label) -> Tracking:
        return where(label)

    async def many(labels: Sequence[Label]) -> dict[str, Tracking]:
        return {label.id: where(label) for label in labels}

    harness.provider.script(track=one, track_many=many)


async def ship_all(harness: Harness) -> list[StoreOrder]:
    """Ship and confirm a morning's orders."""
    orders = [await harness.ship() for _ in range(PARCELS)]
    await harness.advance(harness.settings.poll.confirm_s + 10)
    return orders


async def test_tracking_a_parcel_costs_less_than_a_tenth_of_shipping_it(
    statements: list[object], harness: Harness
) -> None:
    travel(harness)
    with counted(harness, statements) as shipping:
        orders = await ship_all(harness)
    every_s = run_every_s(harness.settings.poll.track_interval_s)
    with counted(harness, statements) as tracking:
        for _ in range(int(5 * DAY_S / every_s)):
            await harness.clock.advance(every_s)
            await harness.trackers.run()
    assert await harness.claim_due() == []
    states = [await harness.states(order) for order in orders]
    assert states == [["delivered"]] * PARCELS
    print(f"shipping {shipping}, tracking {tracking}")
    (calls, asked), (most_calls, most_asked) = tracking.each(), shipping.each()
    assert tracking.store == 0
    assert calls < most_calls / 10
    # A run that finds nothing due costs as much for one parcel as for a million.
    idle = 5 * DAY_S / every_s
    assert asked - idle / PARCELS < most_asked / 10
