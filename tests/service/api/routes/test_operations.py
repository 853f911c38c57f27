"""The acts of the operator API: each reaches the board whole, with the caller's name and reason."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.api.board import SentParcel
from packhouse.errors import OperationRefused
from tests.service.api.doubles import App

BY = {"reason": "r", "actor": "ann"}
WHOLE: list[tuple[str, dict[str, Any], tuple[str, dict[str, Any]]]] = [
    ("orders/ord_9/take", {"doing": "a refund"}, ("take", {"order_id": "ord_9", "doing": "a refund"})),
    ("orders/ord_9/label", {}, ("ask_label", {"order_id": "ord_9"})),
    ("shipments/s/holds", {}, ("hold_shipment", {"shipment_id": "s"})),
    ("shipments/s/release", {}, ("release_shipment", {"shipment_id": "s", "ship": False})),
    ("shipments/s/ship", {}, ("release_shipment", {"shipment_id": "s", "ship": True})),
    ("shipments/s/void", {}, ("ask_void", {"shipment_id": "s", "again": False})),
    ("shipments/s/void", {"again": True}, ("ask_void", {"shipment_id": "s", "again": True})),
    (
        "shipments/s/mark-shipped",
        {"tracking_number": " 1Z9 ", "carrier": "UPS"},
        ("mark_shipped", {"shipment_id": "s", "parcel": SentParcel("1Z9", "UPS")}),
    ),
    ("events/evt_1/replay", {}, ("replay_event", {"event_id": "evt_1"})),
]


@pytest.fixture(scope="module")
def house() -> App:
    return App()


@pytest.mark.parametrize(("path", "body", "call"), WHOLE)
def test_an_act_reaches_the_board_with_its_actor_and_reason(
    house: App, path: str, body: dict[str, Any], call: tuple[str, dict[str, Any]]
) -> None:
    house.board.calls.clear()
    response = house.ask("POST", f"/api/v1/{path}", json={"reason": "r", **body})
    assert response.status_code in (200, 201), response.text
    assert house.board.calls == [(call[0], call[1] | BY)]


@pytest.mark.parametrize("path", sorted({path for path, _, _ in WHOLE}))
def test_no_act_goes_without_a_reason(house: App, path: str) -> None:
    house.board.calls.clear()
    body = {"doing": "x", "tracking_number": "1", "carrier": "UPS", "reason": " "}
    assert house.ask("POST", f"/api/v1/{path}", json=body).status_code == 400
    assert house.board.calls == []


def test_what_is_refused_is_a_conflict_with_what_to_do(house: App) -> None:
    house.board.failure = OperationRefused("ada has order ord_1 in hand")
    response = house.ask("POST", "/api/v1/orders/ord_1/take", json={"reason": "r", "doing": "x"})
    house.board.failure = None
    assert response.status_code == 409
    assert "in hand" in response.json()["error"]["message"]


def test_a_taken_order_names_its_hold_and_what_is_in_flight(house: App) -> None:
    taken = house.ask("POST", "/api/v1/orders/ord_1/take", json={"reason": "r", "doing": "x"}).json()
    assert (taken["hold"]["code"], taken["hold"]["note"]) == ("taken_over", "x")
    assert taken["in_flight"] == ""
    assert taken["order"]["shipments"][0]["label"]["tracking_number"] == "9400"


def test_a_label_in_hand_is_what_a_shipping_system_prints(house: App) -> None:
    label = house.ask("GET", "/api/v1/orders/ord_1/label").json()
    assert label["state"] == "ready"
    assert (label["tracking"], label["carrier"], label["cost_minor"]) == ("9400", "USPS", 512)
    assert label["complete"]
