"""What the polls keep: how far they came, their report, and since when they fail."""

from __future__ import annotations

import pytest

from packhouse.ledger import poll_record, polls
from packhouse.ledger.poll_record import PollRecord
from packhouse.ledger.polls import Progress
from packhouse.model.poll import PollProblem, PollReport, Trouble
from tests.service.ledger.rows import NOW, Rows

REPORT = PollReport(
    ended_at=NOW,
    rows=7,
    requests=2,
    quick_troubles=(Trouble(PollProblem.LIST_ENDLESS, "The list repeats."),),
    full_troubles=(
        Trouble(PollProblem.ROWS_UNREADABLE, "Two rows cannot be read."),
        Trouble(PollProblem.ROWS_UNREADABLE, "A row has no id."),
    ),
)


def test_before_the_first_poll_nothing_is_known(rows: Rows) -> None:
    assert polls.progress(rows.connection) == Progress("", 0.0)
    assert polls.report(rows.connection) == PollReport()
    assert polls.problems(rows.connection) == {}
    assert poll_record.read(rows.connection) == PollRecord(None, None, "", "")


def test_a_poll_saves_its_report_and_how_far_it_came(rows: Rows) -> None:
    polls.save(rows.tx(), REPORT, Progress("2026-11-29T08:00:00Z", 12.25))
    assert polls.progress(rows.connection) == Progress("2026-11-29T08:00:00Z", 12.25)
    assert polls.report(rows.connection) == REPORT
    assert polls.problems(rows.connection) == {"list_endless": 1, "rows_unreadable": 2}


def test_polls_that_begin_again_read_the_whole_list_and_keep_the_report(rows: Rows) -> None:
    polls.save(rows.tx(), REPORT, Progress("2026-11-29T08:00:00Z", 12.25))
    polls.begin_again(rows.tx())
    assert polls.progress(rows.connection) == Progress("", 0.0)
    assert polls.report(rows.connection) == REPORT


def test_polls_fail_since_the_first_failure_after_a_success(rows: Rows) -> None:
    poll_record.save_failure(rows.tx(now=10.0), "no route", "StoreUnavailable")
    assert poll_record.read(rows.connection) == PollRecord(None, 10.0, "no route", "StoreUnavailable")
    poll_record.save_success(rows.tx(now=20.0))
    assert poll_record.read(rows.connection) == PollRecord(20.0, None, "", "")
    for at, error in ((30.0, "no route"), (40.0, "refused"), (50.0, "closed")):
        poll_record.save_failure(rows.tx(now=at), error, "StoreError")
    assert poll_record.read(rows.connection) == PollRecord(20.0, 30.0, "closed", "StoreError")


@pytest.mark.parametrize("error", ["", "no words"])
def test_a_failure_without_words_is_a_failure_like_any_other(rows: Rows, error: str) -> None:
    poll_record.save_failure(rows.tx(now=30.0), error, "StoreError")
    poll_record.save_failure(rows.tx(now=40.0), "refused", "StoreError")
    assert poll_record.read(rows.connection).failing_since == 30.0
