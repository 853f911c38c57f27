from __future__ import annotations

from typing import Any

import pytest

from packhouse.model.states import ShipmentState
from packhouse.model.waiting import Waiting, WaitKind
from packhouse_cli.clients.daemon import Daemon
from packhouse_cli.clients.http import JsonClient
from packhouse_cli.demo.snapshot import Place, SnapshotReader, order_progress
from tests.cli.runner import serving


def ours(phase: str, *states: str, **more: Any) -> dict[str, Any]:
    return {
        "id": "ord_1",
        "phase": phase,
        "shipments": [{"state": state} for state in states],
        "holds": [],
    } | more


@pytest.mark.parametrize(
    ("known", "place", "steps", "label", "processed"),
    [
        (None, Place.QUEUED, 0, "queued", False),
        (ours("open"), Place.IN_PROGRESS, 1, "received", False),
        (ours("open", "planned"), Place.IN_PROGRESS, 2, "packing", False),
        (ours("open", "unknown"), Place.IN_PROGRESS, 2, "looking up", False),
        (ours("open", "fulfilled", "labeled"), Place.IN_PROGRESS, 3, "label", False),
        (ours("open", "voided", "buying"), Place.IN_PROGRESS, 2, "buying", False),
        (ours("shipped", "fulfilled"), Place.SHIPPED, 4, "shipped", True),
        (ours("held", "held"), Place.HELD, 2, "held", True),
        (ours("held", "voiding"), Place.HELD, 2, "held", False),
        (ours("closed", "voided"), Place.CLOSED, 2, "closed", True),
        (ours("closed", "voiding"), Place.CLOSED, 2, "closed", False),
    ],
)
def test_an_order_has_the_progress_of_its_slowest_shipment(
    known: dict[str, Any] | None, place: Place, steps: int, label: str, processed: bool
) -> None:
    order = order_progress("ord_1", {"status": "pending"}, known)
    assert (order.place, order.steps, order.label, order.processed) == (place, steps, label, processed)


@pytest.mark.parametrize("state", ShipmentState)
def test_every_shipment_state_has_a_progress(state: ShipmentState) -> None:
    order = order_progress("ord_1", {"status": "pending"}, ours("open", state))
    if state.reserves_units:
        assert order.steps >= 2
        assert not order.processed


def test_an_order_that_ended_before_packhouse_received_it_is_closed() -> None:
    order = order_progress("ord_1", {"status": "cancelled", "unshipped": 2}, None)
    assert order.place is Place.CLOSED
    assert order.processed
    assert not order_progress("ord_1", {"status": "partially_fulfilled"}, None).processed


def test_an_order_that_was_returned_in_part_waits_until_a_poll_finds_it() -> None:
    owed = order_progress("ord_1", {"status": "returned", "unshipped": 1}, None)
    assert (owed.place, owed.processed) == (Place.QUEUED, False)
    assert owed.waiting is not None
    assert "The next poll finds it." in owed.waiting.sentence
    assert order_progress("ord_1", {"status": "returned", "unshipped": 0}, None).place is Place.CLOSED


def test_an_unfinished_order_says_what_it_waits_for() -> None:
    pause = {"kind": "paused", "sentence": "Paused by ada: lunch", "remedy": "Resume it.", "account": ""}
    order = order_progress("ord_1", {"status": "pending"}, ours("open", "planned", waiting=[pause]))
    assert order.waiting == Waiting(WaitKind.PAUSED, "Paused by ada: lunch", remedy="Resume it.")
    voided = order_progress("ord_1", {"status": "cancelled"}, ours("closed", "voiding"))
    assert voided.waiting is not None
    assert voided.waiting.kind is WaitKind.VOID_UNSETTLED


def test_a_snapshot_joins_both_sources_and_has_each_journal_entry_once() -> None:
    entries = [
        {"id": n, "at": 1.0, "order_id": "ord_1", "action": "event_received", "why": ""} for n in (1, 2)
    ]
    answers: dict[str, tuple[int, Any]] = {
        "GET /sandbox/state": (
            200,
            {"orders": {"ord_1": {"status": "pending"}, "ord_2": {}}, "scheduled": 0},
        ),
        "GET /api/v1/orders?limit=200": (200, {"orders": [ours("shipped", "fulfilled")], "next": "n1"}),
        "GET /api/v1/orders?limit=200&after=n1": (200, {"orders": [ours("held", id="ord_2")], "next": None}),
        "GET /api/v1/journal?after=0&limit=500": (200, {"entries": entries}),
        "GET /api/v1/journal?after=2&limit=500": (200, {"entries": []}),
        "GET /api/v1/status": (200, {"labels": 1}),
    }
    with serving(answers) as peer:
        reader = SnapshotReader(Daemon(peer.url, "sesame"), JsonClient("sandbox", peer.url), expected=2)
        snapshot = reader.read()
        again = reader.read()
    assert [order.place for order in snapshot.orders] == [Place.SHIPPED, Place.HELD]
    assert snapshot.processed
    assert [entry["id"] for entry in snapshot.new_entries] == [1, 2]
    assert again.new_entries == ()
    assert [entry["id"] for entry in again.entries] == [1, 2]


def test_nothing_is_processed_while_orders_are_still_arriving() -> None:
    answers: dict[str, tuple[int, Any]] = {
        "GET /sandbox/state": (200, {"orders": {"ord_1": {}}, "scheduled": 1}),
        "GET /api/v1/orders?limit=200": (200, {"orders": [ours("shipped")], "next": None}),
        "GET /api/v1/journal?after=0&limit=500": (200, {"entries": []}),
        "GET /api/v1/status": (200, {}),
    }
    with serving(answers) as peer:
        daemon, sandbox = Daemon(peer.url, "s"), JsonClient("sandbox", peer.url)
        assert not SnapshotReader(daemon, sandbox, expected=1).read().processed
        answers["GET /sandbox/state"] = (200, {"orders": {"ord_1": {}}, "scheduled": 0})
        assert SnapshotReader(daemon, sandbox, expected=1).read().processed
        assert not SnapshotReader(daemon, sandbox, expected=2).read().processed
