"""Stands at every process's door, sees each call and each answer, and says at once what must never be.

It judges by what a process had been told when it acted, which the books cannot show afterwards.
"""

from __future__ import annotations

import contextvars
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from packhouse.http import httpx
from packhouse.sandbox.sandbox import Sandbox
from tests.simulation.ledger import Database
from tests.simulation.loop import Life
from tests.simulation.world import ONE_CALL

_ORDERS = "/api/storefront/v1/merchant/orders/"
# How old a look may be when money is spent or a fulfillment posted: the store's limit, and some waiting.
FRESH_S = 60.0
_REFUSED = frozenset({400, 403, 404, 409, 422})
_STOPPED = ("cancelled", "refunded")


@dataclass(slots=True)
class Look:
    """What the store told one process of one order. `asked_at` is when it was asked, in virtual seconds."""

    asked_at: float
    frozen_s: float
    status: str
    address: tuple[str, ...]
    numbers: tuple[str, ...]


@dataclass(slots=True)
class Call:
    """One call under way."""

    method: str
    path: str
    asked_at: float
    frozen_s: float


@dataclass(slots=True)
class Witness:
    """`problems` are sentences; `looks` what each process was told last of each order."""

    database: Database
    time: Any
    world: Sandbox | None = None
    outside: contextvars.Context = field(default_factory=contextvars.copy_context)
    problems: list[str] = field(default_factory=list)
    looks: dict[tuple[str, str], Look] = field(default_factory=dict)
    purchases: Counter[str] = field(default_factory=Counter)
    posts: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)
    steps: dict[tuple[str, str], float] = field(default_factory=dict)

    def step_began(self, life: Life, order_id: str, _name: str) -> None:
        """A process begins a step of an order's life."""
        self.steps[life.name, order_id] = self.time()

    def sent(self, life: Life, request: httpx.Request, body: bytes) -> Call:
        """A process sends a call."""
        path = request.url.path
        if request.method == "POST":
            if path == ONE_CALL:
                asked = json.loads(body)["shipment"]
                self._purchase(life, str(asked["reference"]), asked["to_address"])
            elif path.endswith("/buy"):
                assert self.world is not None
                consignment = self.world.easypost.find(path.split("/")[-2])
                self._purchase(life, consignment.reference, consignment.request["to_address"])
            elif path.startswith(_ORDERS) and path.endswith("/fulfill"):
                self._post(life, path.split("/")[-2], request.headers.get("idempotency-key", ""), body)
        return Call(request.method, path, self.time(), life.frozen_s)

    def heard(self, life: Life, call: Call, response: httpx.Response) -> None:
        """A process gets an answer."""
        if call.method == "POST" and response.status_code in _REFUSED:
            # A certain refusal may be worded anew.
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
        numbers = tuple(one["tracking_number"] for one in order["fulfillments"])
        self.looks[life.name, rest] = Look(
            call.asked_at, call.frozen_s, order["status"], store_door(address), numbers
        )

    def _purchase(self, life: Life, reference: str, to: dict[str, Any]) -> None:
        """Before money is spent: the intent is on disk; a fresh look showed this very order and address."""
        order_id = reference.partition("/")[0]
        self._nobody_stopped_it(life, order_id, f"{reference}: bought")
        self.purchases[reference] += 1
        intents = self._intents(reference)
        if not intents:
            self._wrong(f"{reference}: bought without an intent in the journal")
        elif (times := self.purchases[reference]) > len(intents):
            self._wrong(f"{reference}: asked to buy {times} times on {len(intents)} intents")
        look = self._fresh_look(life, order_id, f"{reference}: bought")
        if look is None:
            return
        if intents and look.asked_at < self.database.told_at(intents[-1]):
            self._wrong(f"{reference}: bought by {life.name} without a look at the order after the intent")
        if look.status in _STOPPED:
            self._wrong(f"{reference}: bought after the store had told {life.name} it is {look.status}")
        if label_door(to) != look.address:
            self._wrong(f"{reference}: bought for another address than the store had told {life.name}")

    def _post(self, life: Life, order_id: str, key: str, body: bytes) -> None:
        """Before a shipment is posted: its key and body are on disk, and never others for this label."""
        asked = json.loads(body)
        number = asked.get("tracking_number", "")
        self._nobody_stopped_it(life, order_id, f"{order_id}: posted {number}")
        rows = self.database.rows(
            "SELECT s.post_key, s.post_body, s.state, l.state AS label_state FROM shipments s "
            "JOIN labels l ON l.shipment_id = s.id WHERE l.tracking_number = ?",
            number,
        )
        if not rows:
            self._wrong(f"{order_id}: posted {number!r}, which no label of ours has")
        elif (rows[0]["post_key"], rows[0]["post_body"].encode()) != (key, body) or not key:
            self._wrong(f"{order_id}: posted {number} under a key or body that is not the saved one")
        if self.posts.setdefault((order_id, number), (key, body)) != (key, body):
            self._wrong(f"{order_id}: posted {number} again under another key or body")
        look = self._fresh_look(life, order_id, f"{order_id}: posted {number}")
        if look is None or self.world is None:
            return
        if look.status in _STOPPED:
            self._wrong(
                f"{order_id}: posted {number} after the store had told {life.name} it is {look.status}"
            )
        consignment = self.world.easypost.by_tracking_number.get(number)
        if consignment and label_door(consignment.request["to_address"]) != look.address:
            self._wrong(
                f"{order_id}: posted {number}, whose address is not what the store had told {life.name}"
            )

    def _nobody_stopped_it(self, life: Life, order_id: str, doing: str) -> None:
        """A person's hold, or a pause, that was on disk when the step began stops it."""
        began = self.steps.get((life.name, order_id), 0.0)
        stops = self.database.rows(
            "SELECT max(j.id) AS id FROM journal j WHERE j.order_id = ? AND j.action = 'held' "
            "AND j.actor <> 'packhouse' AND EXISTS (SELECT 1 FROM holds h WHERE h.order_id = j.order_id "
            "AND h.code = 'manual' AND h.shipment_id = '' AND h.released_at IS NULL) "
            "UNION ALL SELECT max(j.id) FROM journal j WHERE j.action = 'paused' "
            "AND EXISTS (SELECT 1 FROM kv m WHERE m.name = 'paused' AND m.value <> '')",
            order_id,
        )
        for row in stops:
            if row["id"] is not None and self.database.told_at(row["id"]) < began:
                self._wrong(f"{doing} by {life.name}, though a person had stopped it before the step began")

    def _fresh_look(self, life: Life, order_id: str, doing: str) -> Look | None:
        look = self.looks.get((life.name, order_id))
        if look is None:
            self._wrong(f"{doing} by {life.name}, which never read the order")
        elif self.time() - look.asked_at > FRESH_S + (life.frozen_s - look.frozen_s):
            self._wrong(f"{doing} by {life.name} {self.time() - look.asked_at:.0f} s after it read the order")
        return look

    def _intents(self, reference: str) -> list[int]:
        """The journal's entries of intents to buy it."""
        rows = self.database.rows(
            "SELECT id FROM journal WHERE action = 'buying' AND json_extract(data, '$.reference') = ? "
            "ORDER BY id",
            reference,
        )
        return [int(row["id"]) for row in rows]

    def _wrong(self, problem: str) -> None:
        self.problems.append(f"at {self.time():.3f} s {problem}")


_STORE_PARTS = ("line1", "line2", "city", "state", "postcode", "country")
_CARRIER_PARTS = ("street1", "street2", "city", "state", "zip", "country")


def store_door(address: dict[str, Any]) -> tuple[str, ...]:
    """Where the store says that an order goes."""
    return tuple(str(address.get(part) or "") for part in _STORE_PARTS)


def label_door(address: dict[str, Any]) -> tuple[str, ...]:
    """Where the carrier takes a parcel."""
    return tuple(str(address.get(part) or "") for part in _CARRIER_PARTS)
