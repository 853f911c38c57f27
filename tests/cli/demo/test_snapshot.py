from __future__ import annotations

from typing import Any

import pytest

from packhouse.model.states import ShipmentState
from packhouse_cli.clients.daemon import Daemon
from packhouse_cli.clients.http import Peer
from packhouse_cli.demo.snapshot import Looker, Place, seen_order
from tests.cli.runner import serving


def ours(phase: str, *states: str, **more: Any) -> dict[str, Any]:
    return {
        "id": "ord_1",
        "phase": phase,
        "shipments": [{"state": state} for state in states],
        "holds": [],
    } | more


@pytest.mark.parametrize(
    ("known", "place", "steps", "word", "settled"),
    [
        (None, Place.AT_STORE, 0, "at store", False),
        (ours("open"), Place.ON_THE_WAY, 1, "received", False),
        (ours("open", "planned"), Place.ON_THE_WAY, 2, "packing", False),
        (ours("open", "unknown"), Place.ON_THE_WAY, 2, "looking up", False),
        (ours("open", "fulfilled", "labeled"), Place.ON_THE_WAY, 3, "label", False),
        (ours("open", "voided", "buying"), Place.ON_THE_WAY, 2, "buying", False),
        (ours("shipped", "fulfilled"), Place.SHIPPED, 4, "shipped", True),
        (ours("held", "held"), Place.HELD, 2, "held", True),
        (ours("held", "voiding"), Place.HELD, 2, "held", False),
        (ours("closed", "voided"), Place.LEFT_ALONE, 2, "left alone", True),
        (ours("closed", "voiding"), Place.LEFT_ALONE, 2, "left alone", False),
    ],
)
def test_an_order_is_as_far_as_its_slowest_shipment(
    known: dict[str, Any] | None, place: Place, steps: int, word: str, settled: bool
) -> None:
    seen = seen_order("ord_1", "pending", known)
    assert (seen.place, seen.steps, seen.word, seen.settled) == (place, steps, word, settled)


@pytest.mark.parametrize("state", ShipmentState)
def test_no_state_of_a_shipment_is_unknown_to_the_view(state: ShipmentState) -> None:
    seen = seen_order("ord_1", "pending", ours("open", state))
    if state.reserves_units:
        assert seen.steps >= 2
        assert not seen.settled


def test_an_order_that_ended_before_anyone_heard_of_it_is_left_alone() -> None:
    seen = seen_order("ord_1", "cancelled", None)
    assert seen.place is Place.LEFT_ALONE
    assert seen.settled
    assert not seen_order("ord_1", "partially_fulfilled", None).settled


def test_a_look_joins_both_and_hears_each_act_once() -> None:
    acts = [{"id": n, "at": 1.0, "order_id": "ord_1", "action": "heard", "why": ""} for n in (1, 2)]
    answers: dict[str, tuple[int, Any]] = {
        "GET /sandbox/state": (
            200,
            {"orders": {"ord_1": {"status": "pending"}, "ord_2": {}}, "scheduled": 0},
        ),
        "GET /api/v1/orders?limit=200": (200, {"orders": [ours("shipped", "fulfilled")], "next": "n1"}),
        "GET /api/v1/orders?limit=200&after=n1": (200, {"orders": [ours("held", id="ord_2")], "next": None}),
        "GET /api/v1/journal?after=0&limit=500": (200, {"entries": acts}),
        "GET /api/v1/journal?after=2&limit=500": (200, {"entries": []}),
        "GET /api/v1/status": (200, {"labels": 1}),
    }
    with serving(answers) as peer:
        looker = Looker(Daemon(peer.url, "sesame"), Peer("sandbox", peer.url), expected=2)
        look = looker.look()
        again = looker.look()
    assert [order.place for order in look.orders] == [Place.SHIPPED, Place.HELD]
    assert look.settled
    assert [act["id"] for act in look.new_acts] == [1, 2]
    assert again.new_acts == ()
    assert [act["id"] for act in again.acts] == [1, 2]


def test_nothing_is_settled_while_orders_are_still_to_come() -> None:
    answers: dict[str, tuple[int, Any]] = {
        "GET /sandbox/state": (200, {"orders": {"ord_1": {}}, "scheduled": 1}),
        "GET /api/v1/orders?limit=200": (200, {"orders": [ours("shipped")], "next": None}),
        "GET /api/v1/journal?after=0&limit=500": (200, {"entries": []}),
        "GET /api/v1/status": (200, {}),
    }
    with serving(answers) as peer:
        assert not Looker(Daemon(peer.url, "s"), Peer("sandbox", peer.url), expected=1).look().settled
        answers["GET /sandbox/state"] = (200, {"orders": {"ord_1": {}}, "scheduled": 0})
        assert Looker(Daemon(peer.url, "s"), Peer("sandbox", peer.url), expected=1).look().settled
        assert not Looker(Daemon(peer.url, "s"), Peer("sandbox", peer.url), expected=2).look().settled
