"""The judge: recounts every promise from the store's and the carrier's own books and our ledger's rows.

It shares no code with the product: it reads the database's rows as they are, and the sandbox's state.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from packhouse.sandbox.audit import Purchase
from packhouse.sandbox.easypost.state import address_key
from packhouse.sandbox.store.state import EXTERNAL, StoreOrder
from tests.simulation.director import Director, parcels_left
from tests.simulation.plan import Scenario
from tests.simulation.replica import Ground
from tests.simulation.telling import Telling
from tests.simulation.witness import store_door

_STOPPED = frozenset({"cancelled", "refunded", "returned"})
_GONE = frozenset({"voided", "cancelled"})
_POSTED = frozenset({"fulfilled", "delivered"})
# Orders of these kinds need a person, who never comes.
_KIND_HOLDS = {
    "incomplete_address": "address_incomplete",
    "unknown_digital": "digital_unknown",
    "no_weight": "weight_missing",
}
# What an interference may leave standing for a person.
_TOUCH_HOLDS = {
    "refund_part": {"refund_unclear"},
    "new_address": {"order_changed", "price_drift", "no_rate"},
    "cancel": {"order_changed"},
    "refund": {"order_changed"},
    "ship_by_hand": {"store_refused"},
    "ship_part_by_hand": {"store_refused"},
}


class Checker:
    """Looks at everything once all has come to rest; `problems` has a sentence for each broken promise."""

    def __init__(self, scenario: Scenario, ground: Ground, director: Director) -> None:
        self._scenario = scenario
        self._world = ground.world
        self._rows = ground.database.rows
        self._director = director
        self._telling = Telling(ground.database)
        self._sold = ground.world.audit.purchases()
        self._by_number = {one.tracking: one for one in self._sold}

    def counts(self) -> dict[str, int]:
        """What the run was made of."""
        orders = self._world.store.orders.values()
        return {
            "orders": len(orders),
            "labels": len(self._sold),
            "voided": sum(1 for one in self._sold if one.voided),
            "posted": sum(
                1
                for order in orders
                for number in {r.tracking_number for r in order.fulfillments if not r.recorded_by}
                if number
            ),
            "held": len(self._rows("SELECT DISTINCT order_id FROM holds WHERE released_at IS NULL")),
        }

    def problems(self) -> list[str]:
        """All that is wrong."""
        found = list(self._world.audit.problems())
        for check in (self._nothing_unwritten, self._nothing_twice, self._money, self._posted):
            found += check()
        for order in self._world.store.orders.values():
            found += self._not_lost(order)
            found += self._nothing_forbidden(order)
        found += self._telling.problems()
        return found

    def _nothing_unwritten(self) -> Iterator[str]:
        """What was answered with 200 is on disk."""
        kept = {row["external_id"] for row in self._rows("SELECT external_id FROM events")}
        for attempt in self._world.webhooks.log:
            if attempt.outcome == "delivered" and attempt.event.id not in kept:
                yield f"{attempt.event.order_id}: {attempt.event.id} was answered 200 and is not recorded"

    # ---- 1: no label is bought twice -----------------------------------------------------------------------

    def _nothing_twice(self) -> Iterator[str]:
        for reference, times in Counter(one.reference for one in self._sold).items():
            if times > 1:
                yield f"{reference}: sold {times} times by the carrier"
        for order in self._world.store.orders.values():
            live: Counter[str] = Counter()
            for one in self._sold:
                # One that the carrier does not take back stays paid, and is followed to a person.
                rejected = self._world.easypost.by_tracking_number[one.tracking].void_rejected
                if one.order_id == order.id and one.live and not rejected:
                    shipment = self._shipment_of(one)
                    live.update(dict(json.loads(shipment["units"])) if shipment else {})
            for row in order.fulfillments:
                if row.recorded_by == EXTERNAL:
                    live[row.line_id] += row.quantity
            ordered = order.ordered()
            for line, quantity in live.items():
                if quantity > ordered.get(line, 0):
                    yield f"{order.id}: {quantity} of {ordered.get(line, 0)} units of {line} are paid for"

    def _shipment_of(self, sold: Purchase) -> sqlite3.Row | None:
        order_id, seq, generation = sold.reference.rsplit("/", 2)
        rows = self._rows(
            "SELECT * FROM shipments WHERE order_id = ? AND seq = ? AND generation = ?",
            order_id,
            seq,
            generation,
        )
        return rows[0] if rows else None

    # ---- 2: no order is lost -------------------------------------------------------------------------------

    def _not_lost(self, order: StoreOrder) -> Iterator[str]:
        known = self._rows("SELECT * FROM orders WHERE id = ?", order.id)
        standing = self._standing(order.id)
        allowed = self._allowed(order)
        for code in standing:
            if code not in allowed:
                yield f"{order.id}: held for {code}, which nothing explains"
        if not known:
            # Told by nobody, and done with before a poll could see it.
            if order.status in ("pending", "partially_fulfilled"):
                yield f"{order.id}: is {order.status} at the store and was never heard of here"
            return
        row = known[0]
        if row["lease"] is not None:
            yield f"{order.id}: still leased to {row['lease']} when all has come to rest"
        waiting = [line for line, left in self._to_ship(order).items() if left]
        if waiting and not standing and not self._is_followed(order):
            yield f"{order.id}: {waiting} wait, no hold stands, phase {row['phase']}: {row['reason']}"
        if standing and row["phase"] != "held":
            yield f"{order.id}: {standing} stand, but its phase is {row['phase']}"
        if not standing and row["phase"] not in ("shipped", "closed") and not self._is_followed(order):
            yield f"{order.id}: at rest with phase {row['phase']}: {row['reason']}"

    def _is_followed(self, order: StoreOrder) -> bool:
        """A refused refund is asked for again for a day, before a person is told and before a new label."""
        rows = self._rows("SELECT 1 FROM shipments WHERE order_id = ? AND state = 'voiding'", order.id)
        return bool(rows) and any(one.void_rejected for one in self._consignments(order))

    def _to_ship(self, order: StoreOrder) -> dict[str, int]:
        if order.status in _STOPPED:
            return {}
        return parcels_left(order)

    def _standing(self, order_id: str) -> list[str]:
        rows = self._rows("SELECT code FROM holds WHERE order_id = ? AND released_at IS NULL", order_id)
        return [row["code"] for row in rows]

    def _allowed(self, order: StoreOrder) -> set[str]:
        touched = self._director.touched.get(order.id, set())
        allowed = {_KIND_HOLDS.get(order.sale.kind, "")}
        for what in touched:
            allowed |= _TOUCH_HOLDS.get(what, set())
        if order.sale.kind == "cancelled_soon":
            allowed |= _TOUCH_HOLDS["cancel"]
        if order.sale.kind == "incomplete_address":
            allowed.add("no_rate")  # some countries' addresses need no city, and some carriers do
        if self._scenario.settings["guard"].keys() & {"max_day_minor", "max_order_minor"}:
            allowed.add("cap_reached")
        if self._world.easypost.refused_addresses:
            allowed.add("provider_refused")
        if any(one.void_rejected for one in self._consignments(order)):
            allowed.add("void_refused")
        return allowed

    def _consignments(self, order: StoreOrder) -> Iterator[Any]:
        for one in self._world.easypost.by_tracking_number.values():
            if one.reference.startswith(f"{order.id}/"):
                yield one

    # ---- 3: nothing ships that should not ------------------------------------------------------------------

    def _nothing_forbidden(self, order: StoreOrder) -> Iterator[str]:
        sold = [one for one in self._sold if one.order_id == order.id]
        cleared = self._director.touched.get(order.id, set()) & {"new_address", "release"}
        if order.sale.kind == "incomplete_address" and sold and not cleared:
            yield f"{order.id}: a label was bought for an incomplete address"
        if order.sale.kind == "digital" and sold:
            yield f"{order.id}: a label was bought for digital units"
        posted = {row.tracking_number for row in order.fulfillments}
        for one in sold:
            consignment = self._world.easypost.by_tracking_number[one.tracking]
            if (
                order.status in _STOPPED
                and one.live
                and one.tracking not in posted
                and not consignment.void_rejected
            ):
                yield f"{order.id}: is {order.status}, and {one.tracking} was never given back"

    # ---- 4: what we post is what we bought -----------------------------------------------------------------

    def _posted(self) -> Iterator[str]:
        posted: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for order in self._world.store.orders.values():
            for row in order.fulfillments:
                if row.recorded_by != EXTERNAL:
                    posted[row.tracking_number][row.line_id] += row.quantity
        ours = {}
        for row in self._rows(
            "SELECT s.*, l.tracking_number FROM shipments s JOIN labels l ON l.shipment_id = s.id"
        ):
            number = row["tracking_number"]
            ours[number] = row
            is_posted = row["state"] in _POSTED
            if is_posted != (number in posted):
                has = "has" if number in posted else "lacks"
                yield f"{row['id']}: is {row['state']}, the store {has} {number}"
            units = dict(json.loads(row["units"]))
            if number in posted and posted[number] != units:
                yield f"{row['id']}: {number} was posted with {dict(posted[number])}, bought for {units}"
            if is_posted:
                yield from self._goes_to_the_door(row, number)
        for number in posted.keys() - ours.keys():
            yield f"{number}: posted, and no label of ours has it"

    def _goes_to_the_door(self, row: sqlite3.Row, number: str) -> Iterator[str]:
        """A posted parcel goes where its order goes, or a person was told."""
        order = self._world.store.orders[row["order_id"]]
        to = dict(zip(_DOOR, store_door(order.address), strict=True))
        consignment = self._world.easypost.by_tracking_number.get(number)
        if consignment is None or address_key(consignment.request["to_address"]) == address_key(to):
            return
        told = self._rows(
            "SELECT 1 FROM holds WHERE order_id = ? AND code = 'order_changed'", row["order_id"]
        )
        # What is edited after the parcel left, and told by no webhook, is not looked for.
        heard = self._rows(
            "SELECT 1 FROM events WHERE order_id = ? AND type = 'order.updated'", row["order_id"]
        )
        if heard and not told:
            yield f"{row['id']}: {number} goes to another door than its order now, and nobody was told"

    # ---- 5: money ------------------------------------------------------------------------------------------

    def _money(self) -> Iterator[str]:
        ours = {
            row["tracking_number"]: row
            for row in self._rows(
                "SELECT l.*, s.state AS shipment_state, s.order_id, s.seq, s.generation AS g FROM labels l "
                "JOIN shipments s ON s.id = l.shipment_id"
            )
        }
        for one in self._sold:
            row = ours.get(one.tracking)
            if row is None:
                yield f"{one.reference}: {one.tracking} cost {one.cost_minor} and is not in our books"
                continue
            if (row["cost_minor"], row["currency"]) != (one.cost_minor, one.currency):
                yield f"{one.tracking}: costs {row['cost_minor']} here and {one.cost_minor} there"
            if f"{row['order_id']}/{row['seq']}/{row['g']}" != one.reference:
                yield f"{one.tracking}: belongs to {row['shipment_id']} here and to {one.reference} there"
            yield from self._came_back(one, row)
        for number in ours.keys() - self._by_number.keys():
            yield f"{number}: in our books, and EasyPost never sold it"
        here = sum(row["cost_minor"] for row in ours.values() if row["state"] != "voided")
        there = sum(one.cost_minor for one in self._sold if not one.voided)
        if here != there:
            yield f"our books say {here} were spent, the carrier's {there}"

    def _came_back(self, sold: Purchase, row: sqlite3.Row) -> Iterator[str]:
        rejected = self._world.easypost.by_tracking_number[sold.tracking].void_rejected
        is_right = {
            "bought": sold.live and not rejected,
            "voiding": rejected,
            "void_refused": rejected,
            "voided": sold.voided,
        }[row["state"]]
        if not is_right:
            yield f"{sold.tracking}: {row['state']} here; at the carrier live {sold.live}, back {sold.voided}"
        if row["state"] == "bought" and row["shipment_state"] in _GONE:
            yield f"{sold.tracking}: paid for, and its shipment is {row['shipment_state']}"
        if row["shipment_state"] == "labeled" and not self._standing(row["order_id"]):
            yield f"{sold.tracking}: paid for, never posted nor given back, and no hold stands"


_DOOR = ("street1", "street2", "city", "state", "zip", "country")
