"""What a 2xx answer to a change may be: the store's consent, or a word from somebody else."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from packhouse.errors import StoreUnreadable
from packhouse.model.order import Units
from packhouse.store.protocol import StoreResponse, fulfill_body
from packhouse.store.requests import StoreRequest, fulfill, get_order, refund
from packhouse.store.returns import create_exchange, create_return, reject_return
from packhouse.store.webhooks import delete_webhook
from packhouse.store.write_answers import check_accepted, shows_fulfillment

BODY = fulfill_body([Units("li_1", 2)], "USPS", "9400")
FULFILL = fulfill("ord_1", BODY, "k")
CHANGES = (
    FULFILL,
    refund("ord_1", b"{}", "k"),
    create_return("ord_1", b"{}", "k"),
    reject_return("ord_1", "ret_1", "worn", "k"),
    create_exchange("ord_1", b"{}", "k"),
    delete_webhook("wh_1", "k"),
)


def answer(value: Any) -> StoreResponse:
    return StoreResponse(200, {}, value if isinstance(value, bytes) else json.dumps(value).encode())


@pytest.mark.parametrize("request_", CHANGES, ids=[change.call for change in CHANGES])
@pytest.mark.parametrize(
    "value",
    [
        b"<html>Log in</html>",
        b"OK",
        b'{"id": "ord_',
        b"\xff\xfe{}",
        gzip.compress(b"{}", mtime=0),
        {"error": {"code": "bad_gateway"}},
        {"errors": ["no backend"]},
        {"success": False},
        {"ok": False},
        {"id": "x", "status": "failed"},
        {"data": {"status": "Error"}},
    ],
)
def test_an_answer_that_cannot_be_the_stores_consent_leaves_every_change_in_doubt(
    request_: StoreRequest, value: Any
) -> None:
    with pytest.raises(StoreUnreadable, match="Whether it took effect is unknown"):
        check_accepted(answer(value), request_)


@pytest.mark.parametrize(
    "value",
    [
        {"order": {"id": "ord_2"}},
        {"id": "ord_2", "totals": {}},
        {"data": {"id": "ord_2", "totals": {}}},
        {"order_id": "ord_2"},
        {"order_id": "", "id": "ord_2", "totals": {}},
        {"fulfillment": {"order_id": "ord_2", "tracking_number": "9400"}},
    ],
)
def test_an_answer_about_another_order_leaves_a_change_in_doubt(value: Any) -> None:
    for request in CHANGES[:-1]:
        with pytest.raises(StoreUnreadable, match="ord_2"):
            check_accepted(answer(value), request)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b" \n",
        b"null",
        {},
        [],
        {"ok": True},
        {"id": "ret_1", "order_id": "ord_1", "status": "rejected"},
        {"id": "re_1", "status": "pending", "payment": "pi_1"},
        {"order": {"id": "ord_1"}},
        b"\xef\xbb\xbf{}",
    ],
)
def test_the_stores_own_answer_is_not_doubted_whatever_its_shape(value: Any) -> None:
    for request in CHANGES:
        check_accepted(answer(value), request)


@pytest.mark.parametrize("body", [b"{}", gzip.compress(b"{}", mtime=0)])
def test_a_compressed_answer_to_a_change_leaves_it_in_doubt(body: bytes) -> None:
    with pytest.raises(StoreUnreadable, match="compressed"):
        check_accepted(StoreResponse(200, {"content-encoding": "gzip"}, body), FULFILL)


def test_an_answer_that_is_no_json_is_named_by_its_size_and_type() -> None:
    with pytest.raises(StoreUnreadable, match=rf"no JSON \(6 bytes, {'t' * 60}\)") as caught:
        check_accepted(StoreResponse(202, {"content-type": "t" * 61}, b"<html>"), FULFILL)
    assert caught.value.status == 202


def test_a_tracking_number_contradicts_no_other_change_than_a_fulfillment() -> None:
    for request in CHANGES[1:]:
        check_accepted(answer({"tracking_number": "9499"}), request)


def test_of_two_other_tracking_numbers_the_outer_one_is_shown() -> None:
    shown = {"tracking_number": "9499", "data": {"tracking_number": "9488"}}
    for request in (FULFILL, fulfill("ord_1", b"", "k")):
        with pytest.raises(StoreUnreadable, match="another tracking number, '9499'"):
            check_accepted(answer(shown), request)


@pytest.mark.parametrize("value", [{"order_id": 7}, {"order_id": ""}, {"order_id": None}])
def test_an_order_id_that_is_none_contradicts_no_change(value: Any) -> None:
    for request in CHANGES:
        check_accepted(answer(value), request)


def test_an_id_is_compared_as_it_is_and_not_as_the_path_has_it() -> None:
    check_accepted(answer({"order_id": "örd"}), refund("örd", b"{}", "k"))


def test_only_another_tracking_number_contradicts_a_fulfillment() -> None:
    check_accepted(answer({"data": {"tracking_number": "94 00"}, "tracking_number": "9499"}), FULFILL)
    with pytest.raises(StoreUnreadable, match="another tracking number, '9499'"):
        check_accepted(answer({"data": {"tracking_number": "9499"}}), FULFILL)


def test_reads_are_checked_where_they_are_read() -> None:
    check_accepted(answer(b"<html>"), get_order("ord_1"))


@pytest.mark.parametrize(
    ("value", "is_shown"),
    [
        ({"fulfillments": [{"tracking_number": "9499"}, {"tracking_number": "94-00"}]}, True),
        ({"order": {"id": "ord_1", "shipments": [{"tracking": "9400"}]}}, True),
        ([{"tracking_number": "9400"}], True),
        ({"fulfillments": [7, {"tracking_number": "9400"}]}, True),
        ([7, {"tracking_number": "9400"}], True),
        ({"fulfillments": [{"tracking_number": "9499"}]}, False),
        ({"fulfillments": "9400"}, False),
        ({"note": "9400"}, False),
        ({"tracking_number": ""}, False),
        (b"", False),
        (b"null", False),
    ],
)
def test_only_the_number_itself_shows_a_fulfillment(value: Any, is_shown: bool) -> None:
    assert shows_fulfillment(answer(value), BODY) is is_shown
