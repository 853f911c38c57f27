"""What a reconciliation still waits for, in sentences; and its end, by itself or on an operator's word."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from packhouse.ledger import polls, recalled, reconciliation, restores
from packhouse.ledger.polls import Progress
from packhouse.ledger.recalled import Recalled
from packhouse.ledger.restores import Cause, Restore
from packhouse.ledger.tables import journal
from packhouse.model.poll import PollReport
from tests.service.ledger.rows import NOW, Rows

ACCOUNTS = ("easypost", "shippo")


@pytest.fixture
def restore(rows: Rows) -> Restore:
    """A restore of which nothing is open any more."""
    restores.notice(rows.tx(), Cause.GUARD_LOG)
    restores.save_log(rows.tx(), "folder", "")
    for account in ACCOUNTS:
        restores.save_listed(rows.tx(), account, "")
    polls.save(rows.tx(), PollReport(), Progress("2026", NOW))
    rows.order("compared", compared_at=NOW)
    record = restores.current(rows.connection)
    assert record is not None
    return record


def points(rows: Rows, restore: Restore, accounts: tuple[str, ...] = ACCOUNTS) -> list[str]:
    return list(reconciliation.open_points(rows.connection, restore, accounts))


def unmatched(rows: Rows, order_id: str = "compared", **found: str) -> None:
    recalled.add(rows.tx(), [Recalled(f"{order_id}/1/1", order_id, "easypost", found)])


def test_nothing_is_open_once_everything_adds_up(rows: Rows, restore: Restore) -> None:
    assert points(rows, restore) == []


def test_each_account_must_have_listed_what_it_sold(rows: Rows, restore: Restore) -> None:
    restores.save_listed(rows.tx(), "shippo", "the key is wrong")
    assert points(rows, restore, ("easypost", "manual", "shippo")) == [
        "The purchases of the provider account manual are not listed yet.",
        "The purchases of shippo cannot be listed: the key is wrong",
    ]
    assert points(rows, restore, ("easypost",)) == [], "an account that is not set up any more is not asked"


def test_the_guard_log_and_the_list_of_orders_must_be_read(rows: Rows, restore: Restore) -> None:
    restores.save_log(rows.tx(), "folder", "The guard log has a gap.")
    polls.save(rows.tx(), PollReport(), Progress("2026", NOW - 1))
    assert points(rows, restore) == [
        "The guard log has a gap.",
        "The store's list of orders is not read to its end yet.",
    ]


def test_each_unfinished_order_must_be_compared(rows: Rows, restore: Restore) -> None:
    rows.order("b")
    rows.order("a", phase="held", compared_at=NOW - 1)
    assert points(rows, restore) == ["2 unfinished order(s) are not compared yet: a, b."]


@pytest.mark.parametrize(("count", "more"), [(20, ""), (21, ", …")])
def test_many_orders_are_counted_and_the_first_ones_named(
    rows: Rows, restore: Restore, count: int, more: str
) -> None:
    for number in range(count):
        rows.order(f"ord_{number:02}")
    names = ", ".join(f"ord_{number:02}" for number in range(20))
    assert points(rows, restore) == [f"{count} unfinished order(s) are not compared yet: {names}{more}."]


def test_each_purchase_must_match_a_shipment(rows: Rows, restore: Restore) -> None:
    unmatched(rows, tracking_number="1Z")
    rows.order("it's", compared_at=NOW)
    unmatched(rows, "it's")
    assert points(rows, restore) == [
        "easypost sold 1Z as compared/1/1, which matches no shipment: see packhouse why compared.",
        """easypost sold a label as it's/1/1, which matches no shipment: see packhouse why 'it'"'"'s'.""",
    ]


# ---- its end --------------------------------------------------------------------------------------------


def test_it_ends_by_itself_once_everything_adds_up(rows: Rows, restore: Restore) -> None:
    unmatched(rows)
    assert reconciliation.end_if_complete(rows.tx(), ACCOUNTS) is False
    assert restores.current(rows.connection) == restore
    assert rows.journal() == []
    recalled.accept_all(rows.tx())
    assert reconciliation.end_if_complete(rows.tx(), ACCOUNTS) is True
    assert restores.current(rows.connection) is None
    assert rows.journal() == [("reconciled", "")]
    assert reconciliation.end_if_complete(rows.tx(), ACCOUNTS) is False
    assert rows.journal() == [("reconciled", "")]


def test_an_operator_accepts_what_does_not_add_up(rows: Rows, restore: Restore) -> None:
    unmatched(rows, tracking_number="1Z")
    open_points = reconciliation.open_points(rows.connection, restore, ACCOUNTS)
    assert len(open_points) == 1
    assert reconciliation.accept(rows.tx(), ACCOUNTS, "It was a test.", "ada") == open_points
    assert restores.current(rows.connection) is None
    assert recalled.unmatched(rows.connection) == ()
    entry = rows.connection.execute(select(journal)).one()
    assert (entry.order_id, entry.action, entry.why, entry.actor, entry.data) == (
        *("", "reconciled", "It was a test.", "ada"),
        {"left_open": list(open_points)},
    )


def test_an_operator_accepts_that_an_account_is_silent(rows: Rows) -> None:
    restores.begin_check(rows.tx(), NOW)
    assert reconciliation.accept(rows.tx(), ACCOUNTS, "It is closed.", "ada") == ()
    restores.begin_check(rows.tx(), NOW)
    restores.save_unasked(rows.tx(), "shippo", "no answer.")
    silent = ("shippo has not said yet what it sold before the start: no answer.",)
    assert reconciliation.accept(rows.tx(), ACCOUNTS, "It is closed.", "ada") == silent
    assert restores.check_since(rows.connection) is None
    assert restores.why_paused(rows.connection) == ""


def test_without_a_restore_there_is_nothing_to_accept(rows: Rows) -> None:
    assert reconciliation.accept(rows.tx(), ACCOUNTS, "It was a test.", "ada") is None
    assert rows.journal() == []
