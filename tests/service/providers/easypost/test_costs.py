"""What a label costs: its rate and its fees."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.model.money import Money
from packhouse.providers.easypost.costs import cost_of

RATE = Money(607, "USD")


def fee(kind: str, amount: Any, *, charged: Any = True, refunded: Any = False, **more: Any) -> dict[str, Any]:
    row = {"object": "Fee", "type": kind, "amount": amount, "charged": charged, "refunded": refunded}
    return row | more


LABEL, POSTAGE, INSURANCE = (
    fee("LabelFee", "0.00000"),
    fee("PostageFee", "6.07000"),
    fee("InsuranceFee", "1.00000"),
)


@pytest.mark.parametrize(
    ("fees", "minor"),
    [
        (None, 607),
        ([], 607),
        ([LABEL, POSTAGE], 607),
        ([LABEL, POSTAGE, INSURANCE], 707),
        ([INSURANCE], 707),
        (INSURANCE, 707),
        ([POSTAGE, INSURANCE, fee("TrackerFee", "0.02000")], 709),
        ([fee("LabelFee", "0.05000"), POSTAGE], 607),
        ([POSTAGE, fee("InsuranceFee", "1.00000", charged=False)], 607),
        ([POSTAGE, fee("InsuranceFee", "1.00000", refunded=True)], 607),
        ([POSTAGE, fee("InsuranceFee", "1.00000", charged=None, refunded=None)], 707),
        ([POSTAGE, fee("InsuranceFee", "0.50500"), fee("InsuranceFee", "0.00500")], 658),
        ([POSTAGE, fee("CarbonOffsetFee", "0.03100")], 611),
        ([fee("PostageFee", "7.10000"), INSURANCE], 810),
        ([fee("PostageFee", "5.00000")], 607),
        ([POSTAGE, fee("InsuranceFee", 1)], 707),
    ],
)
def test_a_label_costs_its_rate_and_the_fees_charged_besides(fees: Any, minor: int) -> None:
    cost = cost_of({"fees": fees}, RATE)
    assert (cost.total, cost.remark) == (Money(minor, "USD"), "")


def test_the_part_that_is_fees_is_named() -> None:
    assert cost_of({"fees": [LABEL, POSTAGE, INSURANCE]}, RATE).fees == Money(100, "USD")
    assert cost_of({"fees": [fee("PostageFee", "7.10000")]}, RATE).fees == Money(0, "USD")


def test_a_fee_in_another_currency_is_told_and_not_added() -> None:
    rate = Money(2000, "CAD")
    cost = cost_of({"fees": [INSURANCE, fee("DutyFee", "3.00000", currency="CAD")]}, rate)
    assert cost.total == Money(2300, "CAD")
    assert cost.remark == "InsuranceFee of 1.00 USD is charged as well"


@pytest.mark.parametrize("amount", [None, "", "one", "-1.00", "1e3"])
def test_a_fee_that_cannot_be_read_is_told(amount: Any) -> None:
    cost = cost_of({"fees": [fee("InsuranceFee", amount)]}, RATE)
    assert cost.total == RATE
    assert "InsuranceFee" in cost.remark
