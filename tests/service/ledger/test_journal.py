"""Journal entries: what is kept of each, and the newest one as the mark of a commit."""

from __future__ import annotations

from packhouse.ledger import facts, journal, queries
from packhouse.ledger.facts import Mark
from packhouse.ledger.tables import journal as journal_table
from packhouse.model.journal import Entry, JournalEntry
from tests.service.ledger.rows import NOW, Rows


def test_entries_are_kept_in_their_order_with_all_that_they_say(rows: Rows) -> None:
    journal.write(
        rows.tx(),
        [
            Entry("ord", "held", "No rate:", "ord-1", "ada", {"code": "no_rate"}, quoted="too heavy"),
            Entry("ord", "planned"),
        ],
    )
    first, second = queries.entries(rows.connection, order_id="ord")
    held = ("ord", "ord-1", "ada", "held", "No rate: too heavy", {"code": "no_rate"})
    assert first == JournalEntry(first.id, NOW, *held)
    assert second == JournalEntry(first.id + 1, NOW, "ord", "", "packhouse", "planned", "")
    assert rows.column(journal_table.c.data) == {first.id: {"code": "no_rate"}, second.id: None}


def test_the_newest_entry_marks_the_commit(rows: Rows) -> None:
    rows.entry("ord", "planned")
    journal.write(rows.tx(), [Entry("ord", "held"), Entry("ord", "released")])
    found = facts.take(rows.connection)
    assert found is not None
    assert found.mark == Mark(3, NOW)


def test_nothing_to_record_marks_nothing(rows: Rows) -> None:
    journal.write(rows.tx(), [])
    assert (rows.journal(), facts.take(rows.connection)) == ([], None)
