"""The operations of the operator API: each reaches the ledger with the caller's name and reason."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.errors import ValueRejected
from tests.service.api.doubles import OTHER_TOKEN, App
from tests.service.api.records import ACTIVE

FOUND = {"tracking_number": " 9400 ", "carrier": "USPS", "cost_minor": 549, "currency": "USD"}
# Path, what the body has besides a reason, the journal entries that follow: action, id, why.
OPERATIONS: list[tuple[str, dict[str, Any], list[tuple[str, str, str]]]] = [
    ("orders/ord_1/retry", {}, [("retry_requested", "ord_1", "r")]),
    ("orders/ord_1/holds", {}, [("held", "ord_1", "r")]),
    ("orders/ord_9/takeover", {"purpose": "a refund"}, [("taken_over", "ord_9", "a refund. r")]),
    ("orders/ord_9/label", {}, [("label_requested", "ord_9", "r")]),
    (f"holds/{ACTIVE}/release", {}, [("released", "ord_1", "manual: r")]),
    ("shipments/ord_1-2/holds", {}, [("held", "ord_1-2", "r")]),
    ("shipments/ord_1-2/release", {}, [("released", "ord_1", "manual: r")]),
    ("shipments/ord_1-2/ship", {}, [("released", "ord_1", "manual: r"), ("ship_requested", "ord_1-2", "r")]),
    ("shipments/ord_2-1/void", {"again": True}, [("void_requested", "ord_2-1", "r")]),
    (
        "shipments/ord_2-1/void",
        {},
        [
            ("void_requested", "ord_2-1", "r"),
            ("held", "ord_2", "Label 942-1 is being voided. Release this hold to buy a new label."),
        ],
    ),
    (
        "shipments/ord_1-2/mark-shipped",
        {"tracking_number": " 1Z9 ", "carrier": "UPS"},
        [("marked_shipped", "ord_1-2", "UPS 1Z9. r")],
    ),
    ("shipments/ord_2-2/adopt", FOUND, [("adopted", "ord_2-2", "9400 for 5.49 USD. r")]),
    ("shipments/ord_2-2/not-bought", {}, [("not_bought", "ord_2-2", "r")]),
    ("events/evt_1/replay", {}, [("replayed", "ord_1", "order.created: r")]),
    ("pause", {}, [("paused", "", "r")]),
    ("resume", {}, [("resumed", "", "r")]),
]
PATHS = sorted({path for path, _, _ in OPERATIONS})
COMPLETE = {"purpose": "x", **FOUND}


@pytest.mark.parametrize(("path", "body", "entries"), OPERATIONS)
def test_an_operation_is_recorded_with_the_callers_name_and_reason(
    app: App, path: str, body: dict[str, Any], entries: list[tuple[str, str, str]]
) -> None:
    before = len(app.journal())
    response = app.ask("POST", f"/api/v1/{path}", json={"reason": " r ", **body}, token=OTHER_TOKEN)
    assert response.status_code in (200, 201), response.text
    written = app.journal()[before:]
    assert [(one.action, one.shipment_id or one.order_id, one.why) for one in written] == entries
    assert {one.actor for one in written} == {"bob"}
    assert app.wakes == (0 if path == "pause" else 1)


@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": "  "}, {"reason": 5}, {"reason": "x" * 501}, []]
)
@pytest.mark.parametrize("path", PATHS)
def test_an_operation_needs_a_reason(app: App, path: str, body: Any) -> None:
    before = app.journal()
    response = app.ask("POST", f"/api/v1/{path}", json=body)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["code"] == "invalid_request"
    assert error["details"][0]["path"].startswith("body")
    assert (app.journal(), app.wakes) == (before, 0)


@pytest.mark.parametrize("path", PATHS)
def test_a_complete_body_without_a_reason_is_refused_as_well(app: App, path: str) -> None:
    assert app.ask("POST", f"/api/v1/{path}", json={**COMPLETE, "reason": " "}).status_code == 400
    assert app.wakes == 0


def test_a_person_pauses_and_resumes_under_their_name(app: App) -> None:
    paused = app.post("pause", reason="stock-taking").json()
    assert (paused["paused"], paused["paused_by"]) == (True, "ann: stock-taking")
    assert app.post("resume", reason="done").json()["paused"] is False


def test_a_label_is_adopted_only_with_an_amount_in_a_currency(app: App) -> None:
    for wrong in ({"currency": "usd"}, {"cost_minor": -1}, {"currency": None}):
        assert app.post("shipments/ord_2-2/adopt", **{**FOUND, **wrong}).status_code == 400
    shipment = app.post("shipments/ord_2-2/adopt", **FOUND).json()
    assert (shipment["state"], shipment["tracking_number"], shipment["cost_minor"]) == (
        "labeled",
        "9400",
        549,
    )


@pytest.mark.parametrize("number", ["9.40011E+21", 9400111202555583000000, "N/A", "1\n2", "", None])
@pytest.mark.parametrize("operation", ["adopt", "mark-shipped"])
def test_what_is_no_tracking_number_is_refused_with_the_reason(
    app: App, operation: str, number: object
) -> None:
    body = FOUND if operation == "adopt" else {"carrier": "USPS"}
    refused = app.post(f"shipments/ord_2-2/{operation}", **{**body, "tracking_number": number})
    assert refused.status_code == 400
    (detail,) = refused.json()["error"]["details"]
    assert detail["path"] == "body.tracking_number"
    assert "no tracking number: " in detail["message"]


def test_a_takeover_names_its_hold_and_what_is_in_flight(app: App) -> None:
    taken = app.post("orders/ord_2/takeover", purpose="refund").json()
    assert (taken["hold"]["code"], taken["hold"]["note"], taken["resumed"]) == ("taken_over", "refund", False)
    assert taken["in_flight"] == "the outcome of a purchase for ord_2-2 is not known yet"
    assert taken["order"]["shipments"][0]["label"]["tracking_number"] == "942-1"
    assert app.post("orders/ord_2/takeover", purpose="refund").json()["resumed"] is True


def test_a_refused_operation_is_a_conflict_with_a_code_and_what_to_do(app: App) -> None:
    hold = app.post("orders/ord_2/takeover", purpose="refund").json()["hold"]
    response = app.post("orders/ord_2/takeover", purpose="another")
    assert response.status_code == 409
    assert response.json()["error"] == {
        "code": "taken_over",
        "message": "Order ord_2 is taken over by ann: refund.",
        "what_to_do": "Run the same command again to continue, or, if that work is finished: "
        f"packhouse holds release {hold['id']} --reason WHY",
    }


def test_an_ignored_event_is_not_replayed(app: App) -> None:
    response = app.post("events/evt_2/replay")
    assert (response.status_code, response.json()["error"]["code"]) == (409, "event_ignored")


@pytest.mark.parametrize("cost", [False, True, "7", 1.0, 7.5, -1, 10**12 + 1, 2**63, 10**30, None, [7]])
def test_a_cost_is_a_whole_number_of_a_possible_size_and_nothing_that_resembles_one(
    app: App, cost: object
) -> None:
    before = len(app.journal())
    response = app.post("shipments/ord_2-2/adopt", **{**FOUND, "cost_minor": cost})
    assert response.status_code == 400
    assert response.json()["error"]["details"][0]["path"] == "body.cost_minor"
    assert len(app.journal()) == before


@pytest.mark.parametrize("text", ["a\x00b", "\x1b[2J", "a\x85b", "\x07"])
@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("pause", "reason"),
        ("orders/ord_1/takeover", "purpose"),
        ("shipments/ord_1-2/mark-shipped", "carrier"),
        ("shipments/ord_2-2/adopt", "service"),
        ("shipments/ord_2-2/adopt", "provider_id"),
        ("shipments/ord_2-2/adopt", "tracking_number"),
        ("shipments/ord_2-2/adopt", "currency"),
    ],
)
def test_a_text_with_control_characters_is_refused_and_nothing_is_written(
    app: App, path: str, field: str, text: str
) -> None:
    before = len(app.journal())
    bodies = {"adopt": FOUND, "mark-shipped": {"carrier": "UPS", "tracking_number": "1Z9"}}
    body = bodies.get(path.rpartition("/")[2], {})
    response = app.post(path, **{**body, field: text})
    assert response.status_code == 400, response.text
    assert f"body.{field}" in response.json()["error"]["message"]
    assert len(app.journal()) == before


@pytest.mark.parametrize(
    "order", ["a%00b", "%1b%5b2J", "a%0ab", "%e2%80%ae", "a%20b", "..%2fx", "a%2cb", "x" * 301]
)
def test_no_order_of_an_impossible_id_enters_the_ledger(app: App, order: str) -> None:
    before = len(app.journal())
    for operation, more in (("takeover", {"purpose": "p"}), ("label", {}), ("holds", {})):
        response = app.post(f"orders/{order}/{operation}", **more)
        assert response.status_code in (400, 404), response.text
    for path in (f"orders/{order}", f"events/{order}", f"shipments/{order}", f"events?order_id={order}"):
        assert app.ask("GET", f"/api/v1/{path}").status_code in (400, 404), path
    assert len(app.journal()) == before
    assert all(one["id"] in ("ord_1", "ord_2") for one in app.ask("GET", "/api/v1/orders").json()["orders"])


@pytest.mark.parametrize("path", ["orders/ord_2/holds", "shipments/ord_1-2/holds"])
def test_a_second_hold_adds_its_reason_to_the_first_and_the_same_one_changes_nothing(
    app: App, path: str
) -> None:
    first = app.post(path, reason="wait for Monday").json()
    before = len(app.journal())
    assert app.post(path, reason="wait for Monday").json() == first
    assert len(app.journal()) == before
    second = app.post(path, reason="a gift note").json()
    assert (second["id"], second["note"]) == (first["id"], "wait for Monday; a gift note")
    (entry,) = app.journal()[before:]
    assert (entry.action, entry.why) == ("held", "a gift note")


def pauses(app: App) -> list[dict[str, Any]]:
    waiting = app.ask("GET", "/api/v1/status").json()["waiting"]
    return [one for one in waiting if one["kind"] == "paused"]


def test_a_second_pause_adds_its_reason_and_keeps_when_it_began(app: App) -> None:
    app.post("pause", reason="stock-taking")
    (began,) = pauses(app)
    app.clock.time += 60
    app.post("pause", reason="stock-taking")
    app.post("pause", reason="the printer is out")
    status = app.ask("GET", "/api/v1/status").json()
    assert status["paused_by"] == "ann: stock-taking; ann: the printer is out"
    assert [one["since"] for one in pauses(app)] == [began["since"]]
    assert [entry.why for entry in app.journal()][-2:] == ["stock-taking", "the printer is out"]


def test_a_value_that_the_ledger_cannot_keep_is_the_callers_and_not_worth_a_retry(app: App) -> None:
    app.ledger.failure = ValueRejected("a number is too large")
    refused = app.post("pause")
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_request")
    assert "retry-after" not in refused.headers
