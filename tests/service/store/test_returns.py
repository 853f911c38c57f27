"""Returns and exchanges: the requests, and what is read of shapes that no page documents."""

from __future__ import annotations

import json
from typing import Any

import pytest

from packhouse.errors import StoreUnreadable
from packhouse.model.order import Order, Units
from packhouse.model.returns import Exchange, Return
from packhouse.store import protocol
from packhouse.store.protocol import StoreRequest, StoreResponse

UNITS = (Units("li_1", 1), Units("li_2", 3))
ITEMS = [{"line_item_id": "li_1", "quantity": 1}, {"line_item_id": "li_2", "quantity": 3}]
RETURN = {"id": "ret_1", "status": "approved", "rma_number": "RMA-7", "reason": "Wrong size", "items": ITEMS}


def answer(value: Any) -> StoreResponse:
    return StoreResponse(201, {}, b"" if value is None else json.dumps(value).encode())


def order(**raw: Any) -> Order:
    return Order(id="ord_1", raw={"id": "ord_1", **raw})


@pytest.mark.parametrize(
    ("request_", "path", "body"),
    [
        (
            protocol.create_return("ord_1", protocol.return_body(UNITS, "Wrong size"), "k"),
            "/merchant/orders/ord_1/returns",
            {"items": ITEMS, "reason": "Wrong size"},
        ),
        (
            protocol.approve_return("ord_1", "ret_1", "k"),
            "/merchant/orders/ord_1/returns/ret_1/approve",
            None,
        ),
        (
            protocol.receive_return("ord_1", "ret_1", "k"),
            "/merchant/orders/ord_1/returns/ret_1/receive",
            None,
        ),
        (
            protocol.reject_return("ord_1", "ret_1", "Outside window", "k"),
            "/merchant/orders/ord_1/returns/ret_1/reject",
            {"reason": "Outside window"},
        ),
        (
            protocol.create_exchange("ord_1", protocol.exchange_body(UNITS, "var_2", "Wrong color"), "k"),
            "/merchant/orders/ord_1/exchanges",
            {"items": ITEMS, "new_variant_id": "var_2", "reason": "Wrong color"},
        ),
    ],
)
def test_each_act_has_its_path_its_body_and_its_key(
    request_: StoreRequest, path: str, body: dict[str, Any] | None
) -> None:
    assert (request_.method, request_.path, request_.changes) == ("POST", path, True)
    assert dict(request_.headers)["Idempotency-Key"] == "k"
    assert (None if request_.body is None else json.loads(request_.body)) == body


def test_a_body_says_its_reason_only_where_there_is_one() -> None:
    one = (Units("li_1", 1),)
    items = b'"items":[{"line_item_id":"li_1","quantity":1}]'
    assert protocol.return_body(one, "") == b"{" + items + b"}"
    assert protocol.return_body(one, "Zu groß") == b"{" + items + b',"reason":"Zu gro\\u00df"}'
    exchange = b"{" + items + b',"new_variant_id":"var_2"'
    assert protocol.exchange_body(one, "var_2", "") == exchange + b"}"
    assert protocol.exchange_body(one, "var_2", "Color") == exchange + b',"reason":"Color"}'
    assert protocol.reject_return("ord_1", "ret_1", "Worn", "k").body == b'{"reason":"Worn"}'
    assert protocol.reject_return("ord_1", "ret_1", "", "k").body is None


def test_an_exchange_without_a_variant_is_not_built() -> None:
    with pytest.raises(ValueError, match="names the variant"):
        protocol.exchange_body(UNITS, "", "")


def test_an_id_cannot_lead_to_another_path() -> None:
    with pytest.raises(ValueError, match="cannot be an id"):
        protocol.approve_return("ord_1", "../ret_1", "k")


@pytest.mark.parametrize("units", [(), (Units("li_1", 0),), (Units("li_1", 1), Units("li_1", 1))])
def test_a_body_names_each_line_once_with_a_unit_or_more(units: tuple[Units, ...]) -> None:
    with pytest.raises(ValueError, match="units are named"):
        protocol.return_body(units, "")
    with pytest.raises(ValueError, match="units are named"):
        protocol.exchange_body(units, "var_2", "")


@pytest.mark.parametrize("value", [RETURN, {"return": RETURN}, {"data": RETURN}])
def test_a_return_is_bare_or_wrapped(value: Any) -> None:
    read = protocol.read_return(answer(value), "ord_1")
    assert read == Return("ret_1", "approved", "RMA-7", "Wrong size", UNITS)
    assert read is not None
    assert read.raw == RETURN


@pytest.mark.parametrize("value", [None, {}, {"ok": True}, {"id": "ord_1", "status": "fulfilled"}, []])
def test_an_answer_without_a_return_says_so_instead_of_inventing_one(value: Any) -> None:
    assert protocol.read_return(answer(value), "ord_1") is None
    assert protocol.read_exchange(answer(value), "ord_1") is None


def test_an_answer_that_is_no_json_is_unreadable() -> None:
    with pytest.raises(StoreUnreadable):
        protocol.read_return(StoreResponse(200, {}, b"<html>"), "ord_1")


@pytest.mark.parametrize(
    "rma", [{"rma": "RMA-7"}, {"rma": {"number": "RMA-7"}}, {"rma": {"id": "RMA-7"}}, {"rma_id": "RMA-7"}]
)
def test_the_rma_is_found_under_its_likely_names(rma: dict[str, Any]) -> None:
    read = protocol.read_return(answer({"id": "ret_1", **rma}), "ord_1")
    assert read == Return("ret_1", rma="RMA-7")


def test_an_exchange_has_the_variant_that_is_sent_instead() -> None:
    raw = {"id": "exc_1", "status": "requested", "items": ITEMS, "new_variant_id": "var_2"}
    read = protocol.read_exchange(answer({"exchange": raw}), "ord_1")
    assert read == Exchange("exc_1", "requested", units=UNITS, new_variant_id="var_2")
    bare = protocol.read_exchange(answer({"id": "exc_1", "rma": "RMA-7", "reason": "Color"}), "ord_1")
    assert bare == Exchange("exc_1", rma="RMA-7", reason="Color")


def test_a_line_of_which_nothing_comes_back_is_left_out() -> None:
    items = [{"line_item_id": "li_1", "quantity": 0}, {"id": "li_2", "quantity": 1}]
    read = protocol.read_return(answer({"id": "ret_1", "items": None, "line_items": items}), "ord_1")
    assert read is not None
    assert read.units == (Units("li_2", 1),)


def test_an_order_shows_its_returns_or_does_not_say() -> None:
    assert protocol.returns_of(order()) is None
    assert protocol.exchanges_of(order()) is None
    assert protocol.returns_of(order(returns=[])) == ()
    (found,) = protocol.returns_of(order(returns=[RETURN])) or ()
    assert (found.id, found.units) == ("ret_1", UNITS)
    (exchange,) = protocol.exchanges_of(order(exchanges=[{"id": "exc_1", "line_items": ITEMS}])) or ()
    assert exchange.units == UNITS


@pytest.mark.parametrize(
    "returns",
    [
        "none",
        [3],
        [{}],
        *([{"id": "r", "items": [{"line_item_id": "li_1", "quantity": n}]}] for n in (1.0, -1, None, True)),
        [{"id": "r", "items": [{"quantity": 1}]}],
        [{"id": "r", "items": {}}],
    ],
)
def test_returns_that_cannot_be_counted_are_refused(returns: Any) -> None:
    with pytest.raises(StoreUnreadable):
        protocol.returns_of(order(returns=returns))


def test_a_rejected_return_brings_nothing_back() -> None:
    assert [Return("r", status).counts for status in ("requested", "received", "", "rejected")] == [
        True,
        True,
        True,
        False,
    ]
