"""EasyPost's answers at their edges: parts that are missing, strange or contradict each other."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from packhouse.model.label import LabelFormat, Rate
from packhouse.model.money import Money
from packhouse.providers import rest
from packhouse.providers.easypost import wire
from packhouse.providers.port import (
    Absent,
    Bought,
    NotBought,
    Paper,
    Purchase,
    Unknown,
    Voided,
    VoidPending,
    VoidRefused,
    Whose,
    Withdrawn,
)
from tests.service.providers.context import SENDER
from tests.service.providers.easypost.answers import PURCHASE, REQUEST, SOLD, answered, refused

Found = Bought | Withdrawn | Absent | Unknown


def shown(purchase: Purchase = PURCHASE, **changes: Any) -> Found:
    """What the sold shipment, shown with these changes, says."""
    return wire.read_postage(json.dumps({**SOLD, **changes}).encode(), purchase, LabelFormat.PDF)


def bought(purchase: Purchase = PURCHASE, **changes: Any) -> Bought:
    found = shown(purchase, **changes)
    assert isinstance(found, Bought)
    return found


@pytest.mark.parametrize(("weight_g", "ounces"), [(192_910, 6804.7), (225_013, 7937.2)])
def test_an_ounce_is_exactly_28_349523125_grams(weight_g: int, ounces: float) -> None:
    """These weights lie closest to a tenth of an ounce: any other size of the ounce gives another one."""
    assert wire.ounces(weight_g) == ounces


def test_names_are_written_in_their_own_script() -> None:
    request = replace(REQUEST, to_address=replace(REQUEST.to_address, name="Łódź 東京"))
    body = wire.shipment_body(request, SENDER, LabelFormat.PDF, ())
    assert "Łódź 東京".encode() in body
    assert "carrier_accounts" not in json.loads(body)["shipment"]


@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        (422, {"code": "X", "message": "No street"}, ": No street [X]"),
        (422, {"code": "X", "message": "No street", "errors": ["No street"]}, ": No street [X]"),
        (422, {"code": "X", "message": "Bad.", "errors": ["No street"]}, ": Bad. (No street) [X]"),
        (422, {"code": "X", "errors": ["No street"]}, ": (No street) [X]"),
        (422, {"message": "No street"}, ": No street"),
        (422, "No street", ": No street"),
        (403, None, " without a reason."),
    ],
)
def test_a_reason_has_the_message_the_details_and_the_code_once_each(
    status: int, error: Any, reason: str
) -> None:
    body = json.dumps({"error": error}).encode() if error else b""
    assert wire.read_refusal(status, body).reason == f"EasyPost answered {status}{reason}"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"message": "Forbidden"}', "Forbidden"),
        (b"<p>Access denied</p>", "Access denied"),
    ],
)
def test_the_words_of_another_answer_follow_the_remark_that_it_is_not_easyposts(
    body: bytes, words: str
) -> None:
    refusal = wire.read_refusal(403, body)
    assert refusal == wire.Refusal(
        "", f"EasyPost answered 403, and not with an error of its own: {words}", is_easypost=False
    )


@pytest.mark.parametrize("shipment_id", [None, "", 1.5, {}])
def test_an_offer_without_an_id_is_not_taken(shipment_id: Any) -> None:
    with pytest.raises(rest.Unreadable, match="without an id"):
        wire.read_prepared({"id": shipment_id, "reference": "ord_1/1/1"}, "ord_1/1/1")


OFFER = {"id": "rate_1", "carrier": "USPS", "service": "Priority", "rate": "7.42", "currency": "USD"}


@pytest.mark.parametrize("part", ["id", "carrier", "rate"])
def test_an_offer_without_its_id_carrier_or_price_is_skipped(part: str) -> None:
    shipment = {"id": "shp_1", "rates": [{**OFFER, part: None}, OFFER]}
    prepared = wire.read_prepared(shipment, "ord_1/1/1")
    assert prepared.rates == (Rate("rate_1", "USPS", "Priority", Money(742, "USD")),)
    assert len(prepared.messages) == 1


@pytest.mark.parametrize(
    ("row", "days"),
    [
        ({"delivery_days": 2, "est_delivery_days": 9}, 2),
        ({"delivery_days": None, "est_delivery_days": 9}, 9),
        ({"delivery_days": "2", "est_delivery_days": "9"}, None),
        ({}, None),
    ],
)
def test_the_days_of_an_offer_are_whole_numbers_or_unknown(row: dict[str, Any], days: int | None) -> None:
    (rate,) = wire.read_prepared({"id": "shp_1", "rates": [{**OFFER, **row}]}, "ord_1/1/1").rates
    assert rate.days == days


def test_only_the_statuses_from_200_to_299_can_sell() -> None:
    assert isinstance(answered(200, SOLD), Bought)
    assert isinstance(answered(299, SOLD), Bought)
    assert isinstance(answered(199, SOLD), Unknown)
    assert isinstance(answered(300, SOLD), Unknown)


@pytest.mark.parametrize("status", [409, 500, 503])
def test_words_about_the_account_do_not_prove_that_nothing_was_bought(status: int) -> None:
    assert isinstance(refused("PAYMENT_REQUIRED", status), Unknown)
    assert isinstance(answered(status, {"error": {"code": "X", "message": "Insufficient funds"}}), Unknown)


def test_words_about_the_account_do_not_change_a_refusal_of_the_moment() -> None:
    outcome = answered(429, {"error": {"code": "RATE_LIMITED", "message": "Please add funds"}})
    assert isinstance(outcome, NotBought)
    assert outcome.whose is Whose.MOMENT


def test_a_voided_label_that_is_shown_no_longer_is_withdrawn() -> None:
    nothing: dict[str, Any] = {"postage_label": None, "tracking_code": None, "selected_rate": None}
    assert shown(**nothing) == Absent()
    assert shown(**nothing, refund_status="refunded") == Withdrawn("", Voided(), "shp_1")
    pending = shown(**nothing, refund_status="submitted")
    assert isinstance(pending, Withdrawn)
    assert isinstance(pending.void, VoidPending)


@pytest.mark.parametrize(
    "changes",
    [
        {"postage_label": None},
        {"tracking_code": None},
        {"postage_label": None, "selected_rate": None},
        {"tracking_code": None, "selected_rate": None},
        {"postage_label": None, "tracking_code": None},
        {"postage_label": None, "tracking_code": "N/A"},
    ],
)
def test_what_is_partly_bought_may_be_complete_at_the_next_look_up(changes: dict[str, Any]) -> None:
    found = shown(**changes)
    assert isinstance(found, Unknown)
    assert "only partly bought" in found.reason
    assert not found.needs_person


def test_what_the_sold_rate_does_not_show_is_taken_from_the_offer() -> None:
    found = bought(selected_rate={"id": "rate_9"})
    assert (found.carrier, found.service, found.cost) == ("USPS", "Priority", Money(742, "USD"))


def test_a_label_without_any_price_is_bought_at_an_unknown_cost() -> None:
    unpriced = replace(PURCHASE, rate=replace(PURCHASE.rate, price=None))
    found = bought(unpriced, selected_rate=None)
    assert (found.cost, found.fees) == (None, None)
    assert found.remark == "EasyPost does not show the price of this label"


def test_the_fees_of_a_label_are_named_and_a_priced_label_needs_no_remark() -> None:
    fees = [{"type": "InsuranceFee", "amount": "1.00000", "charged": True, "refunded": False}]
    found = bought(fees=fees)
    assert (found.cost, found.fees, found.remark) == (Money(842, "USD"), Money(100, "USD"), "")
    other = bought(fees=[{**fees[0], "currency": "CAD"}])
    assert (other.cost, other.fees) == (Money(742, "USD"), Money(0, "USD"))
    assert other.remark == "InsuranceFee of 1.00 CAD is charged as well"


def test_a_paper_without_a_kind_is_a_form() -> None:
    (paper,) = bought(forms=[{"form_url": "https://f.example/1.pdf"}]).papers
    assert paper == Paper("form", "https://f.example/1.pdf")


def test_a_rejected_void_of_a_used_label_says_so_however_old_it_is() -> None:
    used = {"refund_status": "rejected", "tracker": {"status": "in_transit"}}
    for in_window in (True, False):
        assert wire.read_void(used, in_window=in_window) == VoidRefused(
            "The carrier rejected the void: the label is used."
        )
    assert wire.read_void({"refund_status": "rejected"}, in_window=False) == VoidRefused(
        "The carrier rejected the void, and the label is too old to ask again."
    )
