"""A hold's fingerprint changes exactly with the facts that the hold depends on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from packhouse.model.hold import HoldCode
from packhouse.model.order import Fulfillment, Line, Order, RefundRecord
from packhouse.rules.fingerprints import hold_fingerprint

GOOD = Order("o", "pending", lines=(Line("li_1", "p1", quantity=2),), fulfillments=(), refunds=())


@pytest.mark.parametrize(
    ("code", "same", "other"),
    [
        (HoldCode.REFUND_UNCLEAR, {"status": "odd"}, {"refunds": (RefundRecord(1),)}),
        (HoldCode.PARTLY_FULFILLED_UNCLEAR, {"refunds": (RefundRecord(1),)}, {"status": "fulfilled"}),
        (HoldCode.PARTLY_FULFILLED_UNCLEAR, {"fulfillments": None}, {"fulfillments": (Fulfillment("T"),)}),
        (HoldCode.STATUS_UNKNOWN, {"refunds": (RefundRecord(1),)}, {"status": "odd"}),
        (HoldCode.WEIGHT_MISSING, {"status": "odd"}, {"lines": (Line("li_1", "p2", quantity=2),)}),
    ],
)
def test_each_hold_depends_on_its_own_facts(
    code: HoldCode, same: dict[str, Any], other: dict[str, Any]
) -> None:
    assert hold_fingerprint(code, replace(GOOD, **same)) == hold_fingerprint(code, GOOD)
    assert hold_fingerprint(code, replace(GOOD, **other)) != hold_fingerprint(code, GOOD)
