"""Which changes of an order make a plan item stale, and which do not."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.store.protocol import order_from_json
from packhouse_cli.bulk.preconditions import Preconditions
from tests.cli.bulk.memory_store import MemoryStore

BASE: dict[str, Any] = MemoryStore("ord_1").orders["ord_1"]
PARCEL = [{"line_item_id": "li_1", "quantity": 1, "tracking_number": "T1"}]


def state(**changes: Any) -> Preconditions:
    return Preconditions.of(order_from_json({**BASE, **changes}))


def test_the_same_order_has_no_differences() -> None:
    assert state().differences(state(updated_at="2026-11-23T08:00:00Z"), ships_parcel=True) == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": "cancelled"}, "the status was pending and is now cancelled"),
        ({"fulfillments": PARCEL}, "unshipped units: li_1 had 2 and now has 1"),
        ({"refunds": [{"amount": 500}]}, "the refunded amount was 0 and is now 500"),
        ({"totals": {"total": 4000}}, "the total has changed"),
        ({"currency": "EUR"}, "the total has changed"),
        (
            {"shipping_address": {"line1": "2 Pier", "city": "Oakland", "country": "US"}},
            "the address or the lines",
        ),
    ],
)
def test_what_matters_to_a_parcel_is_reported(changes: dict[str, Any], said: str) -> None:
    assert said in state().differences(state(**changes), ships_parcel=True)


def test_a_new_address_does_not_stop_a_refund() -> None:
    moved = state(shipping_address={"line1": "2 Pier", "city": "Oakland", "country": "US"})
    assert state().differences(moved, ships_parcel=False) == ""


def test_a_status_that_follows_from_the_units_matters_to_a_refund_and_not_to_a_parcel() -> None:
    part = state(status="partially_fulfilled")
    assert state().differences(part, ships_parcel=True) == ""
    assert "partially_fulfilled" in state().differences(part, ships_parcel=False)


def test_a_value_that_the_store_does_not_give_is_none_and_stays_none_in_the_file() -> None:
    silent = state(fulfillments=None, refunds=[{"id": "ref_1"}])
    assert (silent.unshipped, silent.refunded_minor) == (None, None)
    assert Preconditions.from_json(silent.to_json()) == silent
    assert "differently than before" in silent.differences(state(), ships_parcel=True)
