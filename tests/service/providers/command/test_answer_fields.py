"""Each field of a program's answer, and each field of what the program is given."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from packhouse.model.customs import Customs, CustomsItem
from packhouse.model.label import Label, LabelFormat, Rate
from packhouse.model.money import Money
from packhouse.model.order import Units
from packhouse.model.states import LabelState
from packhouse.providers.command import wire
from packhouse.providers.command.options import CommandOptions
from packhouse.providers.command.process import Finished
from packhouse.providers.conformance import sample_request
from packhouse.providers.port import Bought, Purchase, Unknown
from tests.service.providers.context import SENDER

PURCHASE = Purchase(sample_request("ord_1/1/1"), "", Rate("command", "Own Vans", "standard", None))
NUMBER = "1Z999AA10123456784"


def outcome(**answer: Any) -> object:
    said = json.dumps({"tracking": NUMBER, **answer}).encode()
    return wire.read_purchase(Finished(0, said, ""), PURCHASE, CommandOptions())


def made(**answer: Any) -> wire.Made:
    found = outcome(**answer)
    assert isinstance(found, wire.Made)
    return found


def bought(**answer: Any) -> Bought:
    return made(**answer).bought


def test_every_field_of_an_answer_reaches_the_label() -> None:
    answer = {
        "reference": "ord_1/1/1",
        "carrier": "UPS",
        "service": "Ground",
        "cost": {"amount": "4.20", "currency": "EUR"},
        "label_url": " https://labels.example/1.pdf ",
        "label_path": "/tmp/1.pdf",
        "label_base64": "JVBERi0=",
    }
    found = made(**answer)
    assert (found.label_path, found.label_base64) == ("/tmp/1.pdf", "JVBERi0=")
    assert found.bought == Bought(
        provider_id="ord_1/1/1",
        tracking_number=NUMBER,
        carrier="UPS",
        service="Ground",
        cost=Money(420, "EUR"),
        document_source="https://labels.example/1.pdf",
    )
    assert dict(found.bought.raw) == {"tracking": NUMBER, **answer}


@pytest.mark.parametrize("reference", ["ord_2/1/1", "ord_1/1/2", "ord_1/1"])
def test_a_label_of_another_reference_is_not_taken(reference: str) -> None:
    found = outcome(reference=reference)
    assert isinstance(found, Unknown)
    assert "its reference is not ord_1/1/1" in found.reason
    assert bought(reference="").provider_id == bought(reference=None).provider_id == "ord_1/1/1"


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("UPS", "UPS"),
        ({"name": "UPS", "code": "ups"}, "UPS"),
        ({"name": "", "code": "ups"}, "ups"),
        ({"id": 7}, "7"),
        ({"href": "/carriers/1"}, None),
        (7, "7"),
        (True, None),
        (1.5, "1.5"),
        (["UPS"], None),
        ("   ", None),
        (None, None),
    ],
)
def test_a_name_is_read_bare_or_in_an_object_and_else_taken_from_the_settings(
    said: Any, name: str | None
) -> None:
    assert bought(carrier=said).carrier == (name or "Own Vans")
    assert bought(service=said).service == (name or "standard")


def test_names_have_at_most_100_characters() -> None:
    assert bought(carrier="c" * 100).carrier == "c" * 100
    assert len(bought(carrier="c" * 101).carrier) == 100


def test_values_of_more_than_500_characters_are_not_kept() -> None:
    raw = bought(short="x" * 500, long="x" * 501).raw
    assert raw["short"] == "x" * 500
    assert set(raw) == {"tracking", "short"}


@pytest.mark.parametrize("empty", [None, ""])
def test_a_number_may_stand_under_any_one_of_its_names(empty: object) -> None:
    for name in ("tracking", "tracking_number", "tracking_code"):
        answer = {"tracking": empty, "tracking_number": empty, "tracking_code": empty, name: NUMBER}
        assert bought(**answer).tracking_number == NUMBER
    found = outcome(tracking=empty)
    assert isinstance(found, Unknown)
    assert "it has no tracking number in tracking, tracking_number, tracking_code: " in found.reason


@pytest.mark.parametrize(
    "numbers",
    [
        {"tracking_number": "1Z999AA10123456795"},
        {"tracking_code": "1Z999AA10123456795"},
        {"tracking_number": NUMBER, "tracking_code": "1Z999AA10123456795"},
        {"tracking_number": "1Z999AA10123456795", "tracking_code": NUMBER},
    ],
)
def test_of_two_different_numbers_none_is_chosen(numbers: dict[str, str]) -> None:
    found = outcome(**numbers)
    assert isinstance(found, Unknown)
    assert "it has two tracking numbers, 1Z999AA10123456784 and 1Z999AA1012345" in found.reason


def test_the_first_of_several_writings_of_one_number_is_used() -> None:
    assert bought(tracking_number="1Z 999 AA1 01 2345 6784", tracking_code=NUMBER).tracking_number == NUMBER


def test_every_number_that_is_none_is_named() -> None:
    found = outcome(tracking="N/A", tracking_number="TBD")
    assert isinstance(found, Unknown)
    assert found.reason.startswith("The program ended with 0, but its tracking 'N/A' ")
    assert "; its tracking_number 'TBD' " in found.reason


def test_the_program_is_given_the_whole_purchase() -> None:
    request = sample_request("ord_1/1/1")
    raw = {"id": "ord_1", "note": "Straße"}
    order = replace(
        request.order,
        created_at="2026-11-29T08:00:00Z",
        buyer_email="e@example.com",
        buyer_name="Elizabeth",
        total_minor=1250,
        raw=raw,
    )
    customs = Customs(
        (CustomsItem("line_1", "Tea", 2, Money(900, "USD"), 400, "CN", "090210"),), "North Pier"
    )
    units = (*request.units, Units("line_gone", 1))
    purchase = replace(PURCHASE, request=replace(request, order=order, customs=customs, units=units))
    written = wire.purchase_input(purchase, SENDER, LabelFormat.PNG)
    assert "Straße".encode() in written
    given = json.loads(written)
    assert given == {
        "reference": "ord_1/1/1",
        "order_id": "ord_1",
        "label_format": "png",
        "from_address": {name: value for name, value in asdict(SENDER).items() if name != "unplaced"},
        "to_address": {
            name: value for name, value in asdict(request.to_address).items() if name != "unplaced"
        },
        "parcel": {"weight_g": 450, "length_mm": 250, "width_mm": 200, "height_mm": 100},
        "customs": json.loads(json.dumps(asdict(customs), default=str)),
        "units": [
            {"line_id": "line_1", "quantity": 2, "name": "Tea, 200 g", "sku": "TEA-200"},
            {"line_id": "line_gone", "quantity": 1},
        ],
        "order": {
            "id": "ord_1",
            "status": "pending",
            "currency": "USD",
            "created_at": "2026-11-29T08:00:00Z",
            "buyer_email": "e@example.com",
            "buyer_name": "Elizabeth",
            "total_minor": 1250,
            "shipping_option": "",
            "lines": json.loads(json.dumps([asdict(line) for line in order.lines], default=str)),
        },
        "store_order": raw,
    }


def test_what_is_not_known_is_null_for_the_program() -> None:
    given = json.loads(wire.purchase_input(PURCHASE, SENDER, LabelFormat.PDF))
    assert given["customs"] is None
    assert given["store_order"] is None


def test_void_and_track_are_given_the_label() -> None:
    label = Label(
        id="label_1",
        shipment_id="shipment_1",
        generation=1,
        provider="command",
        carrier="Żółte Vany",
        service="standard",
        tracking_number="T1",
        provider_id="shop/7/2/1",
        cost=Money(420, "EUR"),
        state=LabelState.BOUGHT,
        bought_at=0.0,
    )
    written = wire.label_input(label)
    assert "Żółte Vany".encode() in written
    assert json.loads(written) == {
        "reference": "shop/7/2/1",
        "order_id": "shop/7",
        "tracking_number": "T1",
        "carrier": "Żółte Vany",
        "service": "standard",
    }


@pytest.mark.parametrize(
    ("part", "filled"),
    [
        ("{order_id}", "ord_1"),
        ("--to={reference}/{order_id}", "--to={order_id}/ord_1"),
        ("{tracking_number}", "{tracking_number}"),
        ("{else}", "{else}"),
        ("plain", "plain"),
    ],
)
def test_placeholders_are_replaced_once_and_unknown_ones_stay(part: str, filled: str) -> None:
    assert wire.filled(["ship", part], order_id="ord_1", reference="{order_id}") == ["ship", filled]


def test_the_address_on_the_label_has_the_names_of_the_input() -> None:
    assert bought(tracking="1Z", to_address=wire._address(SENDER)).to_address == SENDER


@pytest.mark.parametrize(
    "shown", [None, "1 Main St", {}, {"line1": "1 Main St"}, {"street1": None}, ["1 Main St"]]
)
def test_an_address_that_cannot_be_read_is_none(shown: object) -> None:
    assert bought(tracking="1Z", to_address=shown).to_address is None
