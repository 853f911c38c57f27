"""The whole sandbox without sockets: the fake services, their webhooks, their faults and the audit.

Built from a clock and a `random.Random`, nothing else: the same seed and the same calls give the same result.
It needs a running event loop. `handle` takes one call to a fake service and returns the response.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from packhouse.clock import Clock
from packhouse.sandbox.audit import Audit
from packhouse.sandbox.easypost import api as easypost_api
from packhouse.sandbox.easypost.api import EasyPostApi
from packhouse.sandbox.easypost.state import EasyPostState, address_key
from packhouse.sandbox.fault_injection import FaultInjection, Latency
from packhouse.sandbox.faults import Faults
from packhouse.sandbox.http import ApiError, NoResponse, Request, Response, json_response
from packhouse.sandbox.store import api as store_api
from packhouse.sandbox.store.addresses import random_address
from packhouse.sandbox.store.api import ALL_SCOPES, ORDER_SCOPES, Listing, StoreApi
from packhouse.sandbox.store.buyers import Buyers
from packhouse.sandbox.store.products import SITE
from packhouse.sandbox.store.returns_api import ReturnsApi
from packhouse.sandbox.store.state import StoreOrder, StoreState
from packhouse.sandbox.store.webhooks import Endpoint, Sender, WebhookDispatcher
from packhouse.sandbox.store.webhooks_api import WebhooksApi

STORE_KEY = "aly_sandbox"
STORE_ORDERS_KEY = "aly_sandbox_orders"
EASYPOST_KEY = "EZTK_sandbox"
WEBHOOK_SECRET = "whsec_sandbox"  # noqa: S105 (a sandbox has no secrets)
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """How the sandbox behaves. Shares are 0 to 1, times seconds.

    `poll_only_share` of the orders send no webhooks. A sale of the kind `cancelled_soon` is cancelled within
    `cancel_within_s`. `retry_scale` shortens the documented waits between webhook attempts. `void_s` is the
    time until a void completes, `store_refund_s` the time until a buyer's refund does. `listing` is how the
    store lists its orders.
    """

    base_url: str = "http://sandbox.invalid"
    poll_only_share: float = 0.0
    cancel_within_s: float = 2.0
    retry_scale: float = 0.01
    reorder_s: float = 1.0
    void_s: float = 2.0
    transit_s: float = 600.0
    store_refund_s: float = 0.5
    site: str = SITE
    listing: Listing = Listing()  # noqa: RUF009 - frozen


class Sandbox:
    """All parts, connected. Each part is public, so that a test can read or change its state."""

    def __init__(
        self,
        clock: Clock,
        rng: random.Random,
        sender: Sender,
        *,
        options: SandboxOptions | None = None,
        faults: Mapping[str, float] | None = None,
        latency: Mapping[str, Latency] | None = None,
    ) -> None:
        self.options = options = options or SandboxOptions()
        self.clock = clock
        # One random stream for each concern, so that one more fault does not change who buys what.
        ids, buyers, for_faults, for_webhooks, arrivals, for_bodies = (
            random.Random(rng.getrandbits(64)) for _ in range(6)
        )
        self._ids = ids
        self._arrivals = arrivals
        self._tasks: set[asyncio.Task[None]] = set()
        self.latency = {api: Latency() for api in ("store", "easypost")} | dict(latency or {})
        self.faults = Faults(for_faults, faults)
        self.buyers = Buyers(buyers)
        self.webhooks = WebhookDispatcher(
            clock,
            for_webhooks,
            self.faults,
            self.new_id,
            sender,
            retry_scale=options.retry_scale,
            reorder_s=options.reorder_s,
        )
        self.store = StoreState(clock, self.new_id, self.webhooks.publish, options.site)
        self.easypost = EasyPostState(
            clock,
            self.new_id,
            self.faults.triggers,
            void_s=options.void_s,
            transit_s=options.transit_s,
        )
        self.audit = Audit(self.store, self.easypost)
        self.store_api = StoreApi(
            self.store,
            WebhooksApi(self.webhooks, self.new_id, options.site),
            ReturnsApi(self.store, clock, self.new_id, self.webhooks.publish),
            {STORE_KEY: ALL_SCOPES, STORE_ORDERS_KEY: ORDER_SCOPES},
            self.call_later,
            options.store_refund_s,
            options.listing,
        )
        self.easypost_api = EasyPostApi(self.easypost, EASYPOST_KEY, options.base_url)
        self._store_faults = FaultInjection(
            "store", self.faults, clock, for_bodies, self.latency["store"], store_api.error_response
        )
        self._easypost_faults = FaultInjection(
            "easypost", self.faults, clock, for_bodies, self.latency["easypost"], easypost_api.error_response
        )

    async def handle(self, request: Request) -> Response:
        """Handle one call to the store or to EasyPost. Raises NoResponse or ConnectionReset for a fault."""
        if request.path.startswith(store_api.BASE + "/"):
            return await self._store_faults.call(request, self.store_api.handle)
        if request.path.startswith("/easypost/"):
            return await self._easypost_faults.call(request, self._call_easypost)
        message = f"There is nothing at {request.path}. GET /sandbox lists the control API."
        return json_response({"error": {"code": "not_found", "message": message}}, 404)

    def _call_easypost(self, request: Request) -> Response:
        if not self.faults.all_off and (purchase := self.easypost_api.find_purchase(request)):
            shipment, rate = purchase
            if self.faults.triggers("easypost.refuse"):
                self.easypost.refused_addresses.add(address_key(shipment.request["to_address"]))
            elif self.faults.triggers("easypost.late_effect"):
                shipment.purchase_pending = True
                late_s = self.latency["easypost"].late_s
                self.call_later(late_s, lambda: self.easypost.buy(shipment, rate))
                raise NoResponse
        is_call = request.path.startswith(easypost_api.BASE + "/")
        if is_call and self.faults.triggers("easypost.firewall_before_effect"):
            return easypost_api.FIREWALL_PAGE
        response = self.easypost_api.handle(request)
        if is_call and self.faults.triggers("easypost.firewall_after_effect"):
            return easypost_api.FIREWALL_PAGE
        return response

    # ---- orders and other events over time ----------------------------------------------------------------

    def place_order(self, kind: str = "", *, silent: bool = False, paid_late_s: float = 0.0) -> StoreOrder:
        """Place one order, of this kind of buyers.KINDS or of any. Raises KeyError for an unknown kind.

        A `silent` order sends no webhooks. Its creation time is `paid_late_s` before now.
        """
        sale = self.buyers.next_sale(kind)
        sends_webhooks = self._arrivals.random() >= self.options.poll_only_share
        order = self.store.create_order(
            sale, sends_webhooks=sends_webhooks and not silent, paid_late_s=paid_late_s
        )
        if sale.kind == "cancelled_soon":
            delay_s = self._arrivals.uniform(0.1, 1.0) * self.options.cancel_within_s
            self.call_later(delay_s, lambda: self._cancel(order))
        return order

    def place_orders(
        self, count: int, rate_per_s: float = 0.0, kinds: tuple[str, ...] = ()
    ) -> list[StoreOrder]:
        """Place `count` orders: at once, or with a rate one after another; then the list is empty."""
        wanted = [kinds[i % len(kinds)] if kinds else "" for i in range(count)]
        if not rate_per_s:
            return [self.place_order(kind) for kind in wanted]
        self._spawn(self._place_orders_at_rate(wanted, rate_per_s))
        return []

    def register_webhook(self, url: str, secret: str | None = None) -> Endpoint:
        """Send webhooks to this URL from now on, signed with this secret or with the sandbox's own."""
        return self.webhooks.add_endpoint(url, WEBHOOK_SECRET if secret is None else secret)

    def random_address(self) -> dict[str, str]:
        """A complete shipping address."""
        return random_address(self._arrivals)[1]

    async def _place_orders_at_rate(self, kinds: list[str], rate_per_s: float) -> None:
        start = self.clock.monotonic()
        for number, kind in enumerate(kinds):
            early_s = start + number / rate_per_s - self.clock.monotonic()
            if early_s > 0:
                await self.clock.sleep(early_s)
            elif number % 50 == 0:
                await self.clock.sleep(0)
            self.place_order(kind)

    def _cancel(self, order: StoreOrder) -> None:
        try:
            self.store.cancel(order)
        except ApiError:
            return  # It shipped first: too late to cancel.

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        """Call `callback` after so many seconds."""

        async def wait() -> None:
            await self.clock.sleep(seconds)
            callback()

        self._spawn(wait())

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def scheduled(self) -> int:
        """How many series of orders, cancellations, refunds and late purchases are still scheduled."""
        return len(self._tasks)

    def new_id(self, prefix: str) -> str:
        """A new id such as ord_7k2m9q4d1xzt."""
        bits = self._ids.getrandbits(60)
        return prefix + "_" + "".join([_ALPHABET[bits >> shift & 31] for shift in range(0, 60, 5)])

    async def aclose(self) -> None:
        """Cancel everything that is scheduled."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.webhooks.aclose()
