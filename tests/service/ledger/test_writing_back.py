"""Writing the guard log back: the newest row wins, money that moved wins over a plan, and nothing twice."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from sqlalchemy import select

from packhouse.ledger import kv, replay
from packhouse.ledger.replay import OrderFacts
from packhouse.ledger.tables import holds, journal, labels, orders, shipments
from packhouse.model.hold import HoldCode
from packhouse.model.parcel import Parcel
from packhouse.model.states import LabelState, ShipmentState
from tests.service.ledger import log_rows
from tests.service.ledger.log_rows import Row
from tests.service.ledger.rows import NOW, TOKEN, Rows

S, L = ShipmentState, LabelState


def known(
    *, shipments: tuple[Row, ...] = (), labels: tuple[Row, ...] = (), holds: tuple[Row, ...] = ()
) -> Any:
    """What the log knows of one order."""
    return OrderFacts(
        {row["id"]: row for row in shipments},
        {row["id"]: row for row in labels},
        {(row["shipment_id"], row["code"], row["placed_at"]): row for row in holds},
    )


def write(rows: Rows, facts: OrderFacts, order_id: str = "ord") -> bool:
    return replay.write_order(rows.tx(), order_id, facts)


def whys(rows: Rows) -> list[str]:
    found = rows.connection.execute(select(journal).where(journal.c.action == "restored"))
    return [row.why for row in found]


def holds_of(rows: Rows, *columns: str) -> list[tuple[Any, ...]]:
    found = rows.connection.execute(select(holds).order_by(holds.c.id)).mappings()
    return [tuple(row[name] for name in columns) for row in found]


# ---- the order ------------------------------------------------------------------------------------------


def test_an_order_that_is_written_is_taken_from_its_worker_and_compared_again(rows: Rows) -> None:
    """What the worker knows is outdated: its next write must fail."""
    rows.order("ord", lease=TOKEN, compared_at=NOW)
    rows.order("other", lease=TOKEN, compared_at=NOW)
    assert write(rows, known(shipments=(log_rows.shipment("ord-1", "planned"),)))
    row = rows.row(orders, "ord")
    assert (row["lease"], row["compared_at"], row["due_at"]) == (None, None, NOW)
    other = rows.row(orders, "other")
    assert (other["lease"], other["compared_at"]) == (TOKEN, NOW)
    assert whys(rows) == ["Known again from the guard log: shipment ord-1 is planned."]
    assert rows.journal() == [("restored", "ord")]


def test_an_order_of_which_nothing_is_new_keeps_its_worker(rows: Rows) -> None:
    facts = known(
        shipments=(log_rows.shipment("ord-1", "labeled"),),
        labels=(log_rows.label("ord-1"),),
        holds=(log_rows.hold("ord"),),
    )
    assert write(rows, facts)
    assert whys(rows) == [
        "Known again from the guard log: shipment ord-1 is labeled; label 1Z-ord-1 is bought; "
        "hold manual is placed by ada."
    ]
    rows.connection.execute(orders.update().values(lease=TOKEN, compared_at=NOW))
    assert not write(rows, facts)
    row = rows.row(orders, "ord")
    assert (row["lease"], row["compared_at"]) == (TOKEN, NOW)
    assert len(whys(rows)) == 1


@pytest.mark.parametrize(
    "facts",
    [
        known(shipments=(log_rows.shipment("ord-1", "planned"),)),
        known(holds=(log_rows.hold("ord"),)),
    ],
)
def test_an_order_that_the_backup_lacks_is_added_with_what_is_known(rows: Rows, facts: OrderFacts) -> None:
    assert write(rows, facts)
    assert rows.column(orders.c.due_at) == {"ord": NOW}


def test_an_order_of_which_only_a_label_is_known_is_not_added(rows: Rows) -> None:
    """The part of the log that has its shipment is lost; the accounts are asked."""
    assert not write(rows, known(labels=(log_rows.label("ord-1"),)))
    assert rows.column(orders.c.phase) == {}


# ---- shipments ------------------------------------------------------------------------------------------


def test_every_column_of_a_shipment_is_known_again(rows: Rows) -> None:
    rows.shipment("ord-1", S.PLANNED)
    other = rows.shipment("ord-2", S.PLANNED)
    row = log_rows.shipment(
        *("ord-1", "buying", NOW), provider="easypost", provider_ref="shp", intent_at=5.0, post_key="k"
    )
    new = log_rows.shipment("ord-3", "held", NOW, generation=2, parcel=asdict(Parcel(5, 1, 1, 1)))
    assert write(rows, known(shipments=(new, row)))
    for expected in (row, new):
        written = rows.row(shipments, expected["id"])
        assert {name: written[name] for name in expected} == expected
    assert rows.read("ord-2") == other
    assert whys(rows) == ["Known again from the guard log: shipment ord-1 is buying; shipment ord-3 is held."]


MOVED = {
    "newer": (S.PLANNED, S.CANCELLED, 1.0, True),
    "newer, and its money is back": (S.LABELED, S.VOIDED, 1.0, True),
    "newer, and planned again": (S.BUYING, S.PLANNED, 1.0, True),
    "the same": (S.LABELED, S.LABELED, 0.0, False),
    "as old": (S.LABELED, S.VOIDED, 0.0, False),
    "older": (S.LABELED, S.BUYING, -1.0, False),
    "older, and a plan": (S.LABELED, S.PLANNED, -1.0, False),
    "older, and both are plans": (S.PLANNED, S.CANCELLED, -1.0, False),
    "older, and bought where a plan is": (S.PLANNED, S.BUYING, -1.0, True),
    "older, and bought where a hold is": (S.HELD, S.LABELED, -1.0, True),
    "older, and bought where it was cancelled": (S.CANCELLED, S.UNKNOWN, -1.0, True),
}


@pytest.mark.parametrize("case", MOVED)
def test_the_later_truth_about_a_shipment_wins(rows: Rows, case: str) -> None:
    has, logged, later_s, wins = MOVED[case]
    rows.shipment("ord-1", has, updated_at=NOW)
    row = log_rows.shipment("ord-1", logged.value, NOW + later_s)
    assert write(rows, known(shipments=(row,))) is wins
    assert rows.states() == {"ord-1": (logged if wins else has).value}


# ---- labels ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", S)
def test_a_label_is_known_again_unless_its_shipment_has_none(rows: Rows, state: ShipmentState) -> None:
    """What is being bought or looked up is found by its reference; two records of it would be two labels."""
    rows.labeled("first-1", S.BUYING if state is S.LABELED else S.LABELED)
    rows.shipment("ord-1", state)
    is_known = write(rows, known(labels=(log_rows.label("ord-1"),)))
    assert is_known is (state not in (S.PLANNED, S.BUYING, S.UNKNOWN, S.CANCELLED))
    assert ("ord-1-label" in rows.column(labels.c.state)) is is_known


def test_every_column_of_a_label_is_known_again(rows: Rows) -> None:
    row = log_rows.label("ord-1", document="a.zpl", void_refusals=2, papers=[{"kind": "invoice"}])
    rows.shipment("ord-1", S.LABELED)
    assert write(rows, known(labels=(row,)))
    written = rows.row(labels, "ord-1-label")
    assert {name: written[name] for name in row} == row


VOIDS = {
    "a void was requested": (L.BOUGHT, L.VOIDING, True),
    "it was voided": (L.BOUGHT, L.VOIDED, True),
    "a void ended": (L.VOIDING, L.VOIDED, True),
    "a void was refused": (L.VOIDING, L.VOID_REFUSED, True),
    "a void was requested again": (L.VOID_REFUSED, L.VOIDING, True),
    "the same void": (L.VOIDING, L.VOIDING, False),
    "the purchase alone": (L.VOIDING, L.BOUGHT, False),
    "the purchase of what is void": (L.VOIDED, L.BOUGHT, False),
    "a void that has ended here": (L.VOIDED, L.VOIDING, False),
    "a label as it is": (L.BOUGHT, L.BOUGHT, False),
    "void as it is": (L.VOIDED, L.VOIDED, False),
}


@pytest.mark.parametrize("case", VOIDS)
def test_a_void_is_known_again_and_never_taken_back(rows: Rows, case: str) -> None:
    has, logged, wins = VOIDS[case]
    rows.labeled("ord-1", state=has, void_requested_at=1.0)
    rows.labeled("ord-2")
    row = log_rows.label("ord-1", logged.value, void_requested_at=9.0, void_refusals=3, document="lost")
    assert write(rows, known(labels=(row,))) is wins
    written = rows.row(labels, "ord-1-label")
    state = (logged.value, 9.0, 3) if wins else (has.value, 1.0, 0)
    assert (written["state"], written["void_requested_at"], written["void_refusals"]) == state
    assert written["document"] == "", "the file of the label is where the ledger says"
    assert rows.row(labels, "ord-2-label")["state"] == "bought"


# ---- holds ----------------------------------------------------------------------------------------------


def test_every_column_of_a_hold_is_known_again(rows: Rows) -> None:
    rows.order("ord")
    row = log_rows.hold("ord", shipment_id="ord-1", code="cap_reached", note="too much", fingerprint="f")
    assert write(rows, known(holds=(row,)))
    assert holds_of(rows, *row, "released_at") == [(*row.values(), None)]
    assert whys(rows) == ["Known again from the guard log: hold cap_reached is placed by ada."]


def test_a_hold_that_was_placed_and_released_is_known_again_as_released(rows: Rows) -> None:
    rows.order("ord")
    row = log_rows.hold("ord", released_by="bo", released_at=NOW, release_reason="called")
    assert write(rows, known(holds=(row,)))
    assert holds_of(rows, "note", "released_by", "released_at", "release_reason") == [
        ("wait", "bo", NOW, "called")
    ]
    assert whys(rows) == ["Known again from the guard log: hold manual is released by bo."]


@pytest.mark.parametrize(
    "differs",
    [
        {"order_id": "other"},
        {"shipment_id": "ord-1"},
        {"code": "cap_reached"},
        {"placed_at": 1.0, "released_at": 2.0},
    ],
)
def test_a_hold_that_differs_in_one_column_is_another_one(rows: Rows, differs: dict[str, Any]) -> None:
    rows.order("ord")
    rows.order("other")
    row = log_rows.hold("ord")
    rows.add(holds, **{**row, **differs})
    assert write(rows, known(holds=(row,)))
    assert len(holds_of(rows)) == 2


def test_the_same_hold_is_not_active_twice(rows: Rows) -> None:
    """The ledger placed it again after the restore, at another time."""
    rows.order("ord")
    rows.hold("ord", HoldCode.MANUAL, placed_by="ada", placed_at=NOW)
    assert not write(rows, known(holds=(log_rows.hold("ord"),)))
    assert holds_of(rows, "placed_at") == [(NOW,)]
    assert rows.journal() == []


RELEASES = {
    "released since": (None, "bo", ("bo", NOW, "called")),
    "active as it is": (None, None, ("", None, "")),
    "released here": ("cy", "bo", ("cy", 7.0, "here")),
    "placed, and released here": ("cy", None, ("cy", 7.0, "here")),
}


@pytest.mark.parametrize("case", RELEASES)
def test_a_release_is_known_again_and_never_taken_back(rows: Rows, case: str) -> None:
    here, logged, after = RELEASES[case]
    rows.order("ord")
    row = log_rows.hold("ord")
    release = {"released_by": "cy", "released_at": 7.0, "release_reason": "here"} if here else {}
    rows.add(holds, **row, **release)
    rows.hold("ord", HoldCode.CAP_REACHED)
    since = {"released_by": "bo", "released_at": NOW, "release_reason": "called"} if logged else {}
    assert write(rows, known(holds=({**row, **since},))) is (after[0] == "bo")
    assert holds_of(rows, "released_by", "released_at", "release_reason") == [after, ("", None, "")]


# ---- the pause ------------------------------------------------------------------------------------------

PAUSES = {
    "paused since": (None, ("ada: count", 200.0), "paused by ada: count"),
    "paused since it was resumed": (("", 100.0), ("ada: count", 200.0), "paused by ada: count"),
    "paused for another reason": (("bo: old", 100.0), ("ada: count", 200.0), "paused by ada: count"),
    "resumed since": (("bo: old", 100.0), ("", 200.0), "resumed"),
    "never paused": (None, ("", 200.0), None),
    "resumed as it is": (("", 100.0), ("", 200.0), None),
    "paused as it is": (("ada: count", 100.0), ("ada: count", 200.0), None),
    "paused here later": (("bo: new", 300.0), ("ada: count", 200.0), None),
    "resumed here later": (("", 300.0), ("ada: count", 200.0), None),
    "paused here at the same time": (("bo: new", 200.0), ("ada: count", 200.0), None),
}


@pytest.mark.parametrize("case", PAUSES)
def test_the_last_word_about_a_pause_is_known_again(rows: Rows, case: str) -> None:
    here, (why, at), said = PAUSES[case]
    if here:
        kv.write(rows.tx(now=here[1]), "paused", here[0])
    assert replay.write_pause(rows.tx(), log_rows.pause(why, at)) is (said is not None)
    assert kv.read_with_time(rows.connection, "paused") == ((why, NOW) if said else here)
    assert whys(rows) == ([f"Known again from the guard log: {said}."] if said else [])
