"""The results: a request is on disk before it is sent, a torn line is dropped, another file is refused."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from packhouse_cli.bulk.plan import Plan, write_plan
from packhouse_cli.bulk.results import (
    STATE_DESCRIPTION,
    Results,
    State,
    lock_plan,
    read_results,
    results_path,
)
from packhouse_cli.exit_codes import CommandError, Exit, UsageError
from tests.cli.bulk.memory_store import MemoryStore


@pytest.fixture
def plan() -> Plan:
    return MemoryStore(*(f"ord_{number}" for number in range(1, 9))).plan()


def test_every_state_has_a_description() -> None:
    assert set(STATE_DESCRIPTION) == set(State)


def test_results_survive_a_kill_at_any_moment(plan: Plan, tmp_path: Path) -> None:
    path = tmp_path / "results"
    first = Results(path, plan)
    first.record(plan.items[0], State.SENDING)
    first.record(plan.items[0], State.DONE)
    sent = first.record(plan.items[1], State.SENDING)
    with path.open("ab") as file:
        file.write(
            b'{"plan":"' + plan.id.encode() + b'","item":3,"state":"done"'
        )  # the process was killed here
    again = Results(path, plan)
    assert [again.get(item).state for item in plan.items[:3]] == [
        State.DONE,
        State.SENDING,
        State.NOT_STARTED,
    ]
    assert again.get(plan.items[1]).sent_at == pytest.approx(sent.at, abs=0.001)
    again.record(plan.items[2], State.REFUSED, "no")
    assert read_results(path, plan)[0][3].reason == "no"


def test_at_the_end_of_a_run_each_item_has_one_line(plan: Plan, tmp_path: Path) -> None:
    results = Results(tmp_path / "results", plan)
    for item in reversed(plan.items[:3]):
        results.record(item, State.SENDING)
        results.record(item, State.DONE)
    results.finish(plan)
    lines = [json.loads(line) for line in (tmp_path / "results").read_text().splitlines()]
    assert [line["item"] for line in lines] == [item.number for item in plan.items]
    assert [line["state"] for line in lines] == ["done"] * 3 + ["not_started"] * 5
    assert lines[0]["order_id"] == "ord_1"
    assert lines[0]["idempotency_key"] == plan.items[0].key
    assert lines[3]["at"] is None
    with pytest.raises(OSError, match="ended"):
        results.record(plan.items[0], State.SENDING)


def test_results_recorded_by_several_threads_are_all_kept(plan: Plan, tmp_path: Path) -> None:
    results = Results(tmp_path / "results", plan)

    def record(number: int) -> None:
        for _ in range(20):
            results.record(plan.items[number], State.SENDING)
            results.record(plan.items[number], State.FAILED, "x" * number)

    threads = [threading.Thread(target=record, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len((tmp_path / "results").read_text().splitlines()) == 320
    assert all(one.state is State.FAILED for one in read_results(tmp_path / "results", plan)[0].values())


@pytest.mark.parametrize("line", ["{}", "[]", "null", "x", '{"plan": 1, "item": 1}'])
def test_an_edited_file_is_refused_with_advice(plan: Plan, tmp_path: Path, line: str) -> None:
    (tmp_path / "results").write_text(line + "\n")
    with pytest.raises(UsageError, match=r"was edited.* new plan"):
        Results(tmp_path / "results", plan)


def test_the_results_of_another_plan_are_refused(plan: Plan, tmp_path: Path) -> None:
    other = MemoryStore("ord_9").plan()
    Results(tmp_path / "results", other).finish(other)
    with pytest.raises(UsageError, match="another plan"):
        Results(tmp_path / "results", plan)


def test_a_plan_is_applied_by_one_run_at_a_time(plan: Plan, tmp_path: Path) -> None:
    path = tmp_path / "a.plan.jsonl"
    write_plan(plan, path)
    with lock_plan(path), pytest.raises(CommandError, match="Another run") as raised, lock_plan(path):
        pass
    assert raised.value.exit_code is Exit.CONFLICT
    with lock_plan(path):
        assert results_path(path).name == "a.plan.jsonl.results.jsonl"
