"""Which trackers are due, and what a batch of their answers changes, row by row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from packhouse.ledger import tracking
from packhouse.ledger.tables import labels, orders
from packhouse.ledger.tables import shipments as shipments_table
from packhouse.ledger.tracking import Look, Saved
from packhouse.model.hold import HoldCode
from packhouse.model.states import ShipmentState
from packhouse.model.tracking import NO_NEWS, TrackerState, Tracking
from tests.service.ledger.rows import NOW, TOKEN, Rows

_S = ShipmentState
ARRIVED = Tracking(TrackerState.DELIVERED, "on the porch")
BACK = Tracking(TrackerState.RETURNED)
MOVING = Tracking(TrackerState.IN_TRANSIT, "in_transit", NOW + 99)


def posted(rows: Rows, name: str, due_at: float = NOW - 1, **columns: Any) -> Look:
    """A posted parcel of a shipped order whose tracker is due, and its delivery."""
    rows.order(name.rpartition("-")[0], **{"phase": "shipped", "due_at": None, **columns})
    shipment = rows.labeled(name, _S.FULFILLED, track_due_at=due_at)
    return Look(shipment, ARRIVED, NOW, None, needs_step=True)


def due(rows: Rows, until: float = NOW, most: int = 10) -> list[str]:
    return [one.id for one in tracking.due(rows.connection, "easypost", NOW, until, most)]


def test_the_longest_due_is_asked_first_and_others_only_if_one_is_due(rows: Rows) -> None:
    for number, wait in enumerate((0.0, -7.0, 5.0, 20.0)):
        posted(rows, f"ord{number}-1", NOW + wait)
    posted(rows, "never-1", NOW)
    rows.connection.execute(labels.update().where(labels.c.id == "never-1-label").values(track_due_at=None))
    rows.order("else", phase="shipped")
    rows.labeled("else-1", _S.FULFILLED, provider="another", track_due_at=NOW - 9)
    assert due(rows) == ["ord1-1", "ord0-1"]
    assert due(rows, NOW + 5) == ["ord1-1", "ord0-1", "ord2-1"]
    assert due(rows, NOW + 5, most=1) == ["ord1-1"]
    rows.connection.execute(labels.update().where(labels.c.track_due_at <= NOW).values(track_due_at=NOW + 1))
    assert due(rows, NOW + 50) == []
    late = tracking.too_late(rows.connection, "easypost", NOW + 19, 10)
    assert [one.id for one in late] == ["ord3-1"]


def test_what_is_due_is_found_in_an_index(rows: Rows) -> None:
    plans: list[str] = []

    def explain(_: object, cursor: Any, statement: str, parameters: Any, *rest: object) -> None:
        asked = rows.connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        plans.extend(step[3] for step in asked if "labels" in statement)

    posted(rows, "ord-1")
    event.listen(rows.connection, "before_cursor_execute", explain)
    assert due(rows) == ["ord-1"]
    assert tracking.too_late(rows.connection, "easypost", NOW, 10) == ()
    event.remove(rows.connection, "before_cursor_execute", explain)
    assert sum("ix_labels_track_due" in step for step in plans) == 3, plans
    assert not any(step.startswith("SCAN") or "TEMP" in step for step in plans), plans


def test_a_tracker_begins_once(rows: Rows) -> None:
    label = posted(rows, "ord-1").shipment.label
    assert label is not None
    tracking.begin(rows.tx(), label.id, NOW + 50)
    assert rows.column(labels.c.track_due_at) == {label.id: NOW - 1}
    rows.connection.execute(labels.update().values(track_due_at=None))
    tracking.begin(rows.tx(), label.id, NOW + 50)
    assert rows.column(labels.c.track_due_at) == {label.id: NOW + 50}


def test_a_delivery_of_an_order_that_rests_is_recorded_at_once(rows: Rows) -> None:
    looks = [posted(rows, "b-1"), posted(rows, "a-1")]
    saved = tracking.save(rows.tx(), looks)
    assert [one.id for one in saved.delivered] == ["a-1", "b-1"]
    assert saved.woken == ()
    assert set(rows.states().values()) == {"delivered"}
    assert rows.journal() == [("delivered", "a-1"), ("delivered", "b-1")]
    assert rows.column(orders.c.due_at) == {"a": None, "b": None}
    assert set(rows.column(orders.c.updated_at).values()) == {NOW}
    assert set(rows.column(shipments_table.c.updated_at).values()) == {NOW}
    assert [(kind, row["id"], row["state"]) for kind, row in rows.facts()] == [
        ("shipment", "a-1", "delivered"),
        ("shipment", "b-1", "delivered"),
    ]
    row = rows.row(labels, "a-1-label")
    assert (row["tracking_state"], row["tracking_note"]) == ("delivered", "on the porch")
    assert (row["tracking_changed_at"], row["track_due_at"]) == (NOW, None)


@pytest.mark.parametrize(
    ("columns", "is_held"), [({"lease": TOKEN}, False), ({"phase": "open"}, False), ({}, True)]
)
def test_a_delivery_of_any_other_order_wakes_it(rows: Rows, columns: dict[str, Any], is_held: bool) -> None:
    look = posted(rows, "ord-1", **columns)
    if is_held:
        rows.hold("ord", HoldCode.MANUAL)
    assert tracking.save(rows.tx(), [look]) == Saved(woken=("ord",))
    assert rows.states() == {"ord-1": "fulfilled"}
    assert rows.column(orders.c.wakes) == {"ord": 2}
    assert rows.read("ord-1").label == replace(
        look.shipment.label,  # type: ignore[type-var]
        tracking=ARRIVED,
        tracking_changed_at=NOW,
        track_due_at=None,
    )


def test_a_hold_that_was_released_wakes_nothing(rows: Rows) -> None:
    look = posted(rows, "ord-1")
    rows.hold("ord", HoldCode.MANUAL, released_at=NOW - 1, released_by="ada")
    assert [one.id for one in tracking.save(rows.tx(), [look]).delivered] == ["ord-1"]


def test_trouble_wakes_its_order_and_other_news_wakes_none(rows: Rows) -> None:
    back = replace(posted(rows, "back-1"), tracking=BACK, next_at=NOW + 5)
    moving = replace(posted(rows, "moving-1"), tracking=MOVING, next_at=NOW + 6, needs_step=False)
    silent = replace(posted(rows, "silent-1"), tracking=NO_NEWS, changed_at=None, next_at=NOW + 7)
    silent = replace(silent, needs_step=False)
    assert tracking.save(rows.tx(), [back, moving, silent]) == Saved(woken=("back",))
    assert rows.column(orders.c.due_at) == {"back": NOW, "moving": None, "silent": None}
    assert rows.column(labels.c.track_due_at) == {
        "back-1-label": NOW + 5,
        "moving-1-label": NOW + 6,
        "silent-1-label": NOW + 7,
    }
    assert rows.read("moving-1").label == replace(
        moving.shipment.label,  # type: ignore[type-var]
        tracking=MOVING,
        tracking_changed_at=NOW,
        track_due_at=NOW + 6,
    )
    assert rows.journal() == []


def test_an_answer_about_a_label_that_was_written_meanwhile_changes_nothing(rows: Rows) -> None:
    stale, fresh = posted(rows, "stale-1"), posted(rows, "fresh-1")
    written = labels.update().where(labels.c.id == "stale-1-label").values(track_due_at=NOW + 70)
    rows.connection.execute(written)
    saved = tracking.save(rows.tx(), [stale, fresh])
    assert [one.id for one in saved.delivered] == ["fresh-1"]
    assert rows.states() == {"stale-1": "fulfilled", "fresh-1": "delivered"}
    assert rows.read("stale-1").label == replace(stale.shipment.label, track_due_at=NOW + 70)  # type: ignore[type-var]
    assert tracking.save(rows.tx(), [stale]) == Saved()


def test_a_shipment_that_moved_on_meanwhile_is_not_moved(rows: Rows) -> None:
    look = posted(rows, "ord-1")
    rows.connection.execute(shipments_table.update().values(state="delivered"))
    assert tracking.save(rows.tx(), [look]) == Saved()
    assert rows.journal() == []
