"""What counts as drift, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.store.protocol import order_from_json
from packhouse_cli.bulk.preconditions import Relied
from tests.cli.bulk.counter import Counter

BASE: dict[str, Any] = Counter("ord_1").orders["ord_1"]
PARCEL = [{"line_item_id": "li_1", "quantity": 1, "tracking_number": "T1"}]


def state(**changes: Any) -> Relied:
    return Relied.of(order_from_json({**BASE, **changes}))


def test_the_same_order_has_not_drifted() -> None:
    assert state().changes(state(updated_at="2026-11-23T08:00:00Z"), for_parcel=True) == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": "cancelled"}, "it was pending and is cancelled"),
        ({"fulfillments": PARCEL}, "units left: li_1 had 2, has 1"),
        ({"refunds": [{"amount": 500}]}, "refunded so far was 0 and is 500"),
        ({"totals": {"total": 4000}}, "its total is another"),
        ({"currency": "EUR"}, "its total is another"),
        (
            {"shipping_address": {"line1": "2 Pier", "city": "Oakland", "country": "US"}},
            "its address or its lines",
        ),
    ],
)
def test_what_matters_to_a_parcel_is_told(changes: dict[str, Any], said: str) -> None:
    assert said in state().changes(state(**changes), for_parcel=True)


def test_a_new_address_does_not_stop_money_going_back() -> None:
    moved = state(shipping_address={"line1": "2 Pier", "city": "Oakland", "country": "US"})
    assert state().changes(moved, for_parcel=False) == ""


def test_a_status_that_only_follows_the_units_is_no_drift_for_a_parcel_but_is_for_money() -> None:
    part = state(status="partially_fulfilled")
    assert state().changes(part, for_parcel=True) == ""
    assert "partially_fulfilled" in state().changes(part, for_parcel=False)


def test_what_the_store_does_not_say_is_none_and_stays_so_in_the_file() -> None:
    silent = state(fulfillments=None, refunds=[{"id": "ref_1"}])
    assert (silent.left, silent.refunded_minor) == (None, None)
    assert Relied.from_json(silent.to_json()) == silent
    assert "tells otherwise than before" in silent.changes(state(), for_parcel=True)
