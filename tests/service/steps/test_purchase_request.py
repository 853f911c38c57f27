"""What a provider is sent about a parcel."""

from __future__ import annotations

from dataclasses import replace

import pytest

from packhouse.model.customs import Customs
from packhouse.model.order import Address, Order, Units
from packhouse.model.parcel import Parcel
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.steps.purchase import request_for

HOME = Address(name="Ann", street1="1 Main St", city="Austin", state="TX", postcode="78704", country="US")
ORDER = Order("ord_1", address=HOME, buyer_email="ann@example.com")
SHIPMENT = Shipment(
    "ord_1-1", "ord_1", 1, ShipmentState.PLANNED, (Units("li_1", 2),), parcel=Parcel(500, 1, 2, 3)
)
DECLARED = Customs((), "Ann Lee")


def test_the_request_names_the_shipment_its_units_and_its_parcel() -> None:
    request = request_for(ORDER, SHIPMENT)
    assert (request.reference, request.order) == ("ord_1/1/1", ORDER)
    assert (request.units, request.parcel) == (SHIPMENT.units, SHIPMENT.parcel)
    assert (request.to_address.name, request.to_address.street1) == ("Ann", "1 Main St")
    assert request.customs is None


def test_a_shipment_that_was_never_packed_cannot_be_requested() -> None:
    with pytest.raises(ValueError, match="ord_1-1 has no parcel"):
        request_for(ORDER, replace(SHIPMENT, parcel=None))


def test_an_order_without_an_address_is_requested_without_one() -> None:
    assert request_for(replace(ORDER, address=None), SHIPMENT).to_address == Address()


@pytest.mark.parametrize(
    ("declared", "own", "sent"),
    [
        (DECLARED, "", "ann@example.com"),
        (DECLARED, "own@example.com", "own@example.com"),
        (None, "", ""),
        (None, "own@example.com", "own@example.com"),
    ],
)
def test_the_buyers_email_is_sent_only_abroad_and_only_where_the_address_has_none(
    declared: Customs | None, own: str, sent: str
) -> None:
    request = request_for(replace(ORDER, address=replace(HOME, email=own)), SHIPMENT, declared)
    assert request.to_address.email == sent
    assert request.customs is declared
