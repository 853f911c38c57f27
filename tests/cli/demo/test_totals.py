"""The totals must find every way in which the three records can disagree; each test damages one."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from packhouse.model.hold import KINDS, HoldCode
from packhouse_cli.demo.snapshot import Snapshot, order_progress
from packhouse_cli.demo.totals import Totals, compute_totals, totals_lines

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
                "sentence": KINDS[HoldCode.ADDRESS_INCOMPLETE].explain("city is missing"),
                "note": "city is missing",
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


AUDIT: dict[str, Any] = {
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


def totals_of(
    ours: list[dict[str, Any]] | None = None,
    audit: dict[str, Any] | None = None,
    problems: tuple[str, ...] = (),
    expected: int = 4,
) -> Totals:
    ours = OURS if ours is None else ours
    known = {order["id"]: order for order in ours}
    seen = [
        order_progress(name, "cancelled", known.get(name)) for name in ("ord_1", "ord_2", "ord_3", "ord_4")
    ]
    return compute_totals(Snapshot(expected, tuple(seen)), ours, AUDIT if audit is None else audit, problems)


def test_three_records_that_agree_are_consistent() -> None:
    summary = totals_of()
    assert summary.is_consistent
    assert summary.discrepancies == ()
    assert (summary.orders, summary.shipped, summary.shipments_checked) == (4, 1, 2)
    assert (summary.labels_active, summary.labels_voided) == (2, 1)
    assert summary.spent == summary.provider_charged == {"USD": 1249}
    assert summary.held == (("The delivery address is incomplete.", (("ord_2", "city is missing"),)),)
    assert sum(len(members) for _, members in summary.closed) == 2


def test_the_summary_shows_counts_reasons_and_money() -> None:
    text = "\n".join(totals_lines(totals_of(), seconds=12, width=100, paint=lambda text, *_: text))
    assert "4 orders = 1 shipped + 1 held + 2 closed" in text
    assert "The order was cancelled." in text
    assert "ord_2  city is missing" in text
    assert "2 paid, 1 more voided" in text
    assert text.count("12.49 USD") == 2
    assert "All totals agree" in text


def without_purchase(audit: dict[str, Any], ours: list[dict[str, Any]]) -> None:
    del audit["purchases"][0]


def with_second_active_label(audit: dict[str, Any], ours: list[dict[str, Any]]) -> None:
    audit["purchases"].append(sold("ord_1/1/2", "T7", 549))


def with_other_price(audit: dict[str, Any], ours: list[dict[str, Any]]) -> None:
    audit["purchases"][0]["cost_minor"] = 550


def with_voided_label(audit: dict[str, Any], ours: list[dict[str, Any]]) -> None:
    audit["purchases"][0]["live"] = False


def with_unknown_purchase(audit: dict[str, Any], ours: list[dict[str, Any]]) -> None:
    audit["purchases"].append(sold("ord_4/1/1", "T8", 0))


def without_post(audit: dict[str, Any], ours: list[dict[str, Any]]) -> None:
    del audit["fulfillments"][1]


def with_unrecorded_post(audit: dict[str, Any], ours: list[dict[str, Any]]) -> None:
    audit["fulfillments"].append({"order_id": "ord_4", "tracking": "T8", "by": "api"})


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (without_purchase, "Label T1 of order ord_1 is not active"),
        (with_second_active_label, "Shipment ord_1/1 has 2 active labels"),
        (with_other_price, "recorded 12.49 USD for labels, but the provider charged 12.50 USD"),
        (with_voided_label, "Label T1 of order ord_1 is not active"),
        (with_unknown_purchase, "The provider sold label T8, which Packhouse did not record"),
        (without_post, "the store has no tracking number T2"),
        (with_unrecorded_post, "Packhouse did not record that it posted T8"),
    ],
)
def test_each_disagreement_is_found_and_named(damage: Any, words: str) -> None:
    audit, ours = copy.deepcopy(AUDIT), copy.deepcopy(OURS)
    damage(audit, ours)
    summary = totals_of(ours, audit)
    assert not summary.is_consistent
    assert words in " ".join(summary.discrepancies)
    text = "\n".join(totals_lines(summary, seconds=1, width=100, paint=lambda text, *_: text))
    assert "do not agree" in text
    assert "All totals agree" not in text


def test_orders_that_never_arrived_are_reported() -> None:
    assert "5 orders were requested, but the store has 4" in totals_of(expected=5).discrepancies[0]


def test_an_order_that_is_not_processed_is_inconsistent() -> None:
    ours = copy.deepcopy(OURS)
    ours[0]["phase"] = "open"
    summary = totals_of(ours)
    assert summary.unprocessed == ("ord_1",)
    assert not summary.is_consistent


def test_findings_of_the_sandboxs_own_check_count() -> None:
    assert "T1 was recorded twice" in totals_of(problems=("T1 was recorded twice",)).discrepancies[0]


def test_large_groups_are_shortened_but_counted_in_full() -> None:
    ours = [
        {"id": f"ord_{n}", "phase": "closed", "reason": "Nothing of it needs shipping.", "shipments": []}
        for n in range(9)
    ]
    snapshot = Snapshot(
        9, tuple(order_progress(f"ord_{n}", "pending", order) for n, order in enumerate(ours))
    )
    summary = compute_totals(snapshot, ours, {"purchases": [], "fulfillments": []}, [])
    text = "\n".join(totals_lines(summary, seconds=1, width=80, paint=lambda text, *_: text))
    assert "9  Nothing of it needs shipping." in text
    assert "ord_0, ord_1, ord_2" in text
    assert "and 6 more" in text
