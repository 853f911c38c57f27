"""The body of a signed delivery becomes an event, or is said to be unreadable."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.model.event import ORDER_EVENTS
from packhouse.store.event import UnreadableEvent, read_event

DOCUMENTED: dict[str, Any] = {
    "id": "evt_7f3a",
    "type": "order.created",
    "created_at": "2026-05-19T08:35:14.000Z",
    "site_slug": "acme",
    "data": {
        "order": {
            "id": "ord_724b",
            "currency": "USD",
            "totals": {"subtotal": 4200, "shipping": 500, "tax": 376, "discount": 0, "total": 5076},
            "buyer": {"email": "buyer@example.com"},
            "items": [{"id": "li_1", "product_id": "prod_1", "variant_id": "var_1", "quantity": 1}],
            "shipping_address": {"country": "US", "state": "CA", "postcode": "94110"},
        }
    },
}


def body_of(value: Any) -> bytes:
    return json.dumps(value).encode()


def event_with(**changes: Any) -> bytes:
    return body_of({**DOCUMENTED, **changes})


def test_the_documented_event_is_read() -> None:
    event = read_event(event_with())
    assert (event.id, event.type, event.order_id) == ("evt_7f3a", "order.created", "ord_724b")
    assert (event.source, event.site_slug) == ("store", "acme")
    assert event.body.encode() == event_with()
    assert event.is_known


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"\x1f\x8b\x08\x00", r"the body is compressed \(gzip\) \(\w+, 4 bytes\)"),
        (b"<html>", r"the body is not JSON \(\w+, 6 bytes\)"),
        (b"[1]", "the body is a list, not an object"),
        (b"{}", "its id is nothing"),
        (b'{"id":"evt_1","type":7}', "its type is a number"),
    ],
)
def test_an_unreadable_body_is_named_by_what_it_is(body: bytes, what: str) -> None:
    with pytest.raises(UnreadableEvent, match=what):
        read_event(body)


def test_a_type_has_up_to_a_hundred_characters() -> None:
    assert read_event(event_with(type="t" * 100)).type == "t" * 100
    with pytest.raises(UnreadableEvent, match="type"):
        read_event(event_with(type="t" * 101))


@pytest.mark.parametrize("event_type", sorted(ORDER_EVENTS))
@pytest.mark.parametrize(
    "data",
    [{"order": {"id": "ord_9"}}, {"order": "ord_9"}, {"order_id": "ord_9"}, {"id": "ord_9"}],
)
def test_the_order_is_found_wherever_an_order_event_names_it(event_type: str, data: dict[str, Any]) -> None:
    event = read_event(event_with(type=event_type, data=data))
    assert event.order_id == "ord_9"
    assert event.is_known


def test_a_completed_checkout_names_its_order() -> None:
    session = {"id": "cs_1", "status": "completed", "order_id": "ord_9"}
    event = read_event(event_with(type="checkout_session.completed", data={"checkout_session": session}))
    assert event.order_id == "ord_9"
    assert not event.is_known


def test_the_id_in_the_data_of_other_families_is_not_an_order() -> None:
    event = read_event(event_with(type="site.published", data={"id": "site_1"}))
    assert event.order_id == ""
    assert not event.is_known


@pytest.mark.parametrize(
    "data", [None, [], "ord_1", 7, {}, {"order": None}, {"order": {"id": 7}}, {"id": "a/b"}]
)
def test_an_order_event_without_a_usable_order_is_still_an_event(data: Any) -> None:
    event = read_event(event_with(data=data))
    assert event.order_id == ""
    assert not event.is_known


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"evt_1"',
        b"{",
        b'{"id":"evt_1","type":"order.created"',
        b'{"id":"evt_1","type":"order.created","data":NaN}',
        b'{"id":"evt_1\\ud800","type":"order.created"}',
        b'{"id":"evt_1","type":"order.created\\u0000"}',
        b"[" * 200_000,
        b'{"id":' + b"1" * 5000 + b',"type":"x"}',
        '{"id":"evt_1","type":"order.created"}'.encode("utf-16"),
        event_with(id=None),
        event_with(id=""),
        event_with(id=7),
        event_with(id="evt 1"),
        event_with(id="evt\n1"),
        event_with(id="e" * 256),
        event_with(type=None),
        event_with(type=""),
        event_with(type=["order.created"]),
        event_with(type="x" * 101),
        body_of({k: v for k, v in DOCUMENTED.items() if k != "id"}),
        body_of({k: v for k, v in DOCUMENTED.items() if k != "type"}),
    ],
)
def test_anything_else_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableEvent):
        read_event(body)


@pytest.mark.parametrize("unfit", ["\\ud83d", "\\u0000", "\\u001b", "\\ufffd"])
def test_text_that_no_database_keeps_hides_no_event_and_names_no_other_order(unfit: str) -> None:
    body = event_with().replace(b"buyer@example.com", unfit.encode())
    event = read_event(body)
    assert (event.id, event.order_id) == ("evt_7f3a", "ord_724b")
    assert event.body.encode() == body
    assert read_event(event_with().replace(b"ord_724b", f"ord_724b{unfit}".encode())).order_id == ""


def test_the_complaint_quotes_nothing_of_the_body() -> None:
    with pytest.raises(UnreadableEvent) as caught:
        read_event(event_with(id=None, type="secret street 5"))
    assert "secret" not in str(caught.value)
    assert "buyer@example.com" not in str(caught.value)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "type", "data", "order", "order_id"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(_json.map(body_of) | st.binary(max_size=100))
def test_any_body_is_an_event_or_unreadable(body: bytes) -> None:
    try:
        event = read_event(body)
    except UnreadableEvent:
        return
    assert event.id and event.type
    event.id.encode(), event.type.encode(), event.order_id.encode(), event.site_slug.encode()
