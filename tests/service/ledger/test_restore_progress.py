"""What a restored ledger waits for: each account's answer, each data folder's log, the store's list."""

from __future__ import annotations

import pytest

from packhouse.ledger import polls, restores
from packhouse.ledger.polls import Progress
from packhouse.ledger.restores import Cause, Restore, Unasked
from packhouse.ledger.tables import orders
from packhouse.model.poll import PollReport
from packhouse.model.states import ShipmentState
from tests.service.ledger.rows import NOW, Rows

RESTORE = Restore(NOW, Cause.GUARD_LOG, NOW - 500.0)
DAY_S = 86_400.0
# How long before the backup a folder must have been used so that its log is waited for.
IN_USE_S = 7200.0
NO_LOG = "No guard log was written back yet."


# ---- the question at the start --------------------------------------------------------------------------


def test_the_accounts_are_asked_since_the_last_entry(rows: Rows) -> None:
    assert restores.check_since(rows.connection) is None
    restores.begin_check(rows.tx(), 0.0)
    assert restores.check_since(rows.connection) == 0.0
    assert restores.compared_before(rows.connection) == NOW


@pytest.mark.parametrize(("first", "again"), [(100.0, 900.0), (900.0, 100.0)])
def test_a_process_that_starts_again_asks_for_the_whole_time(rows: Rows, first: float, again: float) -> None:
    """The earlier one did not get every answer, and entries were written since."""
    restores.begin_check(rows.tx(), first)
    restores.begin_check(rows.tx(), again)
    assert restores.check_since(rows.connection) == 100.0


def test_an_account_that_did_not_answer_may_have_sold_what_the_ledger_lost(rows: Rows) -> None:
    rows.shipment("ord-1", ShipmentState.LABELED, provider="easypost")
    restores.begin_check(rows.tx(), 5.0)
    assert restores.unasked(rows.connection) == ()
    restores.save_unasked(rows.tx(), "shippo", "it is away.")
    restores.save_unasked(rows.tx(), "easypost", "no answer")
    easypost, shippo = restores.unasked(rows.connection)
    assert easypost == Unasked("easypost", "no answer", has_sold=True)
    assert shippo == Unasked("shippo", "it is away.", has_sold=False)
    assert shippo.sentence == "shippo has not said yet what it sold before the start: it is away"


def test_what_an_account_sells_after_the_start_does_not_make_it_one_that_had_sold(rows: Rows) -> None:
    restores.begin_check(rows.tx(), 5.0)
    restores.save_unasked(rows.tx(), "easypost", "no answer")
    rows.shipment("ord-1", ShipmentState.LABELED, provider="easypost")
    restores.save_unasked(rows.tx(), "easypost", "no answer")
    restores.save_unasked(rows.tx(), "easypost", "the key is wrong")
    assert restores.unasked(rows.connection) == (Unasked("easypost", "the key is wrong", has_sold=False),)


def test_an_account_had_sold_if_a_label_of_it_is_older_than_the_restore(rows: Rows) -> None:
    rows.labeled("ord-1", provider="easypost", bought_at=10.0)
    asked = [("easypost", 10.0), ("easypost", 10.5), ("shippo", 10.5)]
    assert [restores.had_sold(rows.connection, *one) for one in asked] == [False, True, False]


def test_only_the_account_that_has_answered_is_no_longer_waited_for(rows: Rows) -> None:
    """A name is a name, whatever its letters mean in a pattern."""
    restores.begin_check(rows.tx(), 5.0)
    accounts = ["easypost", "easypost-eu", "us-west", "us_west", "USxwest"]
    for account in accounts:
        restores.save_unasked(rows.tx(), account, "no answer")
    restores.save_asked(rows.tx(), "shippo")
    for answered in ("easypost", "us_west"):
        restores.save_asked(rows.tx(), answered)
        accounts.remove(answered)
        assert sorted(one.account for one in restores.unasked(rows.connection)) == sorted(accounts)


def test_an_account_is_only_waited_for_while_the_question_stands(rows: Rows) -> None:
    """Another replica has ended it meanwhile."""
    restores.save_unasked(rows.tx(), "easypost", "no answer")
    assert restores.unasked(rows.connection) == ()


def test_the_end_of_the_question_frees_what_waited(rows: Rows) -> None:
    rows.order("ord")
    restores.begin_check(rows.tx(), 5.0)
    restores.save_unasked(rows.tx(), "easypost", "no answer")
    restores.allow_claims(rows.tx())
    rows.connection.execute(orders.update().values(due_at=NOW + 60))
    restores.end_check(rows.tx())
    assert rows.column(orders.c.due_at) == {"ord": NOW}
    assert restores.check_since(rows.connection) is None
    restores.begin_check(rows.tx(), 9.0)
    assert restores.unasked(rows.connection) == ()
    assert restores.check_since(rows.connection) == 9.0
    assert restores.blocks_claims(rows.connection) is True, "what the next question finds is collected again"


# ---- data folders and their logs ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("used_at", "is_waited_for"),
    [
        (RESTORE.known_until, True),
        (RESTORE.known_until + 9, True),
        (RESTORE.known_until - IN_USE_S + 0.5, True),
        (RESTORE.known_until - IN_USE_S, False),
    ],
)
def test_a_folder_in_use_shortly_before_the_backup_is_waited_for(
    rows: Rows, used_at: float, *, is_waited_for: bool
) -> None:
    """Its log may be the only one that knows a person's hold."""
    restores.use_folder(rows.tx(now=used_at), "folder")
    waited_for = restores.folders_waited_for(rows.connection, RESTORE)
    assert waited_for == (["folder"] if is_waited_for else [])


def test_a_folder_whose_log_was_written_back_is_not_waited_for(rows: Rows) -> None:
    for folder in ("one", "two", "three"):
        restores.use_folder(rows.tx(), folder)
    restores.save_log(rows.tx(), "two", "")
    assert sorted(restores.folders_waited_for(rows.connection, RESTORE)) == ["one", "three"]


def test_a_folder_that_cannot_be_named_is_not_waited_for(rows: Rows) -> None:
    restores.use_folder(rows.tx(), "")
    assert restores.folders_waited_for(rows.connection, RESTORE) == []


def test_a_folder_is_forgotten_after_a_month(rows: Rows) -> None:
    now = 40 * DAY_S
    for folder, used_at in (("old", now - 30 * DAY_S - 0.5), ("kept", now - 30 * DAY_S), ("new", now - 9)):
        restores.use_folder(rows.tx(now=used_at), folder)
    restores.begin_check(rows.tx(now=1.0), 5.0)
    restores.use_folder(rows.tx(now=now), "mine")
    of_then = Restore(now, Cause.GUARD_LOG, 0.0)
    assert sorted(restores.folders_waited_for(rows.connection, of_then)) == ["kept", "mine", "new"]
    assert restores.check_since(rows.connection) == 5.0, "nothing else is forgotten"


def test_a_log_is_whole_or_says_what_is_wrong_with_it(rows: Rows) -> None:
    assert restores.log_of(rows.connection, "one") is None
    assert restores.log_problems(rows.connection, RESTORE) == [NO_LOG]
    restores.save_log(rows.tx(), "one", "")
    assert restores.log_of(rows.connection, "one") == ""
    assert restores.log_problems(rows.connection, RESTORE) == []
    restores.save_log(rows.tx(), "two", "It has a gap.")
    assert restores.log_of(rows.connection, "two") == "It has a gap."
    assert restores.log_problems(rows.connection, RESTORE) == ["It has a gap."]


def test_folders_whose_logs_are_waited_for_are_a_problem(rows: Rows) -> None:
    for folder in ("one", "two", "three"):
        restores.use_folder(rows.tx(), folder)
    waiting = (
        "The guard log of {} other data folder(s) was not written back: start each replica that has one."
    )
    assert restores.log_problems(rows.connection, RESTORE) == [waiting.format(3), NO_LOG]
    restores.save_log(rows.tx(), "two", "")
    assert restores.log_problems(rows.connection, RESTORE) == [waiting.format(2)]


# ---- accounts and the store -----------------------------------------------------------------------------


def test_an_account_was_listed_or_says_why_not(rows: Rows) -> None:
    assert restores.listed(rows.connection) == {}
    restores.save_listed(rows.tx(), "easypost", "")
    restores.save_listed(rows.tx(), "shippo", "the key is wrong")
    assert restores.listed(rows.connection) == {"easypost": "", "shippo": "the key is wrong"}


@pytest.mark.parametrize(("began_at", "is_polled"), [(0.0, False), (NOW - 0.5, False), (NOW, True)])
def test_the_list_of_orders_is_read_when_a_full_poll_began_since(
    rows: Rows, began_at: float, *, is_polled: bool
) -> None:
    polls.save(rows.tx(), PollReport(), Progress("2026", began_at))
    assert restores.is_polled(rows.connection, RESTORE) is is_polled
