"""Orders that a restored ledger has still to compare, and what the account says that it sold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from packhouse.ledger import queries, recalled, restores, shipments
from packhouse.ledger.recalled import Recalled
from packhouse.ledger.restores import Cause
from packhouse.ledger.tx import Tx
from packhouse.model.journal import Entry
from packhouse.model.label import Label, Rate
from packhouse.model.money import Money
from packhouse.model.order import Fulfillment, Line, Units
from packhouse.model.parcel import Parcel
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.providers.port import Absent, Bought, ListedPurchase, Provider, Purchase
from packhouse.rules.changes import fingerprint
from packhouse.steps.context import OrderJob
from packhouse.store.protocol import moment
from tests.service.harness import Harness
from tests.service.providers.in_memory import InMemoryProvider
from tests.service.scripted import Scripted, scripted

NUMBER = "9400111899223197428490"
RATE = Rate("bike", "Bike", "standard", Money(495, "USD"))
SOLD = Bought("shp_1", NUMBER, "Bike", "standard", Money(495, "USD"))


async def claimed(harness: Harness, order_id: str = "") -> OrderJob:
    """A job of this order, or of a new one, that was read from the store: nothing of it is decided."""
    if not order_id:
        order_id = harness.sandbox.place_order("plain").id
        await harness.deliver_event(order_id)
    (job,) = [one for one in await harness.claim_due() if one.order_id == order_id]
    job.fetched = await harness.store.order(order_id)
    job.restored_at = harness.clock.now()
    return job


async def planned(harness: Harness) -> OrderJob:
    """An order that the ledger has planned, and that was not compared since a restore."""
    job = await claimed(harness)
    units = tuple(Units(line.id, line.quantity) for line in job.order.lines)
    shipment = Shipment(
        id=f"{job.order_id}-1",
        order_id=job.order_id,
        seq=1,
        state=ShipmentState.PLANNED,
        units=units,
        fingerprint=fingerprint(job.order, units),
        parcel=Parcel(500, 10, 20, 30),
    )
    await harness.context.plan(job, [shipment], [Entry(job.order_id, "planned", "why", shipment.id)])
    return job


async def reclaimed(harness: Harness, job: OrderJob) -> OrderJob:
    """The order in its next pass."""
    await harness.clock.advance(130.0)
    return await claimed(harness, job.order_id)


def created_after(job: OrderJob, seconds: float) -> None:
    """The ledger was restored so long before the store got the order."""
    created = moment(job.order.created_at)
    assert created is not None
    job.restored_at = created.timestamp() - seconds


async def listed(harness: Harness, job: OrderJob, parts: str = "1/1", **found: Any) -> str:
    """Note a purchase that the account lists: order/`parts` is its reference."""
    one = Recalled(f"{job.order_id}/{parts}", job.order_id, harness.provider.account, found)
    await harness.ledger.write(recalled.add, harness.clock.now(), [one])
    return one.reference


async def left(harness: Harness, job: OrderJob) -> list[str]:
    """The listed purchases that nothing was matched with yet."""
    return [one.reference for one in await harness.ledger.read(recalled.of_order, job.order_id)]


async def is_compared(harness: Harness, job: OrderJob) -> bool:
    """Whether the order is noted as compared, with any restore, once what was deferred is written."""
    await harness.context.write(job, lambda tx: None)
    ids = [job.order_id]
    return bool(await harness.ledger.read(recalled.compared_since, ids, 0.0))


async def notice(harness: Harness, log_problem: str | None = None, *, collected: bool = True) -> None:
    """A restore is noticed; the guard log is whole, or has this problem. What was lost is `collected`."""

    def write(tx: Tx) -> None:
        restores.notice(tx, Cause.PROVIDER)
        restores.save_log(tx, "folder", log_problem or "")
        if collected:
            restores.allow_claims(tx)

    await harness.ledger.write(write, harness.clock.now())


def says(harness: Harness, answers: dict[str, Any]) -> None:
    """Let the account answer about these references (without the order's id): all others are absent."""

    async def lookup(purchase: Purchase) -> Any:
        answer = answers.get(purchase.request.reference.partition("/")[2], Absent())
        if isinstance(answer, Exception):
            raise answer
        return answer

    harness.provider.script(lookup=lookup)


def asked(harness: Harness) -> list[str]:
    """The references that the account was asked about, without the order's id."""
    return [purchase.request.reference.partition("/")[2] for (purchase,) in harness.provider.seen("lookup")]


async def stored(harness: Harness, job: OrderJob) -> list[Shipment]:
    """The order's shipments as the ledger has them; the job has the same."""
    found = list(await harness.ledger.read(shipments.of_order, job.order_id))
    assert sorted(job.shipments, key=lambda one: one.id) == sorted(found, key=lambda one: one.id)
    return found


async def another(harness: Harness, job: OrderJob, **changes: Any) -> Shipment:
    """Another planned shipment of the order, like its first."""
    first = job.shipments[0]
    seq = 1 + max(one.seq for one in job.shipments)
    fields: dict[str, Any] = {"id": f"{job.order_id}-{seq}", "seq": seq} | changes
    new = replace(first, **fields)
    await harness.context.plan(job, [new], [])
    return new


def label_of(shipment: Shipment, **changes: Any) -> Label:
    """A label of this shipment."""
    label = Label(
        id=f"{shipment.id}-label",
        shipment_id=shipment.id,
        generation=shipment.generation,
        provider="in_memory",
        carrier="Bike",
        service="standard",
        tracking_number=NUMBER,
        provider_id="shp_1",
        cost=Money(495, "USD"),
        state=LabelState.BOUGHT,
        bought_at=0.0,
    )
    return replace(label, **changes)


async def labeled(harness: Harness, job: OrderJob, shipment: Shipment, **changes: Any) -> Shipment:
    """The same shipment with a label that the ledger has."""
    begun = await harness.context.move(job, shipment, ShipmentState.BUYING, provider="in_memory", rate=RATE)
    label = label_of(shipment, **changes)
    await harness.context.write(job, shipments.bought, begun, label, ())
    return job.update(begun, state=ShipmentState.LABELED, label=label)


async def actions(harness: Harness, job: OrderJob) -> list[str]:
    """The actions in the order's journal, oldest first."""
    return [entry.action for entry in await harness.ledger.read(queries.entries, order_id=job.order_id)]


def second_account(harness: Harness, real: Provider) -> Scripted:
    """Another account, for a harness with the setting provider = ("in_memory", "second")."""
    account = scripted(real)
    account.account = "second"
    cast("dict[str, Provider]", harness.context.providers)["second"] = account
    return account


class Lister(InMemoryProvider):
    """LOOKUP, and it lists what it sold."""

    async def purchases_since(self, since: float) -> tuple[ListedPurchase, ...]:
        return ()


def shown(job: OrderJob, *rows: Fulfillment) -> None:
    """The store shows these fulfillments of the order."""
    job.fetched = replace(job.order, fulfillments=rows)


LINES = (Line("li_1", quantity=2), Line("li_2", quantity=1), Line("li_3", quantity=4, is_digital=True))
SOME = (Units("li_1", 1),)


async def unplanned(harness: Harness, *rows: Fulfillment) -> OrderJob:
    """An order that the ledger has not planned, of LINES; the store shows these fulfillments."""
    job = await claimed(harness)
    job.fetched = replace(job.order, lines=LINES)
    shown(job, *rows)
    return job
