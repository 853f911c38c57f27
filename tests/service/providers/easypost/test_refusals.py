"""What a refused purchase means: the order's fault, the account's, the moment's, or nothing at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.providers import rest
from packhouse.providers.easypost import wire
from packhouse.providers.port import (
    NotBought,
    Unknown,
    Whose,
)
from tests.service.providers.easypost.answers import answered, refused


@pytest.mark.parametrize("status", [301, 408, 409, 425, 499, 500, 502, 503, 504])
def test_statuses_before_the_purchase_was_processed_are_unknown(status: int) -> None:
    assert isinstance(refused("ANY", status), Unknown)


@pytest.mark.parametrize("code", sorted(wire.MAYBE_BOUGHT))
def test_refusals_after_which_a_label_may_exist_are_unknown(code: str) -> None:
    assert isinstance(refused(code), Unknown)
    assert len(wire.MAYBE_BOUGHT) == 4


@pytest.mark.parametrize("status", [400, 405, 413, 422])
def test_a_refusal_of_this_order_is_final(status: int) -> None:
    outcome = refused("SHIPMENT.POSTAGE.FAILURE", status)
    assert isinstance(outcome, NotBought)
    assert outcome.whose is Whose.ORDER


@pytest.mark.parametrize(
    ("status", "whose"),
    [(401, Whose.ACCOUNT), (402, Whose.ACCOUNT), (403, Whose.ACCOUNT), (429, Whose.MOMENT)],
)
def test_a_problem_of_the_account_or_the_moment_is_not_the_orders(status: int, whose: Whose) -> None:
    outcome = refused("ANY", status)
    assert isinstance(outcome, NotBought)
    assert outcome.whose is whose


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
    assert len(reason) <= rest.MAX_REASON


FIREWALL = b"<!doctype html><title>Attention Required!</title><h1>Sorry, you have been blocked</h1>"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 407, 413, 422, 429, 451])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        FIREWALL,
        b"Forbidden",
        b"[]",
        {"message": "Forbidden"},
        {"error": None},
        {"error": {}},
        {"errors": ["Access denied"]},
    ],
)
def test_a_refusal_that_is_not_easyposts_proves_nothing(status: int, body: Any) -> None:
    assert isinstance(answered(status, body), Unknown)


@pytest.mark.parametrize("status", [400, 403, 404, 429])
@pytest.mark.parametrize("error", ["Forbidden", {"code": 1020, "message": "Access denied"}, ["no"]])
def test_a_proxys_json_is_not_easyposts(status: int, error: Any) -> None:
    outcome = answered(status, {"error": error})
    assert isinstance(outcome, Unknown)
    assert "not with an error of its own" in outcome.reason


def test_the_words_of_a_firewall_reach_a_person() -> None:
    outcome = answered(403, FIREWALL)
    assert isinstance(outcome, Unknown)
    assert "you have been blocked" in outcome.reason


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ({"code": "X.Y", "message": ["No street", "No phone"], "errors": []}, ["No street", "No phone"]),
        ({"code": "X.Y", "message": {"errors": ["No street"]}, "errors": []}, ["No street"]),
        (
            {"code": "X.Y", "message": "Bad.", "errors": [{"field": "phone", "message": ["none"]}]},
            ["phone: none"],
        ),
        (
            {"code": "X.Y", "message": "Bad.", "errors": {"phone": ["none"], "zip": "short"}},
            ["phone: none", "zip: short"],
        ),
        ({"code": "X.Y", "message": "Bad.", "errors": "No street"}, ["Bad.", "No street"]),
        (
            {"code": "X.Y", "message": "Bad.", "errors": ["No street", [["No phone"]]]},
            ["No street", "No phone"],
        ),
        ({"code": "X.Y", "message": None, "errors": None, "carrier": "USPS says no"}, ["USPS says no"]),
        ({"code": "X.Y", "message": "Straße fehlt", "errors": []}, ["Straße fehlt"]),
        ({"message": {"text": "No street"}}, ["No street"]),
        ("No street", ["No street"]),
        (["No street", {"message": "No phone"}], ["No street", "No phone"]),
    ],
)
def test_every_word_of_a_refused_order_reaches_the_hold(error: Any, said: list[str]) -> None:
    outcome = answered(422, {"error": error})
    assert isinstance(outcome, NotBought)
    assert outcome.whose is Whose.ORDER
    assert all(words in outcome.reason for words in said), outcome.reason


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (402, "PAYMENT_REQUIRED", "No."),
        (403, "FORBIDDEN", "No."),
        (422, "PAYMENT_REQUIRED", "No."),
        (422, "INSUFFICIENT_FUNDS", "No."),
        (422, "BILLING.FAILURE", "No."),
        (422, "USER.DISABLED", "No."),
        (422, "SHIPMENT.POSTAGE.FAILURE", "Insufficient funds. Please add funds to your account."),
        (422, "SHIPMENT.POSTAGE.FAILURE", ["Your account has been suspended."]),
        (400, "BAD_REQUEST", "Billing has not been setup for this user. Please add a payment method."),
    ],
)
def test_missing_funds_and_a_closed_account_are_not_the_orders(status: int, code: str, message: Any) -> None:
    outcome = answered(status, {"error": {"code": code, "message": message, "errors": []}})
    assert isinstance(outcome, NotBought)
    assert outcome.whose is Whose.ACCOUNT


@pytest.mark.parametrize(("status", "code"), [(404, "NOT_FOUND"), (422, "SHIPMENT.RATE.UNAVAILABLE")])
def test_what_was_prepared_and_is_gone_is_prepared_again(status: int, code: str) -> None:
    outcome = refused(code, status)
    assert isinstance(outcome, NotBought)
    assert (outcome.whose, outcome.prepare_again) == (Whose.MOMENT, True)
