"""What status and metrics count: orders, shipments, holds, waits and money."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.ledger import kv, queries
from packhouse.ledger.queries import Wait
from packhouse.ledger.tables import dead_letters, events
from packhouse.model.hold import HoldCode
from packhouse.model.money import Money
from packhouse.model.states import LabelState, ShipmentState
from packhouse.model.waiting import WaitKind
from tests.service.ledger.rows import NOW, TOKEN, Rows

K = WaitKind


def _event(rows: Rows, name: str, received_at: float) -> None:
    words = dict.fromkeys(("type", "order_id", "site_slug", "outcome", "body"), "")
    rows.add(events, source="store", external_id=name, received_at=received_at, **words)


def test_an_empty_ledger_counts_nothing(rows: Rows) -> None:
    assert queries.tally(rows.connection, NOW) == {
        "orders": {},
        "shipments": {},
        "holds": {},
        "due": 0,
        "oldest_due_s": 0.0,
        "dead_letters": 0,
        "waiting": {},
        "last_event_at": None,
        "poll_problems": {},
    }


def test_orders_shipments_and_active_holds_are_counted_by_their_words(rows: Rows) -> None:
    for order_id, phase in (("a", "open"), ("b", "open"), ("c", "shipped")):
        rows.order(order_id, phase=phase)
    for shipment_id, state in (("a-1", "planned"), ("b-1", "held"), ("b-2", "held")):
        rows.shipment(shipment_id, ShipmentState(state))
    rows.hold("a", HoldCode.MANUAL)
    rows.hold("b", HoldCode.MANUAL)
    rows.hold("b", HoldCode.NO_RATE, released_at=NOW)
    rows.add(dead_letters, received_at=NOW, reason="not JSON", body=b"x")
    _event(rows, "young", NOW - 1)
    _event(rows, "old", NOW - 9)
    tally = queries.tally(rows.connection, NOW)
    assert tally["orders"] == {"open": 2, "shipped": 1}
    assert tally["shipments"] == {"planned": 1, "held": 2}
    assert tally["holds"] == {"manual": 2}
    assert (tally["dead_letters"], tally["last_event_at"]) == (1, NOW - 1)


@pytest.mark.parametrize(
    ("due", "count", "oldest_s"),
    [((0,), 1, 0.0), ((1,), 0, 0.0), ((-3, -7, 0, 5), 3, 7.0)],
)
def test_due_orders_are_counted_with_the_longest_time_that_one_is_due(
    rows: Rows, due: tuple[float, ...], count: int, oldest_s: float
) -> None:
    for number, after_s in enumerate(due):
        rows.order(f"ord_{number}", due_at=NOW + after_s)
    rows.order("leased", due_at=NOW - 50, lease=TOKEN)
    rows.order("finished", due_at=None)
    tally = queries.tally(rows.connection, NOW)
    assert (tally["due"], tally["oldest_due_s"]) == (count, oldest_s)


WAITING = {"waiting": "store_limit", "waiting_account": "easypost"}


@pytest.mark.parametrize(
    ("columns", "kind", "account"),
    [
        pytest.param({"due_at": NOW + 1}, K.STORE_LIMIT, "easypost", id="deferred"),
        pytest.param({"due_at": NOW}, K.QUEUED, "", id="due"),
        pytest.param({"due_at": NOW - 1}, K.QUEUED, "", id="overdue"),
        pytest.param({"due_at": NOW + 1, "lease": TOKEN}, K.PROCESSING, "", id="leased"),
        pytest.param({"due_at": NOW, "lease": TOKEN}, K.QUEUED, "", id="its lease ran out"),
        pytest.param({"due_at": NOW + 1, "waiting": ""}, None, "", id="waits for nothing"),
        pytest.param({"due_at": NOW + 1, "phase": "held"}, None, "", id="held"),
        pytest.param({"due_at": NOW, "phase": "shipped"}, None, "", id="shipped"),
    ],
)
def test_an_open_order_waits_for_a_worker_for_its_end_or_for_what_it_was_released_for(
    rows: Rows, columns: dict[str, Any], kind: WaitKind | None, account: str
) -> None:
    rows.order("ord", **{**WAITING, **columns})
    waits = queries.waits(rows.connection, NOW)
    assert [(wait.kind, wait.account, wait.orders) for wait in waits] == (
        [(kind, account, 1)] if kind else []
    )
    assert queries.tally(rows.connection, NOW)["waiting"] == ({kind: 1} if kind else {})


def test_waits_are_grouped_by_kind_and_account_most_orders_first(rows: Rows) -> None:
    def add(order_id: str, kind: str, account: str, since: float, due_at: float, reason: str) -> None:
        rows.order(
            *(order_id,),
            due_at=NOW + due_at,
            waiting=kind,
            waiting_account=account,
            waiting_since=NOW - since,
            reason=reason,
        )

    add("a", "retry", "", 1, 1, "")
    add("b", "account_resting", "shippo", 2, 2, "")
    add("c", "account_resting", "easypost", 9, 5, "alpha")
    add("d", "account_resting", "easypost", 8, 4, "beta")
    add("e", "a word of a newer version", "", 3, 3, "")
    assert queries.waits(rows.connection, NOW) == [
        Wait(K.ACCOUNT_RESTING, "easypost", 2, NOW - 9, NOW + 4, "beta"),
        Wait(K.ACCOUNT_RESTING, "shippo", 1, NOW - 2, NOW + 2, ""),
        Wait(K.RETRY, "", 1, NOW - 1, NOW + 1, ""),
    ]


def test_money_is_added_up_by_currency_without_void_labels_and_every_label_is_counted(rows: Rows) -> None:
    assert queries.spent(rows.connection) == ({}, 0)
    for number, (minor, currency, state) in enumerate(
        [
            (100, "USD", LabelState.BOUGHT),
            (20, "USD", LabelState.VOIDING),
            (3, "EUR", LabelState.BOUGHT),
            (4000, "USD", LabelState.VOIDED),
        ],
        start=1,
    ):
        rows.labeled(f"ord-{number}", cost=Money(minor, currency), state=state)
    assert queries.spent(rows.connection) == ({"USD": 120, "EUR": 3}, 4)


def test_a_probe_proves_that_the_ledger_takes_a_write_again_and_again(rows: Rows) -> None:
    for now in (NOW, NOW + 5):
        queries.probe(rows.tx(now=now))
        assert kv.read_with_time(rows.connection, "probe") == ("", now)
