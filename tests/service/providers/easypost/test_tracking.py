"""EasyPost's trackers in our words."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.providers.easypost.tracking import read_tracking, was_scanned
from packhouse.providers.port import TrackerState, Tracking

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
