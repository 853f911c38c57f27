"""The record of a restore: what it says, why nothing is bought meanwhile, and its end."""

from __future__ import annotations

import math

import pytest
from sqlalchemy import select

from packhouse.ledger import polls, recalled, restores
from packhouse.ledger.facts import Mark
from packhouse.ledger.polls import Progress
from packhouse.ledger.restores import Cause, Restore
from packhouse.ledger.tables import journal, orders
from packhouse.ledger.tables import kv as kv_table
from packhouse.model.journal import Entry
from packhouse.model.poll import PollReport
from tests.service.ledger.rows import NOW, TOKEN, Rows

DAY_S = 86_400.0


def kept(rows: Rows) -> list[str]:
    """The names of what the ledger keeps about a restore."""
    return sorted(
        name for name in rows.connection.execute(select(kv_table.c.name)).scalars() if "restore" in name
    )


def unfinished(rows: Rows) -> None:
    rows.order("open")
    rows.order("held", phase="held")
    rows.order("done", phase="shipped", due_at=None)


def due(rows: Rows, now: float = NOW) -> list[str]:
    return sorted(name for name, at in rows.column(orders.c.due_at).items() if at is not None and at <= now)


# ---- the journal ----------------------------------------------------------------------------------------


def test_the_newest_entry_is_the_one_that_was_added_last(rows: Rows) -> None:
    assert restores.newest_entry(rows.connection) is None
    rows.entry("ord", "planned", at=9.0)
    newest = rows.entry("ord", "bought", at=5.0)
    assert restores.newest_entry(rows.connection) == Mark(newest, 5.0)


def test_entries_that_the_journal_lacks_or_has_with_another_time_are_missing(rows: Rows) -> None:
    for number in (1, 2, 3):
        rows.entry("ord", "planned", at=float(number))
    asked = [Mark(1, 1.0), Mark(2, 9.0), Mark(3, 3.0), Mark(4, 4.0)]
    assert restores.missing(rows.connection, asked) == (Mark(2, 9.0), Mark(4, 4.0))
    assert restores.missing(rows.connection, []) == ()


@pytest.mark.parametrize("count", [1, 500, 501, 1001])
def test_no_entry_of_many_is_missing_while_all_are_there(rows: Rows, count: int) -> None:
    marks = [Mark(rows.entry("ord", "planned", at=float(number)), float(number)) for number in range(count)]
    assert restores.missing(rows.connection, marks) == ()
    last = Mark(count + 1, 5.0)
    assert restores.missing(rows.connection, [*marks, last]) == (last,)


def test_a_ledger_is_used_when_it_has_an_order(rows: Rows) -> None:
    assert restores.is_used(rows.connection) is False
    rows.order("ord", phase="closed")
    assert restores.is_used(rows.connection) is True


def test_a_ledger_keeps_the_first_id_that_it_is_given(rows: Rows) -> None:
    assert restores.ledger_id(rows.connection) == ""
    assert restores.ensure_ledger_id(rows.tx(), "one") == "one"
    assert restores.ensure_ledger_id(rows.tx(), "two") == "one"
    assert restores.ledger_id(rows.connection) == "one"


# ---- it is noticed --------------------------------------------------------------------------------------


def test_a_restore_is_known_until_the_last_entry_of_the_backup(rows: Rows) -> None:
    assert restores.current(rows.connection) is None
    rows.entry("ord", "planned", at=NOW - 500)
    restores.notice(rows.tx(), Cause.GUARD_LOG)
    assert restores.current(rows.connection) == Restore(NOW, Cause.GUARD_LOG, NOW - 500)
    assert restores.compared_before(rows.connection) == NOW


def test_an_empty_ledger_may_replace_one_that_was_lost_in_the_last_three_days(rows: Rows) -> None:
    restores.notice(rows.tx(), Cause.PROVIDER)
    assert restores.current(rows.connection) == Restore(NOW, Cause.PROVIDER, NOW - 3 * DAY_S)


def test_a_restore_that_is_noticed_again_begins_again_and_keeps_how_far_the_backup_goes(rows: Rows) -> None:
    rows.entry("ord", "planned", at=NOW - 500)
    restores.notice(rows.tx(), Cause.GUARD_LOG)
    rows.entry("ord", "restored", at=NOW + 5)
    unfinished(rows)
    restores.prepare(rows.tx(now=NOW + 6))
    restores.save_log(rows.tx(), "folder", "")
    restores.save_listed(rows.tx(), "easypost", "")
    restores.allow_claims(rows.tx())
    restores.notice(rows.tx(now=NOW + 9), Cause.PROVIDER)
    assert restores.current(rows.connection) == Restore(NOW + 9, Cause.PROVIDER, NOW - 500)
    assert restores.compared_before(rows.connection) == NOW + 9
    assert restores.log_of(rows.connection, "folder") is None
    assert restores.listed(rows.connection) == {}
    assert restores.blocks_claims(rows.connection) is True
    assert restores.prepare(rows.tx(now=NOW + 10)) is True


def test_orders_of_a_ledger_that_was_never_restored_are_bought_without_a_look_up(rows: Rows) -> None:
    assert restores.compared_before(rows.connection) == 0.0
    restores.look_up_older(rows.tx())
    assert restores.compared_before(rows.connection) == NOW


def test_what_was_compared_is_compared_again_although_the_clock_was_set_back(rows: Rows) -> None:
    restores.look_up_older(rows.tx())
    rows.order("ord", compared_at=NOW)
    assert recalled.compared_since(rows.connection, ["ord"], restores.compared_before(rows.connection))
    again = restores.look_up_older(rows.tx(now=NOW - 600))
    assert again == restores.compared_before(rows.connection)
    assert not recalled.compared_since(rows.connection, ["ord"], again)
    restores.notice(rows.tx(now=NOW - 500), Cause.GUARD_LOG)
    record = restores.current(rows.connection)
    assert record is not None
    assert again < record.noticed_at == restores.compared_before(rows.connection)


def test_a_question_after_the_clock_was_set_back_leaves_the_reconciliation_an_end(rows: Rows) -> None:
    restores.notice(rows.tx(), Cause.GUARD_LOG)
    restores.begin_check(rows.tx(now=NOW - 600), NOW - 700)
    tx = rows.leased("ord")
    recalled.mark_compared(tx, "ord", restores.compared_before(rows.connection))
    record = restores.current(rows.connection)
    assert record is not None
    assert recalled.to_compare(rows.connection, record.noticed_at).orders == 0


# ---- it is prepared -------------------------------------------------------------------------------------


def test_preparing_reads_the_list_of_orders_and_each_unfinished_order_again_once(rows: Rows) -> None:
    unfinished(rows)
    polls.save(rows.tx(), PollReport(), Progress("2026-01-01", NOW))
    rows.entry("ord", "planned")
    restores.notice(rows.tx(), Cause.FAILOVER)
    assert restores.prepare(rows.tx()) is True
    assert polls.progress(rows.connection) == Progress()
    assert due(rows) == ["held", "open"]
    entry = rows.connection.execute(select(journal).order_by(journal.c.id.desc())).first()
    assert entry is not None
    assert (entry.action, entry.data) == ("restore_noticed", {"cause": "failover"})
    assert entry.why == (
        "The ledger was restored: the database lost commits that this process had made. "
        "Nothing is bought or posted meanwhile."
    )
    assert restores.first_entry(rows.connection) == entry.id
    assert restores.prepare(rows.tx()) is False
    assert [action for action, _ in rows.journal()] == ["planned", "restore_noticed"]


def test_nothing_is_prepared_without_a_restore(rows: Rows) -> None:
    assert restores.prepare(rows.tx()) is False
    assert (kept(rows), rows.journal()) == ([], [])
    assert restores.first_entry(rows.connection) is None


# ---- nothing is bought meanwhile ------------------------------------------------------------------------


@pytest.mark.parametrize("cause", Cause)
def test_a_restore_says_why_nothing_is_bought(rows: Rows, cause: Cause) -> None:
    assert restores.why_paused(rows.connection) == ""
    restores.notice(rows.tx(), cause)
    why = f"the ledger was restored, and is compared first: {restores.CAUSE_MEANING[cause]}"
    assert restores.why_paused(rows.connection) == why
    restores.allow_claims(rows.tx())
    assert restores.why_paused(rows.connection) == why, "it lasts until everything adds up"


def test_the_question_at_the_start_says_which_account_is_silent(rows: Rows) -> None:
    asked = "the provider accounts are asked for purchases that this ledger does not know"
    restores.begin_check(rows.tx(), 5.0)
    assert restores.why_paused(rows.connection) == asked
    restores.save_unasked(rows.tx(), "shippo", "it is away")
    restores.save_unasked(rows.tx(), "easypost", "no answer")
    silent = "easypost has not answered: no answer; shippo has not answered: it is away"
    assert restores.why_paused(rows.connection) == f"{asked}; {silent}"
    restores.allow_claims(rows.tx())
    assert restores.why_paused(rows.connection) == ""


def test_a_restore_counts_more_than_a_question_at_the_start(rows: Rows) -> None:
    restores.notice(rows.tx(), Cause.PROVIDER)
    restores.begin_check(rows.tx(), 5.0)
    assert restores.why_paused(rows.connection).startswith("the ledger was restored")


def test_orders_are_processed_once_what_was_lost_is_collected(rows: Rows) -> None:
    """An order that is read too early would lose its plan, to which a purchase belongs."""
    unfinished(rows)
    assert restores.blocks_claims(rows.connection) is False
    restores.notice(rows.tx(), Cause.GUARD_LOG)
    assert restores.blocks_claims(rows.connection) is True
    assert due(rows) == []
    restores.allow_claims(rows.tx())
    assert restores.blocks_claims(rows.connection) is False
    assert due(rows) == ["held", "open"]


# ---- its end --------------------------------------------------------------------------------------------


def test_the_end_of_a_reconciliation_frees_what_waited(rows: Rows) -> None:
    unfinished(rows)
    rows.order("leased", lease=TOKEN)
    restores.notice(rows.tx(), Cause.GUARD_LOG)
    restores.prepare(rows.tx())
    restores.begin_check(rows.tx(), 5.0)
    restores.save_unasked(rows.tx(), "easypost", "no answer")
    restores.save_log(rows.tx(), "folder", "")
    restores.save_listed(rows.tx(), "easypost", "")
    restores.allow_claims(rows.tx())
    rows.connection.execute(orders.update().values(due_at=NOW + 60))
    restores.end(rows.tx(), Entry("", "reconciled", "It adds up."))
    assert restores.current(rows.connection) is None
    assert restores.why_paused(rows.connection) == ""
    assert due(rows) == ["held", "open"]
    assert rows.journal()[-1] == ("reconciled", "")
    assert kept(rows) == ["restored_at", "restored_entry"], "older orders are looked up, the report is kept"
    assert restores.compared_before(rows.connection) == math.nextafter(NOW, math.inf)
