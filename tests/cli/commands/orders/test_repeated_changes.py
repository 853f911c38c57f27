"""The same command twice, at a store whose orders show neither refunds, returns nor exchanges."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.runner import FakePeer, Outcome, call, serving

ORDER: dict[str, Any] = {
    "id": "ord_1",
    "status": "pending",
    "currency": "USD",
    "totals": {"total": 5000},
    "items": [{"id": "li_1", "product_id": "prod_1", "quantity": 2, "is_digital": False}],
}
BASE = "/merchant/orders/ord_1"
ANSWERS = {
    f"GET {BASE}": (200, ORDER),
    f"POST {BASE}/refund": (202, {"status": "pending"}),
    f"POST {BASE}/returns": (201, {"id": "ret_1", "status": "requested"}),
    f"POST {BASE}/exchanges": (201, {"id": "exc_1", "status": "requested"}),
    f"POST {BASE}/fulfill": (200, {}),
}
LINES = {
    "refund": "refund ord_1 --amount 1500 --reason Torn",
    "return": "return create ord_1 --item li_1:1 --reason Torn",
    "exchange": "exchange create ord_1 --item li_1:1 --new-variant-id var_2 --reason Torn",
}
FULFILL = "fulfill ord_1 --carrier UPS --tracking 1Z999AA10123456784 --item li_1:1"


def run(store: FakePeer, home: Path, line: str) -> Outcome:
    environ = {"PACKHOUSE_STORE__URL": store.url, "ALY_API_KEY": "aly_x", "HOME": str(home)}
    return call("orders", *line.split(), environ=environ)


def posts(store: FakePeer) -> int:
    return sum(name.startswith("POST") for name, _ in store.asked)


@pytest.mark.parametrize("line", [*LINES.values(), FULFILL])
def test_a_change_that_the_store_does_not_show_is_sent_once(line: str, tmp_path: Path) -> None:
    with serving(ANSWERS) as store:
        assert run(store, tmp_path, line).code == 0
        again = run(store, tmp_path, line)
        assert again.code == 0
        assert posts(store) == 1
    assert "You sent this change on" in again.err
    assert "orders do not show such changes" in again.err


@pytest.mark.parametrize("line", LINES.values())
def test_again_sends_another_one(line: str, tmp_path: Path) -> None:
    with serving(ANSWERS) as store:
        for words in (line, f"{line} --again"):
            assert run(store, tmp_path, words).code == 0
        assert posts(store) == 2


@pytest.mark.parametrize("line", LINES.values())
def test_another_reason_is_another_change(line: str, tmp_path: Path) -> None:
    with serving(ANSWERS) as store:
        for words in (line, line.replace("Torn", "Late")):
            assert run(store, tmp_path, words).code == 0
        assert posts(store) == 2


def test_the_same_change_at_another_store_is_another_change(tmp_path: Path) -> None:
    for _ in range(2):
        with serving(ANSWERS) as store:
            assert run(store, tmp_path, LINES["exchange"]).code == 0
            assert posts(store) == 1


def test_a_change_that_was_refused_is_not_taken_for_sent(tmp_path: Path) -> None:
    refusing = ANSWERS | {f"POST {BASE}/exchanges": (422, {"error": {"code": "no", "message": "No."}})}
    with serving(refusing) as store:
        assert run(store, tmp_path, LINES["exchange"]).code == 6
        assert run(store, tmp_path, LINES["exchange"]).code == 6
        assert posts(store) == 2


def test_a_damaged_record_stops_no_command(tmp_path: Path) -> None:
    record = tmp_path / ".local/state/packhouse/sent-changes.json"
    record.parent.mkdir(parents=True)
    for damaged in ("{", "[]", '{"x": "y"}'):
        record.write_text(damaged)
        with serving(ANSWERS) as store:
            assert run(store, tmp_path, LINES["exchange"]).code == 0
            assert posts(store) == 1
    assert record.stat().st_mode & 0o777 == 0o600
    assert len(json.loads(record.read_text())) == 1


@pytest.mark.parametrize(
    ("amount", "said", "warned"),
    [
        ("5", "0.05 USD", True),
        ("5.00", "5.00 USD", False),
        ("5.00USD", "5.00 USD", False),
        ("150", "1.50 USD", False),
    ],
)
def test_a_refund_always_says_its_sum_and_warns_of_less_than_one_off_a_terminal(
    amount: str, said: str, warned: bool, tmp_path: Path
) -> None:
    line = f"refund ord_1 --amount {amount} --reason Torn"
    with serving(ANSWERS) as store:
        dry = run(store, tmp_path, f"{line} --dry-run")
        assert f"Would refund {said} of order ord_1." in dry.out
        as_json = run(store, tmp_path, f"{line} --dry-run --json").json
        assert as_json["summary"] == f"refund {said} of order ord_1"
        done = run(store, tmp_path, line)
        assert f"refund of {said} requested" in done.out
        assert ("Warning: --amount 5 is 0.05 USD" in done.err) is warned
        assert posts(store) == 1
