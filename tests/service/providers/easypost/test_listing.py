"""EasyPost's list of purchases: every page of it, and what it shows of each label."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from packhouse.model.label import Rate
from packhouse.model.money import Money
from packhouse.model.parcel import Parcel
from packhouse.providers.easypost.listing import page_query, read_page
from packhouse.providers.rest import Unreadable
from tests.service.harness import Harness

ROW: dict[str, Any] = {
    "id": "shp_1",
    "reference": "ord_1/1/1",
    "tracking_code": "9400",
    "created_at": "2027-01-15T08:00:00Z",
    "parcel": {"weight": 17.7, "length": 10.0, "width": 5, "height": 2},
    "selected_rate": {
        "id": "rate_1",
        "carrier": "USPS",
        "service": "Ground",
        "rate": "5.49",
        "currency": "USD",
    },
    "postage_label": {"created_at": "2027-01-15T08:00:05Z"},
}


def test_a_row_shows_what_a_look_up_needs() -> None:
    (found,) = read_page({"shipments": [ROW], "has_more": False}).purchases
    assert (found.reference, found.provider_ref, found.tracking_number) == ("ord_1/1/1", "shp_1", "9400")
    assert found.rate == Rate("rate_1", "USPS", "Ground", Money(549, "USD"))
    assert found.at == 1_800_000_005.0
    assert found.parcel == Parcel(502, 254, 127, 51)


@pytest.mark.parametrize(
    "change",
    [
        {"reference": None},
        {"id": None},
        {"selected_rate": None, "postage_label": None, "tracking_code": None},
    ],
)
def test_what_was_not_bought_or_has_no_reference_is_left_out(change: dict[str, Any]) -> None:
    assert read_page({"shipments": [ROW | change], "has_more": False}) == ((), "")


@pytest.mark.parametrize("answer", [{}, {"shipments": None}, {"shipments": [], "has_more": True}])
def test_a_list_that_cannot_be_read_to_its_end_is_no_list(answer: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        read_page(answer)


@pytest.mark.parametrize("parcel", [None, {}, {"weight": 0, "length": 1, "width": 1, "height": 1}])
def test_a_parcel_that_is_not_shown_is_not_guessed(parcel: object) -> None:
    (found,) = read_page({"shipments": [ROW | {"parcel": parcel}]}).purchases
    assert found.parcel is None


def test_a_page_begins_days_before_and_after_the_last_one() -> None:
    assert page_query(1_800_000_000.0, "") == (
        "page_size=50&purchased=true&start_datetime=2027-01-12T08%3A00%3A00Z"
    )
    assert page_query(1_800_000_000.0, "shp_9").endswith("&before_id=shp_9")


async def test_every_page_is_read(harness: Harness) -> None:
    """The sandbox pages as EasyPost does: 50 on each page at most."""
    state = harness.sandbox.easypost
    order = await harness.ship()
    (sold,) = [one for one in state.shipments.values() if one.selected_rate]
    for number in range(120):
        state.shipments[f"shp_copy{number}"] = _copy(sold, f"shp_copy{number}")
    found = await harness.context.sellers[0].purchases_since(harness.clock.now())
    assert len(found) == 121
    assert {one.reference for one in found} == {f"{order.id}/1/1"}


def _copy(sold: Any, new_id: str) -> Any:
    other = copy.copy(sold)
    other.id = new_id
    return other
