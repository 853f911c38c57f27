"""What the guard log knows and a restored ledger lost; and why a log may not know everything."""

from __future__ import annotations

import pytest

from packhouse.ledger import replay
from packhouse.ledger.facts import Fact, Kind
from packhouse.ledger.guard_log import Line
from packhouse.ledger.tables import journal
from tests.service.ledger import log_rows
from tests.service.ledger.log_rows import line, placed
from tests.service.ledger.rows import Rows

GAP = "The guard log has a gap after the backup."
NONE = "The data folder has no guard log of this ledger."
LATE = "The guard log begins after the backup."


def find(rows: Rows, lines: list[Line], there: tuple[int, ...] = ()) -> replay.Lost:
    """What is lost by a ledger that has these entries."""
    for entry in there:
        rows.add(journal, id=entry, at=float(entry), order_id="ord", actor="ada", action="planned")
    return replay.find_lost(rows.connection, lines)


LINES = {
    "every entry is there": ([line(1, placed("a")), line(2, placed("b"))], (1, 2), [], ""),
    "the ledger goes on after the log": ([line(1, placed("a"))], (1, 2), [], ""),
    "the last entries are lost": ([line(1, placed("a")), line(2, placed("b"))], (1,), ["b"], ""),
    "a later entry is there": ([line(1), line(2, placed("b")), line(3, placed("c"))], (1, 3), ["b"], ""),
    "a row without an entry is lost": ([line(1), line(2), line(None, placed("c"))], (1,), ["c"], ""),
    "nothing shows that it is lost": ([line(1), line(None, placed("c"))], (1,), [], ""),
    "no entry at all": ([line(None, placed("c"))], (), [], ""),
    "a row without an entry is known": ([line(1), line(None), line(2, placed("b"))], (1,), ["b"], ""),
    "the log is as old as the ledger": ([line(None, begins=True), line(1, placed("a"))], (), ["a"], ""),
    "the log is older": ([line(1), line(2, begins=True), line(3, placed("c"))], (1, 2), ["c"], ""),
    "the log is empty": ([], (), [], NONE),
    "the log begins later": ([line(2, placed("b"))], (1,), ["b"], LATE),
    "it begins with a row alone": ([line(None), line(2, placed("b"))], (1,), ["b"], LATE),
    "a gap, then what is lost": ([line(1), line(2), line(4, placed("d"), begins=True)], (1,), ["d"], GAP),
    "a gap before the backup": ([line(1), line(3, begins=True), line(4, placed("d"))], (1, 3), ["d"], ""),
    "a gap that the ledger has": (
        [line(1), line(2, placed("b")), line(3, placed("c"), begins=True)],
        (1, 3),
        ["b"],
        "",
    ),
}


@pytest.mark.parametrize("case", LINES)
def test_what_was_committed_after_the_backup_is_lost(rows: Rows, case: str) -> None:
    lines, there, orders, problem = LINES[case]
    lost = find(rows, lines, there)
    assert (sorted(lost.orders), lost.problem) == (orders, problem)
    assert lost.is_any is bool(orders)


def test_what_an_earlier_restore_lost_was_written_back_then(rows: Rows) -> None:
    lines = [line(1), line(2, placed("b")), line(9, placed("b"), restored=True)]
    assert find(rows, lines, (1, 9)) == replay.Lost()


def test_a_log_that_begins_with_an_earlier_restore_knows_what_came_later(rows: Rows) -> None:
    lost = find(rows, [line(9, restored=True), line(10, placed("b"))], (9,))
    assert (sorted(lost.orders), lost.problem) == (["b"], "")


def test_a_backup_from_before_an_earlier_restore_lacks_what_was_written_back(rows: Rows) -> None:
    lines = [line(1), line(2, placed("b")), line(9, placed("c"), restored=True)]
    lost = find(rows, lines, (1,))
    assert (sorted(lost.orders), lost.problem) == (["b", "c"], "")


def test_an_entry_of_the_same_id_and_another_time_is_another_one(rows: Rows) -> None:
    """The restored ledger went on and gave the id again."""
    rows.add(journal, id=2, at=77.0, order_id="ord", actor="ada", action="planned")
    assert sorted(find(rows, [line(1), line(2, placed("b"))], (1,)).orders) == ["b"]


@pytest.mark.parametrize("count", [500, 501, 1203])
def test_a_long_log_is_read_to_its_end(rows: Rows, count: int) -> None:
    lines = [line(number, placed(f"ord_{number}")) for number in range(1, count + 1)]
    there = tuple(number for number in range(1, count + 1) if number not in (2, count))
    assert sorted(find(rows, lines, there).orders) == sorted(["ord_2", f"ord_{count}"])


# ---- the newest row wins --------------------------------------------------------------------------------


def collected(rows: Rows, *facts: Fact) -> replay.Lost:
    """What is lost with these rows, each in a commit of its own."""
    lines = [line(number, fact) for number, fact in enumerate(facts, 2)]
    return find(rows, [line(1), *lines], (1,))


@pytest.mark.parametrize(
    ("times", "state"), [((10.0, 20.0), "labeled"), ((20.0, 10.0), "buying"), ((20.0, 20.0), "labeled")]
)
def test_the_row_of_a_shipment_that_was_written_last_counts(
    rows: Rows, times: tuple[float, float], state: str
) -> None:
    """Replicas write their lines after their commits, so a line may come late."""
    first, second = (
        log_rows.shipment("ord-1", state, at) for state, at in zip(("buying", "labeled"), times, strict=True)
    )
    lost = collected(rows, Fact(Kind.SHIPMENT, first), Fact(Kind.SHIPMENT, second))
    assert lost.orders["ord"].shipments["ord-1"]["state"] == state


def test_the_last_row_of_a_label_counts_and_no_other_labels(rows: Rows) -> None:
    labels = [log_rows.label("ord-1"), log_rows.label("ord-2"), log_rows.label("ord-1", "voiding")]
    lost = collected(rows, *(Fact(Kind.LABEL, label) for label in labels))
    assert {key: row["state"] for key, row in lost.orders["ord"].labels.items()} == {
        "ord-1-label": "voiding",
        "ord-2-label": "bought",
    }


@pytest.mark.parametrize("together", [True, False])
def test_a_label_belongs_to_the_order_of_its_shipment(rows: Rows, *, together: bool) -> None:
    facts = (
        Fact(Kind.SHIPMENT, log_rows.shipment("odd-1", "labeled", order_id="ord")),
        Fact(Kind.LABEL, log_rows.label("odd-1")),
    )
    lost = find(rows, [line(1), line(2, *facts)], (1,)) if together else collected(rows, *facts)
    assert list(lost.orders) == ["ord"]
    assert list(lost.orders["ord"].labels) == ["odd-1-label"]


def test_a_label_whose_shipment_the_log_lacks_belongs_to_the_order_in_its_id(rows: Rows) -> None:
    assert list(collected(rows, Fact(Kind.LABEL, log_rows.label("a-b-1"))).orders) == ["a-b"]


def test_a_hold_and_its_release_are_one_hold(rows: Rows) -> None:
    placed_at = log_rows.hold("ord")
    released = {**placed_at, "released_by": "bo", "released_at": 50.0}
    others = [
        log_rows.hold("ord", shipment_id="ord-1"),
        log_rows.hold("ord", code="cap_reached"),
        log_rows.hold("ord", placed_at=5.0),
    ]
    lost = collected(rows, *(Fact(Kind.HOLD, hold) for hold in (placed_at, *others, released)))
    assert list(lost.orders["ord"].holds.values()) == [released, *others]


@pytest.mark.parametrize(
    ("times", "why"), [((10.0, 20.0), "bo: two"), ((20.0, 10.0), "ada: one"), ((20.0, 20.0), "bo: two")]
)
def test_the_last_pause_counts(rows: Rows, times: tuple[float, float], why: str) -> None:
    first, second = (log_rows.pause(why, at) for why, at in zip(("ada: one", "bo: two"), times, strict=True))
    lost = collected(rows, Fact(Kind.PAUSE, first), Fact(Kind.PAUSE, second))
    assert lost.pause is not None
    assert lost.pause["why"] == why
    assert lost.orders == {}
