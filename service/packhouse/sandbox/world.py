"""The whole sandbox without sockets: a store, a carrier, their webhooks, their faults and their books.

Built from a clock and a `random.Random`, nothing else: the same seed and the same calls make the same world.
Lives in a running event loop. `handle` takes one call and answers it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from packhouse.clock import Clock
from packhouse.sandbox import carrier_side, store_side
from packhouse.sandbox.addresses import draw_address
from packhouse.sandbox.books import Books
from packhouse.sandbox.carrier import CarrierDesk, door
from packhouse.sandbox.carrier_side import CarrierSide
from packhouse.sandbox.catalogue import SITE, Buyers
from packhouse.sandbox.control import Control
from packhouse.sandbox.faults import Faults
from packhouse.sandbox.passage import Pace, Passage
from packhouse.sandbox.return_desk import ReturnDesk
from packhouse.sandbox.shop import Shop, ShopOrder
from packhouse.sandbox.store_side import ALL_SCOPES, ORDER_SCOPES, StoreSide
from packhouse.sandbox.webhook_desk import WebhookDesk
from packhouse.sandbox.webhooks import Endpoint, Post, Webhooks
from packhouse.sandbox.wire import Answer, NoAnswer, Refusal, Request, json_answer

STORE_KEY = "aly_sandbox"
STORE_ORDERS_KEY = "aly_sandbox_orders"
CARRIER_KEY = "EZTK_sandbox"
WEBHOOK_SECRET = "whsec_sandbox"  # noqa: S105 (a sandbox has no secrets)
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


@dataclass(frozen=True, slots=True)
class Plan:
    """What kind of world it is. Shares are 0 to 1, times seconds.

    `poll_only_share` of the orders are never told by webhook. A sale of the kind `cancelled_soon` is
    cancelled within `cancel_within_s`. `retry_scale` shortens the documented waits between webhook attempts.
    """

    base_url: str = "http://sandbox.invalid"
    poll_only_share: float = 0.0
    cancel_within_s: float = 2.0
    retry_scale: float = 0.01
    reorder_s: float = 1.0
    carrier_refund_s: float = 2.0
    transit_s: float = 600.0
    store_refund_s: float = 0.5
    site: str = SITE


class World:
    """Everything there is; each part is reachable, for a test to look at or to push."""

    def __init__(
        self,
        clock: Clock,
        rng: random.Random,
        post: Post,
        *,
        plan: Plan | None = None,
        faults: Mapping[str, float] | None = None,
        pace: Mapping[str, Pace] | None = None,
    ) -> None:
        self.plan = plan = plan or Plan()
        self.clock = clock
        # A stream of chance for each concern, so that a fault more does not change who buys what.
        ids, buyers, faulty, telling, arriving, garbling = (
            random.Random(rng.getrandbits(64)) for _ in range(6)
        )
        self._ids = ids
        self._arriving = arriving
        self._tasks: set[asyncio.Task[None]] = set()
        self.pace = {side: Pace() for side in ("store", "carrier")} | dict(pace or {})
        self.faults = Faults(faulty, faults)
        self.buyers = Buyers(buyers)
        self.webhooks = Webhooks(
            clock,
            telling,
            self.faults,
            self.new_id,
            post,
            retry_scale=plan.retry_scale,
            reorder_s=plan.reorder_s,
        )
        self.shop = Shop(clock, self.new_id, self.webhooks.announce, plan.site)
        self.carrier = CarrierDesk(
            clock, self.new_id, refund_s=plan.carrier_refund_s, transit_s=plan.transit_s
        )
        self.books = Books(self.shop, self.carrier)
        self.store_side = StoreSide(
            self.shop,
            WebhookDesk(self.webhooks, self.new_id, plan.site),
            ReturnDesk(self.shop, clock, self.new_id, self.webhooks.announce),
            {STORE_KEY: ALL_SCOPES, STORE_ORDERS_KEY: ORDER_SCOPES},
            self.later,
            plan.store_refund_s,
        )
        self.carrier_side = CarrierSide(self.carrier, CARRIER_KEY, plan.base_url)
        self._control = Control(self)
        self._to_store = Passage(
            "store", self.faults, clock, garbling, self.pace["store"], store_side.refusal_answer
        )
        self._to_carrier = Passage(
            "carrier", self.faults, clock, garbling, self.pace["carrier"], carrier_side.refusal_answer
        )

    async def handle(self, request: Request) -> Answer:
        """Answer one call. Raises NoAnswer (let the client wait) or Reset (tear the connection down)."""
        path = request.path
        if path.startswith(store_side.BASE + "/"):
            return await self._to_store.take(request, self.store_side.answer)
        if path.startswith("/easypost/"):
            return await self._to_carrier.take(request, self._carrier_effect)
        if path == "/" or path.startswith("/sandbox"):
            return self._control.answer(request)
        return json_answer(
            {"error": {"code": "not_found", "message": "Nothing lives here; try GET /sandbox."}}, 404
        )

    def _carrier_effect(self, request: Request) -> Answer:
        if not self.faults.quiet and (purchase := self.carrier_side.purchase_of(request)):
            consignment, quote = purchase
            if self.faults.strikes("carrier.refuse"):
                self.carrier.refused.add(door(consignment.asked["to_address"]))
            elif self.faults.strikes("carrier.late_effect"):
                consignment.buying = True
                self.later(self.pace["carrier"].late_s, lambda: self.carrier.sell(consignment, quote))
                raise NoAnswer
        return self.carrier_side.answer(request)

    # ---- what happens by itself ---------------------------------------------------------------------------

    def order(self, kind: str = "") -> ShopOrder:
        """Somebody buys something, of one of catalogue.KINDS or of any. Raises KeyError for other kinds."""
        sale = self.buyers.next_sale(kind)
        told = self._arriving.random() >= self.plan.poll_only_share
        order = self.shop.take(sale, told=told)
        if sale.kind == "cancelled_soon":
            self.later(
                self._arriving.uniform(0.1, 1.0) * self.plan.cancel_within_s, lambda: self._cancel(order)
            )
        return order

    def orders(self, count: int, rate_per_s: float = 0.0, kinds: tuple[str, ...] = ()) -> list[ShopOrder]:
        """So many orders: all at once, or (returning none yet) one after another at this rate."""
        wanted = [kinds[i % len(kinds)] if kinds else "" for i in range(count)]
        if not rate_per_s:
            return [self.order(kind) for kind in wanted]
        self._spawn(self._arrive(wanted, rate_per_s))
        return []

    def tell(self, url: str, secret: str | None = None) -> Endpoint:
        """Send webhooks there from now on, signed with this secret or the sandbox's own."""
        return self.webhooks.register(url, WEBHOOK_SECRET if secret is None else secret)

    def another_address(self) -> dict[str, str]:
        """A complete address somewhere else."""
        return draw_address(self._arriving)[1]

    async def _arrive(self, kinds: list[str], rate_per_s: float) -> None:
        start = self.clock.monotonic()
        for number, kind in enumerate(kinds):
            early = start + number / rate_per_s - self.clock.monotonic()
            if early > 0:
                await self.clock.sleep(early)
            elif number % 50 == 0:
                await self.clock.sleep(0)
            self.order(kind)

    def _cancel(self, order: ShopOrder) -> None:
        try:
            self.shop.cancel(order)
        except Refusal:
            return  # It shipped first: too late to cancel.

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Let something happen after so many seconds."""

        async def wait() -> None:
            await self.clock.sleep(seconds)
            act()

        self._spawn(wait())

    def _spawn(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def coming(self) -> int:
        """Things that will still happen by themselves, webhooks apart."""
        return len(self._tasks)

    def new_id(self, prefix: str) -> str:
        """A fresh id such as ord_7k2m9q4d1xzt."""
        bits = self._ids.getrandbits(60)
        return prefix + "_" + "".join([_ALPHABET[bits >> shift & 31] for shift in range(0, 60, 5)])

    async def aclose(self) -> None:
        """Nothing happens any more."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.webhooks.aclose()
