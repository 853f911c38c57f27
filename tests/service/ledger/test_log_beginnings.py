"""What a guard log is given when it begins, and when a process continues it: nothing it needs is missing."""

from __future__ import annotations

import pytest

from packhouse.ledger import guard, replay
from packhouse.ledger.facts import Facts, Kind, Mark
from packhouse.ledger.tables import holds, labels, shipments
from packhouse.model.hold import HoldCode
from packhouse.model.states import ShipmentState
from tests.service.ledger.log_rows import of_kind
from tests.service.ledger.rows import NOW, Rows

S = ShipmentState
# A process repeats what changed in the minute before the last line of the one before.
START = NOW - 60.0


def test_an_empty_ledger_has_nothing_to_tell(rows: Rows) -> None:
    assert replay.snapshot(rows.connection, None) == Facts(0.0, None, [])


def test_the_newest_entry_of_the_journal_marks_it(rows: Rows) -> None:
    rows.entry("ord", "planned", at=5.0)
    newest = rows.entry("ord", "bought", at=9.0)
    found = replay.snapshot(rows.connection, None)
    assert (found.at, found.mark) == (9.0, Mark(newest, 9.0))


@pytest.mark.parametrize("state", S)
def test_a_log_begins_with_every_shipment_that_is_not_done(rows: Rows, state: ShipmentState) -> None:
    rows.labeled("ord-1", state)
    is_done = state in (S.FULFILLED, S.DELIVERED, S.VOIDED, S.CANCELLED)
    found = replay.snapshot(rows.connection, None).rows
    assert [row["id"] for row in of_kind(found, Kind.SHIPMENT)] == ([] if is_done else ["ord-1"])
    assert [row["id"] for row in of_kind(found, Kind.LABEL)] == ([] if is_done else ["ord-1-label"])


def test_rows_are_as_the_ledger_has_them(rows: Rows) -> None:
    rows.labeled("ord-1")
    hold_id = rows.hold("ord", HoldCode.MANUAL, note="wait")
    found = replay.snapshot(rows.connection, None).rows
    assert of_kind(found, Kind.SHIPMENT) == [rows.row(shipments, "ord-1")]
    assert of_kind(found, Kind.LABEL) == [rows.row(labels, "ord-1-label")]
    (hold,) = of_kind(found, Kind.HOLD)
    assert {"id": hold_id, **hold} == rows.row(holds, hold_id)
    assert "id" not in hold, "a restored ledger has given the number to another hold"


def test_a_label_of_another_shipment_is_not_taken_for_its_own(rows: Rows) -> None:
    rows.labeled("ord-1", S.FULFILLED)
    rows.labeled("ord-2")
    found = replay.snapshot(rows.connection, None).rows
    assert [row["id"] for row in of_kind(found, Kind.LABEL)] == ["ord-2-label"]


def test_a_log_begins_with_every_active_hold(rows: Rows) -> None:
    rows.order("ord")
    rows.hold("ord", HoldCode.MANUAL, note="wait")
    rows.hold("ord", HoldCode.CAP_REACHED, released_at=NOW)
    found = replay.snapshot(rows.connection, None).rows
    assert [row["code"] for row in of_kind(found, Kind.HOLD)] == ["manual"]


@pytest.mark.parametrize("why", ["ada: counting", ""])
def test_the_pause_or_its_end_is_told(rows: Rows, why: str) -> None:
    guard.pause(rows.tx(now=77.0), why)
    found = replay.snapshot(rows.connection, None).rows
    assert of_kind(found, Kind.PAUSE) == [{"why": why, "at": 77.0}]


def test_a_process_repeats_what_changed_in_the_minute_before_the_last_line(rows: Rows) -> None:
    for seq, state, at in ((1, S.DELIVERED, START), (2, S.PLANNED, START - 0.5), (3, S.LABELED, NOW + 5)):
        rows.shipment(f"ord-{seq}", state, updated_at=at)
        rows.label(f"ord-{seq}")
    found = replay.snapshot(rows.connection, NOW).rows
    assert [row["id"] for row in of_kind(found, Kind.SHIPMENT)] == ["ord-1", "ord-3"]
    assert [row["id"] for row in of_kind(found, Kind.LABEL)] == ["ord-1-label", "ord-3-label"]


@pytest.mark.parametrize(
    ("placed_at", "released_at", "is_told"),
    [
        (START, None, True),
        (START, START + 5, True),
        (START - 0.5, None, False),
        (START - 9, START, True),
        (START - 9, START - 0.5, False),
    ],
)
def test_a_process_repeats_holds_that_were_placed_or_released_in_it(
    rows: Rows, placed_at: float, released_at: float | None, *, is_told: bool
) -> None:
    rows.order("ord")
    rows.hold("ord", HoldCode.MANUAL, placed_at=placed_at, released_at=released_at)
    assert bool(of_kind(replay.snapshot(rows.connection, NOW).rows, Kind.HOLD)) is is_told


def test_a_log_continues_from_the_latest_of_its_entries() -> None:
    """Lines are written after their commits, so the last one need not be the latest."""
    assert replay.last_of([Mark(1, 5.0), Mark(3, 9.0), Mark(2, 7.0)]) == 9.0
    assert replay.last_of([]) is None
