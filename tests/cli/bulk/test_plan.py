"""A plan's file says all of it, and is obeyed only as it was written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from packhouse_cli.bulk.plan import Plan, read_plan, write_plan
from packhouse_cli.bulk.rows import Row
from packhouse_cli.exit_codes import UsageError
from tests.cli.bulk.counter import Counter


@pytest.fixture
def plan() -> Plan:
    store = Counter("ord_1", "ord_2")
    return store.plan(Row(2, "ord_1", amount_minor=500, reason="Größe"), Row(3, "ord_2"), action="refund")


def test_what_was_written_is_read_again(plan: Plan, tmp_path: Path) -> None:
    write_plan(plan, tmp_path / "plan")
    again = read_plan(tmp_path / "plan")
    assert again == plan
    assert again.id == plan.id
    assert again.money == {"USD": 5500}


def test_each_act_says_what_would_happen_what_it_costs_and_what_it_relies_on(plan: Plan) -> None:
    head, first, second = map(json.loads, plan.to_lines())
    assert head["totals"] == {"acts": 2, "orders": 2, "left_out": 0, "money_minor": {"USD": 5500}}
    assert "does not return" in head["cannot_be_undone"]
    assert (first["line"], first["order_id"], first["what"]) == (2, "ord_1", "5.00 USD back: Größe")
    assert second["costs"] == {"amount_minor": 5000, "currency": "USD"}
    assert first["relies_on"]["status"] == "pending"
    assert first["request"]["path"] == "/merchant/orders/ord_1/refund"
    assert json.loads(first["request"]["body"]) == {"amount": 500, "reason": "Größe"}
    assert first["request"]["idempotency_key"] != second["request"]["idempotency_key"]


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ('{\\"amount\\":500', '{\\"amount\\":5000'),
        ('"acts":2', '"acts":3'),
        ("ord_2", "ord_3"),
        ("5.00 USD", "6.00 USD"),
        ("store.test", "store.example"),
        ('"id":"plan_', '"id":"plan_0'),
        ('"id"', '"ID"'),
    ],
)
def test_a_plan_changed_by_hand_is_refused_and_says_what_to_do(
    plan: Plan, tmp_path: Path, was: str, becomes: str
) -> None:
    text = "".join(line + "\n" for line in plan.to_lines())
    assert was in text
    (tmp_path / "plan").write_text(text.replace(was, becomes, 1))
    with pytest.raises(UsageError, match=r"was changed .* make a new plan"):
        read_plan(tmp_path / "plan")


def test_a_plan_that_lost_or_gained_lines_is_refused(plan: Plan, tmp_path: Path) -> None:
    lines = [line + "\n" for line in plan.to_lines()]
    for kept in (lines[:2], [*lines, lines[1]], [lines[0], lines[2], lines[1]]):
        (tmp_path / "plan").write_text("".join(kept))
        with pytest.raises(UsageError, match="was changed"):
            read_plan(tmp_path / "plan")


@pytest.mark.parametrize("content", [b"", b"{}", b"order,tracking\n", b"[1]\n", b"\xff\xfe", b"{" * 9000])
def test_what_is_no_plan_is_called_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "plan").write_bytes(content)
    with pytest.raises(UsageError, match="is no plan"):
        read_plan(tmp_path / "plan")


def test_a_plan_of_another_version_is_not_guessed_at(plan: Plan, tmp_path: Path) -> None:
    text = "\n".join(plan.to_lines()).replace('"packhouse_plan":1', '"packhouse_plan":2')
    (tmp_path / "plan").write_text(text)
    with pytest.raises(UsageError, match="version 2, and this packhouse reads 1"):
        read_plan(tmp_path / "plan")


def test_a_plan_is_never_written_over_another(plan: Plan, tmp_path: Path) -> None:
    write_plan(plan, tmp_path / "plan")
    with pytest.raises(UsageError, match="exists already"):
        write_plan(plan, tmp_path / "plan")
    assert [path.name for path in tmp_path.iterdir()] == ["plan"]


def test_a_plan_that_is_not_there_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.plan cannot be read"):
        read_plan(tmp_path / "none.plan")
