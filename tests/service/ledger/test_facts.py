"""What a commit leaves behind for the guard log: its rows, its time, and its newest entry."""

from __future__ import annotations

from packhouse.ledger import facts
from packhouse.ledger.facts import Fact, Facts, Kind, Mark
from tests.service.ledger.rows import NOW, Rows


def test_rows_are_told_in_the_order_of_their_writing_and_once(rows: Rows) -> None:
    """Units that share a commit may have different times: the latest is the commit's."""
    facts.note(rows.tx(), Kind.SHIPMENT, {"id": "a"})
    facts.note(rows.tx(now=NOW + 5), Kind.LABEL, {"id": "b"})
    facts.note(rows.tx(now=NOW - 5), Kind.SHIPMENT, {"id": "a"})
    told = [Fact(Kind.SHIPMENT, {"id": "a"}), Fact(Kind.LABEL, {"id": "b"}), Fact(Kind.SHIPMENT, {"id": "a"})]
    assert facts.take(rows.connection) == Facts(NOW + 5, None, told)
    assert facts.take(rows.connection) is None


def test_the_newest_entry_marks_a_commit(rows: Rows) -> None:
    facts.note_entry(rows.tx(), 7)
    assert facts.take(rows.connection) == Facts(NOW, Mark(7, NOW), [])
    for number, now in ((7, NOW), (9, NOW - 5), (8, NOW + 5)):
        facts.note_entry(rows.tx(now=now), number)
    assert facts.take(rows.connection) == Facts(NOW + 5, Mark(9, NOW - 5), [])
