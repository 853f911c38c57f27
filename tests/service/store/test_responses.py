"""Statuses become typed errors, envelopes become lists and objects."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse import errors
from packhouse.store import protocol
from packhouse.store.protocol import StoreResponse, check_response, retry_after_s
from packhouse.store.responses import LONGEST_WAIT_S, one_object, read_list

ASKED = protocol.get_order("ord_1")
POSTED = protocol.fulfill("ord_1", b"{}", "key-1")


def raised(
    answer: StoreResponse, request: protocol.StoreRequest = ASKED, now: float | None = None
) -> errors.StoreError:
    with pytest.raises(errors.StoreError) as caught:
        check_response(answer, request, now)
    return caught.value


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_accepted_whatever_its_body(status: int) -> None:
    check_response(StoreResponse(status, {}, b""), POSTED)
    check_response(StoreResponse(status, {}, b"<html>"), POSTED)


@pytest.mark.parametrize(
    ("status", "error", "transient"),
    [
        (400, errors.StoreInvalidRequest, False),
        (401, errors.StoreUnauthorized, False),
        (403, errors.StoreForbidden, False),
        (404, errors.StoreNotFound, False),
        (408, errors.StoreUnavailable, True),
        (409, errors.StoreConflict, False),
        (422, errors.StoreRefused, False),
        (425, errors.StoreUnavailable, True),
        (429, errors.StoreThrottled, True),
        (500, errors.StoreUnavailable, True),
        (502, errors.StoreUnavailable, True),
        (503, errors.StoreUnavailable, True),
        (599, errors.StoreUnavailable, True),
        (301, errors.StoreUnexpectedStatus, False),
        (304, errors.StoreUnexpectedStatus, False),
        (402, errors.StoreUnexpectedStatus, False),
        (405, errors.StoreUnexpectedStatus, False),
        (418, errors.StoreUnexpectedStatus, False),
    ],
)
def test_each_status_is_its_own_error(status: int, error: type[errors.StoreError], transient: bool) -> None:
    found = raised(StoreResponse(status))
    assert type(found) is error
    assert (found.status, found.transient) == (status, transient)
    assert "read order ord_1" in str(found)


def test_the_documented_error_envelope_is_kept() -> None:
    detail = {"path": "line_items.0.quantity", "code": "too_small", "min": 1}
    body = {"error": {"code": "validation_failed", "message": "Bad quantity.", "details": [detail]}}
    found = raised(StoreResponse(400, {}, json.dumps(body).encode()), POSTED)
    assert (found.code, found.details) == ("validation_failed", (detail,))
    assert "fulfill order ord_1" in str(found)
    assert "400 validation_failed: Bad quantity)" in str(found)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "code", "message", "details"]), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(st.integers(300, 599), _json.map(lambda v: json.dumps(v).encode()) | st.binary(max_size=80))
def test_no_error_body_hides_the_status(status: int, body: bytes) -> None:
    found = raised(StoreResponse(status, {}, body))
    assert found.status == status
    assert all(isinstance(row, dict) for row in found.details)


def test_a_key_that_the_store_echoes_is_not_repeated() -> None:
    body = {"error": {"code": "aly_secret1", "message": "key aly_oauth_secret2 or whsec_secret3 is revoked"}}
    said = str(raised(StoreResponse(401, {}, json.dumps(body).encode())))
    assert "secret" not in said
    assert "aly_***" in said


def test_an_endless_message_is_cut() -> None:
    body = json.dumps({"error": {"message": "x" * 100_000}}).encode()
    assert len(str(raised(StoreResponse(422, {}, body)))) < 600


def test_the_wait_that_is_asked_for_stands_on_the_error() -> None:
    assert raised(StoreResponse(429, {"retry-after": "7"})).retry_after_s == 7.0
    assert raised(StoreResponse(503, {"retry-after": "7"})).retry_after_s == 7.0
    assert raised(StoreResponse(429)).retry_after_s is None


NOW = datetime(2026, 5, 19, 8, 35, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 5 ", 5.0),
        ("1.5", 1.5),
        ("999999999", LONGEST_WAIT_S),
        ("Tue, 19 May 2026 08:36:14 GMT", 60.0),
        ("Tue, 19 May 2026 08:36:14", 60.0),
        ("Tuesday, 19-May-26 08:36:14 GMT", 60.0),
        ("Tue, 19 May 2026 08:00:00 GMT", 0.0),
        ("Wed, 19 May 2027 08:00:00 GMT", LONGEST_WAIT_S),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("1e9", None),
        ("5 s", None),
        ("٥", None),
        ("Tue, 99 May 2026 08:36:14 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_within_bounds(header: str, wait: float | None) -> None:
    assert retry_after_s({"retry-after": header}, NOW.timestamp()) == wait


def test_a_date_counts_from_the_stores_own_clock() -> None:
    headers = {"retry-after": "Tue, 19 May 2026 08:36:14 GMT", "date": "Tue, 19 May 2026 08:36:04 GMT"}
    assert retry_after_s(headers, NOW.timestamp() + 9999) == 10.0
    assert retry_after_s(headers) == 10.0
    assert retry_after_s({"retry-after": headers["retry-after"]}) is None


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_header_makes_the_wait_fall_over_or_leave_its_bounds(header: str, date: str) -> None:
    wait = retry_after_s({"retry-after": header, "date": date}, NOW.timestamp())
    assert wait is None or 0.0 <= wait <= LONGEST_WAIT_S


@given(st.integers(0, 3600))
def test_any_date_within_an_hour_is_that_many_seconds_away(seconds: int) -> None:
    then = datetime.fromtimestamp(NOW.timestamp() + seconds, UTC)
    assert retry_after_s({"retry-after": format_datetime(then, usegmt=True)}, NOW.timestamp()) == seconds


ROW = {"id": "ord_1"}


@pytest.mark.parametrize("key", ["orders", "data", "items", "results"])
def test_a_list_is_the_one_array_of_an_object(key: str) -> None:
    found = read_list({key: [ROW], "next_cursor": "c", "total": 9}, "orders")
    assert (found.rows, found.next_cursor, found.is_bare) == ([ROW], "c", False)


def test_a_list_is_a_bare_array() -> None:
    found = read_list([ROW], "orders")
    assert (found.rows, found.next_cursor, found.is_bare) == ([ROW], None, True)


@pytest.mark.parametrize("value", [{}, {"orders": None}, {"orders": {}}, {"rows": [ROW]}, None, 7, "x", True])
def test_no_array_is_an_error_and_not_an_empty_list(value: Any) -> None:
    with pytest.raises(errors.StoreUnreadable):
        read_list(value, "orders")


@pytest.mark.parametrize("value", [{"orders": [], "data": []}, {"data": [ROW], "items": [ROW]}])
def test_several_arrays_are_an_error(value: Any) -> None:
    with pytest.raises(errors.StoreUnreadable, match="one array"):
        read_list(value, "orders")


@pytest.mark.parametrize("rows", [[7], [None], [[ROW]], ["ord_1"], [ROW, None]])
def test_rows_that_are_no_objects_are_an_error(rows: Any) -> None:
    with pytest.raises(errors.StoreUnreadable):
        read_list({"orders": rows}, "orders")


@pytest.mark.parametrize("cursor", [{}, {"next_cursor": None}, {"next_cursor": ""}])
def test_the_last_page_has_no_cursor_or_an_empty_one(cursor: dict[str, Any]) -> None:
    assert read_list({"orders": [], **cursor}, "orders").next_cursor is None


@pytest.mark.parametrize("place", ["pagination", "meta"])
def test_a_cursor_one_level_down_is_found(place: str) -> None:
    assert read_list({"orders": [], place: {"next_cursor": "c"}}, "orders").next_cursor == "c"


@pytest.mark.parametrize(
    "cursor", [{"next_cursor": 7}, {"next_cursor": ["c"]}, {"next_cursor": "a", "meta": {"next_cursor": "b"}}]
)
def test_a_cursor_that_cannot_be_followed_is_an_error(cursor: dict[str, Any]) -> None:
    with pytest.raises(errors.StoreUnreadable, match="next_cursor"):
        read_list({"orders": [], **cursor}, "orders")


@pytest.mark.parametrize(
    "value",
    [{"id": "ord_1"}, {"order": {"id": "ord_1"}}, {"data": {"id": "ord_1"}}, {"id": "ord_1", "order": {}}],
)
def test_an_object_is_bare_or_wrapped(value: Any) -> None:
    assert one_object(value, "order", "ord_1")["id"] == "ord_1"


@pytest.mark.parametrize(
    "value",
    [
        {"id": "ord_2"},
        {"order": {"id": "ord_2"}},
        {"order": {}},
        {},
        [],
        [{"id": "ord_1"}],
        None,
        {"id": 1},
        {"order": {"id": "ord_1"}, "data": {"id": "ord_1"}},
        {"order": [{"id": "ord_1"}]},
    ],
)
def test_another_object_than_the_one_asked_for_is_an_error(value: Any) -> None:
    with pytest.raises(errors.StoreUnreadable):
        one_object(value, "order", "ord_1")
