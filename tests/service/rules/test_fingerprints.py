"""A hold's fingerprint changes exactly with the facts that the hold depends on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from packhouse.config.settings import Settings
from packhouse.model.hold import KINDS, HoldCode
from packhouse.model.hold_kind import Fact
from packhouse.model.order import (
    Address,
    Fulfillment,
    Line,
    Order,
    RefundRecord,
    ReturnRecord,
    ShippingOption,
)
from packhouse.rules.fingerprints import hold_fingerprint, settings_fingerprint

MUG = Line("li_1", "p1", quantity=2)
HOME = Address("Ann Lee", "", "1 Main St", "", "Austin", "TX", "78701", "US")
GOOD = Order("o", "pending", lines=(MUG,), fulfillments=(), refunds=())


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


CHANGES: dict[Fact, dict[str, Any]] = {
    Fact.ADDRESS: {"address": Address("Bo", "", "9 Oak Ave", "", "Austin", "TX", "78704", "US")},
    Fact.LINES: {"lines": (Line("li_1", "p1", "v2", quantity=2),)},
    Fact.STATUS: {"status": "odd"},
    Fact.FULFILLMENTS: {"fulfillments": (Fulfillment("T"),)},
    Fact.REFUNDS: {"refunds": (RefundRecord(1),)},
    Fact.SHIPPING_OPTION: {"shipping_options": (ShippingOption("opt_1", "Express"),)},
    Fact.TOTAL: {"total_minor": 900},
}


@pytest.mark.parametrize("code", HoldCode)
def test_a_fingerprint_changes_with_exactly_the_facts_that_its_kind_names(code: HoldCode) -> None:
    before = hold_fingerprint(code, GOOD, "one")
    for fact, change in CHANGES.items():
        changed = hold_fingerprint(code, replace(GOOD, **change), "one") != before
        assert changed == (fact in KINDS[code].rests_on), fact
    assert (hold_fingerprint(code, GOOD, "two") != before) == (Fact.SETTINGS in KINDS[code].rests_on)


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        (HoldCode.PARTLY_FULFILLED_UNCLEAR, {"lines": (replace(MUG, shipped_counts=(1,)),)}),
        (HoldCode.PARTLY_FULFILLED_UNCLEAR, {"lines": (replace(MUG, open_counts=(1,)),)}),
        (HoldCode.PARTLY_FULFILLED_UNCLEAR, {"lines": (replace(MUG, partly_shipped=True),)}),
        (HoldCode.PARTLY_FULFILLED_UNCLEAR, {"returned": (ReturnRecord("r"),)}),
        (HoldCode.LABELS_EXCEED_TOTAL, {"currency": "USD"}),
    ],
)
def test_each_part_of_a_fact_counts(code: HoldCode, changes: dict[str, Any]) -> None:
    assert hold_fingerprint(code, replace(GOOD, **changes)) != hold_fingerprint(code, GOOD)


def test_a_list_that_is_missing_and_an_empty_one_are_the_same_fact() -> None:
    silent = replace(GOOD, fulfillments=None, refunds=None)
    for code in HoldCode:
        assert hold_fingerprint(code, silent) == hold_fingerprint(code, GOOD)


def test_a_release_is_still_valid_after_an_upgrade() -> None:
    """The ledger keeps these values: where they change without need, released orders are held again."""
    order = replace(GOOD, lines=(MUG, replace(MUG, id="li_2", shipped_counts=(1,))), address=HOME)
    known = {
        HoldCode.ADDRESS_INCOMPLETE: "58aa246d8893daa7",
        HoldCode.PARTLY_FULFILLED_UNCLEAR: "e198b633cf1ba842",
        HoldCode.REFUND_UNCLEAR: "ff93a9b786c9c9b3",
        HoldCode.STATUS_UNKNOWN: "6c930b1ab672cfc3",
        HoldCode.SHIPPING_OPTION_UNKNOWN: "2f5495552ea7a512",
        HoldCode.LABELS_EXCEED_TOTAL: "cdb5148e9801ac96",
    }
    assert {code: hold_fingerprint(code, order, "0123") for code in known} == known


def test_two_kinds_never_share_a_fingerprint() -> None:
    assert len({hold_fingerprint(code, GOOD) for code in HoldCode}) == len(HoldCode)


def settings(**parts: Any) -> Settings:
    return Settings(_env_file=None, data_dir=Path("data"), **parts)  # type: ignore[call-arg]


def test_the_settings_fingerprint_changes_with_the_settings_for_labels_only() -> None:
    before = settings_fingerprint(settings())
    for part in (
        {"provider": "easypost"},
        {"label_format": "png"},
        {"ship_from": {"name": "Shop", "street1": "1 Pier"}},
        {"rates": {"prefer": "fastest"}},
        {"customs": {"origin_country": "US"}},
        {"products": ({"name": "*", "tariff_number": "6109.10"},)},
        {"providers": {"easypost": {"api_key": "EZTK_1", "customs_origin": "US"}}},
    ):
        assert settings_fingerprint(settings(**part)) != before, part
    assert settings_fingerprint(settings(poll={"interval_s": 60})) == before


def test_the_settings_fingerprint_does_not_depend_on_the_order_of_an_accounts_options() -> None:
    options = {"customs_origin": "US", "customs_signer": "Ann"}
    same = dict(reversed(options.items()))
    one, two = (settings(providers={"easypost": given}) for given in (options, same))
    assert settings_fingerprint(one) == settings_fingerprint(two)


def test_a_new_api_key_alone_does_not_change_the_settings_fingerprint() -> None:
    one, two = (settings(providers={"easypost": {"api_key": key}}) for key in ("EZTK_1", "EZTK_2"))
    assert settings_fingerprint(one) == settings_fingerprint(two)
