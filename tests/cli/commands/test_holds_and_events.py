"""`packhouse holds`, `packhouse events` and `packhouse tail`: the holds, the events, the journal."""

from __future__ import annotations

import json
from typing import Any

from packhouse_cli.exit_codes import Exit
from tests.cli.runner import call, serving

HOLD: dict[str, Any] = {
    "id": 7,
    "code": "no_rate",
    "sentence": "The provider offers no service.",
    "order_id": "ord_1",
    "shipment_id": "ord_1-1",
    "placed_by": "packhouse",
    "placed_at": 1795436116.0,
    "released_at": None,
}
EVENT: dict[str, Any] = {
    "id": "evt_1",
    "type": "order.created",
    "order_id": "ord_1",
    "site_slug": "tea",
    "received_at": 1795436116.0,
    "outcome": "accepted",
    "note": "",
}


def entry(number: int, order: str = "ord_1", **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "at": 1795436116.0 + number,
        "order_id": order,
        "shipment_id": "",
        "actor": "ada",
        "action": "retry_requested",
        "why": f"why {number}",
        "data": {},
    } | more


def test_standing_holds_are_listed_and_released() -> None:
    answers = {
        "GET /api/v1/holds?limit=50&active=true": (200, {"holds": [HOLD]}),
        "GET /api/v1/holds?limit=50": (200, {"holds": []}),
        "POST /api/v1/holds/7/release": (200, HOLD),
        "POST /api/v1/orders/ord_1/holds": (201, HOLD),
    }
    with serving(answers) as daemon:
        table = call("holds", "list", environ=daemon.environ)
        rows = call("holds", "list", "--json", environ=daemon.environ)
        none = call("holds", "list", "--all", environ=daemon.environ)
        released = call("holds", "release", "7", "--reason", "r", environ=daemon.environ)
        placed = call("holds", "place", "ord_1", "--reason", "r", environ=daemon.environ)
    assert "The provider offers no service." in table.out
    assert rows.json == [HOLD]
    assert (none.code, none.out) == (0, "")
    assert "packhouse why ord_1" in released.out
    assert "packhouse holds release 7" in placed.out


def test_a_hold_is_not_released_without_a_reason_or_twice() -> None:
    answer = (409, {"error": {"code": "conflict", "message": "hold 7 is already released, by bob"}})
    with serving({"POST /api/v1/holds/7/release": answer}) as daemon:
        unreasoned = call("holds", "release", "7", environ=daemon.environ)
        again = call("holds", "release", "7", "--reason", "r", environ=daemon.environ)
    assert unreasoned.code == Exit.USAGE
    assert again.code == Exit.CONFLICT
    assert "by bob" in again.err


def test_events_are_listed_over_pages_shown_with_what_followed_and_replayed() -> None:
    answers = {
        "GET /api/v1/events?limit=3&order_id=ord_1": (200, {"events": [EVENT], "next": 17.5}),
        "GET /api/v1/events?limit=2&order_id=ord_1&before=17.5": (200, {"events": [EVENT], "next": None}),
        "GET /api/v1/events/evt_1": (200, EVENT),
        "GET /api/v1/orders/ord_1/journal": (200, {"entries": [entry(-9), entry(5)]}),
        "POST /api/v1/events/evt_1/replay": (200, EVENT),
    }
    with serving(answers) as daemon:
        rows = call("events", "list", "--order", "ord_1", "--limit", "3", "--json", environ=daemon.environ)
        table = call("events", "list", "--order", "ord_1", "--limit", "3", environ=daemon.environ)
        shown = call("events", "show", "evt_1", environ=daemon.environ)
        replayed = call("events", "replay", "evt_1", "--reason", "r", environ=daemon.environ)
    assert rows.json == [EVENT, EVENT]
    assert table.out.count("order.created") == 2
    assert "why 5" in shown.out
    assert "why -9" not in shown.out
    assert replayed.out == "Packhouse processes order ord_1 again now.\n"


def test_the_journals_end_is_printed_one_entry_a_line() -> None:
    answers = {
        "GET /api/v1/journal?limit=2": (200, {"entries": [entry(1), entry(2)]}),
        "GET /api/v1/journal?limit=500": (200, {"entries": [entry(1), entry(2, "ord_2"), entry(3)]}),
    }
    with serving(answers) as daemon:
        plain = call("tail", "-n", "2", "--no-follow", environ=daemon.environ)
        lines = call("tail", "-n", "2", "--no-follow", "--json", environ=daemon.environ)
        one = call("tail", "--order", "ord_2", "--no-follow", environ=daemon.environ)
    assert "ord_1               retry requested  why 1 (by ada)" in plain.out
    assert [json.loads(line)["id"] for line in lines.out.splitlines()] == [1, 2]
    assert one.out.splitlines()[0].endswith("why 2 (by ada)")
    assert len(one.out.splitlines()) == 1
