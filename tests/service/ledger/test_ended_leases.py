"""Leases that a process left behind: which are ended, what counts as a crash, who is set aside and how."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.config.sections import RetrySettings
from packhouse.ledger import crashes, holds, queries
from packhouse.ledger.crashes import Ended
from packhouse.ledger.tables import orders
from packhouse.model.hold import HoldCode
from packhouse.model.states import ShipmentState
from tests.service.ledger.rows import NOW, Rows

RETRY = RetrySettings(base_s=5, max_s=900)
CRASHES, LEASE, DUE = orders.c.crashes, orders.c.lease, orders.c.due_at


def end_expired(rows: Rows, worker: str = "us") -> list[Ended]:
    """End what ran out, as the worker `us`."""
    return crashes.end_expired(rows.tx(), worker, RETRY)


def test_a_lease_ends_at_its_time_and_other_orders_stay_as_they_are(rows: Rows) -> None:
    """A worker claims several orders with one token, and renews them one by one."""
    rows.order("now", lease="they:1", due_at=NOW)
    rows.order("renewed", lease="they:1", due_at=NOW + 1)
    rows.order("free", due_at=NOW - 5)
    assert end_expired(rows) == [Ended("now", 1)]
    assert rows.column(LEASE) == {"now": None, "renewed": "they:1", "free": None}
    assert rows.column(CRASHES) == {"now": 1, "renewed": 0, "free": 0}
    assert rows.column(DUE) == {"now": NOW, "renewed": NOW + 1, "free": NOW - 5}
    assert end_expired(rows) == []


def test_a_process_that_starts_alone_ends_every_lease_at_once(rows: Rows) -> None:
    rows.order("b", lease="they:1", crashes=4)
    rows.order("a", lease="they:2")
    rows.order("free", crashes=1)
    assert crashes.end_all(rows.tx(), RETRY) == [Ended("a", 1), Ended("b", 5)]
    assert rows.column(CRASHES) == {"a": 1, "b": 5, "free": 1}
    assert rows.column(DUE) == {"a": NOW, "b": NOW, "free": NOW + 60}


@pytest.mark.parametrize(
    ("token", "before", "also", "after", "set_aside_s"),
    [
        pytest.param("they:1", 0, None, 1, 0.0, id="its first crash"),
        pytest.param("they:1", 1, None, 2, 15.0, id="alone at its second crash"),
        pytest.param("they:1", 2, None, 3, 45.0, id="alone at its third crash"),
        pytest.param("they:1", 1, "they:7", 2, 0.0, id="the worker had another order"),
        pytest.param("they:1", 1, "more:1", 2, 15.0, id="another worker had another order"),
        pytest.param("us:1", 0, None, 0, 0.0, id="its worker lives"),
        pytest.param("us:1", 5, None, 5, 0.0, id="a suspect whose worker lives"),
    ],
)
def test_an_order_is_set_aside_if_it_was_alone_when_its_process_ended_again(
    rows: Rows, token: str, before: int, also: str | None, after: int, set_aside_s: float
) -> None:
    rows.order("ord", lease=token, due_at=NOW, crashes=before)
    if also:
        rows.order("more", lease=also, due_at=NOW + 1)
    assert end_expired(rows) == [Ended("ord", after, set_aside_s)]
    assert rows.column(CRASHES)["ord"] == after
    assert rows.column(DUE)["ord"] == NOW + set_aside_s
    assert rows.column(orders.c.phase)["ord"] == ("held" if set_aside_s else "open")
    assert bool(holds.of_order(rows.connection, "ord")) == bool(set_aside_s)


def test_an_order_that_is_set_aside_says_why_and_waits_for_nothing_else(rows: Rows) -> None:
    waiting: dict[str, Any] = {"waiting": "retry", "waiting_account": "easypost", "waiting_since": 5.0}
    rows.order("ord", lease="they:1", due_at=NOW, crashes=1, **waiting)
    rows.order("far", **waiting)
    far = rows.row(orders, "far")
    end_expired(rows)
    row = rows.row(orders, "ord")
    assert (row["waiting"], row["waiting_account"], row["waiting_since"]) == ("", "", None)
    assert row["updated_at"] == NOW
    assert rows.row(orders, "far") == far
    (hold,) = holds.of_order(rows.connection, "ord")
    assert hold.code is HoldCode.PROCESS_CRASHED
    assert row["reason"] == hold.sentence
    assert hold.note == ("2 times in a row, the last time with no other order; tried again alone after 15 s")
    (entry,) = queries.entries(rows.connection, order_id="ord")
    assert (entry.action, entry.data) == ("held", {"code": "process_crashed", "crashes": 2})
    assert hold.note in entry.why


def test_the_note_names_the_purchases_of_the_order_that_were_begun(rows: Rows) -> None:
    rows.order("ord", lease="they:1", due_at=NOW, crashes=1)
    rows.shipment("ord-1", ShipmentState.BUYING)
    rows.shipment("ord-2", ShipmentState.PLANNED)
    rows.shipment("ord-3", ShipmentState.UNKNOWN)
    rows.shipment("far-1", ShipmentState.BUYING)
    end_expired(rows)
    (hold,) = holds.of_order(rows.connection, "ord")
    assert hold.note.endswith("after 15 s; the purchase of ord-1, ord-3 was begun, and is looked up then")


@pytest.mark.parametrize(("base_s", "said"), [(39, "117 s"), (40, "2 min"), (300, "15 min")])
def test_long_waits_are_said_in_minutes(rows: Rows, base_s: float, said: str) -> None:
    rows.order("ord", lease="they:1", due_at=NOW, crashes=1)
    crashes.end_all(rows.tx(), RetrySettings(base_s=base_s, max_s=900))
    (hold,) = holds.of_order(rows.connection, "ord")
    assert hold.note.endswith(f"tried again alone after {said}")


def test_the_wait_triples_up_to_a_day_of_the_longest_retries() -> None:
    assert [crashes.set_aside_s(RETRY, n) for n in (2, 3, 4)] == [15, 45, 135]
    assert crashes.set_aside_s(RETRY, 10**6) == 24 * 900


@pytest.mark.parametrize(
    ("number", "due_at", "is_due"),
    [(1, NOW - 9, False), (2, NOW, True), (2, NOW + 1, False), (3, NOW - 9, True)],
)
def test_a_suspect_is_due_from_its_time_on(rows: Rows, number: int, due_at: float, is_due: bool) -> None:
    rows.order("ord", crashes=number, due_at=due_at)
    assert crashes.is_suspect_due(rows.tx(), NOW) is is_due
