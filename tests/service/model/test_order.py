"""An order's fingerprint: the same for the same parcels, another for any change that a parcel depends on."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from packhouse.model.order import Address, Fulfillment, Line, Order, RefundRecord, Units

HOME = Address("Ann Lee", "", "1 Main St", "", "Austin", "TX", "78701", "US")
MUG, TEE = Line("li_1", "p1", "v1", "Mug", 2), Line("li_2", "p2", "v2", "Tee", 1)
ORDER = Order("o", "pending", "USD", lines=(MUG, TEE), address=HOME)


@pytest.mark.parametrize(
    "changed",
    [
        replace(ORDER, lines=(replace(MUG, product_id="p9"), TEE)),
        replace(ORDER, lines=(replace(MUG, variant_id="v9"), TEE)),
        replace(ORDER, lines=(replace(MUG, quantity=3), TEE)),
        replace(ORDER, lines=(replace(MUG, id="li_9"), TEE)),
        replace(ORDER, lines=(MUG,)),
        replace(ORDER, address=None),
    ],
    ids=["product", "variant", "quantity", "line", "fewer lines", "no address"],
)
def test_the_fingerprint_changes_with_the_items_and_the_address(changed: Order) -> None:
    assert changed.fingerprint() != ORDER.fingerprint()


@pytest.mark.parametrize("part", [field.name for field in fields(Address)])
def test_the_fingerprint_changes_with_each_part_of_the_address(part: str) -> None:
    changed = replace(ORDER, address=replace(HOME, **{part: "changed"}))
    assert changed.fingerprint() != ORDER.fingerprint()


@pytest.mark.parametrize(
    "same",
    [
        replace(ORDER, lines=(TEE, MUG)),
        replace(ORDER, lines=(replace(MUG, name="Large mug"), TEE)),
        replace(ORDER, status="fulfilled", total_minor=1, buyer_email="a@b.example"),
        replace(ORDER, fulfillments=(Fulfillment("T", "UPS", (Units("li_1", 1),)),), refunds=()),
        replace(ORDER, refunds=(RefundRecord(100),), raw={"note": "gift"}),
    ],
    ids=["order of lines", "name", "status and buyer", "fulfillments", "refunds"],
)
def test_the_fingerprint_ignores_everything_else(same: Order) -> None:
    assert same.fingerprint() == ORDER.fingerprint()
