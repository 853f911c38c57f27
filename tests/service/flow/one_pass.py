"""One order in the hands of a worker, and what its row says once it is released."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from packhouse.ledger import queries
from packhouse.model.hold import Hold, HoldCode
from packhouse.model.journal import JournalEntry
from packhouse.model.order import Units
from packhouse.model.shipment import Shipment
from packhouse.model.states import OrderPhase, ShipmentState
from packhouse.steps.context import OrderJob
from tests.service.harness import Harness

_NUMBERS = itertools.count(1)
# The first number that follows these seeds is all but 0, and all but 1.
LOWEST, HIGHEST = 12214, 9730


async def claimed(
    harness: Harness, *states: ShipmentState, phase: OrderPhase = OrderPhase.OPEN, attempts: int = 0
) -> OrderJob:
    """An order of its own that a worker has just claimed, with shipments in these states."""
    order_id = f"ord_{next(_NUMBERS)}"
    await harness.deliver_event(order_id)
    (job,) = [one for one in await harness.claim_due() if one.order_id == order_id]
    job.lease = replace(job.lease, phase=phase, attempts=attempts)
    job.shipments = [shipment(state, number) for number, state in enumerate(states, 1)]
    return job


def shipment(state: ShipmentState, number: int = 1, provider: str = "") -> Shipment:
    return Shipment(f"s{number}", "ord", number, state, (Units("li_1", 1),), provider=provider)


async def place(harness: Harness, job: OrderJob, code: HoldCode, note: str = "the detail") -> Hold:
    """Place a hold of this kind on the order."""
    await harness.context.hold(job, code, note)
    return job.active_holds()[-1]


async def row(harness: Harness, job: OrderJob) -> Any:
    return await harness.order_row(job.order_id)


async def entries(harness: Harness, job: OrderJob, *actions: str) -> list[JournalEntry]:
    """The journal of the order, without what was there before the pass; only these actions, if any."""
    found = await harness.ledger.read(queries.entries, order_id=job.order_id)
    return [
        one for one in found if one.action != "event_received" and one.action in (actions or (one.action,))
    ]


@contextmanager
def drawing(seed: int) -> Iterator[None]:
    """The random numbers that follow this seed."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
