"""What an error of the store says: what happened, to what, what to do next; never more than fits a line."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from packhouse import errors
from packhouse.http import httpx
from packhouse.store import protocol, responses
from packhouse.store.protocol import LARGEST_RESPONSE, TOO_LARGE, StoreResponse, check_response, retry_after_s

READ = protocol.get_order("ord_1")
CHANGE = protocol.fulfill("ord_1", b"{}", "key-1")
URL = "https://store.example/api"


def raised(status: int, error: Any = None, request: protocol.StoreRequest = READ) -> errors.StoreError:
    body = b"" if error is None else json.dumps({"error": error}).encode()
    with pytest.raises(errors.StoreError) as caught:
        check_response(StoreResponse(status, {}, body), request)
    return caught.value


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (300, errors.StoreUnexpectedStatus, "It redirects"),
        (399, errors.StoreUnexpectedStatus, "It redirects"),
        (199, errors.StoreUnexpectedStatus, "no such status"),
        (400, errors.StoreInvalidRequest, "malformed"),
        (402, errors.StoreUnexpectedStatus, "no such status"),
        (499, errors.StoreUnexpectedStatus, "no such status"),
        (500, errors.StoreUnavailable, "tried again"),
    ],
)
def test_a_status_at_the_end_of_its_range_is_named_as_the_others(
    status: int, error: type[errors.StoreError], said: str
) -> None:
    found = raised(status)
    assert type(found) is error
    assert said in str(found)


def test_a_status_without_an_explanation_is_named_alone() -> None:
    assert str(raised(404)).startswith("The store did not read order ord_1 (404). Check the id")
    assert str(raised(404, {"code": "gone"})).startswith("The store did not read order ord_1 (404 gone).")
    assert "(404: Not here)." in str(raised(404, {"message": "Not here."}))


def test_a_throttled_call_says_that_it_is_the_rate() -> None:
    said = str(raised(429, {"code": "slow"}))
    assert said.startswith("Rate limited by the store (429 slow): it did not read order ord_1. Wait")
    assert "Rate limited" not in str(raised(430))


def test_a_call_without_a_name_is_named_by_its_path() -> None:
    assert "did not /health (404)" in str(raised(404, request=protocol.StoreRequest("GET", "/health")))


def test_code_message_and_details_are_cut_to_what_a_person_reads() -> None:
    details = [{"row": n} for n in range(21)]
    found = raised(422, {"code": "c" * 101, "message": "m" * 301, "details": ["x", *details]})
    assert found.code == "c" * 100
    assert f": {'m' * 300})" in str(found)
    assert found.details == tuple(details[:20])
    assert raised(422, {"details": {"row": 1}}).details == ()


@pytest.mark.parametrize(
    ("request_", "ends"),
    [
        (READ, "before the response was complete (OSError: broken)."),
        (
            CHANGE,
            "before the response was complete (OSError: broken). Whether it took effect is unknown: read the "
            "order again first.",
        ),
    ],
)
def test_only_a_lost_change_leaves_an_effect_in_doubt(request_: protocol.StoreRequest, ends: str) -> None:
    found = str(responses.unanswered(request_, URL, OSError("broken")))
    assert found.startswith(f"The store at {URL} was asked to {request_.action}: connection closed")
    assert found.endswith(ends)


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (TimeoutError(), "no complete response in time (TimeoutError)."),
        (OSError("reset"), "connection closed before the response was complete (OSError: reset)."),
        (httpx.ReadTimeout("slow"), "no complete response in time (ReadTimeout: slow)."),
        (httpx.ReadError(""), "connection closed before the response was complete (ReadError)."),
        (OSError("x" * 300), f"before the response was complete (OSError: {'x' * 191})."),
    ],
)
def test_silence_is_told_from_a_lost_connection(cause: Exception, said: str) -> None:
    assert str(responses.unanswered(READ, URL, cause)).endswith(said)


def test_a_call_that_was_never_sent_says_so() -> None:
    said = str(responses.unreachable(CHANGE, URL, OSError("refused")))
    assert said.startswith(f"Cannot reach the store at {URL} to fulfill order ord_1 (OSError: refused).")
    assert "Nothing was sent." in said


def too_large(received: bytes) -> tuple[dict[str, Any], ...]:
    error = responses.too_large(READ, received)
    assert error.code == TOO_LARGE
    assert str(LARGEST_RESPONSE) in str(error)
    return error.details


FIRST = b'[{"id":"ord_1","created_at":"2026"'


@pytest.mark.parametrize(
    ("received", "order_id", "created"),
    [
        (b"", "", ""),
        (FIRST, "ord_1", "2026"),
        (b'[ {"createdAt": "2026", "id": "ord_1"', "", "2026"),
        (b'[{"id":"a b","x":1', "", ""),
        (b'{"shipping_address":' + FIRST, "ord_1", "2026"),
        (FIRST + b'"shipping_address":1,"shipping_address" :2', "", ""),
        (b" " * (8192 - len(FIRST)) + FIRST, "ord_1", "2026"),
        (b" " * (8193 - len(FIRST)) + FIRST, "ord_1", ""),
    ],
)
def test_a_response_too_large_to_read_names_its_order_if_its_beginning_does(
    received: bytes, order_id: str, created: str
) -> None:
    assert too_large(received) == ({"id": order_id, "created_at": created},)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
@pytest.mark.parametrize(
    "date",
    [
        "Tue, 19 May 2026 08:36:14",
        "Tue, 19 May 2026 08:36:14 -0000",
        "Tue, 19 May 2026 10:36:14 +0200",
        "Tue, 19 May 2026 08:36:14 GMT",
    ],
)
def test_a_date_is_the_same_moment_wherever_the_daemon_runs(
    date: str, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        headers = {"retry-after": date, "date": "Tue, 19 May 2026 08:35:14 GMT"}
        assert retry_after_s(headers) == 60.0
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_wait_is_measured_from_the_time_of_the_caller_where_the_store_gives_none() -> None:
    later = {"retry-after": "Thu, 01 Jan 1970 00:01:00 GMT"}
    assert retry_after_s(later, 0.0) == 60.0
    assert retry_after_s({**later, "date": "Thu, 01 Jan 1970 00:00:00 GMT"}, 50.0) == 60.0


def test_a_compressed_response_is_refused_as_such_even_if_it_could_be_read() -> None:
    with pytest.raises(errors.StoreUnreadable, match="compressed") as caught:
        responses.json_of(StoreResponse(200, {"content-encoding": "gzip"}, b"{}"), "listing orders")
    assert caught.value.status == 200


def test_a_response_that_is_no_json_is_named_by_its_type_and_size() -> None:
    answer = StoreResponse(200, {"content-type": "t" * 61}, b"<html>")
    with pytest.raises(errors.StoreUnreadable) as caught:
        responses.json_of(answer, "listing orders")
    assert f"6 bytes, {'t' * 60})" in str(caught.value)
    assert caught.value.status == 200
    with pytest.raises(errors.StoreUnreadable, match="6 bytes, no content type"):
        responses.json_of(StoreResponse(200, {}, b"<html>"), "listing orders")


def test_a_list_with_several_arrays_names_them() -> None:
    with pytest.raises(errors.StoreUnreadable, match="it holds orders and data"):
        responses.read_list({"orders": [], "data": []}, "orders")
    with pytest.raises(errors.StoreUnreadable, match="it holds none"):
        responses.read_list({}, "orders")


@pytest.mark.parametrize("place", ["pagination", "meta"])
def test_more_rows_without_a_cursor_are_announced_at_the_side(place: str) -> None:
    page = responses.read_list({"orders": [], place: {"has_more": True}}, "orders")
    assert (page.truncated, page.next_cursor) == (True, None)
    assert not responses.read_list({"orders": [], place: {"has_more": "yes"}}, "orders").truncated


def test_one_cursor_in_two_places_is_followed() -> None:
    page = responses.read_list({"orders": [], "next_cursor": "c", "meta": {"next_cursor": "c"}}, "orders")
    assert page.next_cursor == "c"


def test_a_page_as_received_gives_the_keys_of_its_rows() -> None:
    rows = [{"id": "ord_1", "created_at": "2026-11-29"}, {"id": 7}]
    page = responses.read_list(rows, "orders", 2)
    assert page.order_keys() == [("ord_1", "2026-11-29"), ("", "")]
    assert page.without({"ord_1"}).rows == [{"id": 7}]
    assert page.without({"ord_1"}).truncated
