"""The operator API: who may come in, what is shown, what a person may do, and its true description."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.api.auth import TokenAuth
from packhouse.errors import LedgerUnavailable
from packhouse.model.states import OrderPhase, ShipmentState
from tests.service.api.doubles import NOW, SHA, TOKEN, App

READS = [
    "/api/v1/status",
    "/api/v1/orders",
    "/api/v1/orders/ord_1",
    "/api/v1/orders/ord_1/journal",
    "/api/v1/shipments",
    "/api/v1/shipments/shp_1",
    "/api/v1/holds",
    "/api/v1/journal",
    "/api/v1/orders/ord_1/label",
    "/api/v1/events",
    "/api/v1/events/evt_1",
    f"/api/v1/labels/{SHA}",
]
ACTS = [
    "/api/v1/orders/ord_1/retry",
    "/api/v1/orders/ord_1/holds",
    "/api/v1/holds/7/release",
    "/api/v1/pause",
    "/api/v1/resume",
    "/api/v1/shipments/shp_1/adopt",
    "/api/v1/shipments/shp_1/not-bought",
    "/api/v1/orders/ord_1/take",
    "/api/v1/orders/ord_1/label",
    "/api/v1/shipments/shp_1/holds",
    "/api/v1/shipments/shp_1/release",
    "/api/v1/shipments/shp_1/ship",
    "/api/v1/shipments/shp_1/void",
    "/api/v1/shipments/shp_1/mark-shipped",
    "/api/v1/events/evt_1/replay",
]


@pytest.fixture(scope="module")
def built() -> App:
    """Built once: drawing up the routes takes longer than all requests."""
    return App()


@pytest.fixture
def house(built: App) -> App:
    """The same house, with a board that was asked nothing yet."""
    built.board.calls.clear()
    built.board.failure = None
    return built


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "x", "ann", "schlüssel"])
@pytest.mark.parametrize("path", READS + ACTS)
def test_nobody_comes_in_without_a_known_token(house: App, path: str, token: str) -> None:
    method = "POST" if path in ACTS else "GET"
    headers = {"authorization": b"Bearer " + token.encode()} if token else {}
    response = house.ask(
        method, path, token="", headers=headers, json={"reason": "r"} if path in ACTS else None
    )
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "unauthorized"
    assert response.headers["www-authenticate"] == "Bearer"
    assert house.board.calls == []


@pytest.mark.parametrize("path", READS)
def test_a_known_token_may_read(house: App, path: str) -> None:
    assert house.ask("GET", path).status_code == 200


def test_without_any_token_set_the_api_is_closed_and_says_how_to_open_it(house: App) -> None:
    assert TokenAuth({}).name_of("") is None
    closed = App(tokens=" , ")
    assert house.ask("GET", "/api/v1/status").status_code == 200
    response = closed.ask("GET", "/api/v1/status")
    assert response.status_code == 401
    assert "PACKHOUSE_OPERATOR__TOKENS" in response.json()["error"]["message"]


def test_the_name_behind_the_token_is_the_actor(house: App) -> None:
    house.ask("POST", "/api/v1/orders/ord_1/retry", json={"reason": " carrier is back "})
    house.ask("POST", "/api/v1/orders/ord_1/holds", json={"reason": "call first"}, token="tok-other-5678")
    house.ask("POST", "/api/v1/holds/7/release", json={"reason": "called"})
    assert house.board.calls == [
        ("retry", {"order_id": "ord_1", "reason": "carrier is back", "actor": "ann"}),
        ("place_hold", {"order_id": "ord_1", "reason": "call first", "actor": "bob"}),
        ("release_hold", {"hold_id": 7, "reason": "called", "actor": "ann"}),
    ]


@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": "  "}, {"reason": 5}, {"reason": "x" * 501}, []]
)
@pytest.mark.parametrize("path", ACTS)
def test_an_act_needs_a_reason(house: App, path: str, body: Any) -> None:
    response = house.ask("POST", path, json=body)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["code"] == "invalid_request"
    assert error["details"][0]["path"].startswith("body")
    assert house.board.calls == []


def test_a_person_pauses_and_resumes_under_their_name(house: App) -> None:
    paused = house.ask("POST", "/api/v1/pause", json={"reason": "stock-taking"}).json()
    assert (paused["paused"], paused["paused_by"]) == (True, "ann: stock-taking")
    assert house.ask("POST", "/api/v1/resume", json={"reason": "done"}).json()["paused"] is False


def test_an_adopted_label_is_handed_on_as_it_was_found(house: App) -> None:
    found = {"reason": "in the account", "tracking_number": "9400", "carrier": "USPS", "cost_minor": 549}
    path = "/api/v1/shipments/shp_1/adopt"
    assert house.ask("POST", path, json={**found, "currency": "USD"}).status_code == 200
    (call,) = [what for name, what in house.board.calls if name == "adopt_label"]
    assert (str(call["label"].cost), call["actor"]) == ("5.49 USD", "ann")
    for wrong in ({"currency": "usd"}, {"currency": "USD", "cost_minor": -1}, {}):
        assert house.ask("POST", path, json={**found, **wrong}).status_code == 400


def test_what_is_not_there_is_404_and_what_cannot_be_is_409(house: App) -> None:
    missing = house.ask("GET", "/api/v1/orders/ord_9")
    assert (missing.status_code, missing.json()) == (
        404,
        {"error": {"code": "not_found", "message": "there is no such order"}},
    )
    refused = house.ask("POST", "/api/v1/holds/6/release", json={"reason": "again"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")
    assert house.ask("POST", "/api/v1/holds/99/release", json={"reason": "x"}).status_code == 404


def test_a_ledger_that_does_not_answer_is_503(house: App) -> None:
    house.board.failure = LedgerUnavailable("the database is locked; try again")
    response = house.ask("GET", "/api/v1/orders")
    assert response.status_code == 503
    assert response.json()["error"] == {"code": "unavailable", "message": "the database is locked; try again"}
    assert "retry-after" in response.headers


def test_an_unexpected_error_is_500_without_internals(house: App) -> None:
    house.board.failure = RuntimeError("canary /etc/secret line 5")
    response = house.ask("GET", "/api/v1/orders")
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
def test_every_error_has_the_same_shape(house: App, method: str, path: str, status: int, code: str) -> None:
    response = house.ask(method, path)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert house.board.calls == []


@pytest.mark.parametrize("content", [b'{"reason": ', b'{"reason": "\xff"}', b"\x00", b"[" * 5000])
def test_a_broken_body_is_400_and_is_not_repeated(house: App, content: bytes) -> None:
    response = house.ask("POST", ACTS[0], content=content, headers={"content-type": "application/json"})
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "invalid_request"


def test_a_huge_body_is_413_in_the_same_shape(house: App) -> None:
    response = house.ask("POST", ACTS[0], json={"reason": "x" * 100_000})
    assert (response.status_code, response.json()["error"]["code"]) == (413, "too_large")


def test_an_order_in_a_list_is_brief_and_shows_standing_holds_only(house: App) -> None:
    page = house.ask("GET", "/api/v1/orders?phase=held&limit=5").json()
    assert house.board.calls == [("orders", {"phase": OrderPhase.HELD, "limit": 5, "after": ""})]
    assert page["next"] == "page-2"
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
            "updated_at": NOW,
            "shipments": [
                {
                    "id": "shp_1",
                    "state": "fulfilled",
                    "tracking_number": "9400",
                    "carrier": "USPS",
                    "cost_minor": 512,
                    "currency": "USD",
                },
                {
                    "id": "shp_2",
                    "state": "planned",
                    "tracking_number": "",
                    "carrier": "",
                    "cost_minor": None,
                    "currency": None,
                },
            ],
            "holds": [{"id": 7, "code": "manual", "sentence": "A person placed this hold. wait for Monday"}],
        }
    ]
    assert house.ask("GET", "/api/v1/orders?after=page-2").json()["next"] is None


def test_one_order_is_shown_in_full(house: App) -> None:
    order = house.ask("GET", "/api/v1/orders/ord_1").json()
    shipment = order["shipments"][0]
    assert shipment["units"] == [{"line_id": "li_1", "quantity": 2}]
    assert shipment["parcel"] == {"weight_g": 500, "length_mm": 250, "width_mm": 200, "height_mm": 100}
    assert shipment["rate"]["price_minor"] == 512
    assert shipment["reference"] == "ord_1/1/1"
    assert shipment["label"]["document"] == SHA
    assert shipment["label"]["cost_minor"] == 512
    assert order["shipments"][1]["label"] is None
    assert [(hold["id"], hold["released_by"]) for hold in order["holds"]] == [(7, ""), (6, "bob")]


def test_the_journal_can_be_followed(house: App) -> None:
    newest = house.ask("GET", "/api/v1/journal?limit=10").json()
    assert newest["next"] == 41
    assert newest["entries"][0]["data"] == {"cost_minor": 512}
    assert house.ask("GET", f"/api/v1/journal?after={newest['next']}").json() == {"entries": [], "next": 41}
    story = house.ask("GET", "/api/v1/orders/ord_1/journal").json()
    assert (story["order_id"], story["entries"]) == ("ord_1", newest["entries"])


def test_filters_reach_the_board(house: App) -> None:
    house.ask("GET", "/api/v1/shipments?state=unknown&limit=2")
    house.ask("GET", "/api/v1/holds?standing=true")
    assert house.board.calls == [
        ("shipments", {"state": ShipmentState.UNKNOWN, "limit": 2}),
        ("holds", {"standing": True, "limit": 50}),
    ]


def test_a_labels_bytes_come_as_they_are(house: App) -> None:
    response = house.ask("GET", f"/api/v1/labels/{SHA}")
    assert response.content == b"%PDF-1.4 label"
    assert response.headers["content-type"] == "application/pdf"
    assert house.ask("GET", f"/api/v1/labels/{'0' * 64}").status_code == 404


def test_the_status_counts_every_phase_even_when_it_is_empty(house: App) -> None:
    status = house.ask("GET", "/api/v1/status").json()
    assert status["orders"] == {"open": 3, "held": 1, "shipped": 0, "closed": 0}
    assert status["spent"] == {"USD": 1024}
    assert status["oldest_due_s"] == 1.5
    assert status["version"] == "1.2.3"


def _description(house: App) -> dict[str, Any]:
    document: dict[str, Any] = house.ask("GET", "/api/v1/openapi.json", token="").json()
    return document


def test_the_description_names_every_route_its_security_and_its_errors(house: App) -> None:
    document = _description(house)
    assert document["info"]["version"] == "1.2.3"
    operations = {
        (method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if path.startswith("/api/v1")
    }
    assert len(operations) == len(READS) + len(ACTS)
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
        ("/api/v1/shipments/{shipment_id}", "/api/v1/shipments/shp_1"),
        ("/api/v1/holds", "/api/v1/holds"),
        ("/api/v1/journal", "/api/v1/journal"),
        ("/api/v1/orders/{order_id}/label", "/api/v1/orders/ord_1/label"),
        ("/api/v1/events", "/api/v1/events"),
        ("/api/v1/events/{event_id}", "/api/v1/events/evt_1"),
    ],
)
def test_answers_have_exactly_the_fields_that_are_described(house: App, described: str, path: str) -> None:
    document = _description(house)
    schema = document["paths"][described]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    _fits(house.ask("GET", path).json(), schema, document)


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
