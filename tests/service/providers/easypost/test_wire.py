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
from packhouse.model.order import Address
from packhouse.providers import rest
from packhouse.providers.easypost import wire
from packhouse.providers.easypost.tracking import read_tracking
from packhouse.providers.port import (
    Absent,
    Bought,
    Paper,
    Unknown,
    Voided,
    VoidPending,
    VoidRefused,
    Withdrawn,
)
from tests.service.providers.context import SENDER
from tests.service.providers.easypost.answers import PURCHASE, RATE, REQUEST, SOLD, answered


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


def test_the_price_that_was_charged_counts_and_not_the_one_that_was_offered() -> None:
    charged = SOLD["selected_rate"] | {
        "rate": "9.10",
        "currency": "EUR",
        "carrier": "UPS",
        "service": "Ground",
    }
    bought = answered(200, {**SOLD, "selected_rate": charged})
    assert isinstance(bought, Bought)
    assert (bought.carrier, bought.service, bought.cost) == ("UPS", "Ground", Money(910, "EUR"))
    assert RATE.price == Money(742, "USD")


@pytest.mark.parametrize("reference", ["ord_2/1/1", "ord_1/1/2", "ord_1/1", "ord_1/1/11"])
def test_an_offer_or_a_label_for_another_reference_is_not_taken(reference: str) -> None:
    with pytest.raises(rest.Unreadable, match="another reference than ord_1/1/1"):
        wire.read_prepared({"id": "shp_1", "reference": reference, "rates": []}, "ord_1/1/1")
    found = answered(200, {**SOLD, "reference": reference})
    assert isinstance(found, Unknown)
    assert "another reference than" in found.reason


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


def test_a_prepared_shipment_is_absent_and_a_half_bought_one_is_not() -> None:
    free = {"id": "shp_1", "reference": "ord_1/1/1", "postage_label": None, "tracking_code": None}
    assert wire.read_postage(json.dumps(free).encode(), PURCHASE, LabelFormat.PDF) == Absent()
    half = {**free, "selected_rate": SOLD["selected_rate"]}
    assert isinstance(wire.read_postage(json.dumps(half).encode(), PURCHASE, LabelFormat.PDF), Unknown)


@given(
    st.dictionaries(
        st.sampled_from([*SOLD, "rates", "messages", "tracker", "refund_status"]),
        st.none() | st.text() | st.integers() | st.lists(st.none()) | st.just({}) | st.floats(),
    )
)
def test_no_shape_of_a_shipment_breaks_the_reader(shipment: dict[str, Any]) -> None:
    outcome = answered(200, shipment)
    assert isinstance(outcome, Unknown | Bought)
    read_tracking(shipment)
    wire.read_papers(shipment)
    wire.read_void(shipment)
    wire.label_link(shipment, LabelFormat.PDF)
    try:
        wire.read_prepared(shipment, "ord_1/1/1")
    except rest.Unreadable as error:
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
    assert prepared.messages[:3] == ("FedEx: phone is required", "Slow.", "7")
    assert len(prepared.messages) == 6


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
    assert rest.money(amount, currency) == money


def test_easyposts_refund_states_are_void_outcomes() -> None:
    read = {
        word: wire.read_void({"refund_status": word}) for word in (None, "submitted", "refunded", "new word")
    }
    assert read[None] is None
    assert isinstance(read["submitted"], VoidPending)
    assert read["refunded"] == Voided()
    assert isinstance(read["new word"], VoidPending)
    assert isinstance(wire.read_void({"refund_status": "rejected"}), VoidRefused)
    assert wire.read_void({"refund_status": "not_applicable"}) == Voided(charged_only_if_used=True)
    assert wire.read_void({"refund_status": "Refunded"}) == Voided()


@pytest.mark.parametrize(
    ("word", "void"),
    [
        ("refunded", Voided()),
        ("not_applicable", Voided(charged_only_if_used=True)),
        ("submitted", None),
        ("a_new_word", None),
    ],
)
def test_a_label_that_was_voided_meanwhile_is_withdrawn(word: str, void: Voided | None) -> None:
    body = json.dumps({**SOLD, "refund_status": word}).encode()
    found = wire.read_postage(body, PURCHASE, LabelFormat.PDF)
    assert isinstance(found, Withdrawn)
    assert found.tracking_number == SOLD["tracking_code"]
    assert found.void == void if void else isinstance(found.void, VoidPending)
    assert isinstance(answered(200, body), Unknown), "a fresh purchase is looked up before it is believed"


@pytest.mark.parametrize("word", [None, "", "rejected"])
def test_a_label_whose_void_was_rejected_is_still_bought(word: str | None) -> None:
    assert isinstance(answered(200, {**SOLD, "refund_status": word}), Bought)


def test_a_rejected_void_is_final_once_its_window_is_over_or_the_label_is_used() -> None:
    rejected = {"refund_status": "rejected"}
    assert wire.read_void(rejected, in_window=True) == VoidRefused(
        "The carrier rejected the void.", final=False
    )
    late, used = (
        wire.read_void(rejected, in_window=False),
        wire.read_void({**rejected, "tracker": {"status": "in_transit"}}),
    )
    assert isinstance(late, VoidRefused)
    assert isinstance(used, VoidRefused)
    assert (late.final, used.final) == (True, True)
    assert "used" in used.reason


@pytest.mark.parametrize(
    ("carrier", "days"), [("USPS", 30), ("UPS", 90), ("UPSDAP", 90), ("FedExDefault", 90), ("DhlEcs", 30)]
)
def test_a_label_may_be_voided_as_long_as_its_carrier_allows(carrier: str, days: int) -> None:
    assert wire.may_be_voided(carrier, days * 86_400 - 1)
    assert not wire.may_be_voided(carrier, days * 86_400)


def test_the_fees_and_the_papers_of_a_label_are_read() -> None:
    fees = [
        {"type": "PostageFee", "amount": "7.42000", "charged": True, "refunded": False},
        {"type": "InsuranceFee", "amount": "1.00000", "charged": True, "refunded": False},
    ]
    forms = [
        {
            "form_type": "commercial_invoice",
            "form_url": "https://f.example/i.pdf",
            "submitted_electronically": False,
        },
        {"form_type": "CN22", "form_url": "https://f.example/c.pdf", "submitted_electronically": True},
        {"form_type": "label_qr_code", "form_url": None},
        None,
    ]
    bought = answered(200, {**SOLD, "fees": fees, "forms": forms})
    assert isinstance(bought, Bought)
    assert bought.cost == Money(842, "USD")
    assert bought.papers == (
        Paper("commercial_invoice", "https://f.example/i.pdf"),
        Paper("cn22", "https://f.example/c.pdf", submitted=True),
        Paper("label_qr_code", ""),
    )


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        (
            [{"carrier": "UPS", "type": "rate_error", "message": ["Invalid state", "No phone"]}],
            ("UPS: Invalid state; No phone",),
        ),
        ([{"carrier": "UPS", "message": {"state": "is invalid"}}], ("UPS: state: is invalid",)),
        (["Invalid state"], ("Invalid state",)),
        ([{"carrier": "UPS", "message": None, "detail": "Invalid state"}], ("UPS: Invalid state",)),
        ([{"carrier": "UPS", "type": "rate_error", "message": None}], ()),
        ("Invalid state", ("Invalid state",)),
        ({"carrier": "UPS", "message": "Invalid state"}, ("UPS: Invalid state",)),
        ({"UPS": ["Invalid state"]}, ("UPS: Invalid state",)),
        (None, ()),
    ],
)
def test_every_word_of_a_rate_message_is_shown(messages: Any, said: tuple[str, ...]) -> None:
    prepared = wire.read_prepared({"id": "shp_1", "rates": [], "messages": messages}, "ord_1/1/1")
    assert prepared.messages == said


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


@pytest.mark.parametrize("code", ["9.40011E+21", "N/A", "https://track.example/1"])
def test_an_unusable_tracking_code_goes_to_a_person_at_once(code: str) -> None:
    outcome = answered(200, {**SOLD, "tracking_code": code})
    assert isinstance(outcome, Unknown)
    assert outcome.needs_person
    assert code in outcome.reason


def test_the_address_on_a_label_is_read() -> None:
    to = {
        "name": "Ann",
        "street1": "1 Main St",
        "street2": None,
        "zip": "94110",
        "country": "US",
        "id": "adr_1",
    }
    sold = answered(200, SOLD | {"to_address": to})
    assert isinstance(sold, Bought)
    assert sold.to_address == Address("Ann", "", "1 Main St", postcode="94110", country="US")


@pytest.mark.parametrize("to", [None, {}, "1 Main St", [], {"id": "adr_1"}, {"street1": {}}])
def test_a_label_without_a_readable_address_is_bought_all_the_same(to: Any) -> None:
    sold = answered(200, SOLD | {"to_address": to})
    assert isinstance(sold, Bought)
    assert sold.to_address is None


def test_the_address_is_written_with_easyposts_names_and_without_empty_parts() -> None:
    written = json.loads(wire.shipment_body(REQUEST, Address("Bo", postcode="10115"), LabelFormat.PDF, ()))
    assert written["shipment"]["from_address"] == {"name": "Bo", "zip": "10115"}
