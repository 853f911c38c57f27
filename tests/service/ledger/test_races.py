"""Replicas and people at the same rows at the same moment: what may happen once happens once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from sqlalchemy import text

from packhouse.config.guard import GuardSettings
from packhouse.config.settings import Settings
from packhouse.errors import LeaseLost, OperationRefused
from packhouse.ledger import guard, holds, inbox, leases, orders, shipment_rows, shipments
from packhouse.ledger.documents import DocumentFolder
from packhouse.ledger.listed import add_listed
from packhouse.ledger.order_limits import OrderLimits
from packhouse.ledger.postgres import PostgresLedger
from packhouse.ledger.tx import Lease, under
from packhouse.model.event import Event
from packhouse.model.hold import Hold, HoldCode
from packhouse.model.journal import Entry
from packhouse.model.label import Label, Rate
from packhouse.model.listed import Listed
from packhouse.model.money import Money
from packhouse.model.order import Units
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, OrderPhase, ShipmentState
from packhouse.operations import Operations
from packhouse.operations.views import SentParcel
from tests.clock import StillClock
from tests.postgres import PostgresServer

PRICE = Money(100, "USD")
LIMITS = OrderLimits(GuardSettings(), Money(100_000, "USD"), 20)
RATE = Rate("rate_1", "USPS", "Priority", PRICE, 3)


@pytest.fixture
def url(postgres_server: PostgresServer, postgres_database: str) -> str:
    return postgres_server.url(postgres_database)


@asynccontextmanager
async def replicas(url: str, count: int = 2) -> AsyncIterator[list[PostgresLedger]]:
    """So many ledgers on one database, each with connections of its own."""
    async with AsyncExitStack() as stack:
        opened = [PostgresLedger(url, connections=8) for _ in range(count)]
        for ledger in opened:
            stack.push_async_callback(ledger.close)
        yield opened


def operations_on(ledger: PostgresLedger) -> Operations:
    settings = Settings(_env_file=None)  # type: ignore[call-arg]
    documents = DocumentFolder(settings.labels_dir)
    return Operations.build(ledger, documents, StillClock(3.0), settings, lambda: None)


async def due(ledger: PostgresLedger, count: int) -> None:
    listed = [Listed(f"ord_{n}", "site") for n in range(count)]
    await ledger.write(add_listed, 1.0, listed, 0.0)


async def planned(ledger: PostgresLedger, lease: Lease) -> Shipment:
    shipment = Shipment(
        id=f"{lease.order_id}-1",
        order_id=lease.order_id,
        seq=1,
        state=ShipmentState.PLANNED,
        units=(Units("line_1", 1),),
        fingerprint="f",
    )
    await ledger.write(under(lease, shipments.plan), 2.0, [shipment], [])
    return shipment


async def intend(
    ledger: PostgresLedger, caps: GuardSettings, lease: Lease, shipment: Shipment
) -> guard.Objection | None:
    rate = shipment_rows.rate_to_json(RATE)
    return await ledger.write(
        under(lease, guard.begin_purchase), 3.0, caps, LIMITS, shipment, PRICE, (), rate=rate
    )


def label(shipment: Shipment) -> Label:
    return Label(
        id=f"{shipment.id}-label",
        shipment_id=shipment.id,
        generation=1,
        provider="easypost",
        carrier="USPS",
        service="Priority",
        tracking_number=shipment.id,
        provider_id=shipment.id,
        cost=PRICE,
        state=LabelState.BOUGHT,
        bought_at=4.0,
    )


def test_each_due_order_is_claimed_by_one_replica(url: str) -> None:
    async def story() -> None:
        async with replicas(url, 3) as ledgers:
            await due(ledgers[0], 100)
            taken = await asyncio.gather(
                *(
                    ledger.write(orders.claim, 5.0, f"{n}:{turn}", 100.0, 7)
                    for turn in range(8)
                    for n, ledger in enumerate(ledgers)
                )
            )
            ids = [lease.order_id for some in taken for lease, _ in some]
            assert len(ids) == len(set(ids)) == 100

    asyncio.run(story())


@pytest.mark.parametrize("cap", ["max_day_minor", "max_site_day_minor"])
def test_purchases_of_two_replicas_never_pass_a_cap_together_and_use_all_of_it(url: str, cap: str) -> None:
    """Intents and their ends interleave: what was begun becomes what was bought while others add up both."""
    room, count = 25, 60
    caps = GuardSettings(**{cap: room * PRICE.minor})

    async def story() -> None:
        async with replicas(url) as ledgers:
            await due(ledgers[0], count)
            taken = await ledgers[0].write(leases.claim, 2.0, "a:1", 100.0, count)

            async def buys(lease: Lease, ledger: PostgresLedger) -> bool:
                shipment = await planned(ledger, lease)
                if await intend(ledger, caps, lease, shipment) is not None:
                    return False
                begun = await ledger.read(lambda c: shipments.of_order(c, lease.order_id)[0])
                await ledger.write(under(lease, shipments.bought), 4.0, begun, label(begun), ())
                return True

            bought = await asyncio.gather(*(buys(one, ledgers[n % 2]) for n, one in enumerate(taken)))
            assert sum(bought) == room

    asyncio.run(story())


def test_no_intent_is_written_after_a_pause(url: str) -> None:
    count = 60

    async def story() -> None:
        async with replicas(url) as ledgers:
            await due(ledgers[0], count)
            taken = await ledgers[0].write(leases.claim, 2.0, "a:1", 100.0, count)
            ready = [(lease, await planned(ledgers[0], lease)) for lease in taken]

            async def pause() -> int:
                await asyncio.sleep(0.02)
                await operations_on(ledgers[1]).daemon.pause(reason="stop", actor="ada")
                return int(await ledgers[1].read(lambda c: c.execute(_BUYING).scalar_one()))

            begun, *answers = await asyncio.gather(
                pause(), *(intend(ledgers[0], GuardSettings(), *one) for one in ready)
            )
            assert await ledgers[0].read(lambda c: c.execute(_BUYING).scalar_one()) == begun
            assert answers.count(None) == begun

    asyncio.run(story())


_BUYING = text("SELECT count(*) FROM shipments WHERE state = 'buying'")


def test_operations_on_many_orders_and_purchases_at_the_same_time_never_wait_in_a_circle(
    url: str, postgres_server: PostgresServer, postgres_database: str
) -> None:
    caps = GuardSettings(max_day_minor=10**9)
    listed = [Listed(f"ord_{n}", "site") for n in range(40)]

    async def story() -> None:
        async with replicas(url, 3) as ledgers:
            await due(ledgers[0], 40)
            mine = await ledgers[0].write(leases.claim, 5.0, "a:1", 100.0, 20)
            bought = [(lease, await planned(ledgers[0], lease)) for lease in mine]
            ids = [lease.order_id for lease in mine]

            async def of_many(ledger: PostgresLedger, turned: bool) -> None:
                for _ in range(15):
                    await ledger.write(leases.wake_unfinished, 6.0)
                    await ledger.write(add_listed, 6.0, listed[::-1] if turned else listed, 7.0)
                    await ledger.write(leases.renew, 2.0, ids[::-1] if turned else ids, "a", 100.0)
                    await ledger.write(leases.wake_stalled, 6.0)

            await asyncio.gather(
                of_many(ledgers[1], turned=False),
                of_many(ledgers[2], turned=True),
                *(intend(ledgers[0], caps, lease, shipment) for lease, shipment in bought),
            )

    asyncio.run(story())
    counted = "SELECT deadlocks FROM pg_stat_database WHERE datname = %s"
    assert postgres_server.sql(counted, postgres_database) == [(0,)]


def test_an_event_that_arrives_while_an_order_is_released_is_never_lost(url: str) -> None:
    async def story() -> None:
        async with replicas(url) as (ours, theirs):
            await due(ours, 1)
            for turn in range(60):
                (lease,) = await ours.write(leases.claim, 10.0 + turn, f"a:{turn}", 9e9, 1)
                event = Event(f"evt_{turn}", "order.updated", "ord_0", "site", "{}")
                await asyncio.gather(
                    ours.write(under(lease, leases.release), 10.0 + turn, phase=OrderPhase.OPEN, due_at=None),
                    theirs.write(inbox.receive, 10.0 + turn, event, 0.0),
                )
                due_at = await ours.read(
                    lambda c: c.execute(text("SELECT due_at FROM orders WHERE lease IS NULL")).scalar_one()
                )
                assert due_at == 10.0 + turn

    asyncio.run(story())


def test_a_person_who_holds_at_the_very_moment_of_the_intent_wins_or_comes_after_it(url: str) -> None:
    """Never both: an intent under a lease that the person took would spend money behind their back."""
    count = 40

    async def story() -> None:
        async with replicas(url) as (ours, theirs):
            await due(ours, count)
            taken = await ours.write(leases.claim, 2.0, "a:1", 100.0, count)
            ready = [(lease, await planned(ours, lease)) for lease in taken]
            outcomes = await asyncio.gather(
                *(intend(ours, GuardSettings(), *one) for one in ready),
                *(
                    operations_on(theirs).orders.place_hold(lease.order_id, reason="wait", actor="ada")
                    for lease in taken
                ),
                return_exceptions=True,
            )
            assert all(one is None or isinstance(one, LeaseLost) for one in outcomes[:count])
            assert not any(isinstance(one, BaseException) for one in outcomes[count:])
            for lease, intended in zip(taken, outcomes, strict=False):
                (shipment,) = await ours.read(shipments.of_order, lease.order_id)
                assert (shipment.state is ShipmentState.BUYING) == (intended is None)
                with pytest.raises(LeaseLost):
                    await ours.write(under(lease, leases.require), 4.0)

    asyncio.run(story())


def test_two_people_release_one_hold_and_one_of_them_did_it(url: str) -> None:
    async def story() -> None:
        async with replicas(url) as (ours, theirs):
            await due(ours, 20)
            here, there = operations_on(ours).orders, operations_on(theirs).orders
            placed = [await here.place_hold(f"ord_{n}", reason="wait", actor="ada") for n in range(20)]
            answers = await asyncio.gather(
                *(here.release_hold(hold.id, reason="go", actor="ada") for hold in placed),
                *(there.release_hold(hold.id, reason="go", actor="bob") for hold in placed),
                return_exceptions=True,
            )
            assert sum(isinstance(answer, Hold) for answer in answers) == 20
            assert sum(isinstance(answer, OperationRefused) for answer in answers) == 20

    asyncio.run(story())


def test_machine_and_person_hold_at_once_and_each_hold_is_placed_once(url: str) -> None:
    async def story() -> None:
        async with replicas(url) as (ours, theirs):
            await due(ours, 1)
            (lease,) = await ours.write(leases.claim, 2.0, "a:1", 100.0, 1)
            entry = Entry("ord_0", "held", "why")
            machine = [
                ours.write(
                    under(lease, holds.place),
                    3.0,
                    code=HoldCode.PROVIDER_REFUSED,
                    note=str(n),
                    fingerprint="",
                    entry=entry,
                )
                for n in range(10)
            ]
            there = operations_on(theirs).orders
            people = [there.place_hold("ord_0", reason=str(n), actor="ada") for n in range(10)]
            done = await asyncio.gather(*machine, *people, return_exceptions=True)
            assert all(one is None or isinstance(one, LeaseLost) for one in done[:10])
            standing = [one.code for one in await ours.read(holds.of_order, "ord_0") if one.is_active]
            assert standing.count(HoldCode.MANUAL) == 1
            assert standing.count(HoldCode.PROVIDER_REFUSED) <= 1

    asyncio.run(story())


def test_a_parcel_is_marked_as_shipped_by_one_of_two_operators_and_never_during_a_purchase(url: str) -> None:
    count = 30

    async def story() -> None:
        async with replicas(url) as (ours, theirs):
            await due(ours, count)
            taken = await ours.write(leases.claim, 2.0, "a:1", 100.0, count)
            ready = [(lease, await planned(ours, lease)) for lease in taken]

            def sends(ledger: PostgresLedger, shipment: Shipment, number: str) -> Awaitable[Shipment]:
                parcel = SentParcel(number, "UPS")
                return operations_on(ledger).shipments.mark_shipped(
                    shipment.id, parcel, reason="sent", actor="ada"
                )

            outcomes = await asyncio.gather(
                *(intend(ours, GuardSettings(), *one) for one in ready),
                *(sends(ours, shipment, "1Z1") for _, shipment in ready),
                *(sends(theirs, shipment, "1Z2") for _, shipment in ready),
                return_exceptions=True,
            )
            for n in range(count):
                done = [one is None or isinstance(one, Shipment) for one in outcomes[n::count]]
                assert sum(done) == 1
            refused = [one for one in outcomes if one is not None and not isinstance(one, Shipment)]
            assert all(isinstance(one, OperationRefused | LeaseLost) for one in refused), refused

    asyncio.run(story())
