"""A plan file is complete, and it is applied only as it was written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from packhouse_cli.arguments.given_amount import GivenAmount
from packhouse_cli.bulk.plan import Plan, read_plan, write_plan
from packhouse_cli.bulk.rows import Row
from packhouse_cli.exit_codes import UsageError
from tests.cli.bulk.memory_store import MemoryStore


@pytest.fixture
def plan() -> Plan:
    store = MemoryStore("ord_1", "ord_2")
    return store.plan(
        Row(2, "ord_1", amount=GivenAmount("500"), reason="Größe"), Row(3, "ord_2"), action="refund"
    )


def test_a_written_plan_is_read_back_unchanged(plan: Plan, tmp_path: Path) -> None:
    write_plan(plan, tmp_path / "plan")
    again = read_plan(tmp_path / "plan")
    assert again == plan
    assert again.id == plan.id
    assert again.money == {"USD": 5500}


def test_each_item_has_its_summary_cost_preconditions_and_request(plan: Plan) -> None:
    head, first, second = map(json.loads, plan.to_lines())
    assert head["totals"] == {"items": 2, "orders": 2, "skipped": 0, "money_minor": {"USD": 5500}}
    assert "cannot be reversed" in head["irreversible_note"]
    assert (first["line"], first["order_id"], first["summary"]) == (2, "ord_1", "refund 5.00 USD: Größe")
    assert second["cost"] == {"amount_minor": 5000, "currency": "USD"}
    assert first["preconditions"]["status"] == "pending"
    assert first["request"]["path"] == "/merchant/orders/ord_1/refund"
    assert json.loads(first["request"]["body"]) == {"amount": 500, "reason": "Größe"}
    assert first["request"]["idempotency_key"] != second["request"]["idempotency_key"]


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ('{\\"amount\\":500', '{\\"amount\\":5000'),
        ('"items":2', '"items":3'),
        ("ord_2", "ord_3"),
        ("5.00 USD", "6.00 USD"),
        ("store.test", "store.example"),
        ('"id":"plan_', '"id":"plan_0'),
        ('"id"', '"ID"'),
    ],
)
def test_an_edited_plan_is_refused_with_advice(plan: Plan, tmp_path: Path, was: str, becomes: str) -> None:
    text = "".join(line + "\n" for line in plan.to_lines())
    assert was in text
    (tmp_path / "plan").write_text(text.replace(was, becomes, 1))
    with pytest.raises(UsageError, match=r"was edited .* make a new plan"):
        read_plan(tmp_path / "plan")


def test_a_plan_that_lost_or_gained_lines_is_refused(plan: Plan, tmp_path: Path) -> None:
    lines = [line + "\n" for line in plan.to_lines()]
    for kept in (lines[:2], [*lines, lines[1]], [lines[0], lines[2], lines[1]]):
        (tmp_path / "plan").write_text("".join(kept))
        with pytest.raises(UsageError, match="was edited"):
            read_plan(tmp_path / "plan")


@pytest.mark.parametrize("content", [b"", b"{}", b"order,tracking\n", b"[1]\n", b"\xff\xfe", b"{" * 9000])
def test_a_file_that_is_not_a_plan_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "plan").write_bytes(content)
    with pytest.raises(UsageError, match="is not a plan"):
        read_plan(tmp_path / "plan")


def test_a_plan_of_another_version_is_refused(plan: Plan, tmp_path: Path) -> None:
    text = "\n".join(plan.to_lines()).replace('"packhouse_plan":1', '"packhouse_plan":2')
    (tmp_path / "plan").write_text(text)
    with pytest.raises(UsageError, match="version 2, and this version of Packhouse reads 1"):
        read_plan(tmp_path / "plan")


def test_a_plan_never_overwrites_a_file(plan: Plan, tmp_path: Path) -> None:
    write_plan(plan, tmp_path / "plan")
    with pytest.raises(UsageError, match="already exists"):
        write_plan(plan, tmp_path / "plan")
    assert [path.name for path in tmp_path.iterdir()] == ["plan"]


def test_a_plan_that_is_not_there_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.plan cannot be read"):
        read_plan(tmp_path / "none.plan")
