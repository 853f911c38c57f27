"""The reckoning must notice each way in which three records can disagree; each test takes one thing away."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from packhouse.model.hold import SENTENCE, HoldCode
from packhouse_cli.demo.snapshot import Look, seen_order
from packhouse_cli.demo.totals import Reckoning, reckon, told

OURS: list[dict[str, Any]] = [
    {
        "id": "ord_1",
        "phase": "shipped",
        "shipments": [
            {"id": "s1", "state": "fulfilled", "tracking_number": "T1", "cost_minor": 549, "currency": "USD"},
            {"id": "s2", "state": "fulfilled", "tracking_number": "T2", "cost_minor": 700, "currency": "USD"},
        ],
        "holds": [],
    },
    {
        "id": "ord_2",
        "phase": "held",
        "shipments": [],
        "holds": [
            {
                "code": "address_incomplete",
                "sentence": f"{SENTENCE[HoldCode.ADDRESS_INCOMPLETE]} City is missing.",
            }
        ],
    },
    {
        "id": "ord_3",
        "phase": "closed",
        "reason": "The order was cancelled.",
        "shipments": [
            {"id": "s3", "state": "voided", "tracking_number": "T3", "cost_minor": 549, "currency": "USD"}
        ],
        "holds": [],
    },
]


def sold(reference: str, tracking: str, cost: int, *, live: bool = True) -> dict[str, Any]:
    return {"reference": reference, "tracking": tracking, "cost_minor": cost, "currency": "USD", "live": live}


BOOKS: dict[str, Any] = {
    "purchases": [
        sold("ord_1/1/1", "T1", 549),
        sold("ord_1/2/1", "T2", 700),
        sold("ord_3/1/1", "T3", 549, live=False),
    ],
    "fulfillments": [
        {"order_id": "ord_1", "tracking": "T1", "by": "api"},
        {"order_id": "ord_1", "tracking": "T2", "by": "api"},
        {"order_id": "ord_2", "tracking": "F9", "by": "external"},
    ],
}


def reckoned(
    ours: list[dict[str, Any]] | None = None,
    books: dict[str, Any] | None = None,
    problems: tuple[str, ...] = (),
    expected: int = 4,
) -> Reckoning:
    ours = OURS if ours is None else ours
    known = {order["id"]: order for order in ours}
    seen = [seen_order(name, "cancelled", known.get(name)) for name in ("ord_1", "ord_2", "ord_3", "ord_4")]
    return reckon(Look(expected, tuple(seen)), ours, BOOKS if books is None else books, problems)


def test_three_records_that_agree_add_up() -> None:
    summary = reckoned()
    assert summary.adds_up
    assert summary.faults == ()
    assert (summary.orders, summary.shipped, summary.shipments_checked) == (4, 1, 2)
    assert (summary.labels_live, summary.labels_given_back) == (2, 1)
    assert summary.spent == summary.carrier_took == {"USD": 1249}
    assert summary.held == ((SENTENCE[HoldCode.ADDRESS_INCOMPLETE], (("ord_2", "City is missing."),)),)
    assert sum(len(members) for _, members in summary.left_alone) == 2


def test_the_summary_is_told_with_sums_reasons_and_money() -> None:
    text = "\n".join(told(reckoned(), seconds=12, width=100, paint=lambda text, *_: text))
    assert "4 orders = 1 shipped + 1 held + 2 left alone" in text
    assert "The order was cancelled." in text
    assert "ord_2  City is missing." in text
    assert "2 paid for, 1 more given back" in text
    assert text.count("12.49 USD") == 2
    assert "It adds up" in text


def without_purchase(books: dict[str, Any], ours: list[dict[str, Any]]) -> None:
    del books["purchases"][0]


def with_second_live_label(books: dict[str, Any], ours: list[dict[str, Any]]) -> None:
    books["purchases"].append(sold("ord_1/1/2", "T7", 549))


def with_other_price(books: dict[str, Any], ours: list[dict[str, Any]]) -> None:
    books["purchases"][0]["cost_minor"] = 550


def with_label_given_back(books: dict[str, Any], ours: list[dict[str, Any]]) -> None:
    books["purchases"][0]["live"] = False


def with_unknown_purchase(books: dict[str, Any], ours: list[dict[str, Any]]) -> None:
    books["purchases"].append(sold("ord_4/1/1", "T8", 0))


def without_post(books: dict[str, Any], ours: list[dict[str, Any]]) -> None:
    del books["fulfillments"][1]


def with_post_we_do_not_know(books: dict[str, Any], ours: list[dict[str, Any]]) -> None:
    books["fulfillments"].append({"order_id": "ord_4", "tracking": "T8", "by": "api"})


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (without_purchase, "Label T1 of order ord_1 is not live"),
        (with_second_live_label, "Shipment ord_1/1 has 2 live labels"),
        (with_other_price, "12.49 USD was spent, the carrier's 12.50 USD"),
        (with_label_given_back, "Label T1 of order ord_1 is not live"),
        (with_unknown_purchase, "The carrier sold T8, which our books lack"),
        (without_post, "the store lacks tracking number T2"),
        (with_post_we_do_not_know, "we do not know that we posted T8"),
    ],
)
def test_each_disagreement_is_found_and_named(damage: Any, words: str) -> None:
    books, ours = copy.deepcopy(BOOKS), copy.deepcopy(OURS)
    damage(books, ours)
    summary = reckoned(ours, books)
    assert not summary.adds_up
    assert words in " ".join(summary.faults)
    text = "\n".join(told(summary, seconds=1, width=100, paint=lambda text, *_: text))
    assert "do not agree" in text
    assert "It adds up" not in text


def test_orders_that_never_came_are_missed() -> None:
    assert "5 orders were asked for, and the store has 4" in reckoned(expected=5).faults[0]


def test_an_order_that_stands_nowhere_is_no_good_end() -> None:
    ours = copy.deepcopy(OURS)
    ours[0]["phase"] = "open"
    summary = reckoned(ours)
    assert summary.unsettled == ("ord_1",)
    assert not summary.adds_up


def test_what_the_sandboxs_own_checker_finds_counts() -> None:
    assert "T1 was recorded twice" in reckoned(problems=("T1 was recorded twice",)).faults[0]


def test_large_groups_are_shortened_but_counted_in_full() -> None:
    ours = [
        {"id": f"ord_{n}", "phase": "closed", "reason": "Nothing of it needs shipping.", "shipments": []}
        for n in range(9)
    ]
    look = Look(9, tuple(seen_order(f"ord_{n}", "pending", order) for n, order in enumerate(ours)))
    summary = reckon(look, ours, {"purchases": [], "fulfillments": []}, [])
    text = "\n".join(told(summary, seconds=1, width=80, paint=lambda text, *_: text))
    assert "9  Nothing of it needs shipping." in text
    assert "ord_0, ord_1, ord_2" in text
    assert "and 6 more" in text
