"""Holds: one active hold of each kind, a note that follows, and a release that happens once."""

from __future__ import annotations

import pytest

from packhouse.errors import LeaseLost
from packhouse.ledger import holds
from packhouse.ledger.tables import holds as holds_table
from packhouse.model.hold import Hold, HoldCode
from packhouse.model.journal import Entry
from tests.service.ledger.rows import NOW, Rows, entries, lease_on

NOTES = holds_table.c.note
HELD = Entry("ord", "held", shipment_id="ord-1")


def place(rows: Rows) -> None:
    """Place an automatic hold on shipment ord-1, under the lease."""
    holds.place(
        rows.tx(lease_on("ord")),
        code=HoldCode.NO_RATE,
        note="new",
        fingerprint="f",
        entry=HELD,
        shipment_id="ord-1",
    )


def test_a_hold_is_written_noted_and_recorded(rows: Rows) -> None:
    rows.leased("ord")
    place(rows)
    (hold,) = holds.of_order(rows.connection, "ord")
    assert hold == Hold(hold.id, "ord", "ord-1", HoldCode.NO_RATE, "new", "f", "packhouse", NOW)
    ((kind, fact),) = rows.facts()
    assert (kind, fact["order_id"], fact["code"], fact["placed_at"]) == ("hold", "ord", "no_rate", NOW)
    assert rows.journal() == [("held", "ord-1")]


def test_the_same_hold_again_changes_the_note_of_the_active_one_alone(rows: Rows) -> None:
    rows.leased("ord")
    rows.order("far")
    active = rows.hold("ord", HoldCode.NO_RATE, "ord-1")
    for code, shipment_id, columns in (
        (HoldCode.NO_RATE, "ord-1", {"released_at": NOW - 9}),
        (HoldCode.NO_RATE, "ord-2", {}),
        (HoldCode.CAP_REACHED, "ord-1", {}),
    ):
        rows.hold("ord", code, shipment_id, **columns)
    rows.hold("far", HoldCode.NO_RATE, "ord-1")
    place(rows)
    assert [note for note in rows.column(NOTES).values() if note] == ["new"]
    changed = rows.row(holds_table, active)
    assert (changed["note"], changed["fingerprint"], changed["placed_at"]) == ("new", "f", NOW - 30)
    assert (rows.facts(), rows.journal()) == ([], [])


def test_a_worker_without_its_lease_places_and_releases_nothing(rows: Rows) -> None:
    rows.leased("ord", lease="other:1")
    with pytest.raises(LeaseLost):
        place(rows)
    rows.hold("ord", HoldCode.NO_RATE)
    (hold,) = holds.of_order(rows.connection, "ord")
    with pytest.raises(LeaseLost):
        holds.release_all(rows.tx(lease_on("ord")), [hold], "over", entries("released"))
    assert holds.of_order(rows.connection, "ord") == (hold,)
    assert (rows.facts(), rows.journal()) == ([], [])


def _put(rows: Rows) -> bool:
    return holds.put(
        rows.tx(),
        order_id="ord",
        code=HoldCode.MANUAL,
        note="wait",
        fingerprint="",
        placed_by="ada",
    )


def test_a_hold_of_a_person_is_put_once_until_it_is_released(rows: Rows) -> None:
    rows.order("ord")
    assert _put(rows) is True
    assert [(kind, row["placed_by"]) for kind, row in rows.facts()] == [("hold", "ada")]
    assert _put(rows) is False
    assert rows.facts() == []
    (hold,) = holds.of_order(rows.connection, "ord")
    holds.release(rows.tx(), hold.id, by="bob", reason="go")
    assert _put(rows) is True
    assert len(holds.of_order(rows.connection, "ord")) == 2


def test_a_release_concerns_one_hold_and_is_noted_without_its_id(rows: Rows) -> None:
    """After a restore, the same hold may have another id."""
    rows.order("ord")
    first, second = rows.hold("ord", HoldCode.MANUAL), rows.hold("ord", HoldCode.NO_RATE)
    assert holds.release(rows.tx(), first, by="ada", reason="go") is True
    released, active = holds.of_order(rows.connection, "ord")
    assert (released.released_by, released.released_at, released.release_reason) == ("ada", NOW, "go")
    assert active.is_active
    assert active.id == second
    ((kind, fact),) = rows.facts()
    assert kind == "hold"
    assert {"id": first, **fact} == rows.row(holds_table, first)
    assert "id" not in fact


def test_a_hold_is_released_once(rows: Rows) -> None:
    rows.order("ord")
    hold_id = rows.hold("ord", HoldCode.MANUAL)
    assert holds.release(rows.tx(), hold_id, by="ada", reason="go") is True
    rows.facts()
    assert holds.release(rows.tx(now=NOW + 5), hold_id, by="bob", reason="again") is False
    assert holds.release(rows.tx(), hold_id + 1, by="bob", reason="none") is False
    (hold,) = holds.of_order(rows.connection, "ord")
    assert (hold.released_by, hold.released_at) == ("ada", NOW)
    assert rows.facts() == []


def test_holds_that_ended_are_released_together_and_recorded(rows: Rows) -> None:
    tx = rows.leased("ord")
    rows.hold("ord", HoldCode.NO_RATE)
    rows.hold("ord", HoldCode.CAP_REACHED)
    rows.hold("ord", HoldCode.MANUAL)
    *ended, _ = holds.of_order(rows.connection, "ord")
    holds.release_all(tx, ended, "over", entries("released", "released"))
    assert [hold.is_active for hold in holds.of_order(rows.connection, "ord")] == [False, False, True]
    assert {hold.release_reason for hold in holds.of_order(rows.connection, "ord")} == {"over", ""}
    assert len(rows.journal()) == 2


def test_a_note_is_changed_for_one_hold(rows: Rows) -> None:
    rows.order("ord")
    first, second = rows.hold("ord", HoldCode.MANUAL), rows.hold("ord", HoldCode.NO_RATE)
    holds.change_note(rows.tx(), second, "better")
    assert rows.column(NOTES) == {first: "", second: "better"}


def test_holds_are_found_by_order_and_by_id(rows: Rows) -> None:
    for order_id in ("a", "b", "c"):
        rows.order(order_id)
    ids = [rows.hold(*one) for one in (("b", HoldCode.MANUAL), ("a", HoldCode.NO_RATE))]
    ids += [rows.hold(*one) for one in (("b", HoldCode.NO_RATE), ("c", HoldCode.MANUAL))]
    found = holds.of_orders(rows.connection, ["a", "b", "none"])
    assert {order: [one.id for one in some] for order, some in found.items()} == {
        "b": [ids[0], ids[2]],
        "a": [ids[1]],
    }
    assert holds.of_order(rows.connection, "none") == ()
    assert holds.by_id(rows.connection, ids[1]) == found["a"][0]
    assert holds.by_id(rows.connection, 99) is None
