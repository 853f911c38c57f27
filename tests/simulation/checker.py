"""Checks every promise against the records of the store and the provider and the rows of the ledger.

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
from tests.simulation.hostile import POISON, TOO_MUCH
from tests.simulation.hostile_check import HostileCheck
from tests.simulation.journal_check import JournalCheck
from tests.simulation.money_check import MoneyCheck
from tests.simulation.plan import Scenario
from tests.simulation.replica import Environment
from tests.simulation.scheduler import Scheduler, unshipped_parcels
from tests.simulation.spend_check import store_address
from tests.simulation.tracking_check import TrackingCheck

_STOPPED = frozenset({"cancelled", "refunded", "returned"})
_GONE = frozenset({"voided", "cancelled"})
_POSTED = frozenset({"fulfilled", "delivered"})
# Orders of these kinds need an operator, who never acts.
_KIND_HOLDS = {
    "incomplete_address": "address_incomplete",
    "unknown_digital": "digital_unknown",
    "no_weight": "weight_missing",
    "returned_in_part": "partly_fulfilled_unclear",
    "pickup": "pickup",
    "odd_option": "shipping_option_unknown",
}
_LOST_POSTS = {f"store.{fault}" for fault in ("reset_after_effect", "no_response_after_effect", "slow")}
# Holds that a mood of an account may leave active.
_MOOD_HOLDS = {
    "price_untold": {"price_unknown"},
    "yen": {"price_drift", "cap_reached", "labels_exceed_total"},
}
# An export of so many units has to be filed first.
_TOO_MUCH_HOLDS = {
    "order_too_large",
    "too_many_parcels",
    "cap_reached",
    "labels_exceed_total",
    "customs_incomplete",
}
_CONTENT_HOLDS = {
    "long_name": {"address_incomplete"},
    POISON: {"process_crashed", "repeated_failure"},
    **dict.fromkeys(sorted(TOO_MUCH), _TOO_MUCH_HOLDS),
}
# Holds that an intervention may leave active.
_INTERVENTION_HOLDS = {
    "refund_part": {"refund_unclear"},
    "new_address": {"order_changed", "price_drift", "no_rate"},
    "cancel": {"order_changed"},
    "refund": {"order_changed"},
    "ship_manually": {"store_refused"},
    "ship_part_manually": {"store_refused"},
}


class Checker:
    """Checks everything once nothing is in progress; `problems` has a sentence for each broken promise."""

    def __init__(self, scenario: Scenario, environment: Environment, scheduler: Scheduler) -> None:
        self._scenario = scenario
        self._sandbox = environment.sandbox
        self._rows = environment.database.rows
        self._scheduler = scheduler
        self._is_restored = bool(environment.restores and environment.restores.is_done)
        self._journal_check = JournalCheck(environment.database)
        self._hostile_check = HostileCheck(environment, scheduler)
        self._tracking_check = TrackingCheck(environment)
        self._sold = environment.sandbox.audit.purchases()
        self._money_check = MoneyCheck(scenario, environment, self._told())

    def counts(self) -> dict[str, int]:
        """Totals of the run."""
        orders = self._sandbox.store.orders.values()
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
        """Every broken promise."""
        found = list(self._sandbox.audit.problems())
        for check in (
            self._acknowledged_events_are_saved,
            self._nothing_is_bought_twice,
            self._posts_match_labels,
        ):
            found += check()
        for order in self._sandbox.store.orders.values():
            found += self._no_order_is_lost(order)
            found += self._nothing_forbidden_ships(order)
        found += self._journal_check.problems()
        found += self._hostile_check.problems()
        found += self._money_check.problems()
        found += self._tracking_check.problems()
        return found

    def _acknowledged_events_are_saved(self) -> Iterator[str]:
        """Every event that was answered with 200 is on disk."""
        if self._is_restored:
            return  # the backup has only the earlier ones
        kept = {row["external_id"] for row in self._rows("SELECT external_id FROM events")}
        for attempt in self._sandbox.webhooks.log:
            if attempt.outcome == "delivered" and attempt.event.id not in kept:
                yield f"{attempt.event.order_id}: {attempt.event.id} was answered 200 and is not recorded"

    # ---- 1: no label is bought twice -----------------------------------------------------------------------

    def _nothing_is_bought_twice(self) -> Iterator[str]:
        for reference, times in Counter(one.reference for one in self._sold).items():
            if times > 1:
                yield f"{reference}: sold {times} times by the provider"
        for order in self._sandbox.store.orders.values():
            live: Counter[str] = Counter()
            for one in self._sold:
                # A label whose void is rejected stays paid, and is held for an operator.
                rejected = self._sandbox.easypost.by_tracking_number[one.tracking].void_rejected
                if one.order_id == order.id and one.live and not rejected:
                    if self._is_left_unclear(one):
                        continue  # it may be the parcel that the count shows
                    shipment = self._shipment_of(one)
                    live.update(dict(json.loads(shipment["units"])) if shipment else {})
            for row in order.fulfillments:
                if row.recorded_by == EXTERNAL:
                    live[row.line_id] += row.quantity
            ordered = order.ordered()
            for line, quantity in live.items():
                if quantity > ordered.get(line, 0):
                    yield f"{order.id}: {quantity} of {ordered.get(line, 0)} units of {line} are paid for"

    @property
    def _posts_are_unclear(self) -> bool:
        """A count of shipped units does not say whose parcel it was if the answer to a post got lost."""
        return self._scenario.line_counts and (
            any(one.step == "post" for one in self._scenario.hostile.answers)
            or bool(self._scenario.faults.keys() & _LOST_POSTS)
            or any(one.what == "crash" for one in self._scenario.interventions)
        )

    def _is_left_unclear(self, sold: Purchase) -> bool:
        """Whether its shipment is held for an operator, as the store does not say if it has its post."""
        shipment = self._shipment_of(sold) if self._posts_are_unclear else None
        active = "SELECT 1 FROM holds WHERE shipment_id = ? AND released_at IS NULL"
        return shipment is not None and bool(self._rows(active, shipment["id"]))

    def _left_to_operators(self, order: StoreOrder) -> list[Purchase]:
        """What was sold since the backup and matches no shipment: a hold of the order names it."""
        if not self._is_restored:
            return []
        told = self._rows(
            "SELECT r.reference FROM recalled r JOIN holds h ON h.order_id = r.order_id "
            "WHERE r.order_id = ? AND r.outcome IN ('', 'accepted') AND h.code = 'restore_unclear' "
            "AND instr(h.note, r.reference)",
            order.id,
        )
        references = {row["reference"] for row in told}
        return [one for one in self._sold if one.reference in references]

    def _told(self) -> list[Purchase]:
        orders = self._sandbox.store.orders.values()
        return [one for order in orders for one in self._left_to_operators(order)]

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

    def _no_order_is_lost(self, order: StoreOrder) -> Iterator[str]:
        known = self._rows("SELECT * FROM orders WHERE id = ?", order.id)
        active = self._active_holds(order.id)
        allowed = self._expected_holds(order)
        for code in active:
            if code not in allowed:
                yield f"{order.id}: held for {code} without a reason"
        if not known:
            # No webhook arrived, and nothing was left to ship before a poll could see it.
            if left := {line: units for line, units in self._to_ship(order).items() if units}:
                yield f"{order.id}: is {order.status} at the store with {left}, and unknown to Packhouse"
            return
        row = known[0]
        if row["lease"] is not None:
            yield f"{order.id}: still leased to {row['lease']} when nothing is in progress any more"
        waiting = [line for line, left in self._to_ship(order).items() if left]
        if waiting and not active and not self._is_voiding(order):
            yield f"{order.id}: {waiting} wait without an active hold, phase {row['phase']}: {row['reason']}"
        if active and row["phase"] != "held":
            yield f"{order.id}: {active} are active, but its phase is {row['phase']}"
        if not active and row["phase"] not in ("shipped", "closed") and not self._is_voiding(order):
            yield f"{order.id}: finished with phase {row['phase']}: {row['reason']}"

    def _is_voiding(self, order: StoreOrder) -> bool:
        """A rejected void is retried for a day before the order is held and before a new label is bought."""
        rows = self._rows("SELECT 1 FROM shipments WHERE order_id = ? AND state = 'voiding'", order.id)
        return bool(rows) and any(one.void_rejected for one in self._easypost_shipments(order))

    def _to_ship(self, order: StoreOrder) -> dict[str, int]:
        if order.status in _STOPPED and not self._is_returned_in_part(order):
            return {}
        return unshipped_parcels(order)

    @staticmethod
    def _is_returned_in_part(order: StoreOrder) -> bool:
        """The status "returned" says that it has ended, and some of its units are still owed."""
        return order.sale.kind == "returned_in_part" and order.status == "returned"

    def _active_holds(self, order_id: str) -> list[str]:
        rows = self._rows("SELECT code FROM holds WHERE order_id = ? AND released_at IS NULL", order_id)
        return [row["code"] for row in rows]

    def _expected_holds(self, order: StoreOrder) -> set[str]:
        touched = self._scheduler.touched.get(order.id, set())
        allowed = {_KIND_HOLDS.get(order.sale.kind, "")}
        for what in touched:
            allowed |= _INTERVENTION_HOLDS.get(what, set())
        if order.sale.kind == "cancelled_soon":
            allowed |= _INTERVENTION_HOLDS["cancel"]
        if order.sale.kind == "incomplete_address":
            allowed.add("no_rate")  # some countries' addresses need no city, but some carriers require one
        if self._scenario.settings["guard"].keys() & {"max_day_minor", "max_order_minor"}:
            allowed.add("cap_reached")
        if order.sale.kind == "express":
            allowed.add("labels_exceed_total")  # the fastest service abroad may cost more than the goods
        for mood in self._scenario.moods:
            allowed |= _MOOD_HOLDS.get(mood.what, set())
        if self._sandbox.easypost.refused_addresses:
            allowed.add("provider_refused")
        if self._posts_are_unclear or self._count_may_lag(order):
            allowed.add("partly_fulfilled_unclear")
        if self._is_restored and (self._left_to_operators(order) or self._scenario.safety == "blind"):
            allowed.add("restore_unclear")
        allowed |= _CONTENT_HOLDS.get(self._scheduler.content.get(order.id, ""), set())
        if "easypost.odd_file" in self._scenario.faults or any(
            one.step == "file" for one in self._scenario.hostile.answers
        ):
            allowed.add("label_file_missing")
        for one in self._easypost_shipments(order):
            if one.void_rejected:
                allowed.add("void_refused")
            if one.comes_back:
                allowed.add("parcel_returned")
            if one.is_export and "easypost.no_form" in self._scenario.faults:
                allowed.add("paper_missing")
        return allowed

    def _count_may_lag(self, order: StoreOrder) -> bool:
        """Whether units are planned again after others were posted, to a store that only counts units.

        Its count may include the post or another tool's parcel of as many units.
        """
        if not self._scenario.line_counts:
            return False
        states = {
            row["state"] for row in self._rows("SELECT state FROM shipments WHERE order_id = ?", order.id)
        }
        return bool(states & _POSTED) and bool(states & _GONE)

    def _easypost_shipments(self, order: StoreOrder) -> Iterator[Any]:
        for one in self._sandbox.easypost.by_tracking_number.values():
            if one.reference.startswith(f"{order.id}/"):
                yield one

    # ---- 3: nothing ships that should not ------------------------------------------------------------------

    def _nothing_forbidden_ships(self, order: StoreOrder) -> Iterator[str]:
        told = self._left_to_operators(order)
        sold = [one for one in self._sold if one.order_id == order.id and one not in told]
        cleared = self._scheduler.touched.get(order.id, set()) & {"new_address", "release"}
        if order.sale.kind == "incomplete_address" and sold and not cleared:
            yield f"{order.id}: a label was bought for an incomplete address"
        if order.sale.kind == "digital" and sold:
            yield f"{order.id}: a label was bought for digital units"
        posted = {row.tracking_number for row in order.fulfillments}
        for one in sold:
            shipment = self._sandbox.easypost.by_tracking_number[one.tracking]
            if (
                order.status in _STOPPED
                and not self._is_returned_in_part(order)
                and one.live
                and one.tracking not in posted
                and not shipment.void_rejected
                and not self._is_left_unclear(one)
            ):
                yield f"{order.id}: is {order.status}, and {one.tracking} was never voided"

    # ---- 4: what we post is what we bought -----------------------------------------------------------------

    def _posts_match_labels(self) -> Iterator[str]:
        posted: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for order in self._sandbox.store.orders.values():
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
            # A store that only counts units does not show whose post it had: what is held may be posted.
            is_hidden = self._scenario.line_counts and self._active_holds(row["order_id"])
            if is_posted != (number in posted) and not is_hidden:
                has = "has" if number in posted else "lacks"
                yield f"{row['id']}: is {row['state']}, the store {has} {number}"
            units = dict(json.loads(row["units"]))
            if number in posted and posted[number] != units:
                yield f"{row['id']}: {number} was posted with {dict(posted[number])}, bought for {units}"
            if is_posted:
                yield from self._address_matches(row, number)
        for number in posted.keys() - ours.keys() - {one.tracking for one in self._told()}:
            yield f"{number}: posted, and no label in the ledger has it"

    def _address_matches(self, row: sqlite3.Row, number: str) -> Iterator[str]:
        """A posted parcel goes to the address of its order, or the order is held."""
        order = self._sandbox.store.orders[row["order_id"]]
        to = dict(zip(_ADDRESS_PARTS, store_address(order.address), strict=True))
        shipment = self._sandbox.easypost.by_tracking_number.get(number)
        if shipment is None or address_key(shipment.request["to_address"]) == address_key(to):
            return
        held = self._rows(
            "SELECT 1 FROM holds WHERE order_id = ? AND code = 'order_changed'", row["order_id"]
        )
        # A change after posting without a webhook is not detected.
        received = self._rows(
            "SELECT 1 FROM events WHERE order_id = ? AND type = 'order.updated'", row["order_id"]
        )
        if received and not held:
            yield f"{row['id']}: {number} goes to another address than its order, and the order was not held"


_ADDRESS_PARTS = ("street1", "street2", "city", "state", "zip", "country")
