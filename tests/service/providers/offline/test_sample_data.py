"""What a sample label says in its second barcode, and the source from which it is drawn again."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from packhouse.model.label import Rate
from packhouse.model.money import Money
from packhouse.providers.conformance import sample_request
from packhouse.providers.offline import wire
from packhouse.providers.port import Bought, Purchase
from tests.service.providers.context import SENDER

PURCHASE = Purchase(
    sample_request("ord_1/1/1"), "", Rate("Standard", "Offline", "Standard", Money(495, "USD"), 4)
)


@pytest.mark.parametrize(
    ("sender", "recipient", "postcode", "coded"),
    [
        ("US", "US", "90277", "90277"),
        ("US", "US", "90277-1234", "902771234"),
        ("US", "US", "902 77", "90277"),
        ("US", "US", "1234567890", ""),
        ("US", "US", "9027A", ""),
        ("US", "US", "\u0669\u0660\u0662\u0667\u0667", ""),
        ("US", "US", "", ""),
        ("US", "DE", "10115", ""),
        ("DE", "DE", "10115", "10115"),
        ("GB", "GB", "SW1A 1AA", ""),
    ],
)
def test_gs1_codes_a_domestic_postal_code_of_up_to_nine_digits(
    sender: str, recipient: str, postcode: str, coded: str
) -> None:
    there = replace(PURCHASE.request.to_address, country=recipient, postcode=postcode)
    written = wire.gs1_data("ord_1/1/1", replace(SENDER, country=sender), there)
    start = re.escape(f"(420){coded}") if coded else ""
    assert re.fullmatch(rf"{start}\(98\)SAMPLE[0-9]{{6}}", written)


def test_each_kilogram_begun_after_the_first_costs_more() -> None:
    services = (("Van", 500, 120, 3),)
    prices = []
    for weight_g in (1, 1000, 1001, 2000, 2001):
        (rate,) = wire.rates(sample_request("r", weight_g=weight_g), services, "EUR")
        assert rate == Rate("Van", "Offline", "Van", rate.price, 3)
        prices.append(rate.price)
    assert prices == [Money(minor, "EUR") for minor in (500, 500, 620, 620, 740)]


def test_a_label_is_sold_with_the_source_that_it_is_drawn_from_again() -> None:
    address = replace(PURCHASE.request.to_address, name="Łódź 東京", unplaced=())
    purchase = replace(PURCHASE, request=replace(PURCHASE.request, to_address=address))
    label = wire.label_data(purchase, SENDER)
    assert label.sample
    assert wire.bought(purchase, label, None) == Bought(
        provider_id="ord_1/1/1",
        tracking_number=label.tracking_number,
        carrier="Offline",
        service="Standard",
        cost=Money(495, "USD"),
        document_source=wire.write_source(label),
    )
    source = wire.write_source(label)
    assert wire.read_source(source) == label
    assert "Łódź 東京" in source
    assert json.loads(source)["sender"] == {
        "name": "North Pier Teas",
        "street1": "388 Townsend St",
        "city": "San Francisco",
        "state": "CA",
        "postcode": "94107",
        "country": "US",
    }


@pytest.mark.parametrize("source", ["", "[]", "1", "{}", '{"sender": {}}', '{"sender": 1, "recipient": {}}'])
def test_any_other_source_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match=r"not an offline label's source|Expecting value"):
        wire.read_source(source)
