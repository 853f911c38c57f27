"""The results: what is being sent is on disk first, a torn line is forgotten, a stranger's file refused."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from packhouse_cli.bulk.plan import Plan, write_plan
from packhouse_cli.bulk.results import MEANING, Results, State, only_one, read_results, results_path
from packhouse_cli.exit_codes import CommandError, Exit, UsageError
from tests.cli.bulk.counter import Counter


@pytest.fixture
def plan() -> Plan:
    return Counter(*(f"ord_{number}" for number in range(1, 9))).plan()


def test_every_state_has_its_meaning() -> None:
    assert set(MEANING) == set(State)


def test_a_run_that_ended_at_any_moment_is_remembered(plan: Plan, tmp_path: Path) -> None:
    path = tmp_path / "results"
    first = Results(path, plan)
    first.tell(plan.acts[0], State.SENDING)
    first.tell(plan.acts[0], State.DONE)
    sent = first.tell(plan.acts[1], State.SENDING)
    with path.open("ab") as file:
        file.write(b'{"plan":"' + plan.id.encode() + b'","act":3,"state":"done"')  # the kill came here
    again = Results(path, plan)
    assert [again.of(act).state for act in plan.acts[:3]] == [State.DONE, State.SENDING, State.NOT_BEGUN]
    assert again.of(plan.acts[1]).sent_at == pytest.approx(sent.at, abs=0.001)
    again.tell(plan.acts[2], State.REFUSED, "no")
    assert read_results(path, plan)[0][3].why == "no"


def test_when_a_run_ends_there_is_one_line_an_act(plan: Plan, tmp_path: Path) -> None:
    results = Results(tmp_path / "results", plan)
    for act in reversed(plan.acts[:3]):
        results.tell(act, State.SENDING)
        results.tell(act, State.DONE)
    results.finish(plan)
    lines = [json.loads(line) for line in (tmp_path / "results").read_text().splitlines()]
    assert [line["act"] for line in lines] == [act.number for act in plan.acts]
    assert [line["state"] for line in lines] == ["done"] * 3 + ["not_begun"] * 5
    assert lines[0]["order_id"] == "ord_1"
    assert lines[0]["idempotency_key"] == plan.acts[0].key
    assert lines[3]["at"] is None
    with pytest.raises(OSError, match="ended"):
        results.tell(plan.acts[0], State.SENDING)


def test_threads_that_tell_at_the_same_time_lose_nothing(plan: Plan, tmp_path: Path) -> None:
    results = Results(tmp_path / "results", plan)

    def tell(number: int) -> None:
        for _ in range(20):
            results.tell(plan.acts[number], State.SENDING)
            results.tell(plan.acts[number], State.FAILED, "x" * number)

    threads = [threading.Thread(target=tell, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len((tmp_path / "results").read_text().splitlines()) == 320
    assert all(one.state is State.FAILED for one in read_results(tmp_path / "results", plan)[0].values())


@pytest.mark.parametrize("line", ["{}", "[]", "null", "x", '{"plan": 1, "act": 1}'])
def test_a_changed_file_is_refused_and_says_what_to_do(plan: Plan, tmp_path: Path, line: str) -> None:
    (tmp_path / "results").write_text(line + "\n")
    with pytest.raises(UsageError, match=r"was changed by somebody.* new plan"):
        Results(tmp_path / "results", plan)


def test_the_results_of_another_plan_are_not_taken(plan: Plan, tmp_path: Path) -> None:
    other = Counter("ord_9").plan()
    Results(tmp_path / "results", other).finish(other)
    with pytest.raises(UsageError, match="another plan"):
        Results(tmp_path / "results", plan)


def test_a_plan_is_applied_by_one_run_at_a_time(plan: Plan, tmp_path: Path) -> None:
    path = tmp_path / "a.plan.jsonl"
    write_plan(plan, path)
    with only_one(path), pytest.raises(CommandError, match="Another run") as raised, only_one(path):
        pass
    assert raised.value.exit_code is Exit.CONFLICT
    with only_one(path):
        assert results_path(path).name == "a.plan.jsonl.results.jsonl"
