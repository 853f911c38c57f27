"""The webhooks of the fake store: signed deliveries with retries, and with the faults that are on.

All attempts share the event's id; each has its own delivery id, time and signature. A `Sender` that is passed
in sends the bytes: http_sender.py over sockets, or another one in a simulation.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from packhouse.clock import Clock
from packhouse.sandbox.faults import Faults
from packhouse.sandbox.http import to_iso
from packhouse.sandbox.store.state import StoreOrder

# Documented waits before attempts 1 to 24, in seconds; `retry_scale` shortens them.
WAITS_S = (0, 30, 120, 600, 1800, 3600, 7200, *[14400] * 17)
LOG_LENGTH = 5000


class Sender(Protocol):
    """Sends one delivery."""

    async def __call__(self, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> int:
        """Send and return the status. Raises OSError, such as TimeoutError, when there is no response."""


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """One event of an order."""

    id: str
    type: str
    order_id: str
    body: bytes


@dataclass(slots=True)
class Endpoint:
    """A URL that receives events: with `events` empty all types, with `site` empty of every site."""

    id: str
    url: str
    secret: str
    created_at: float
    events: tuple[str, ...] = ()
    active: bool = True
    site: str = ""

    def accepts(self, event_type: str, site: str) -> bool:
        """Whether an event of this type and site goes to this endpoint."""
        subscribed = not self.events or event_type in self.events
        return self.active and subscribed and self.site in ("", site)


@dataclass(slots=True)
class DeliveryAttempt:
    """One row of the delivery log. `status` 0: there was no response."""

    id: str
    endpoint_id: str
    event: WebhookEvent
    number: int
    at: float
    serial: int
    status: int = 0
    latency_ms: int = 0
    outcome: str = "pending"

    def to_json(self) -> dict[str, Any]:
        """The row in the store's JSON."""
        return {
            "id": self.id,
            "event_id": self.event.id,
            "type": self.event.type,
            "order_id": self.event.order_id,
            "attempt": self.number,
            "created_at": to_iso(self.at),
            "response_status": self.status or None,
            "latency_ms": self.latency_ms,
            "status": self.outcome,
        }


def sign(body: bytes, secret: str, at: int) -> str:
    """The X-Aly-Signature header: HMAC-SHA256 over `<unix seconds>.<body>`, keyed by the whole secret."""
    mac = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


class WebhookDispatcher:
    """Sends each event to every endpoint that accepts it. It needs a running event loop."""

    def __init__(
        self,
        clock: Clock,
        rng: random.Random,
        faults: Faults,
        new_id: Callable[[str], str],
        sender: Sender,
        *,
        retry_scale: float = 0.01,
        reorder_s: float = 1.0,
        concurrency: int = 32,
    ) -> None:
        self._clock = clock
        self._rng = rng
        self._faults = faults
        self._new_id = new_id
        self._sender = sender
        self._waits = tuple(wait * retry_scale for wait in WAITS_S)
        self._reorder_s = reorder_s
        self._slots = asyncio.Semaphore(concurrency)
        self._tasks: set[asyncio.Task[None]] = set()
        self.endpoints: dict[str, Endpoint] = {}
        self.log: deque[DeliveryAttempt] = deque(maxlen=LOG_LENGTH)
        self.counts = dict.fromkeys(("events", "attempts", "accepted", "failed", "given_up", "lost"), 0)

    @property
    def pending(self) -> int:
        """How many deliveries are in progress or wait for their next attempt."""
        return len(self._tasks)

    def add_endpoint(self, url: str, secret: str, events: Sequence[str] = ()) -> Endpoint:
        """Send events to this URL from now on."""
        endpoint = Endpoint(self._new_id("wh"), url, secret, self._clock.now(), tuple(events))
        self.endpoints[endpoint.id] = endpoint
        return endpoint

    def publish(self, event_type: str, order: StoreOrder) -> None:
        """Send an event of this order to every endpoint that accepts it."""
        self.counts["events"] += 1
        if not order.sends_webhooks or not self.endpoints:
            return
        event_id = self._new_id("evt")
        body = (
            f'{{"id":"{event_id}","type":"{event_type}","created_at":"{to_iso(self._clock.now())}",'
            f'"site_slug":"{order.site}","data":{{"order":'.encode()
            + order.webhook_json()
            + b"}}"
        )
        event = WebhookEvent(event_id, event_type, order.id, body)
        for endpoint in self.endpoints.values():
            if endpoint.accepts(event_type, order.site):
                self.send(endpoint, event)

    def send(self, endpoint: Endpoint, event: WebhookEvent) -> None:
        """Deliver one event to one endpoint, with the faults that are on."""
        wait_s, copies = 0.0, 1
        if not self._faults.all_off:
            if self._faults.triggers("webhook.lose"):
                self.counts["lost"] += 1
                return
            if self._faults.triggers("webhook.reorder"):
                wait_s = self._reorder_s * (0.2 + 0.8 * self._rng.random())
            if self._faults.triggers("webhook.duplicate"):
                copies = 2
        for _ in range(copies):
            task = asyncio.get_running_loop().create_task(self._deliver(endpoint, event, wait_s))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _deliver(self, endpoint: Endpoint, event: WebhookEvent, wait_s: float) -> None:
        for number, scheduled_s in enumerate(self._waits, 1):
            wait_s += scheduled_s * (0.8 + 0.4 * self._rng.random()) if scheduled_s else 0.0
            if wait_s:
                await self._clock.sleep(wait_s)
            if await self._attempt(endpoint, event, number):
                return
            wait_s = 0.0
        self.counts["given_up"] += 1

    async def _attempt(self, endpoint: Endpoint, event: WebhookEvent, number: int) -> bool:
        async with self._slots:
            now = self._clock.now()
            serial = self.counts["attempts"] + 1
            attempt = DeliveryAttempt(self._new_id("del"), endpoint.id, event, number, now, serial)
            self.log.append(attempt)
            self.counts["attempts"] += 1
            started = self._clock.monotonic()
            try:
                attempt.status = await self._sender(
                    endpoint.url, self._headers(endpoint, attempt), event.body
                )
            except OSError:
                attempt.status = 0
        attempt.latency_ms = round((self._clock.monotonic() - started) * 1000)
        delivered = 200 <= attempt.status < 300
        attempt.outcome = "delivered" if delivered else "failed"
        self.counts["accepted" if delivered else "failed"] += 1
        return delivered

    def _headers(self, endpoint: Endpoint, attempt: DeliveryAttempt) -> list[tuple[str, str]]:
        at, secret = int(attempt.at), endpoint.secret
        if not self._faults.all_off and self._faults.triggers("webhook.bad_signature"):
            secret += "_wrong"
        return [
            ("content-type", "application/json"),
            ("x-aly-delivery-id", attempt.id),
            ("x-aly-event-id", attempt.event.id),
            ("x-aly-event-type", attempt.event.type),
            ("x-aly-attempt", str(attempt.number)),
            ("x-aly-timestamp", str(at)),
            ("x-aly-signature", sign(attempt.event.body, secret, at)),
        ]

    async def aclose(self) -> None:
        """Cancel every pending delivery."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
