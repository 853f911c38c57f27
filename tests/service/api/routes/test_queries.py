"""The operator API: authentication, what is shown, error shapes, and a description that is true."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.api.auth import TokenAuth
from packhouse.errors import LedgerUnavailable
from tests.service.api.doubles import NOW, TOKEN, App
from tests.service.api.records import ACTIVE, FILE, RELEASED, SHA

READS = [
    "/api/v1/status",
    "/api/v1/orders",
    "/api/v1/orders/ord_1",
    "/api/v1/orders/ord_1/journal",
    "/api/v1/shipments",
    "/api/v1/shipments/ord_1-1",
    "/api/v1/holds",
    "/api/v1/journal",
    "/api/v1/orders/ord_1/label",
    "/api/v1/events",
    "/api/v1/events/evt_1",
    f"/api/v1/labels/{SHA}",
    "/api/v1/reconciliation",
]
OPERATIONS = [
    "/api/v1/orders/ord_1/retry",
    "/api/v1/orders/ord_1/holds",
    f"/api/v1/holds/{ACTIVE}/release",
    "/api/v1/pause",
    "/api/v1/resume",
    "/api/v1/shipments/ord_2-2/adopt",
    "/api/v1/shipments/ord_2-2/not-bought",
    "/api/v1/orders/ord_1/takeover",
    "/api/v1/orders/ord_1/label",
    "/api/v1/shipments/ord_1-2/holds",
    "/api/v1/shipments/ord_1-2/release",
    "/api/v1/shipments/ord_1-2/ship",
    "/api/v1/shipments/ord_2-1/void",
    "/api/v1/shipments/ord_1-2/mark-shipped",
    "/api/v1/events/evt_1/replay",
    "/api/v1/reconciliation/accept",
]


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "x", "ann", "schlüssel"])
@pytest.mark.parametrize("path", READS + OPERATIONS)
def test_no_request_is_served_without_a_known_token(app: App, path: str, token: str) -> None:
    before = app.journal()
    method = "POST" if path in OPERATIONS else "GET"
    headers = {"authorization": b"Bearer " + token.encode()} if token else {}
    response = app.ask(
        method, path, token="", headers=headers, json={"reason": "r"} if method == "POST" else None
    )
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "unauthorized"
    assert response.headers["www-authenticate"] == "Bearer"
    assert (app.journal(), app.wakes) == (before, 0)


@pytest.mark.parametrize("path", READS)
def test_a_known_token_may_read(app: App, path: str) -> None:
    assert app.ask("GET", path).status_code == 200


def test_without_any_token_configured_the_api_is_closed_and_says_how_to_open_it() -> None:
    assert TokenAuth({}).name_of("") is None
    response = App(tokens=" , ").ask("GET", "/api/v1/status")
    assert response.status_code == 401
    assert response.json() == {
        "error": {
            "code": "unauthorized",
            "message": "The operator API is closed: no token is configured. "
            "Set PACKHOUSE_OPERATOR__TOKENS to name:token pairs.",
        }
    }


def test_a_missing_and_an_unknown_token_are_told_apart(app: App) -> None:
    missing = app.ask("GET", "/api/v1/status", token="").json()["error"]["message"]
    unknown = app.ask("GET", "/api/v1/status", token="wrong").json()["error"]["message"]
    assert missing == "The token is missing. Send the header Authorization: Bearer TOKEN."
    assert unknown == "The token is unknown. Use a token of PACKHOUSE_OPERATOR__TOKENS."


def test_a_missing_record_is_404_and_a_refused_operation_409_with_code_and_next_step(app: App) -> None:
    missing = app.ask("GET", "/api/v1/orders/ord_9")
    assert (missing.status_code, missing.json()) == (
        404,
        {
            "error": {
                "code": "not_found",
                "message": "Order ord_9 is not in the ledger: no webhook and no poll has named it yet.",
            }
        },
    )
    refused = app.post(f"holds/{RELEASED}/release")
    assert (refused.status_code, refused.json()) == (
        409,
        {"error": {"code": "hold_released", "message": "Hold 6 is already released, by bob."}},
    )
    refused = app.post("shipments/ord_1-1/void")
    assert (refused.status_code, refused.json()) == (
        409,
        {
            "error": {
                "code": "already_posted",
                "message": "The label was not voided: the store already has its tracking number 941-1.",
                "what_to_do": "If the parcel does not leave, void the label in the provider account easypost "
                "and inform the buyer.",
            }
        },
    )
    assert app.post("holds/99/release").status_code == 404


def test_a_ledger_that_is_unavailable_is_503(app: App) -> None:
    app.ledger.failure = LedgerUnavailable("the database is locked; try again")
    response = app.ask("GET", "/api/v1/orders")
    assert response.status_code == 503
    assert response.json()["error"] == {"code": "unavailable", "message": "the database is locked; try again"}
    assert "retry-after" in response.headers


def test_an_unexpected_error_is_500_without_internals(app: App) -> None:
    app.ledger.failure = RuntimeError("canary /etc/secret line 5")
    response = app.ask("GET", "/api/v1/orders")
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal"
    assert "canary" not in response.text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("DELETE", "/api/v1/orders", 405, "method_not_allowed"),
        ("GET", "/api/v1/orders?limit=0", 400, "invalid_request"),
        ("GET", "/api/v1/orders?limit=501", 400, "invalid_request"),
        ("GET", "/api/v1/orders?phase=lost", 400, "invalid_request"),
        ("GET", "/api/v1/labels/..%2f..%2fetc", 404, "not_found"),
        ("GET", f"/api/v1/labels/{SHA.upper()}", 400, "invalid_request"),
        ("GET", "/api/v1/journal?after=-1", 400, "invalid_request"),
        ("POST", "/api/v1/holds/0/release", 400, "invalid_request"),
    ],
)
def test_every_error_has_the_same_shape(app: App, method: str, path: str, status: int, code: str) -> None:
    response = app.ask(method, path)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert app.wakes == 0


@pytest.mark.parametrize("content", [b'{"reason": ', b'{"reason": "\xff"}', b"\x00", b"[" * 5000])
def test_a_broken_body_is_400_and_is_not_repeated(app: App, content: bytes) -> None:
    response = app.ask("POST", OPERATIONS[0], content=content, headers={"content-type": "application/json"})
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "invalid_request"


def test_a_huge_body_is_413_in_the_same_shape(app: App) -> None:
    response = app.ask("POST", OPERATIONS[0], json={"reason": "x" * 100_000})
    assert (response.status_code, response.json()["error"]["code"]) == (413, "too_large")


def test_an_order_in_a_list_is_brief_and_shows_active_holds_only(app: App) -> None:
    page = app.ask("GET", "/api/v1/orders?phase=held&limit=5").json()
    assert page["next"] is None
    assert page["orders"] == [
        {
            "id": "ord_1",
            "phase": "held",
            "reason": "A person placed this hold.",
            "status": "pending",
            "site_slug": "shop",
            "due_at": NOW + 60,
            "attempts": 2,
            "last_error": "",
            "updated_at": NOW - 31,
            "fetched_at": None,
            "waiting": [],
            "shipments": [
                {
                    "id": "ord_1-1",
                    "state": "fulfilled",
                    "tracking_number": "941-1",
                    "carrier": "USPS",
                    "cost_minor": 512,
                    "currency": "USD",
                },
                {
                    "id": "ord_1-2",
                    "state": "planned",
                    "tracking_number": "",
                    "carrier": "",
                    "cost_minor": None,
                    "currency": None,
                },
            ],
            "holds": [
                {
                    "id": ACTIVE,
                    "code": "manual",
                    "sentence": "An operator placed this hold: wait for Monday. "
                    "Release the hold to continue.",
                    "note": "wait for Monday",
                }
            ],
        }
    ]


def test_orders_are_read_page_by_page(app: App) -> None:
    first = app.ask("GET", "/api/v1/orders?limit=1").json()
    second = app.ask("GET", f"/api/v1/orders?limit=1&after={first['next']}").json()
    assert [order["id"] for order in first["orders"] + second["orders"]] == ["ord_2", "ord_1"]
    assert second["next"] is None
    for after in ("page-2", "nan~ord_1", "inf~ord_1", "~"):
        wrong = app.ask("GET", f"/api/v1/orders?after={after}")
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "invalid_cursor"), after


def test_one_order_is_shown_in_full(app: App) -> None:
    order = app.ask("GET", "/api/v1/orders/ord_1").json()
    shipment = order["shipments"][0]
    assert shipment["units"] == [{"line_id": "li_1", "quantity": 2}]
    assert shipment["parcel"] == {"weight_g": 500, "length_mm": 250, "width_mm": 200, "height_mm": 100}
    assert shipment["rate"]["price_minor"] == 512
    assert shipment["reference"] == "ord_1/1/1"
    assert shipment["label"]["document"] == SHA
    assert shipment["label"]["cost_minor"] == 512
    assert order["shipments"][1]["label"] is None
    assert [(hold["id"], hold["released_by"]) for hold in order["holds"]] == [(RELEASED, "bob"), (ACTIVE, "")]


def test_the_journal_can_be_followed(app: App) -> None:
    newest = app.ask("GET", "/api/v1/journal?limit=10").json()
    assert newest["next"] == 41
    assert newest["entries"][0]["data"] == {"cost_minor": 512}
    assert app.ask("GET", f"/api/v1/journal?after={newest['next']}").json() == {"entries": [], "next": 41}
    story = app.ask("GET", "/api/v1/orders/ord_1/journal").json()
    assert story["next"] is None
    assert (story["order_id"], story["entries"]) == ("ord_1", newest["entries"])
    assert app.ask("GET", "/api/v1/orders/ord_2/journal").json()["entries"] == []
    assert app.ask("GET", "/api/v1/orders/ord_9/journal").status_code == 404


def test_the_journal_of_an_order_is_read_page_by_page(app: App) -> None:
    path = "/api/v1/orders/ord_1/journal"
    whole = app.ask("GET", path).json()["entries"]
    first = app.ask("GET", f"{path}?limit=1").json()
    assert (first["entries"], first["next"]) == (whole[:1], whole[0]["id"])
    assert app.ask("GET", f"{path}?after={whole[-1]['id']}").json()["entries"] == []


def test_lists_are_filtered(app: App) -> None:
    unknown = app.ask("GET", "/api/v1/shipments?state=unknown&limit=2").json()["shipments"]
    assert [shipment["id"] for shipment in unknown] == ["ord_2-2"]
    holds = {
        query: [hold["id"] for hold in app.ask("GET", f"/api/v1/holds{query}").json()["holds"]]
        for query in ("", "?active=true", "?active=false")
    }
    assert holds == {"": [ACTIVE, RELEASED], "?active=true": [ACTIVE], "?active=false": [RELEASED]}
    ignored = app.ask("GET", "/api/v1/events?outcome=ignored&limit=1").json()
    assert [event["id"] for event in ignored["events"]] == ["evt_2"]
    assert app.ask("GET", f"/api/v1/events?before={NOW - 1.5}").json()["events"] == ignored["events"]


def test_a_label_file_is_sent_as_it_is(app: App) -> None:
    response = app.ask("GET", f"/api/v1/labels/{SHA}")
    assert response.content == FILE
    assert response.headers["content-type"] == "application/pdf"
    assert app.ask("GET", f"/api/v1/labels/{'0' * 64}").status_code == 404


def test_the_label_of_a_shipped_order_is_what_a_shipping_system_prints(app: App) -> None:
    app.post("shipments/ord_1-2/mark-shipped", tracking_number="1Z9", carrier="UPS")
    label = app.ask("GET", "/api/v1/orders/ord_1/label").json()
    assert (label["state"], label["parcels"], label["tracking"]) == ("refused", 1, "")
    app.post(f"holds/{ACTIVE}/release")
    label = app.ask("GET", "/api/v1/orders/ord_1/label").json()
    assert (label["state"], label["tracking"], label["carrier"]) == ("ready", "1Z9", "UPS")


def test_the_status_counts_every_phase_even_when_it_is_empty(app: App) -> None:
    app.clock.time = NOW + 61.5
    status = app.ask("GET", "/api/v1/status").json()
    assert status["orders"] == {"open": 1, "held": 1, "shipped": 0, "closed": 0}
    assert status["spent"] == {"USD": 1024}
    assert (status["providers"], status["labels"], status["due"]) == (["easypost"], 2, 2)
    assert status["oldest_due_s"] == 1.5


def _description(app: App) -> dict[str, Any]:
    document: dict[str, Any] = app.ask("GET", "/api/v1/openapi.json", token="").json()
    return document


def test_the_description_names_every_route_its_security_and_its_errors(app: App) -> None:
    document = _description(app)
    assert document["info"]["version"] == "1.2.3"
    operations = {
        (method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if path.startswith("/api/v1")
    }
    assert len(operations) == len(READS) + len(OPERATIONS)
    assert len({operation["operationId"] for operation in operations.values()}) == len(operations)
    for operation in operations.values():
        assert operation["security"] == [{"HTTPBearer": []}]
        assert "422" not in operation["responses"]
        schema = operation["responses"]["default"]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/ErrorBody"}
        assert operation["description"]


@pytest.mark.parametrize(
    ("described", "path"),
    [
        ("/api/v1/status", "/api/v1/status"),
        ("/api/v1/orders", "/api/v1/orders"),
        ("/api/v1/orders/{order_id}", "/api/v1/orders/ord_1"),
        ("/api/v1/orders/{order_id}/journal", "/api/v1/orders/ord_1/journal"),
        ("/api/v1/shipments", "/api/v1/shipments"),
        ("/api/v1/shipments/{shipment_id}", "/api/v1/shipments/ord_1-1"),
        ("/api/v1/holds", "/api/v1/holds"),
        ("/api/v1/journal", "/api/v1/journal"),
        ("/api/v1/orders/{order_id}/label", "/api/v1/orders/ord_1/label"),
        ("/api/v1/events", "/api/v1/events"),
        ("/api/v1/events/{event_id}", "/api/v1/events/evt_1"),
    ],
)
def test_answers_have_exactly_the_fields_that_are_described(app: App, described: str, path: str) -> None:
    document = _description(app)
    schema = document["paths"][described]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    _fits(app.ask("GET", path).json(), schema, document)


def _fits(value: Any, schema: dict[str, Any], document: dict[str, Any]) -> None:
    """As much of JSON Schema as our description uses."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        schema = next(one for one in schema["anyOf"] if (one.get("type") == "null") == (value is None))
        return _fits(value, schema, document)
    if "enum" in schema:
        assert value in schema["enum"]
    kinds: dict[str, Any] = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
    }
    if schema["type"] == "null":
        assert value is None
        return None
    assert isinstance(value, kinds[schema["type"]]), (value, schema)
    if schema["type"] == "array":
        for item in value:
            _fits(item, schema["items"], document)
    elif "properties" in schema:
        assert set(value) == set(schema["properties"]) == set(schema["required"])
        for name, item in value.items():
            _fits(item, schema["properties"][name], document)
    return None
