"""Orders: a snapshot is saved under the lease, and each order is claimed with its own records."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.errors import LeaseLost
from packhouse.ledger import holds, orders, recalled, restores
from packhouse.ledger.tables import orders as orders_table
from packhouse.ledger.tables import shipments
from packhouse.ledger.tx import SUSPECT_CRASHES
from packhouse.model.hold import HoldCode
from packhouse.model.order import Line, Order
from packhouse.model.states import ShipmentState
from tests.service.ledger.rows import NOW, Rows, lease_on

S = ShipmentState
ORDER = Order("ord", "paid", site_slug="here", lines=(Line("li_1", "p1", quantity=2),), raw={"id": "ord"})


def claim(rows: Rows, most: int = 10, **how: Any) -> dict[str, orders.OrderRecords]:
    """Claim what is due now."""
    taken = orders.claim(rows.tx(), "w:1", NOW + 100, most, **how)
    return {lease.order_id: records for lease, records in taken}


def test_a_snapshot_is_saved_whole_for_the_leased_order_alone(rows: Rows) -> None:
    tx = rows.leased("ord")
    rows.leased("far")
    orders.save_snapshot(tx, ORDER, NOW - 3)
    row = rows.row(orders_table, "ord")
    assert (row["status"], row["site_slug"], row["snapshot"]) == ("paid", "here", {"id": "ord"})
    assert (row["fetched_at"], row["updated_at"]) == (NOW - 3, NOW)
    assert orders.fingerprint(rows.connection, "ord") == ORDER.fingerprint() != ""
    assert orders.fingerprint(rows.connection, "far") == ""
    assert orders.fingerprint(rows.connection, "none") == ""
    assert rows.row(orders_table, "far")["snapshot"] is None


def test_a_worker_without_its_lease_saves_no_snapshot(rows: Rows) -> None:
    rows.leased("ord")
    rows.leased("far", lease="other:1")
    with pytest.raises(LeaseLost, match="lost the lease on order far"):
        orders.save_snapshot(rows.tx(lease_on("far")), ORDER, NOW)
    assert rows.column(orders_table.c.snapshot) == {"ord": None, "far": None}


def test_each_order_is_claimed_with_its_own_records(rows: Rows) -> None:
    for order_id in ("a", "b"):
        rows.order(order_id, due_at=NOW)
        rows.shipment(f"{order_id}-1", S.PLANNED)
        rows.hold(order_id, HoldCode.MANUAL)
    rows.order("later", due_at=NOW + 1)
    claimed = claim(rows)
    assert claimed == {
        order_id: orders.OrderRecords(
            (rows.read(f"{order_id}-1"),), holds.of_order(rows.connection, order_id)
        )
        for order_id in ("a", "b")
    }
    assert [len(records.holds) for records in claimed.values()] == [1, 1]
    assert claim(rows) == {}


def test_suspects_are_claimed_apart(rows: Rows) -> None:
    rows.order("a", due_at=NOW)
    rows.order("b", due_at=NOW, crashes=SUSPECT_CRASHES)
    assert list(claim(rows)) == ["a"]
    assert list(claim(rows, suspects=True)) == ["b"]


@pytest.mark.parametrize("unreadable", [("a",), ("b",), ("a", "b"), ("a", "b", "c")])
def test_records_that_cannot_be_read_concern_only_their_own_order(
    rows: Rows, unreadable: tuple[str, ...]
) -> None:
    for order_id in ("a", "b", "c"):
        rows.order(order_id, due_at=NOW)
        rows.shipment(f"{order_id}-1", S.PLANNED)
    damage = shipments.update().where(shipments.c.order_id.in_(unreadable)).values(units="none")
    rows.connection.execute(damage)
    claimed = claim(rows)
    assert sorted(claimed) == ["a", "b", "c"]
    for order_id, records in claimed.items():
        if order_id in unreadable:
            assert records.unreadable.startswith("its records cannot be read: ValueError")
            assert records.shipments == ()
        else:
            assert records == orders.OrderRecords((rows.read(f"{order_id}-1"),))


def test_nothing_is_claimed_while_what_a_restored_ledger_lost_is_collected(rows: Rows) -> None:
    rows.order("a", due_at=NOW)
    restores.notice(rows.tx(), restores.Cause.GUARD_LOG)
    assert claim(rows) == {}
    restores.allow_claims(rows.tx())
    assert list(claim(rows)) == ["a"]


def test_an_order_is_compared_once_after_a_restore(rows: Rows) -> None:
    tx = rows.leased("a")
    rows.order("b", due_at=NOW)
    rows.order("c", due_at=NOW, compared_at=NOW - 1)
    restores.look_up_older(rows.tx())
    recalled.mark_compared(tx, "a", NOW)
    rows.connection.execute(orders_table.update().where(orders_table.c.id == "a").values(due_at=NOW))
    claimed = claim(rows)
    assert {order_id: records.restored_at for order_id, records in claimed.items()} == {
        "a": 0.0,
        "b": NOW,
        "c": NOW,
    }
