"""Every string of every answer may drive a terminal or forge a line. None does, in any command."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from packhouse_cli.demo.snapshot import Snapshot
from packhouse_cli.demo.view import UNICODE, Caption, entry_lines, frame, progress
from packhouse_cli.terminal.text import width_of
from tests.cli.commands.labels.test_labels import READY
from tests.cli.commands.shipments.test_shipments import HOLD, SHIPMENT
from tests.cli.commands.test_status import STATUS
from tests.cli.runner import FakePeer, call, serving

# Escape, OSC, CSI, C1, direction, zero width, separators, a forged line.
EVIL = "\x1b]0;t\x07\x1b[2J\x9b2J\u202e\u2066\u200b\u200d\u2028\u2029\x85\r\npaid: yes\n"
HARMLESS_ORDER = ("id", "state", "phase", "kind", "document", "hold_id", "order_id", "shipment_id")
ENTRY = {
    "id": 1,
    "at": 1.0,
    "order_id": "ord_1",
    "shipment_id": "",
    "actor": "x",
    "action": "bought",
    "why": "y",
}
ORDER = {
    "id": "ord_1",
    "phase": "open",
    "reason": "r",
    "status": "pending",
    "site_slug": "shop",
    "last_error": "e",
    "attempts": 1,
    "due_at": None,
    "updated_at": 1.0,
    "fetched_at": 1.0,
    "waiting": [{"kind": "retry", "sentence": "s", "remedy": "r", "since": 1.0, "until": None}],
    "shipments": [SHIPMENT],
    "holds": [HOLD],
}
EVENT = {
    "id": "evt_1",
    "type": "order.created",
    "order_id": "ord_1",
    "site_slug": "shop",
    "received_at": 1.0,
    "outcome": "accepted",
    "note": "n",
}
RECONCILIATION = {
    "state": "active",
    "noticed_at": 1.0,
    "why": "w",
    "known_until": 1.0,
    "entries": [ENTRY],
    "open_points": ["p"],
}
WAIT = {"kind": "paused", "sentence": "Paused", "remedy": "Resume", "orders": 1, "since": 1.0, "until": None}


def evil(value: Any, name: str = "") -> Any:
    """The answer with EVIL in each string, except where the command looks at the word."""
    if isinstance(value, dict):
        return {
            (key + EVIL if name in ("spent", "holds_by", "orders_by") else key): evil(inner, key)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [evil(inner, name) for inner in value]
    return value + EVIL if isinstance(value, str) and name not in HARMLESS_ORDER else value


@pytest.fixture
def daemon() -> Iterator[FakePeer]:
    """A daemon that means harm."""
    order, shipment = evil(copy.deepcopy(ORDER)), evil(copy.deepcopy(SHIPMENT))
    status = evil(STATUS | {"waiting": [WAIT], "paused": True, "paused_by": "x", "at": 9.0})
    error = (409, {"error": {"code": EVIL, "message": EVIL, "what_to_do": EVIL}})
    answers: dict[str, tuple[int, Any]] = {
        "GET /api/v1/status": (200, status),
        "GET /api/v1/orders/ord_1": (200, order),
        "GET /api/v1/orders/ord_1/journal": (200, {"entries": [evil(ENTRY)]}),
        "GET /api/v1/shipments?limit=50": (200, {"shipments": [shipment]}),
        "GET /api/v1/shipments/ord_1-1": (200, shipment),
        "GET /api/v1/holds?limit=50&active=true": (200, {"holds": [evil(HOLD)]}),
        "GET /api/v1/events?limit=50": (200, {"events": [evil(EVENT)], "next": None}),
        "GET /api/v1/events/evt_1": (200, evil(EVENT)),
        "GET /api/v1/reconciliation": (200, evil(RECONCILIATION)),
        "GET /readyz": (503, {"status": "fail", "checks": {EVIL: [{"status": "fail", "output": EVIL}]}}),
        "POST /api/v1/orders/ord_1/label": (200, evil(READY | {"state": "ready"})),
        "POST /api/v1/pause": error,
        "POST /api/v1/orders/ord_1/retry": error,
    }
    with serving(answers) as peer:
        yield peer


LINES = (
    ("status",),
    ("why", "ord_1"),
    ("shipments", "list"),
    ("shipments", "show", "ord_1-1"),
    ("holds", "list"),
    ("events", "list"),
    ("events", "show", "evt_1"),
    ("labels", "create", "--order", "ord_1", "--yes", "--timeout", "0.1"),
    ("pause", "--reason", "r"),
    ("doctor",),
    ("reconcile",),
)


@pytest.mark.parametrize("tty", [True, False])
@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_no_answer_drives_the_terminal_or_forges_a_line(
    daemon: FakePeer, line: tuple[str, ...], tty: bool
) -> None:
    environ = daemon.environ | {"NO_COLOR": "1", "COLUMNS": "100", "PACKHOUSE_SECRETS_DIR": ""}
    for more in ((), ("--json",)) if line[0] != "labels" else ((),):
        shown = call(*line, *more, environ=environ, tty=tty)
        text = shown.out + shown.err
        assert "Unexpected error" not in text
        assert "\\u202e" in text, "the answer was shown"
        assert all(char.isprintable() or char in "\n\t" for char in text)
        assert not any(each.strip() == "paid: yes" for each in text.splitlines())


@pytest.mark.parametrize(
    "shipment", [{"id": "x" + EVIL, "label": None}, {"id": "ord_1-1", "label": {"tracking_number": EVIL}}]
)
def test_an_error_that_quotes_the_daemon_is_one_line(shipment: dict[str, Any]) -> None:
    with serving({"GET /api/v1/shipments/ord_1-1": (200, shipment)}) as daemon:
        shown = call("labels", "get", "ord_1-1", environ=daemon.environ, tty=True)
    assert "paid: yes" in shown.err
    assert len(shown.err.splitlines()) == 1


def test_the_demos_screen_and_log_show_no_outside_text_as_it_is() -> None:
    snapshot = Snapshot(
        orders=(), status=evil(STATUS | {"waiting": [WAIT]}), entries=(evil(ENTRY),), expected=1
    )
    caption = Caption(elapsed_s=1.0, daemon_url="http://x", labels_folder="/x")
    lines = frame(snapshot, caption, columns=400, lines=40, paint=lambda text, *_: str(text), symbols=UNICODE)
    lines += [progress(snapshot, 1.0), *entry_lines(evil(ENTRY), None, lambda text, *_: str(text))]
    assert any("\\x1b" in line for line in lines)
    assert all(line.isprintable() for line in lines)


def test_columns_stay_straight_whatever_is_in_them() -> None:
    rows = [
        SHIPMENT | {"carrier": carrier, "id": f"ord_{number}-1"}
        for number, carrier in enumerate(("USPS", "佐川急便", "e\u0301cole", "한국우편", EVIL[:9], "👍🏽"))
    ]
    with serving({"GET /api/v1/shipments?limit=50": (200, {"shipments": rows})}) as daemon:
        shown = call(
            "shipments", "list", environ=daemon.environ | {"NO_COLOR": "1", "COLUMNS": "200"}, tty=True
        )
    head, *lines = shown.out.splitlines()
    at = width_of(head[: head.index("TRACKING")])
    assert {width_of(line[: line.index("9400")]) for line in lines} == {at}
