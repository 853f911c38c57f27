"""Checks that the ledger's labels, their costs and their voids are those of the provider."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator

from packhouse.sandbox.audit import Purchase
from tests.simulation.plan import Scenario
from tests.simulation.replica import Environment

_GONE = frozenset({"voided", "cancelled"})


class MoneyCheck:
    """Reads the rows of the ledger and the records of the provider, as checker.py does.

    `told` are purchases that the ledger lacks after a restore, and that a hold names.
    """

    def __init__(self, scenario: Scenario, environment: Environment, told: Collection[Purchase]) -> None:
        self._scenario = scenario
        self._sandbox = environment.sandbox
        self._charged = environment.moody.charged
        self._rows = environment.database.rows
        self._sold = environment.sandbox.audit.purchases()
        self._told = told

    def problems(self) -> Iterator[str]:
        """Every label that the two books disagree about, and sums that differ."""
        ours = {
            row["tracking_number"]: row
            for row in self._rows(
                "SELECT l.*, s.state AS shipment_state, s.order_id, s.seq, s.generation AS g FROM labels l "
                "JOIN shipments s ON s.id = l.shipment_id"
            )
        }
        sold = [one for one in self._sold if one not in self._told]
        for one in sold:
            row = ours.get(one.tracking)
            if row is None:
                yield f"{one.reference}: {one.tracking} cost {one.cost_minor} and is not in the ledger"
                continue
            costs = self._cost_of(one)
            if (row["cost_minor"], row["currency"]) != costs:
                yield f"{one.tracking}: costs {row['cost_minor']} here and {costs} there"
            if f"{row['order_id']}/{row['seq']}/{row['g']}" != one.reference:
                yield f"{one.tracking}: belongs to {row['shipment_id']} here and to {one.reference} there"
            yield from self._void_matches(one, row)
        for number in ours.keys() - {one.tracking for one in self._sold}:
            yield f"{number}: in the ledger, and EasyPost never sold it"
        here, there = Counter[str](), Counter[str]()
        for row in ours.values():
            if row["state"] != "voided":
                here[row["currency"]] += row["cost_minor"]
        for minor, currency in (self._cost_of(one) for one in sold if not one.voided):
            there[currency] += minor
        if here != there:
            yield f"the ledger says {here} were spent, the provider says {there}"

    def _cost_of(self, sold: Purchase) -> tuple[int, str]:
        """What the provider charged, in minor units and their currency: a moody account may charge in yen.

        An operator who adopts a label writes down what the account's page says.
        """
        is_adopted = self._rows(
            "SELECT 1 FROM journal j JOIN labels l ON l.shipment_id = j.shipment_id "
            "WHERE j.action = 'adopted' AND l.tracking_number = ?",
            sold.tracking,
        )
        money = None if is_adopted else self._charged.get(sold.tracking)
        return (money.minor, money.currency) if money else (sold.cost_minor, sold.currency)

    def _void_matches(self, sold: Purchase, row: sqlite3.Row) -> Iterator[str]:
        rejected = self._sandbox.easypost.by_tracking_number[sold.tracking].void_rejected
        is_right = {
            # A moody account rejects voids that it asked for itself.
            "bought": sold.live and (not rejected or bool(self._scenario.moods)),
            "voiding": rejected,
            "void_refused": rejected,
            "voided": sold.voided,
        }[row["state"]]
        if not is_right:
            yield f"{sold.tracking}: {row['state']} here; provider: live {sold.live}, voided {sold.voided}"
        if row["state"] == "bought" and row["shipment_state"] in _GONE:
            yield f"{sold.tracking}: paid for, and its shipment is {row['shipment_state']}"
        if row["shipment_state"] == "labeled" and not self._is_held(row["order_id"]):
            yield f"{sold.tracking}: paid for, neither posted nor voided, and not held"

    def _is_held(self, order_id: str) -> bool:
        return bool(self._rows("SELECT 1 FROM holds WHERE order_id = ? AND released_at IS NULL", order_id))
