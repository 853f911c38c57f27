"""`packhouse shipments`: lists, one in full, and each act with its question and its reason."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse_cli.exit_codes import Exit
from tests.cli.runner import call, serving

SHIPMENT: dict[str, Any] = {
    "id": "ord_1-1",
    "order_id": "ord_1",
    "state": "labeled",
    "units": [{"line_id": "li_1", "quantity": 2}],
    "tracking_number": "9400",
    "carrier": "USPS",
    "cost_minor": 767,
    "currency": "USD",
    "label": {
        "carrier": "USPS",
        "service": "Ground",
        "tracking_number": "9400",
        "bought_at": 1795436116.0,
        "document": "ab" * 32,
        "document_format": "pdf",
        "state": "bought",
    },
}
HOLD = {
    "id": 7,
    "code": "manual",
    "sentence": "An operator placed this hold: wait. Continue: packhouse holds release 7 --reason WHY",
    "problem": "An operator placed this hold: wait.",
    "advice": ["Continue: packhouse holds release 7 --reason WHY"],
    "order_id": "ord_1",
    "shipment_id": "",
    "released_at": None,
}
ACTS = {
    "hold": ("holds", []),
    "release": ("release", []),
    "ship": ("ship", ["--yes"]),
    "void": ("void", ["--yes"]),
    "mark-shipped": ("mark-shipped", ["--yes", "--carrier", "UPS", "--tracking", "1Z9"]),
    "retry": ("not-bought", ["--not-bought"]),
}


def test_shipments_are_listed_as_a_table_or_as_an_array() -> None:
    answer = (200, {"shipments": [SHIPMENT]})
    with serving({"GET /api/v1/shipments?limit=50&state=labeled": answer}) as daemon:
        table = call("shipments", "list", "--state", "labeled", environ=daemon.environ)
        rows = call("shipments", "list", "--state", "labeled", "--json", environ=daemon.environ)
    assert "ord_1-1" in table.out
    assert "7.67" in table.out
    assert rows.json == [SHIPMENT]


def test_one_shipment_is_shown_with_what_holds_it_and_how_to_release_that() -> None:
    answers = {
        "GET /api/v1/shipments/ord_1-1": (200, SHIPMENT),
        "GET /api/v1/orders/ord_1": (200, {"id": "ord_1", "holds": [HOLD]}),
    }
    with serving(answers) as daemon:
        shown = call("shipments", "show", "ord_1-1", environ=daemon.environ)
    assert "2 of li_1" in shown.out
    assert "packhouse holds release 7 --reason WHY" in shown.out


@pytest.mark.parametrize("verb", ACTS)
def test_each_operation_is_sent_to_the_daemon_once_with_its_reason(verb: str) -> None:
    route, options = ACTS[verb]
    with serving({f"POST /api/v1/shipments/ord_1-1/{route}": (200, SHIPMENT)}) as daemon:
        done = call("shipments", verb, "ord_1-1", "--reason", "r", *options, environ=daemon.environ)
        shown = call(
            "shipments", verb, "ord_1-1", "--reason", "r", *options, "--json", environ=daemon.environ
        )
    assert (done.code, done.err) == (0, "")
    assert "ord_1-1" in done.out
    assert shown.json == SHIPMENT
    assert len(daemon.asked) == 2


@pytest.mark.parametrize("verb", ACTS)
def test_no_operation_is_sent_without_a_reason(verb: str) -> None:
    with serving({}) as daemon:
        done = call("shipments", verb, "ord_1-1", *ACTS[verb][1], environ=daemon.environ)
    assert done.code == Exit.USAGE
    assert daemon.asked == []


@pytest.mark.parametrize("verb", ["ship", "void", "mark-shipped"])
def test_what_spends_or_cannot_be_undone_is_refused_without_a_terminal(verb: str) -> None:
    options = [word for word in ACTS[verb][1] if word != "--yes"]
    with serving({}) as daemon:
        done = call("shipments", verb, "ord_1-1", "--reason", "r", *options, environ=daemon.environ)
    assert done.code == Exit.USAGE
    assert "--yes" in done.err
    assert daemon.asked == []


def test_a_shipment_in_no_doubt_is_simply_looked_at_again() -> None:
    answers = {
        "GET /api/v1/shipments/ord_1-1": (200, SHIPMENT),
        "GET /api/v1/orders/ord_1": (200, {"id": "ord_1", "shipments": [SHIPMENT], "holds": [HOLD]}),
        "POST /api/v1/orders/ord_1/retry": (200, {"id": "ord_1"}),
    }
    with serving(answers) as daemon:
        done = call("shipments", "retry", "ord_1-1", "--reason", "r", environ=daemon.environ)
    assert (done.code, done.out) == (0, "Packhouse processes order ord_1 now.\n")
