"""Runs the scenario: orders arrive, the store changes them, operators act, processes crash and freeze."""

from __future__ import annotations

import asyncio
import functools
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
from tests.simulation.event_loop import Process
from tests.simulation.hostile import POISON, POISONED_STEP, paid_late_s, spoil
from tests.simulation.plan import Intervention, Scenario, skew_of
from tests.simulation.replica import Environment, Replica
from tests.simulation.restores import DOWN_S, Restores, confirm

OPERATORS = ("ada", "bo")
NOT_PARCELS = frozenset(good.id for good in DIGITAL)
# Longer than any lease: after this time no worker can still be about to buy.
_PROVIDER_SETTLED_S = 130.0
_OPERATOR_TIMEOUT_S = 600.0
_BURST = 5
_RESTART_S = 2.0


@dataclass(slots=True)
class Scheduler:
    """`touched` are the interventions for each order, by its id, and `content` is its hostile content."""

    scenario: Scenario
    environment: Environment
    replicas: list[Replica]
    orders: list[StoreOrder] = field(default_factory=list)
    touched: dict[str, set[str]] = field(default_factory=dict)
    content: dict[str, str] = field(default_factory=dict)
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    def schedule_by_record(self) -> None:
        """Run interventions at a record or call when the trace adds it, outside its process."""
        for intervention in self.scenario.interventions:
            if intervention.at_record is not None:
                self.environment.trace.at_record[intervention.at_record] = self._outside(intervention)
            elif intervention.at_call is not None:
                self.environment.trace.at_call[intervention.at_call] = self._outside(intervention)

    def _outside(self, intervention: Intervention) -> Callable[[], None]:
        return lambda: self.environment.spend_check.outside.copy().run(self.do, intervention)

    async def run(self) -> None:
        """From the first arrival to the end of the faults."""
        timed = [
            (intervention.at_s, self._outside(intervention))
            for intervention in self.scenario.interventions
            if intervention.at_s is not None
        ]
        timed += [(at, functools.partial(self._burst, number)) for at, number in self.scenario.hostile.bursts]
        timed += [
            (at, self._arrival(number, kind)) for number, (at, kind) in enumerate(self.scenario.arrivals)
        ]
        if restores := self.environment.restores:
            timed.append((restores.plan.backup_s, restores.take_backup))
            timed.append((restores.plan.restore_s, lambda: self._restore(restores)))
        for at, intervention in sorted(timed, key=lambda each: each[0]):
            await self._wait_until(at)
            intervention()
        await self._wait_until(self.scenario.chaos_s)

    def _restore(self, restores: Restores) -> None:
        """Kill every process, put the backup back, and start them again."""
        self._record("restore", str(restores.plan))
        for replica in self.replicas:
            replica.crash()
        restores.put_back()
        self.environment.spend_check.forget_lost_intents()

        def start() -> None:
            restores.is_down = False
            for replica in self.replicas:
                replica.start()

        async def check() -> None:
            self.environment.spend_check.problems += await restores.check_when_over()

        down_s = 2.0 if restores.plan.keeps_log else DOWN_S
        self._after(down_s, start)
        self._after(down_s, lambda: self._start_task(check()))

    async def _wait_until(self, at: float) -> None:
        early = at - asyncio.get_running_loop().time()
        if early > 0:
            await asyncio.sleep(early)

    def _arrival(self, number: int, kind: str) -> Callable[[], None]:
        late_s = self.scenario.paid_late_s.get(number, 0.0)
        is_unheard = number in self.scenario.unheard
        content = self.scenario.hostile.content_of(number)

        def arrive() -> None:
            sandbox = self.environment.sandbox
            made_s = paid_late_s(content, late_s, sandbox.clock.now())
            order = sandbox.place_order(kind, silent=is_unheard, paid_late_s=made_s)
            spoil(order, content)
            self.orders.append(order)
            self.content[order.id] = content
            self._record("orders", order.id, kind, content)
            if is_unheard:
                self.do(Intervention("ship_part_manually", len(self.orders) - 1, 0.5))

        return arrive

    def _burst(self, number: int) -> None:
        """Several webhooks about one order within seconds, as when an operator edits it at the store."""
        if number >= len(self.orders):
            return
        order, sandbox = self.orders[number], self.environment.sandbox
        for after_s in range(_BURST):
            sandbox.call_later(after_s, lambda: sandbox.webhooks.publish("order.updated", order))
        self._record("a burst of webhooks", order.id)

    def do(self, intervention: Intervention) -> None:
        """Make one intervention now; a request runs in its own task."""
        if intervention.what in ("crash", "restart", "freeze", "jump"):
            self._disturb(intervention, self.replicas[int(intervention.chance * 1000) % len(self.replicas)])
            return
        if intervention.what in ("pause", "resume"):
            self._request(
                intervention.what, lambda operations: self._pause_or_resume(intervention.what, operations)
            )
            return
        if intervention.order >= len(self.orders):
            return
        order = self.orders[intervention.order]
        if intervention.what in ("hold", "release", "retry", "settle"):
            self.touched.setdefault(order.id, set()).add(intervention.what)
            self._request(
                f"{intervention.what} {order.id}",
                lambda operations: self._operate(intervention, order, operations),
            )
            return
        self.touched.setdefault(order.id, set()).add(intervention.what)
        try:
            self._at_the_store(intervention, order)
        except ApiError as refusal:
            self._record(intervention.what, order.id, f"refused: {refusal}")
        else:
            self._record(intervention.what, order.id)

    def _at_the_store(self, intervention: Intervention, order: StoreOrder) -> None:
        shop = self.environment.sandbox.store
        match intervention.what:
            case "cancel":
                shop.cancel(order)
            case "refund":
                shop.refund(order)
            case "refund_part":
                shop.refund(order, max(1, int(order.sale.totals["total"] * intervention.chance * 0.5)))
            case "new_address":
                shop.change_address(order, self.environment.sandbox.random_address())
            case "ship_manually" | "ship_part_manually":
                left = [(line, quantity) for line, quantity in unshipped_parcels(order).items() if quantity]
                if intervention.what == "ship_part_manually":
                    left = [(line, 1) for line, _ in left[:1]]
                if left:
                    shop.fulfill(
                        order,
                        left,
                        "FedEx",
                        f"9000{order.number:04d}{len(order.fulfillments)}",
                        recorded_by=EXTERNAL,
                    )

    def step_begins(self, process: Process, order_id: str, step: str) -> None:
        """Kill the process that comes to the step of a poisoned order; it is started again."""
        if self.content.get(order_id) != POISON or step != POISONED_STEP or process.dead:
            return
        for replica in self.replicas:
            if replica.process is process:
                self._record("is poisoned", process.name, order_id)
                replica.crash()
                self._after(_RESTART_S, replica.start)
        process.check()

    # ---- processes ----------------------------------------------------------------------------------------

    def _disturb(self, intervention: Intervention, replica: Replica) -> None:
        match intervention.what:
            case "crash":
                replica.crash()
                self._after(
                    5.0 * intervention.chance if intervention.chance < 0.7 else 300.0 * intervention.chance,
                    replica.start,
                )
            case "restart":
                self._start_task(self._restart(replica))
            case "freeze":
                self._freeze(
                    replica,
                    30.0 * intervention.chance if intervention.chance < 0.4 else 400.0 * intervention.chance,
                )
            case "jump":
                if self.scenario.shared and intervention.chance * 100 % 1 < 0.5:
                    self.environment.database.skew_s = skew_of(intervention)
                    self._record("wall clock", "the database's", f"wrong by {skew_of(intervention):.0f} s")
                else:
                    replica.skew[0] = skew_of(intervention)
                    self._record("wall clock", replica.name, f"wrong by {skew_of(intervention):.0f} s")

    def _freeze(self, replica: Replica, seconds: float) -> None:
        process = replica.process
        if process is None or process.dead or process.frozen:
            return
        self._record("stops", process.name, f"for {seconds:.0f} s")
        process.freeze()

        def thaw() -> None:
            if not process.dead and process.frozen:
                self._record("continues", process.name)
                process.thaw()

        self._after(seconds, thaw)

    async def _restart(self, replica: Replica) -> None:
        """Stop as after SIGTERM, and start again."""
        if replica.dispatcher is not None and replica.is_up:
            self._record("shuts down", replica.name)
            replica.dispatcher.stop()
            await asyncio.sleep(self.environment.settings.worker.grace_s)
            replica.crash()
        replica.start()

    # ---- operators ----------------------------------------------------------------------------------------

    async def _operate(self, intervention: Intervention, order: StoreOrder, operations: Operations) -> None:
        who = OPERATORS[int(intervention.chance * 10) % 2]
        match intervention.what:
            case "hold":
                await operations.orders.place_hold(order.id, reason="wait", actor=who)
            case "retry":
                await operations.orders.retry(order.id, reason="try again", actor=who)
            case "release":
                for hold in (await operations.queries.order(order.id)).holds:
                    if hold.is_active and hold.code is not HoldCode.PURCHASE_UNKNOWN:
                        await operations.orders.release_hold(hold.id, reason="checked", actor=who)
            case "settle":
                await self._decide_unknown(operations, order.id, who)

    async def _pause_or_resume(self, what: str, operations: Operations) -> None:
        await (operations.daemon.pause if what == "pause" else operations.daemon.resume)(
            reason="stock-taking", actor="ada"
        )

    async def _decide_unknown(self, operations: Operations, order_id: str, who: str) -> None:
        """Check the provider's account when it must have settled, and report whether the label was bought."""
        view = await operations.queries.order(order_id)
        in_doubt = {hold.shipment_id for hold in view.holds if hold.code is HoldCode.PURCHASE_UNKNOWN}
        for shipment in view.shipments:
            if shipment.id not in in_doubt or shipment.state is not ShipmentState.HELD:
                continue
            await asyncio.sleep(_PROVIDER_SETTLED_S)
            sold = [
                s for s in self.environment.sandbox.audit.purchases() if s.reference == shipment.reference
            ]
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

    async def finish_operator_work(self) -> None:
        """Release every manual hold, and decide every unknown purchase by the provider's account."""
        for replica in self.replicas:
            if not replica.is_up or replica.operations is None:
                continue
            operations = replica.operations
            if self.environment.restores:
                await self._attempt("confirm", confirm(operations), replica)
            await self._attempt("resume", self._pause_or_resume("resume", operations), replica)
            for order in self.orders:
                await self._attempt(
                    f"release {order.id}", self._release_manual(operations, order.id), replica
                )
                await self._attempt(
                    f"settle {order.id}", self._decide_unknown(operations, order.id, "bo"), replica
                )
            return

    async def _release_manual(self, operations: Operations, order_id: str) -> None:
        for hold in (await operations.queries.order(order_id)).holds:
            if hold.is_active and hold.code is HoldCode.MANUAL:
                await operations.orders.release_hold(hold.id, reason="no longer needed", actor="ada")

    def _request(self, what: str, ask: Callable[[Operations], Coroutine[Any, Any, None]]) -> None:
        """An operator sends a request to a process that may die before it responds."""
        up = [replica for replica in self.replicas if replica.is_up and replica.operations is not None]
        if up:
            replica = self.environment.chance.choice(up)
            assert replica.operations is not None
            self._start_task(self._attempt(what, ask(replica.operations), replica))

    async def _attempt(self, what: str, doing: Coroutine[Any, Any, None], replica: Replica) -> None:
        """Run the request in that process; it may fail."""
        try:
            await replica.run_inside(doing, _OPERATOR_TIMEOUT_S)
        except (PackhouseError, OSError) as error:
            self._record("request failed", what, type(error).__name__)
        else:
            self._record("request done", what)

    # ---- later tasks -------------------------------------------------------------------------------------

    def _after(self, seconds: float, intervention: Callable[[], None]) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            intervention()

        self._start_task(wait())

    def _start_task(self, job: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(
            job, context=self.environment.spend_check.outside.copy()
        )
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _record(self, what: str, *particulars: str) -> None:
        self.environment.trace.add("sandbox", what, *particulars)


def unshipped_parcels(order: StoreOrder) -> dict[str, int]:
    """Units that are not shipped and need a parcel, by line."""
    goods = {item["id"]: item["product_id"] for item in order.sale.items}
    return {line: left for line, left in order.unshipped().items() if goods[line] not in NOT_PARCELS}
