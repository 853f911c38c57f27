"""The totals must find every way in which the three records can disagree; each test damages one."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from packhouse.model.hold import KINDS, HoldCode
from packhouse.model.waiting import WAIT_MEANING, WaitKind
from packhouse_cli.demo.snapshot import Snapshot, order_progress
from packhouse_cli.demo.summary import summary_lines
from packhouse_cli.demo.totals import Group, Totals, compute_totals

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
        order_progress(name, {"status": "cancelled"}, known.get(name))
        for name in ("ord_1", "ord_2", "ord_3", "ord_4")
    ]
    return compute_totals(Snapshot(expected, tuple(seen)), ours, AUDIT if audit is None else audit, problems)


def printed(totals: Totals, *, seconds: float = 1, width: int = 100) -> str:
    return "\n".join(summary_lines(totals, seconds=seconds, width=width, paint=lambda text, *_: text))


def test_three_records_that_agree_are_consistent() -> None:
    summary = totals_of()
    assert summary.is_consistent
    assert summary.discrepancies == ()
    assert (summary.orders, summary.shipped, summary.shipments_checked) == (4, 1, 2)
    assert (summary.labels_active, summary.labels_voided) == (2, 1)
    assert summary.spent == summary.provider_charged == {"USD": 1249}
    remedy = KINDS[HoldCode.ADDRESS_INCOMPLETE].remedy
    members = (("ord_2", "city is missing"),)
    assert summary.held == (Group("The delivery address is incomplete.", members, remedy),)
    assert sum(len(group.members) for group in summary.closed) == 2


def test_the_summary_shows_counts_reasons_and_money() -> None:
    text = printed(totals_of(), seconds=12)
    assert "4 orders = 1 shipped + 1 held + 2 closed" in text
    assert "The order was cancelled." in text
    assert "ord_2  city is missing" in text
    assert "2 paid, 1 more voided" in text
    assert text.count("12.49 USD") == 2
    assert text.endswith(
        "All totals agree: Packhouse, the store and the provider.\n1 order waits for a person."
    )


@pytest.mark.parametrize("width", [80, 140])
def test_each_held_order_has_its_detail_and_how_to_end_the_hold(width: int) -> None:
    ours = copy.deepcopy(OURS)
    option = '"Cargo bike". The line to add, for example: "Cargo bike" = "cheapest"'
    ours[1]["holds"].append({"code": "shipping_option_unknown", "sentence": "", "note": option})
    ours[1]["holds"].append({"code": "provider_refused", "sentence": "", "note": "easypost: no such street"})
    summary = totals_of(ours)
    text = printed(summary, width=width)
    words = " ".join(text.split())
    for hold in ours[1]["holds"]:
        assert KINDS[HoldCode(hold["code"])].remedy in words
    assert option in text, "a line to copy is on one line"
    assert "easypost rejected" in words
    assert "ord_2  no such street" in text
    assert "1 order waits for a person." in text
    assert max(map(len, text.splitlines())) <= width


def test_a_hold_of_a_newer_daemon_is_shown_with_its_sentence() -> None:
    ours = copy.deepcopy(OURS)
    ours[1]["holds"] = [{"code": "full_moon", "sentence": "The moon is full. Wait a day.", "note": ""}]
    assert "The moon is full. Wait a day." in printed(totals_of(ours))


def test_what_waits_is_named_with_its_reason_and_its_remedy_and_nothing_says_that_all_is_well() -> None:
    ours = copy.deepcopy(OURS)
    pause = {"kind": "paused", "sentence": "Paused by ada: lunch", "account": "", "remedy": "Resume it."}
    ours[0] |= {"phase": "open", "waiting": [pause]}
    ours[2] |= {"phase": "closed"}
    ours[2]["shipments"][0]["state"] = "voiding"
    text = printed(totals_of(ours))
    assert "4 orders = 0 shipped + 1 held + 1 closed + 2 waiting" in text
    assert "Paused by ada: lunch\n        ord_1\n        Resume it." in text
    assert "A label will not ship. Its void is not decided yet" in text
    assert "All totals agree" not in text
    assert "1 order waits for a person." in text
    assert "2 orders are not finished." in text


def test_what_stops_work_is_named_also_if_no_order_waits_for_it() -> None:
    rest = {"kind": "account_resting", "sentence": "easypost rests.", "account": "easypost", "orders": 0}
    seen = (order_progress("ord_1", {"status": "fulfilled"}, OURS[0]),)
    snapshot = Snapshot(1, seen, status={"waiting": [rest, {"kind": "queued", "sentence": "Due."}]})
    summary = compute_totals(snapshot, OURS[:1], AUDIT, ())
    assert summary.waiting == (Group("easypost rests.", (), ""),)
    assert "easypost rests." in printed(summary)


def test_orders_that_wait_for_different_answers_of_one_provider_are_one_group() -> None:
    ours = [
        {
            "id": f"ord_{n}",
            "phase": "open",
            "waiting": [{"kind": "provider_unavailable", "sentence": f"503 for {n}", "account": "easypost"}],
        }
        for n in range(2)
    ]
    seen = tuple(order_progress(one["id"], {"status": "pending"}, one) for one in ours)
    (group,) = compute_totals(Snapshot(2, seen), ours, {}, ()).waiting
    assert group.reason == WAIT_MEANING[WaitKind.PROVIDER_UNAVAILABLE]
    assert group.members == (("ord_0", "503 for 0"), ("ord_1", "503 for 1"))


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
    text = printed(summary)
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
        9, tuple(order_progress(f"ord_{n}", {"status": "pending"}, order) for n, order in enumerate(ours))
    )
    summary = compute_totals(snapshot, ours, {"purchases": [], "fulfillments": []}, [])
    text = printed(summary, width=80)
    assert "9  Nothing of it needs shipping." in text
    assert "ord_0, ord_1, ord_2" in text
    assert "and 6 more" in text
