"""`packhouse reconcile`: what was found after a restore, as a table and as JSON, and a person's word."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse_cli.exit_codes import Exit
from tests.cli.runner import call, serving

NOW = 1_795_424_615.0
ENTRY = {
    "id": 7,
    "at": NOW,
    "order_id": "ord_1",
    "shipment_id": "",
    "actor": "packhouse",
    "action": "restored",
    "why": "Known again from the guard log: hold manual is placed by ada.",
    "data": {},
}
NONE: dict[str, Any] = {
    "state": "none",
    "why": "",
    "noticed_at": None,
    "known_until": None,
    "open_points": [],
    "entries": [],
}
ACTIVE = NONE | {
    "state": "active",
    "why": "the guard log in the data folder has entries that the ledger lacks",
    "noticed_at": NOW,
    "known_until": NOW - 60,
    "open_points": ["1 unfinished order(s) are not compared yet: ord_2."],
    "entries": [ENTRY],
}
_ACCEPT = {"POST /api/v1/reconciliation/accept": (200, NONE | {"state": "done"})}


def test_a_reconciliation_is_shown_with_what_does_not_add_up_and_exit_code_13() -> None:
    with serving({"GET /api/v1/reconciliation": (200, ACTIVE)}) as daemon:
        shown = call("reconcile", environ=daemon.environ)
        as_json = call("reconcile", "--json", environ=daemon.environ)
    assert shown.code == as_json.code == Exit.UNFINISHED
    assert "Paused: the ledger was restored" in shown.out
    assert "the guard log in the data folder has entries that the ledger lacks" in shown.out
    assert "hold manual is placed by ada" in shown.out
    assert "1 unfinished order(s) are not compared yet: ord_2." in shown.out
    assert "packhouse reconcile --accept" in shown.out
    assert as_json.json == ACTIVE


@pytest.mark.parametrize(("state", "code"), [("none", 0), ("done", 0), ("checking", 13), ("active", 13)])
def test_the_exit_code_says_whether_something_is_open(state: str, code: int) -> None:
    with serving({"GET /api/v1/reconciliation": (200, NONE | {"state": state})}) as daemon:
        assert call("reconcile", environ=daemon.environ).code == code


def test_accepting_asks_first_and_sends_the_reason() -> None:
    routes: dict[str, Any] = {"GET /api/v1/reconciliation": (200, ACTIVE)} | _ACCEPT
    with serving(routes) as daemon:
        refused = call("reconcile", "--accept", "--reason", "checked", environ=daemon.environ)
        asked_before = [path for path, *_ in daemon.asked]
        done = call("reconcile", "--accept", "--yes", "--reason", "checked", environ=daemon.environ)
    assert refused.code == Exit.USAGE
    assert "Continue, even if not everything adds up?" in refused.err
    assert not any("accept" in path for path in asked_before)
    assert done.code == 0
    assert "ord_2" in done.out, "what does not add up is shown before it is accepted"
    assert "Accepted: Packhouse buys and posts again." in done.out


@pytest.mark.parametrize("given", [("--accept", "--yes"), ("--reason", "checked")])
def test_accept_and_reason_go_together(given: tuple[str, ...]) -> None:
    with serving({}) as daemon:
        shown = call("reconcile", *given, environ=daemon.environ)
    assert shown.code == Exit.USAGE
    assert daemon.asked == []


def test_a_resume_does_not_end_a_reconciliation_and_says_so() -> None:
    why = "the ledger was restored, and is compared first"
    answer = {"paused": True, "paused_by": why}
    with serving({"POST /api/v1/resume": (200, answer)}) as daemon:
        shown = call("resume", "--reason", "counted", environ=daemon.environ)
    assert shown.code == 0
    assert shown.out == f"Resumed, but still paused: {why}. To see the rest: packhouse status\n"
