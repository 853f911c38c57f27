"""Sees every call and response of each process, and reports at once a purchase or post that must not happen.

It judges by what the process knew when it acted, which no record shows afterwards.
"""

from __future__ import annotations

import contextvars
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from packhouse.http import httpx
from packhouse.sandbox.sandbox import Sandbox
from tests.simulation.event_loop import Process
from tests.simulation.ledger import Database
from tests.simulation.sandbox import ONE_CALL

_ORDERS = "/api/storefront/v1/merchant/orders/"
# How old a snapshot may be at a purchase or a post: the store's time-out, and some waiting.
MAX_SNAPSHOT_AGE_S = 60.0
_REFUSED = frozenset({400, 403, 404, 409, 422})
_STOPPED = ("cancelled", "refunded")


@dataclass(slots=True)
class Snapshot:
    """An order as the store showed it to one process. `asked_at` is the virtual time of the request."""

    asked_at: float
    frozen_s: float
    status: str
    address: tuple[str, ...]
    numbers: tuple[str, ...]


@dataclass(slots=True)
class Call:
    """One call in flight."""

    method: str
    path: str
    asked_at: float
    frozen_s: float


@dataclass(slots=True)
class SpendCheck:
    """`problems` are sentences; `snapshots` has the last snapshot of each order in each process."""

    database: Database
    time: Any
    sandbox: Sandbox | None = None
    outside: contextvars.Context = field(default_factory=contextvars.copy_context)
    problems: list[str] = field(default_factory=list)
    snapshots: dict[tuple[str, str], Snapshot] = field(default_factory=dict)
    purchases: Counter[str] = field(default_factory=Counter)
    posts: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)
    steps: dict[tuple[str, str], float] = field(default_factory=dict)

    def forget_lost_intents(self) -> None:
        """The journal lost entries in a restore, and with them the intents of earlier purchases."""
        for reference in self.purchases:
            self.purchases[reference] = len(self._intents(reference))

    def step_began(self, process: Process, order_id: str, _name: str) -> None:
        """A process begins a step."""
        self.steps[process.name, order_id] = self.time()

    def sent(self, process: Process, request: httpx.Request, body: bytes) -> Call:
        """A process sends a call."""
        path = request.url.path
        if request.method == "POST":
            if path == ONE_CALL:
                asked = json.loads(body)["shipment"]
                self._check_purchase(process, str(asked["reference"]), asked["to_address"])
            elif path.endswith("/buy"):
                assert self.sandbox is not None
                shipment = self.sandbox.easypost.find(path.split("/")[-2])
                self._check_purchase(process, shipment.reference, shipment.request["to_address"])
            elif path.startswith(_ORDERS) and path.endswith("/fulfill"):
                self._check_post(
                    process, path.split("/")[-2], request.headers.get("idempotency-key", ""), body
                )
        return Call(request.method, path, self.time(), process.frozen_s)

    def received(self, process: Process, call: Call, response: httpx.Response) -> None:
        """A process receives a response."""
        if call.method == "POST" and response.status_code in _REFUSED:
            # After a definite refusal the post may be rebuilt.
            order_id = call.path.split("/")[-2]
            self.posts = {which: what for which, what in self.posts.items() if which[0] != order_id}
        rest = call.path.removeprefix(_ORDERS)
        if call.method != "GET" or response.status_code != 200 or rest == call.path or "/" in rest:
            return
        try:
            order = json.loads(response.content)
        except ValueError:
            return
        address = order["shipping_address"]
        numbers = tuple(one["tracking_number"] for one in order.get("fulfillments", ()))
        self.snapshots[process.name, rest] = Snapshot(
            call.asked_at, call.frozen_s, order["status"], store_address(address), numbers
        )

    def _check_purchase(self, process: Process, reference: str, to: dict[str, Any]) -> None:
        """Before a purchase: the intent is on disk, and a fresh snapshot shows this address."""
        order_id = reference.partition("/")[0]
        self._check_not_stopped(process, order_id, f"{reference}: bought")
        self.purchases[reference] += 1
        intents = self._intents(reference)
        if not intents:
            self._report(f"{reference}: bought without an intent in the journal")
        elif (times := self.purchases[reference]) > len(intents):
            self._report(f"{reference}: bought {times} times on {len(intents)} intents")
        snapshot = self._fresh_snapshot(process, order_id, f"{reference}: bought")
        if snapshot is None:
            return
        if intents and snapshot.asked_at < self.database.committed_at(intents[-1]):
            self._report(
                f"{reference}: bought by {process.name} without a refresh of the order after the intent"
            )
        if snapshot.status in _STOPPED:
            self._report(
                f"{reference}: bought after the store showed it to {process.name} as {snapshot.status}"
            )
        if label_address(to) != snapshot.address:
            self._report(f"{reference}: bought for another address than the store showed to {process.name}")

    def _check_post(self, process: Process, order_id: str, key: str, body: bytes) -> None:
        """Before a post: its key and body are on disk, and are the only ones for this label."""
        asked = json.loads(body)
        number = asked.get("tracking_number", "")
        self._check_not_stopped(process, order_id, f"{order_id}: posted {number}")
        rows = self.database.rows(
            "SELECT s.post_key, s.post_body, s.state, l.state AS label_state FROM shipments s "
            "JOIN labels l ON l.shipment_id = s.id WHERE l.tracking_number = ?",
            number,
        )
        if not rows:
            self._report(f"{order_id}: posted {number!r}, which no label in the ledger has")
        elif (rows[0]["post_key"], rows[0]["post_body"].encode()) != (key, body) or not key:
            self._report(f"{order_id}: posted {number} under a key or body that is not the saved one")
        if self.posts.setdefault((order_id, number), (key, body)) != (key, body):
            self._report(f"{order_id}: posted {number} again under another key or body")
        snapshot = self._fresh_snapshot(process, order_id, f"{order_id}: posted {number}")
        if snapshot is None or self.sandbox is None:
            return
        if snapshot.status in _STOPPED:
            self._report(
                f"{order_id}: posted {number} after the store showed it to {process.name} "
                f"as {snapshot.status}"
            )
        shipment = self.sandbox.easypost.by_tracking_number.get(number)
        if shipment and shipment.void_requested_at is not None and not shipment.void_rejected:
            self._report(f"{order_id}: posted {number}, whose label is void or being voided")
        if shipment and label_address(shipment.request["to_address"]) != snapshot.address:
            self._report(
                f"{order_id}: posted {number}, whose address is not the one that the store showed "
                f"to {process.name}"
            )

    def _check_not_stopped(self, process: Process, order_id: str, doing: str) -> None:
        """An operator's hold or a pause that was on disk when the step began stops it."""
        began = self.steps.get((process.name, order_id), 0.0)
        stops = self.database.rows(
            "SELECT max(j.id) AS id FROM journal j WHERE j.order_id = ? AND j.action = 'held' "
            "AND j.actor <> 'packhouse' AND EXISTS (SELECT 1 FROM holds h WHERE h.order_id = j.order_id "
            "AND h.code = 'manual' AND h.shipment_id = '' AND h.released_at IS NULL) "
            "UNION ALL SELECT max(j.id) FROM journal j WHERE j.action = 'paused' "
            "AND EXISTS (SELECT 1 FROM kv m WHERE m.name = 'paused' AND m.value <> '')",
            order_id,
        )
        for row in stops:
            if row["id"] is not None and self.database.committed_at(row["id"]) < began:
                self._report(
                    f"{doing} by {process.name}, even if an operator stopped it before the step began"
                )

    def _fresh_snapshot(self, process: Process, order_id: str, doing: str) -> Snapshot | None:
        snapshot = self.snapshots.get((process.name, order_id))
        if snapshot is None:
            self._report(f"{doing} by {process.name}, which never read the order")
        elif self.time() - snapshot.asked_at > MAX_SNAPSHOT_AGE_S + (process.frozen_s - snapshot.frozen_s):
            self._report(
                f"{doing} by {process.name} {self.time() - snapshot.asked_at:.0f} s after it read the order"
            )
        return snapshot

    def _intents(self, reference: str) -> list[int]:
        """The ids of the journal's intents to buy this reference."""
        rows = self.database.rows(
            "SELECT id FROM journal WHERE action = 'buying' AND json_extract(data, '$.reference') = ? "
            "ORDER BY id",
            reference,
        )
        return [int(row["id"]) for row in rows]

    def _report(self, problem: str) -> None:
        self.problems.append(f"at {self.time():.3f} s {problem}")


_STORE_PARTS = ("line1", "line2", "city", "state", "postcode", "country")
_CARRIER_PARTS = ("street1", "street2", "city", "state", "zip", "country")


def store_address(address: dict[str, Any]) -> tuple[str, ...]:
    """The address of an order at the store."""
    return _parts(address, _STORE_PARTS)


def label_address(address: dict[str, Any]) -> tuple[str, ...]:
    """The address on a label."""
    return _parts(address, _CARRIER_PARTS)


def _parts(address: dict[str, Any], names: tuple[str, ...]) -> tuple[str, ...]:
    """These parts; the first two are lines, and an empty first line is left out, as on a label."""
    first, second, *others = (str(address.get(name) or "") for name in names)
    lines = (first, second) if first else (second, "")
    return (*lines, *others)
