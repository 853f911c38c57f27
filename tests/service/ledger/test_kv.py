"""Small durable values, and the turn of one replica in each interval of a periodic task."""

from __future__ import annotations

import pytest

from packhouse.ledger import kv
from tests.service.ledger.rows import NOW, Rows


def test_a_value_is_read_with_the_time_of_its_last_write(rows: Rows) -> None:
    assert kv.read(rows.connection, "name") is None
    assert kv.read_with_time(rows.connection, "name") is None
    kv.write(rows.tx(), "name", "old")
    kv.write(rows.tx(now=NOW + 5), "name", "")
    kv.write(rows.tx(), "other", "value")
    assert kv.read(rows.connection, "name") == ""
    assert kv.read_with_time(rows.connection, "name") == ("", NOW + 5)
    assert kv.read_with_time(rows.connection, "other") == ("value", NOW)


@pytest.mark.parametrize(
    ("later_s", "is_free"), [(0, False), (1, False), (29, False), (30, True), (31, True), (-1, True)]
)
def test_a_task_is_free_again_after_its_interval_or_when_the_clock_was_set_back(
    rows: Rows, later_s: float, is_free: bool
) -> None:
    assert kv.claim_turn(rows.tx(), "poll", "a", 30.0)
    assert kv.claim_turn(rows.tx(now=NOW + later_s), "poll", "b", 30.0) is is_free
    owner, since = ("b", NOW + later_s) if is_free else ("a", NOW)
    assert kv.read_with_time(rows.connection, "task:poll") == (owner, since)


def test_each_task_has_turns_of_its_own(rows: Rows) -> None:
    assert kv.claim_turn(rows.tx(), "poll", "a", 30.0)
    assert kv.claim_turn(rows.tx(), "prune", "a", 30.0)
