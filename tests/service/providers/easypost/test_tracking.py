"""EasyPost's trackers in our words."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.providers.easypost.tracking import read_trackers, read_tracking, was_scanned
from packhouse.providers.port import TrackerState, Tracking
from tests.service.ledger.rows import label_of

_T = TrackerState


@pytest.mark.parametrize(
    ("tracker", "state"),
    [
        ({"status": "pre_transit"}, _T.PRE_TRANSIT),
        ({"status": "in_transit"}, _T.IN_TRANSIT),
        ({"status": "out_for_delivery"}, _T.OUT_FOR_DELIVERY),
        ({"status": "available_for_pickup"}, _T.READY_FOR_PICKUP),
        ({"status": "delivered"}, _T.DELIVERED),
        ({"status": "return_to_sender"}, _T.RETURNED),
        ({"status": "failure"}, _T.FAILURE),
        ({"status": "cancelled"}, _T.FAILURE),
        ({"status": "error"}, _T.FAILURE),
        ({"status": "in_transit", "status_detail": "return"}, _T.RETURNED),
        ({"status": "delivered", "status_detail": "return"}, _T.RETURNED),
        ({"status": "in_transit", "status_detail": "lost"}, _T.FAILURE),
        ({"status": "unknown", "status_detail": "damaged"}, _T.FAILURE),
        ({"status": "delivered", "status_detail": "damaged"}, _T.DELIVERED),
        ({"status": "unknown"}, _T.UNKNOWN),
        ({"status": "a new word"}, _T.UNKNOWN),
        ({"status": None}, _T.UNKNOWN),
        (None, _T.UNKNOWN),
        ([], _T.UNKNOWN),
    ],
)
def test_every_word_of_easyposts_trackers_has_a_meaning(tracker: Any, state: TrackerState) -> None:
    assert read_tracking({"tracker": tracker}).state is state


def test_a_parcel_delivered_to_its_sender_has_come_back() -> None:
    scan = {"message": "Delivered, To Original Sender", "datetime": "2026-01-02T10:00:00Z"}
    tracker = {"status": "delivered", "tracking_details": [scan]}
    assert read_tracking({"tracker": tracker}).state is _T.RETURNED


def test_the_note_has_the_carriers_last_words_and_the_place() -> None:
    place = {"city": "Reno", "state": "NV", "country": None}
    details = [
        {"message": "Address not known", "datetime": "2026-01-03T10:00:00Z", "tracking_location": place},
        {"message": "Arrived", "datetime": "2026-01-02T10:00:00Z"},
    ]
    tracker = {"status": "return_to_sender", "status_detail": "return", "tracking_details": details}
    note = "return_to_sender; return; Address not known; Reno, NV"
    assert read_tracking({"tracker": tracker}) == Tracking(_T.RETURNED, note)


def test_a_shipment_without_a_tracker_is_read_by_its_own_status() -> None:
    assert read_tracking({"status": "return_to_sender", "tracker": None}).state is _T.RETURNED


def test_a_label_is_used_once_its_parcel_was_scanned() -> None:
    used = {
        word: was_scanned({"tracker": {"status": word}}) for word in ("pre_transit", "in_transit", "error")
    }
    assert used == {"pre_transit": False, "in_transit": True, "error": False}


def tracker(code: str, status: str, shipment_id: str | None = None) -> dict[str, Any]:
    return {"object": "Tracker", "tracking_code": code, "status": status, "shipment_id": shipment_id}


def test_each_tracker_of_a_list_is_that_of_its_label() -> None:
    labels = [label_of(f"ord-{n}", tracking_number=f"94{n}", provider_id=f"shp_{n}") for n in range(5)]
    trackers = [
        tracker("940", "in_transit", "shp_0"),
        tracker("9 4 1", "delivered"),
        tracker("942", "delivered", "shp_of_last_year"),
        tracker("942", "pre_transit", "shp_2"),
        tracker("943", "delivered", "shp_of_last_year"),
        tracker("777", "delivered", "shp_9"),
    ]
    told = read_trackers({"trackers": trackers, "has_more": False}, labels)
    assert {label_id: one.state for label_id, one in told.items()} == {
        "ord-0-label": _T.IN_TRANSIT,
        "ord-1-label": _T.DELIVERED,
        "ord-2-label": _T.PRE_TRANSIT,
    }


@pytest.mark.parametrize("answer", [{}, {"trackers": None}, {"trackers": ["x", {}, 7]}, {"trackers": {}}])
def test_a_list_of_trackers_that_tells_nothing_is_no_answer(answer: Any) -> None:
    assert read_trackers(answer, [label_of("ord-1")]) == {}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("2025-05-09T20:40:17Z", 1746823217.0),
        ("2025-05-09", 1746748800.0),
        ("soon", None),
        (None, None),
        (17, None),
    ],
)
def test_the_expected_delivery_is_a_time_or_nothing(told: Any, expected: float | None) -> None:
    shipment = {"tracker": tracker("94", "in_transit") | {"est_delivery_date": told}}
    assert read_tracking(shipment).expected_at == expected
