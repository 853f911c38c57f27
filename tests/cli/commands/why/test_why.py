from __future__ import annotations

from typing import Any

from packhouse_cli.exit_codes import Exit
from tests.cli.runner import call, serving

ORDER: dict[str, Any] = {
    "id": "ord/1",
    "phase": "open",
    "status": "pending",
    "shipments": [],
    "holds": [],
    "due_at": None,
}
ENTRIES = [
    {
        "id": 1,
        "at": 1.0,
        "order_id": "ord/1",
        "shipment_id": "",
        "actor": "packhouse",
        "action": "event_received",
        "why": "So.",
    }
]
ANSWERS: dict[str, tuple[int, Any]] = {
    "GET /api/v1/orders/ord%2F1": (200, ORDER),
    "GET /api/v1/orders/ord%2F1/journal": (200, {"order_id": "ord/1", "entries": ENTRIES}),
}


def test_why_shows_the_history_and_ends_with_what_happens_next() -> None:
    with serving(dict(ANSWERS)) as daemon:
        shown = call("why", "ord/1", environ=daemon.environ)
        same = call("orders", "why", "ord/1", environ=daemon.environ)
    assert shown.code == 0
    assert shown.out.startswith("Order ord/1")
    assert "event received  So." in shown.out
    assert shown.out.splitlines()[-2:] == ["What happens next", "  → Packhouse is processing the order now."]
    assert same.out == shown.out


def test_why_as_json_is_the_order_and_its_journal() -> None:
    with serving(dict(ANSWERS)) as daemon:
        assert call("why", "ord/1", "--json", environ=daemon.environ).json == {
            "order": ORDER,
            "entries": ENTRIES,
        }


def test_an_unknown_order_says_when_it_would_be_found() -> None:
    with serving({}) as daemon:
        shown = call("why", "ord_2", "--json", environ=daemon.environ)
    assert shown.code == Exit.NOT_FOUND
    assert "next poll" in shown.err
    assert shown.error["status"] == 404
