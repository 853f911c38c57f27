"""Received events: what wakes an order, what is only recorded, and what the lists of events show."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from packhouse.ledger import inbox, notify
from packhouse.ledger.tables import dead_letters, events, journal, orders
from packhouse.model.event import ECHO_EVENTS, Event, EventRecord
from tests.service.ledger.rows import NOW, Rows

EVENT = Event("evt_1", "order.updated", "ord_1", "site", '{"id": "evt_1"}')


def record(rows: Rows, event_id: str, at: float, *, source: str = "store", **changes: str) -> EventRecord:
    """Add an event; returns it as it is listed."""
    row = {
        "type": "order.updated",
        "order_id": "ord_1",
        "site_slug": "site",
        "outcome": "accepted",
        **changes,
    }
    rows.add(events, source=source, external_id=event_id, received_at=at, body="{}", **row)
    return EventRecord(event_id, received_at=at, **row)


def dead_letter(rows: Rows, reason: str, at: float) -> None:
    rows.add(dead_letters, reason=reason, received_at=at, body=b"?")


def found(
    rows: Rows, order_id: str = "", outcome: str = "", limit: int = 10, before: float | None = None
) -> list[str]:
    return [one.id for one in inbox.records(rows.connection, order_id, outcome, limit, before)]


def test_an_event_is_recorded_and_wakes_its_order(rows: Rows) -> None:
    assert inbox.receive(rows.tx(), EVENT, 30.0) == "accepted"
    (row,) = rows.connection.execute(select(events)).all()
    assert (row.source, row.external_id, row.type) == ("store", "evt_1", "order.updated")
    assert (row.order_id, row.site_slug, row.received_at) == ("ord_1", "site", NOW)
    assert (row.outcome, row.body) == ("accepted", '{"id": "evt_1"}')
    order = rows.row(orders, "ord_1")
    assert (order["phase"], order["site_slug"], order["due_at"]) == ("open", "site", NOW)
    (entry,) = rows.connection.execute(select(journal)).all()
    assert (entry.order_id, entry.action, entry.at) == ("ord_1", "event_received", NOW)
    assert (entry.why, entry.data) == ("The store sent order.updated.", {"event": "evt_1"})
    assert notify.take_mark(rows.connection)


def test_an_event_that_was_received_before_wakes_nothing(rows: Rows) -> None:
    rows.order("ord_1")
    assert inbox.receive(rows.tx(), EVENT, 30.0) == "accepted"
    again = rows.row(orders, "ord_1")
    assert inbox.receive(rows.tx(now=NOW + 5), replace(EVENT, body="{}"), 30.0) == "duplicate"
    assert rows.row(orders, "ord_1") == again
    assert rows.journal() == [("event_received", "ord_1")]
    other = replace(EVENT, source="another")
    assert inbox.receive(rows.tx(), other, 30.0) == "accepted", "an id is unique within its source"


@pytest.mark.parametrize(
    ("event", "mine"),
    [
        (EVENT, False),
        (replace(EVENT, type="customer.updated"), True),
        (replace(EVENT, order_id=""), True),
    ],
)
def test_an_event_that_is_not_for_us_is_only_recorded(rows: Rows, event: Event, mine: bool) -> None:
    assert inbox.receive(rows.tx(), event, 30.0, mine) == "ignored"
    assert found(rows, outcome="ignored") == ["evt_1"]
    assert rows.column(orders.c.phase) == {}
    assert rows.journal() == []
    assert not notify.take_mark(rows.connection)


@pytest.mark.parametrize("event_type", [*sorted(ECHO_EVENTS), "order.updated", "order.cancelled"])
def test_only_events_that_our_own_fulfillments_cause_may_wait(rows: Rows, event_type: str) -> None:
    rows.order("ord_1", phase="shipped", due_at=None)
    assert inbox.receive(rows.tx(), replace(EVENT, type=event_type), 30.0) == "accepted"
    delay_s = 30.0 if event_type in ECHO_EVENTS else 0.0
    assert rows.row(orders, "ord_1")["due_at"] == NOW + delay_s


def test_events_are_listed_the_newest_first(rows: Rows) -> None:
    first, second = record(rows, "evt_1", 10.0), record(rows, "evt_2", 20.0, order_id="ord_2")
    third = record(rows, "evt_3", 20.0, outcome="ignored", type="x", site_slug="y")
    assert inbox.records(rows.connection, "", "", 10, None) == [third, second, first]
    assert found(rows, limit=2) == ["evt_3", "evt_2"]


@pytest.mark.parametrize(
    ("order_id", "outcome", "before", "ids"),
    [
        ("", "", None, ["evt_3", "evt_2", "evt_1"]),
        ("ord_1", "", None, ["evt_3", "evt_1"]),
        ("", "ignored", None, ["evt_3", "evt_2"]),
        ("ord_1", "ignored", None, ["evt_3"]),
        ("", "", 30.0, ["evt_2", "evt_1"]),
        ("", "", 30.5, ["evt_3", "evt_2", "evt_1"]),
        ("", "", 0.0, []),
        ("ord_1", "accepted", 30.0, ["evt_1"]),
        ("ord_3", "", None, []),
    ],
)
def test_events_are_found_by_order_outcome_and_time(
    rows: Rows, order_id: str, outcome: str, before: float | None, ids: list[str]
) -> None:
    record(rows, "evt_1", 10.0)
    record(rows, "evt_2", 20.0, order_id="ord_2", outcome="ignored")
    record(rows, "evt_3", 30.0, outcome="ignored")
    dead_letter(rows, "not JSON", 15.0)
    assert found(rows, order_id, outcome, 10, before) == ids


def test_bodies_that_cannot_be_read_are_kept_and_listed_apart(rows: Rows) -> None:
    record(rows, "evt_1", 10.0)
    for at, reason in ((10.0, "not JSON"), (20.0, "no id"), (30.0, "no type")):
        inbox.keep_dead_letter(rows.tx(now=at), b"\xff", reason)
    assert set(rows.connection.execute(select(dead_letters.c.body)).scalars()) == {b"\xff"}
    assert inbox.records(rows.connection, "", "unreadable", 2, None) == [
        EventRecord("unreadable-3", "", "", "", 30.0, "unreadable", "no type"),
        EventRecord("unreadable-2", "", "", "", 20.0, "unreadable", "no id"),
    ]
    assert found(rows, outcome="unreadable", before=30.0) == ["unreadable-2", "unreadable-1"]
    assert found(rows, outcome="unreadable", before=0.0) == []


def test_one_event_is_found_by_the_stores_id(rows: Rows) -> None:
    record(rows, "evt_1", 10.0, source="another", order_id="ord_9")
    mine = record(rows, "evt_1", 20.0)
    record(rows, "evt_2", 30.0)
    assert inbox.record(rows.connection, "evt_1") == mine
    assert inbox.record(rows.connection, "evt_3") is None


def test_old_events_and_bodies_are_forgotten_and_counted(rows: Rows) -> None:
    for number, at in enumerate((10.0, 20.0, 30.0)):
        record(rows, f"evt_{number}", at)
        dead_letter(rows, f"reason {number}", at)
    dead_letter(rows, "an early one", 5.0)
    assert inbox.prune(rows.tx(), 20.0, 100) == 3
    assert found(rows) == ["evt_2", "evt_1"]
    assert [one.note for one in inbox.records(rows.connection, "", "unreadable", 10, None)] == [
        "reason 2",
        "reason 1",
    ]
