"""How a lease ends: what a release writes, what an abandoned or revoked order keeps, and when it is due."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.errors import LeaseLost
from packhouse.ledger import leases, notify
from packhouse.ledger.tables import orders
from packhouse.ledger.tx import Tx
from packhouse.model.states import OrderPhase
from packhouse.model.waiting import Waiting, WaitKind
from tests.service.ledger.rows import NOW, Rows, lease_on

RESTING = Waiting(WaitKind.ACCOUNT_RESTING, "It rests.", account="easypost")
FAR: dict[str, Any] = {"attempts": 4, "crashes": 1, "reason": "far"}


def release(tx: Tx, **given: Any) -> None:
    """Release an order that is due again in 500 s."""
    leases.release(tx, **{"phase": OrderPhase.OPEN, "due_at": NOW + 500, **given})


def test_a_release_writes_all_that_is_known_of_its_order_alone(rows: Rows) -> None:
    tx = rows.leased("ord", crashes=1)
    rows.leased("far", **FAR)
    before = rows.row(orders, "far")
    release(tx, phase=OrderPhase.HELD, reason="why", attempts=3, last_error="error", waiting=RESTING)
    row = rows.row(orders, "ord")
    assert (row["lease"], row["phase"], row["reason"]) == (None, "held", "why")
    assert (row["attempts"], row["crashes"], row["last_error"]) == (3, 0, "error")
    assert (row["due_at"], row["updated_at"]) == (NOW + 500, NOW)
    assert (row["waiting"], row["waiting_account"]) == ("account_resting", "easypost")
    assert rows.row(orders, "far") == before


@pytest.mark.parametrize(
    ("before", "waiting", "since"),
    [
        (("account_resting", "easypost", 5.0), RESTING, 5.0),
        (("account_resting", "easypost", None), RESTING, NOW),
        (("account_resting", "shippo", 5.0), RESTING, NOW),
        (("account_refused", "easypost", 5.0), RESTING, NOW),
        (("", "", None), RESTING, NOW),
        (("account_resting", "easypost", 5.0), None, None),
        (("", "", 5.0), None, None),
        (("store_limit", "", 5.0), Waiting(WaitKind.STORE_LIMIT, "Wait."), 5.0),
    ],
)
def test_a_wait_keeps_its_beginning_while_kind_and_account_stay_the_same(
    rows: Rows, before: tuple[str, str, float | None], waiting: Waiting | None, since: float | None
) -> None:
    kind, account, began = before
    tx = rows.leased("ord", waiting=kind, waiting_account=account, waiting_since=began)
    release(tx, waiting=waiting)
    row = rows.row(orders, "ord")
    assert row["waiting_since"] == since
    expected = (waiting.kind, waiting.account) if waiting else ("", "")
    assert (row["waiting"], row["waiting_account"]) == expected


@pytest.mark.parametrize(
    ("wakes", "due_at", "delay_s", "due", "is_due_now"),
    [
        (1, NOW + 500, 0.0, NOW + 500, False),
        (1, None, 0.0, None, False),
        (1, NOW, 60.0, NOW, True),
        (2, NOW + 500, 0.0, NOW, True),
        (2, NOW + 500, 60.0, NOW + 60, False),
        (2, None, 60.0, NOW + 60, False),
    ],
)
def test_an_order_that_was_woken_meanwhile_is_due_soon_whatever_the_release_says(
    rows: Rows, wakes: int, due_at: float | None, delay_s: float, due: float | None, is_due_now: bool
) -> None:
    release(rows.leased("ord", wakes=wakes), due_at=due_at, woken_delay_s=delay_s)
    assert rows.column(orders.c.due_at) == {"ord": due}
    assert notify.take_mark(rows.connection) is is_due_now


def test_a_lost_lease_releases_and_abandons_nothing(rows: Rows) -> None:
    rows.leased("ord", lease="other:1")
    rows.leased("far", **FAR)
    before = rows.row(orders, "ord"), rows.row(orders, "far")
    tx = rows.tx(lease_on("ord"))
    with pytest.raises(LeaseLost, match="lost the lease on order ord"):
        release(tx, due_at=NOW)
    with pytest.raises(LeaseLost, match="lost the lease on order ord"):
        leases.abandon(tx, NOW)
    assert (rows.row(orders, "ord"), rows.row(orders, "far")) == before
    assert not notify.take_mark(rows.connection)


@pytest.mark.parametrize(("due_at", "is_due_now"), [(NOW, True), (NOW + 5, False)])
def test_an_abandoned_order_counts_failures_and_changes_nothing_else(
    rows: Rows, due_at: float, is_due_now: bool
) -> None:
    tx = rows.leased("ord", attempts=2, crashes=1, reason="why", waiting="retry")
    rows.leased("far", **FAR)
    far, before = rows.row(orders, "far"), rows.row(orders, "ord")
    leases.abandon(tx, due_at, 3)
    changed = {"lease": None, "due_at": due_at, "attempts": 5, "updated_at": NOW}
    assert rows.row(orders, "ord") == {**before, **changed}
    assert rows.row(orders, "far") == far
    assert notify.take_mark(rows.connection) is is_due_now


def test_an_abandoned_order_has_not_failed_unless_it_is_said(rows: Rows) -> None:
    leases.abandon(rows.leased("ord", attempts=2), NOW)
    assert rows.column(orders.c.attempts) == {"ord": 2}


def test_a_revoked_order_is_due_with_a_fresh_start_and_its_worker_will_find_it_woken(rows: Rows) -> None:
    rows.leased("ord", attempts=2, crashes=3, wakes=4, reason="why")
    rows.leased("far", **FAR)
    far, before = rows.row(orders, "far"), rows.row(orders, "ord")
    assert leases.revoke(rows.tx(), "ord") is True
    changed = {"lease": None, "due_at": NOW, "attempts": 0, "crashes": 0, "wakes": 5, "updated_at": NOW}
    assert rows.row(orders, "ord") == {**before, **changed}
    assert rows.row(orders, "far") == far
    assert notify.take_mark(rows.connection)


def test_an_unknown_order_cannot_be_revoked(rows: Rows) -> None:
    rows.leased("ord")
    assert leases.revoke(rows.tx(), "none") is False
    assert rows.column(orders.c.lease)["ord"] is not None
    assert not notify.take_mark(rows.connection)


def test_a_worker_that_stops_ends_its_own_leases(rows: Rows) -> None:
    for order_id, lease in (("a", "w:1"), ("b", "w:2"), ("c", "w2:1"), ("d", None)):
        rows.order(order_id, lease=lease, crashes=1)
    assert leases.release_worker(rows.tx(), "w", NOW) == 2
    assert rows.column(orders.c.lease) == {"a": None, "b": None, "c": "w2:1", "d": None}
    assert rows.column(orders.c.due_at) == {"a": NOW, "b": NOW, "c": NOW + 60, "d": NOW + 60}
    assert set(rows.column(orders.c.crashes).values()) == {1}
    assert notify.take_mark(rows.connection)
    assert leases.release_worker(rows.tx(), "w", NOW) == 0
    assert not notify.take_mark(rows.connection)
