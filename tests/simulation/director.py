"""Makes happen what the scenario says: customers, merchants, people at the page, what befalls processes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from packhouse.errors import PackhouseError
from packhouse.model.hold import HoldCode
from packhouse.model.money import Money
from packhouse.model.states import ShipmentState
from packhouse.operations import Operations
from packhouse.operations.views import AdoptedLabel
from packhouse.sandbox.http import ApiError
from packhouse.sandbox.store.products import DIGITAL
from packhouse.sandbox.store.state import EXTERNAL, StoreOrder
from tests.simulation.plan import Entry, Scenario, skew_of
from tests.simulation.replica import Ground, Replica

PEOPLE = ("ada", "bo")
NOT_PARCELS = frozenset(good.id for good in DIGITAL)
# Longer than any lease: whoever might still be about to buy is then known not to.
_LOOKING_IT_UP_S = 130.0
_PATIENCE_S = 600.0


@dataclass(slots=True)
class Director:
    """`touched` are the acts that concerned each order, by its id."""

    scenario: Scenario
    ground: Ground
    replicas: list[Replica]
    orders: list[StoreOrder] = field(default_factory=list)
    touched: dict[str, set[str]] = field(default_factory=dict)
    under_way: set[asyncio.Task[Any]] = field(default_factory=set)

    def plan_notes(self) -> None:
        """Acts at a certain note or post are done inside that note, apart from the context of who made it."""
        for act in self.scenario.entries:
            if act.at_note is not None:
                self.ground.trace.at_note[act.at_note] = self._apart(act)
            elif act.at_post is not None:
                self.ground.trace.at_post[act.at_post] = self._apart(act)

    def _apart(self, act: Entry) -> Callable[[], None]:
        return lambda: self.ground.witness.outside.copy().run(self.do, act)

    async def play(self) -> None:
        """From the first arrival to the end of trouble."""
        timed = [(act.at_s, self._apart(act)) for act in self.scenario.entries if act.at_s is not None]
        timed += [(at, self._arrival(kind)) for at, kind in self.scenario.arrivals]
        for at, act in sorted(timed, key=lambda each: each[0]):
            await self._until(at)
            act()
        await self._until(self.scenario.chaos_s)

    async def _until(self, at: float) -> None:
        early = at - asyncio.get_running_loop().time()
        if early > 0:
            await asyncio.sleep(early)

    def _arrival(self, kind: str) -> Callable[[], None]:
        def arrive() -> None:
            order = self.ground.world.place_order(kind)
            self.orders.append(order)
            self._note("orders", order.id, kind)

        return arrive

    def do(self, act: Entry) -> None:
        """Do one act now; what needs an answer goes on by itself."""
        if act.what in ("crash", "restart", "freeze", "jump"):
            self._befall(act, self.replicas[int(act.chance * 1000) % len(self.replicas)])
            return
        if act.what in ("pause", "resume"):
            self._ask(act.what, lambda operations: self._whole_house(act.what, operations))
            return
        if act.order >= len(self.orders):
            return
        order = self.orders[act.order]
        if act.what in ("hold", "release", "retry", "settle"):
            self.touched.setdefault(order.id, set()).add(act.what)
            self._ask(f"{act.what} {order.id}", lambda operations: self._person(act, order, operations))
            return
        self.touched.setdefault(order.id, set()).add(act.what)
        try:
            self._at_the_store(act, order)
        except ApiError as refusal:
            self._note(act.what, order.id, f"refused: {refusal}")
        else:
            self._note(act.what, order.id)

    def _at_the_store(self, act: Entry, order: StoreOrder) -> None:
        shop = self.ground.world.store
        match act.what:
            case "cancel":
                shop.cancel(order)
            case "refund":
                shop.refund(order)
            case "refund_part":
                shop.refund(order, max(1, int(order.sale.totals["total"] * act.chance * 0.5)))
            case "new_address":
                shop.change_address(order, self.ground.world.random_address())
            case "ship_by_hand" | "ship_part_by_hand":
                left = [(line, quantity) for line, quantity in parcels_left(order).items() if quantity]
                if act.what == "ship_part_by_hand":
                    left = [(line, 1) for line, _ in left[:1]]
                if left:
                    shop.fulfill(
                        order,
                        left,
                        "FedEx",
                        f"9000{order.number:04d}{len(order.fulfillments)}",
                        recorded_by=EXTERNAL,
                    )

    # ---- processes ----------------------------------------------------------------------------------------

    def _befall(self, act: Entry, replica: Replica) -> None:
        match act.what:
            case "crash":
                replica.crash()
                self._later(5.0 * act.chance if act.chance < 0.7 else 300.0 * act.chance, replica.start)
            case "restart":
                self._begin(self._restart(replica))
            case "freeze":
                self._freeze(replica, 30.0 * act.chance if act.chance < 0.4 else 400.0 * act.chance)
            case "jump":
                if self.scenario.shared and act.chance * 100 % 1 < 0.5:
                    self.ground.database.skew_s = skew_of(act)
                    self._note("wall clock", "the database's", f"wrong by {skew_of(act):.0f} s")
                else:
                    replica.skew[0] = skew_of(act)
                    self._note("wall clock", replica.name, f"wrong by {skew_of(act):.0f} s")

    def _freeze(self, replica: Replica, seconds: float) -> None:
        life = replica.life
        if life is None or life.dead or life.frozen:
            return
        self._note("stops", life.name, f"for {seconds:.0f} s")
        life.freeze()

        def thaw() -> None:
            if not life.dead and life.frozen:
                self._note("goes on", life.name)
                life.thaw()

        self._later(seconds, thaw)

    async def _restart(self, replica: Replica) -> None:
        """An orderly stop, as after SIGTERM, and a new start."""
        if replica.dispatcher is not None and replica.is_up:
            self._note("stops in order", replica.name)
            replica.dispatcher.stop()
            await asyncio.sleep(self.ground.settings.worker.grace_s)
            replica.crash()
        replica.start()

    # ---- people -------------------------------------------------------------------------------------------

    async def _person(self, act: Entry, order: StoreOrder, operations: Operations) -> None:
        who = PEOPLE[int(act.chance * 10) % 2]
        match act.what:
            case "hold":
                await operations.orders.place_hold(order.id, reason="wait", actor=who)
            case "retry":
                await operations.orders.retry(order.id, reason="once more", actor=who)
            case "release":
                for hold in (await operations.queries.order(order.id)).holds:
                    if hold.is_active and hold.code is not HoldCode.PURCHASE_UNKNOWN:
                        await operations.orders.release_hold(hold.id, reason="looked at it", actor=who)
            case "settle":
                await self._settle_unknown(operations, order.id, who)

    async def _whole_house(self, what: str, operations: Operations) -> None:
        await (operations.daemon.pause if what == "pause" else operations.daemon.resume)(
            reason="to be sure", actor="ada"
        )

    async def _settle_unknown(self, operations: Operations, order_id: str, who: str) -> None:
        """Look at the carrier's account, once it has surely settled, and say what is there."""
        view = await operations.queries.order(order_id)
        in_doubt = {hold.shipment_id for hold in view.holds if hold.code is HoldCode.PURCHASE_UNKNOWN}
        for shipment in view.shipments:
            if shipment.id not in in_doubt or shipment.state is not ShipmentState.HELD:
                continue
            await asyncio.sleep(_LOOKING_IT_UP_S)
            sold = [s for s in self.ground.world.audit.purchases() if s.reference == shipment.reference]
            if not sold:
                await operations.shipments.record_not_bought(
                    shipment.id, reason="not in the account", actor=who
                )
                continue
            price = Money(sold[0].cost_minor, sold[0].currency)
            label = AdoptedLabel(
                sold[0].tracking, sold[0].carrier, sold[0].service, price, sold[0].shipment_id
            )
            await operations.shipments.adopt_label(shipment.id, label, reason="in the account", actor=who)

    async def evening(self) -> None:
        """Somebody goes through the page: no hold of theirs is left, and no doubt that a look can settle."""
        for replica in self.replicas:
            if not replica.is_up or replica.operations is None:
                continue
            operations = replica.operations
            await self._patiently("resume", self._whole_house("resume", operations), replica)
            for order in self.orders:
                await self._patiently(f"release {order.id}", self._release_own(operations, order.id), replica)
                await self._patiently(
                    f"settle {order.id}", self._settle_unknown(operations, order.id, "bo"), replica
                )
            return

    async def _release_own(self, operations: Operations, order_id: str) -> None:
        for hold in (await operations.queries.order(order_id)).holds:
            if hold.is_active and hold.code is HoldCode.MANUAL:
                await operations.orders.release_hold(hold.id, reason="the day is over", actor="ada")

    def _ask(self, what: str, ask: Callable[[Operations], Coroutine[Any, Any, None]]) -> None:
        """A person asks through a process that may be gone before it answers."""
        up = [replica for replica in self.replicas if replica.is_up and replica.operations is not None]
        if up:
            replica = self.ground.chance.choice(up)
            assert replica.operations is not None
            self._begin(self._patiently(what, ask(replica.operations), replica))

    async def _patiently(self, what: str, doing: Coroutine[Any, Any, None], replica: Replica) -> None:
        """Ask in that process, and take no for an answer."""
        try:
            await replica.inside(doing, _PATIENCE_S)
        except (PackhouseError, OSError) as error:
            self._note("asked in vain", what, type(error).__name__)
        else:
            self._note("asked", what)

    # ---- by and by ----------------------------------------------------------------------------------------

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            act()

        self._begin(wait())

    def _begin(self, job: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(job, context=self.ground.witness.outside.copy())
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)

    def _note(self, what: str, *particulars: str) -> None:
        self.ground.trace.add("world", what, *particulars)


def parcels_left(order: StoreOrder) -> dict[str, int]:
    """Units that nobody has shipped and that need a parcel, by line."""
    goods = {item["id"]: item["product_id"] for item in order.sale.items}
    return {line: left for line, left in order.unshipped().items() if goods[line] not in NOT_PARCELS}
