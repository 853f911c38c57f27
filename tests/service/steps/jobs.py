"""One order at one step: its job as the worker has it in memory, and what was written about it."""

from __future__ import annotations

from typing import Any, cast

from packhouse.errors import LedgerUnavailable
from packhouse.ledger import queries, shipments
from packhouse.model.label import Label
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.providers.port import Provider
from packhouse.steps.context import OrderJob
from packhouse.steps.moves import Move
from packhouse.steps.purchase import request_for
from tests.service.harness import Harness
from tests.service.providers.in_memory import InMemoryProvider
from tests.service.scripted import Scripted

LEDGER_DOWN = LedgerUnavailable("the disk is full")


async def job_before(harness: Harness, step: str, kind: str = "plain") -> OrderJob:
    """The job of a new order with one parcel, right before this step."""
    return await harness.process_until(harness.sandbox.place_order(kind), before=step)


async def moved(harness: Harness, job: OrderJob, to: ShipmentState, **changes: Any) -> Shipment:
    """The job's one shipment, moved to this state in the ledger and in the job."""
    return await harness.context.apply(job, Move(job.shipments[0], to, changes=changes))


async def begun(harness: Harness, **changes: Any) -> tuple[OrderJob, Shipment]:
    """A shipment whose purchase is under way: its intent is written, and its provider was not asked yet."""
    job = await job_before(harness, "buy")
    prepared = await harness.provider.real.prepare(request_for(job.order, job.shipments[0]))
    rate = prepared.rates[0]
    intent = {
        "provider": harness.provider.account,
        "provider_ref": prepared.provider_ref,
        "rate": rate,
        "quoted": rate.price,
        "intent_at": harness.clock.now(),
    }
    return job, await moved(harness, job, ShipmentState.BUYING, **(intent | changes))


async def labeled(harness: Harness) -> tuple[OrderJob, Shipment, Label]:
    """A shipment whose label is bought and not posted yet."""
    job = await job_before(harness, "post")
    return job, job.shipments[0], label_of(job)


def label_of(job: OrderJob) -> Label:
    """The label of the job's one shipment."""
    (shipment,) = job.shipments
    assert shipment.label is not None
    return shipment.label


async def stored(harness: Harness, job: OrderJob) -> Shipment:
    """The job's one shipment as the ledger has it."""
    (shipment,) = await harness.ledger.read(shipments.of_order, job.order_id)
    return shipment


async def in_step(harness: Harness, job: OrderJob) -> Shipment:
    """The job's one shipment, which the ledger has in the same way: a later step relies on both."""
    shipment = await stored(harness, job)
    (known,) = job.shipments
    assert known == shipment
    return shipment


def held(job: OrderJob) -> list[tuple[str, str]]:
    """The active holds: their kind, and the id of the shipment or ""."""
    return [(hold.code.value, hold.shipment_id) for hold in job.active_holds()]


async def entries(harness: Harness, job: OrderJob, action: str = "") -> list[Any]:
    """The journal of the order, oldest first; only those of this action if it is given."""
    found = await harness.ledger.read(queries.entries, order_id=job.order_id)
    return [one for one in found if action in ("", one.action)]


def add_account(harness: Harness, account: str = "second") -> Scripted:
    """Another account that sells labels, for settings that name it."""
    real = InMemoryProvider(harness.clock)
    real.account = account
    second = Scripted(real)
    cast("dict[str, Provider]", harness.context.providers)[account] = second
    return second


def counted(harness: Harness, name: str, **labels: str) -> float:
    """The value of a counter; 0.0 before it has counted anything."""
    return harness.metrics.registry.get_sample_value(name, labels) or 0.0
