"""EasyPost's words and ours, without a call."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.model.label import LabelFormat, Rate
from packhouse.model.money import Money
from packhouse.providers.conformance import sample_request
from packhouse.providers.easypost import wire
from packhouse.providers.port import (
    Absent,
    Bought,
    NotBought,
    Purchase,
    TrackerState,
    Unknown,
    Voided,
    VoidPending,
    VoidRefused,
    Whose,
)
from tests.service.providers.context import SENDER

REQUEST = sample_request("ord_1/1/1")
RATE = Rate("rate_1", "USPS", "Priority", Money(742, "USD"), 2)
PURCHASE = Purchase(REQUEST, "shp_1", RATE)
SOLD = {
    "id": "shp_1",
    "reference": "ord_1/1/1",
    "mode": "test",
    "tracking_code": "9400100208303109505657",
    "selected_rate": {
        "id": "rate_1",
        "carrier": "USPS",
        "service": "Priority",
        "rate": "7.42",
        "currency": "USD",
    },
    "postage_label": {"id": "pl_1", "label_url": "https://files.example.net/1.png"},
}


def answered(status: int, body: Any) -> Bought | NotBought | Unknown:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return wire.read_purchase(status, content, PURCHASE, LabelFormat.PDF)


def refused(code: str, status: int = 422) -> Bought | NotBought | Unknown:
    return answered(status, {"error": {"code": code, "message": "No."}})


def test_a_shipment_is_registered_in_ounces_and_inches_and_not_bought() -> None:
    body = json.loads(wire.shipment_body(REQUEST, SENDER, LabelFormat.ZPL, ("ca_1",)))["shipment"]
    assert body["reference"] == "ord_1/1/1"
    assert body["parcel"] == {"weight": 15.9, "length": 9.9, "width": 7.9, "height": 4.0}
    assert body["options"] == {"label_format": "ZPL"}
    assert body["carrier_accounts"] == ["ca_1"]
    assert body["to_address"]["zip"] == "90277"
    assert "company" not in body["to_address"]
    assert "service" not in body, "with a service EasyPost would buy in one call"


@given(st.integers(1, 100_000))
def test_weights_round_up_to_the_next_tenth_of_an_ounce(weight_g: int) -> None:
    exact = Decimal(weight_g) / Decimal("28.349523125")
    assert exact <= Decimal(repr(wire.ounces(weight_g))) < exact + Decimal("0.1")


@given(st.integers(1, 10_000))
def test_lengths_round_up_to_the_next_tenth_of_an_inch(length_mm: int) -> None:
    exact = Decimal(length_mm) / Decimal("25.4")
    assert exact <= Decimal(repr(wire.inches(length_mm))) < exact + Decimal("0.1")


def test_a_sold_label_is_read_with_its_price_and_file() -> None:
    bought = answered(200, SOLD)
    assert isinstance(bought, Bought)
    assert bought.tracking_number == "9400100208303109505657"
    assert (bought.carrier, bought.service, bought.cost) == ("USPS", "Priority", Money(742, "USD"))
    assert (bought.provider_id, bought.document_source) == ("shp_1", "https://files.example.net/1.png")
    json.dumps(dict(bought.raw))


@pytest.mark.parametrize("rate", [None, {}, {"rate": "seven"}, {"rate": "NaN", "currency": "USD"}])
def test_an_unreadable_price_does_not_undo_a_purchase(rate: Any) -> None:
    bought = answered(200, {**SOLD, "selected_rate": rate})
    assert isinstance(bought, Bought)
    assert bought.cost == RATE.price


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"id": "shp_1"',
        b"[]",
        b'"shp_1"',
        b"\xff\xfe",
        b"[" * 100_000,
        {**SOLD, "id": "shp_2"},
        {**SOLD, "id": None},
        {**SOLD, "reference": "ord_2/1/1"},
        {**SOLD, "postage_label": None},
        {**SOLD, "tracking_code": None},
        {**SOLD, "postage_label": None, "tracking_code": None, "selected_rate": None},
    ],
)
def test_an_answer_that_does_not_show_our_label_is_unknown(body: Any) -> None:
    assert isinstance(answered(200, body), Unknown)


@pytest.mark.parametrize("status", [301, 408, 409, 425, 499, 500, 502, 503, 504])
def test_statuses_before_the_purchase_was_processed_are_unknown(status: int) -> None:
    assert isinstance(refused("ANY", status), Unknown)


@pytest.mark.parametrize("code", sorted(wire.MAYBE_BOUGHT))
def test_refusals_after_which_a_label_may_exist_are_unknown(code: str) -> None:
    assert isinstance(refused(code), Unknown)
    assert len(wire.MAYBE_BOUGHT) == 4


@pytest.mark.parametrize("status", [400, 403, 404, 413, 422])
def test_a_refusal_of_this_order_is_final(status: int) -> None:
    outcome = refused("SHIPMENT.POSTAGE.FAILURE", status)
    assert isinstance(outcome, NotBought)
    assert outcome.whose is Whose.ORDER


@pytest.mark.parametrize(
    ("status", "whose"), [(401, Whose.ACCOUNT), (402, Whose.ACCOUNT), (429, Whose.MOMENT)]
)
def test_a_problem_of_the_account_or_the_moment_is_not_the_orders(status: int, whose: Whose) -> None:
    outcome = refused("ANY", status)
    assert isinstance(outcome, NotBought)
    assert outcome.whose is whose


def test_a_prepared_shipment_is_absent_and_a_half_bought_one_is_not() -> None:
    free = {"id": "shp_1", "reference": "ord_1/1/1", "postage_label": None, "tracking_code": None}
    assert wire.read_postage(json.dumps(free).encode(), PURCHASE, LabelFormat.PDF) == Absent()
    half = {**free, "selected_rate": SOLD["selected_rate"]}
    assert isinstance(wire.read_postage(json.dumps(half).encode(), PURCHASE, LabelFormat.PDF), Unknown)


def test_reasons_are_read_from_objects_and_from_plain_text() -> None:
    error = {
        "code": "X",
        "message": "No.",
        "errors": ["first", {"field": "zip", "message": "is bad"}, 7, None],
    }
    refusal = wire.read_refusal(422, json.dumps({"error": error}).encode())
    assert refusal == wire.Refusal("X", "EasyPost answered 422: No. (first; zip: is bad; 7) [X]")


@given(
    st.binary()
    | st.recursive(
        st.none() | st.text() | st.integers(),
        lambda x: (
            st.dictionaries(st.sampled_from(["error", "code", "message", "errors", "field"]), x) | st.lists(x)
        ),
    ).map(lambda x: json.dumps(x).encode())
)
def test_any_error_body_gives_a_short_reason(body: bytes) -> None:
    reason = wire.read_refusal(500, body).reason
    assert "EasyPost answered 500" in reason
    assert len(reason) <= 400


@given(
    st.dictionaries(
        st.sampled_from([*SOLD, "rates", "messages", "tracker", "refund_status"]),
        st.none() | st.text() | st.integers() | st.lists(st.none()) | st.just({}) | st.floats(),
    )
)
def test_no_shape_of_a_shipment_breaks_the_reader(shipment: dict[str, Any]) -> None:
    outcome = answered(200, shipment)
    assert isinstance(outcome, Unknown | Bought)
    wire.read_tracker(shipment)
    wire.read_void(shipment)
    wire.label_link(shipment, LabelFormat.PDF)
    try:
        wire.read_prepared(shipment, "ord_1/1/1")
    except wire.Unreadable as error:
        assert str(error)


def test_unreadable_rates_are_skipped_with_a_message() -> None:
    rows = [
        {
            "id": "rate_1",
            "carrier": "USPS",
            "service": "Priority",
            "rate": "7.42",
            "currency": "usd",
            "delivery_days": 2,
        },
        {
            "id": "rate_2",
            "carrier": "USPS",
            "service": "Slow",
            "rate": 5,
            "currency": None,
            "est_delivery_days": 9,
        },
        {"id": "rate_3", "carrier": "UPS", "service": "Free", "rate": "-1"},
        {"id": "", "carrier": "UPS", "rate": "1.00"},
        None,
    ]
    messages = [
        {"carrier": "FedEx", "type": "rate_error", "message": "phone is required"},
        {"message": "Slow."},
        7,
    ]
    prepared = wire.read_prepared({"id": "shp_1", "rates": rows, "messages": messages}, "ord_1/1/1")
    assert prepared.rates == (RATE, Rate("rate_2", "USPS", "Slow", Money(500, "USD"), 9))
    assert prepared.messages[:2] == ("FedEx: phone is required", "Slow.")
    assert len(prepared.messages) == 4


@pytest.mark.parametrize(
    ("amount", "currency", "money"),
    [
        ("6.07", "USD", Money(607, "USD")),
        ("6.071", "USD", Money(608, "USD")),
        ("6", "USD", Money(600, "USD")),
        ("1200", "JPY", Money(1200, "JPY")),
        ("1.2345", "KWD", Money(1235, "KWD")),
        ("6.07", None, Money(607, "USD")),
        ("", "USD", None),
        ("1e9", "USD", None),
        ("-1", "USD", None),
        (True, "USD", None),
    ],
)
def test_amounts_are_exact_and_parts_of_a_cent_round_up(
    amount: Any, currency: Any, money: Money | None
) -> None:
    assert wire.read_money(amount, currency) == money


def test_easyposts_refund_states_are_void_outcomes() -> None:
    read = {
        word: wire.read_void({"refund_status": word}) for word in (None, "submitted", "refunded", "new word")
    }
    assert read[None] is None
    assert isinstance(read["submitted"], VoidPending)
    assert read["refunded"] == Voided()
    assert isinstance(read["new word"], VoidPending)
    assert isinstance(wire.read_void({"refund_status": "rejected"}), VoidRefused)
    assert isinstance(wire.read_void({"refund_status": "not_applicable"}), VoidRefused)


def test_every_tracker_word_of_easypost_has_a_meaning() -> None:
    moving = ("pre_transit", "in_transit", "out_for_delivery", "available_for_pickup")
    ended = ("delivered", "return_to_sender", "failure", "cancelled")
    states = [wire.read_tracker({"tracker": {"status": word}}) for word in moving + ended]
    assert TrackerState.UNKNOWN not in states
    assert wire.read_tracker({"tracker": {"status": "error"}}) is TrackerState.UNKNOWN
    assert wire.read_tracker({"tracker": None}) is TrackerState.UNKNOWN


_GARBAGE: tuple[Any, ...] = (
    b"",
    b"OK",
    b"<html>It works!</html>",
    b"[]",
    b"null",
    b"{}",
    b'{"id": "shp_1"}',
    b'{"id": "shp_1", "postage_label": null}',
    b'{"id": "shp_1", "tracking_code": null}',
    b'{"id": "shp_1", "postage_label": "sold", "tracking_code": null}',
    b'{"id": "shp_1", "postage_label": ["l"], "tracking_code": null}',
    b'{"id": "shp_1", "postage_label": null, "tracking_code": "94001"}',
    b'{"id": "shp_1", "postage_label": {"id": "pl_1"}, "tracking_code": null}',
    b'{"id": "shp_2", "postage_label": null, "tracking_code": null}',
    b'{"error": {"code": "INTERNAL_SERVER_ERROR"}}',
    b'{"id": "shp_1", "postage_label": null, "tracking_code": null, "reference": "another/1/1"}',
)


@pytest.mark.parametrize("body", _GARBAGE)
def test_no_garbled_answer_is_ever_read_as_absent_bought_or_not_bought(body: bytes) -> None:
    assert isinstance(wire.read_postage(body, PURCHASE, LabelFormat.PDF), Unknown)
    for status in (200, 201, 202, 302, 408, 409, 500, 502, 504):
        assert isinstance(wire.read_purchase(status, body, PURCHASE, LabelFormat.PDF), Unknown)
