"""A line that changes an order: checked first, asked about, sent once, and found out if lost."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from packhouse_cli.exit_codes import Exit
from tests.cli.sandbox_store import BIN, SandboxStore, store_process

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxStore]:
    with store_process(tmp_path_factory.mktemp("store"), "--store-refund-s", "0.2") as running:
        yield running


@pytest.fixture(autouse=True)
def quiet(store: SandboxStore) -> Iterator[None]:
    yield
    store.tell("/faults/clear", {})


def shipped(store: SandboxStore, kind: str = "plain") -> str:
    order = store.order(kind)
    argv = ("orders", "fulfill", order, "--carrier", "USPS", "--tracking", f"T-{order}")
    assert store.call(*argv).code == 0
    return order


def settled(store: SandboxStore, order: str, refunds: int) -> list[dict[str, Any]]:
    for _ in range(400):
        rows: list[dict[str, Any]] = store.shown(order)["refunds"]
        if len(rows) >= refunds:
            return rows
    raise AssertionError(rows)


# Checked against the order, with the numbers


def test_more_than_is_left_cannot_be_refunded(store: SandboxStore) -> None:
    order = store.order()
    total = store.shown(order)["totals"]["total"]
    over = store.call("orders", "refund", order, "--amount", str(total + 1), "--json")
    assert over.code == Exit.USAGE
    assert f"{total / 100:.2f} USD" in over.error["message"]
    assert f"{(total + 1) / 100:.2f} USD" in over.error["message"]
    assert store.call("orders", "refund", order, "--amount", "100", "--reason", "A", "--wait").code == 0
    rest = store.call("orders", "refund", order, "--amount", str(total - 99), "--reason", "B", "--json")
    assert rest.code == Exit.USAGE
    assert "1.00 USD was refunded before" in rest.error["message"]
    assert len(store.shown(order)["refunds"]) == 1


def test_a_missing_line_or_too_many_units_is_an_error_with_the_numbers(store: SandboxStore) -> None:
    order = shipped(store)
    ordered = store.shown(order)["items"][0]["quantity"]
    for argv in (
        ("return", "create", order),
        ("exchange", "create", order, "--new-variant-id", "var_mug_sand"),
        ("fulfill", order, "--carrier", "UPS", "--tracking", "T9"),
    ):
        unknown = store.call("orders", *argv, "--item", "li_99:1", "--json")
        assert unknown.code == Exit.USAGE
        assert "no line 'li_99'" in unknown.error["message"]
        over = store.call("orders", *argv, "--item", f"li_1:{ordered + 1}", "--json")
        assert over.code == Exit.USAGE
        assert str(ordered + 1) in over.error["message"]
    twice = store.call("orders", "fulfill", order, "--carrier", "UPS", "--tracking", "T9", "--item", "li_1:1")
    assert twice.code == Exit.USAGE
    assert f"0 units left to ship ({ordered} ordered, {ordered} shipped)" in twice.err
    argv = ("orders", "return", "create", order, "--item", f"li_1:{ordered}", "--reason")
    assert store.call(*argv, "first").code == 0
    over = store.call(*argv, "second")
    assert over.code == Exit.USAGE
    assert f"({ordered} ordered, {ordered} shipped, {ordered} in returns and exchanges)" in over.err


def test_a_digital_line_does_not_ship_and_does_not_come_back(store: SandboxStore) -> None:
    order = store.order("mixed")
    digital = store.shown(order)["items"][-1]["id"]
    argv = ("orders", "fulfill", order, "--carrier", "USPS", "--tracking", f"T-{order}")
    named = store.call(*argv, "--item", f"{digital}:1")
    assert named.code == Exit.USAGE
    assert "is digital" in named.err
    rest = store.call(*argv, "--json")
    assert rest.code == 0
    assert digital not in [item["line_item_id"] for item in rest.json["items"]]
    assert f"Line {digital}" in rest.err
    back = store.call("orders", "return", "create", order, "--item", f"{digital}:1")
    assert back.code == Exit.USAGE
    assert "is digital" in back.err


# Sent once


def test_again_asks_for_a_deliberate_second_one(store: SandboxStore) -> None:
    order = store.order()
    argv = ("orders", "refund", order, "--amount", "100", "--reason", "Late", "--wait", "--json")
    first, replayed, second = store.call(*argv), store.call(*argv), store.call(*argv, "--again")
    assert [shown.code for shown in (first, replayed, second)] == [0, 0, 0]
    assert [shown.json["already_recorded"] for shown in (first, replayed, second)] == [False, True, False]
    assert [shown.json["status"] for shown in (first, replayed, second)] == ["confirmed"] * 3
    assert first.json["idempotency_key"] == replayed.json["idempotency_key"]
    assert first.json["idempotency_key"] != second.json["idempotency_key"]
    assert len(store.shown(order)["refunds"]) == 2


def test_a_key_of_ones_own_is_sent_and_replays(store: SandboxStore) -> None:
    order = store.order()
    argv = ("orders", "refund", order, "--amount", "100", "--idempotency-key", f"mine-{order}", "--json")
    for _ in range(3):
        shown = store.call(*argv)
        assert (shown.code, shown.json["idempotency_key"]) == (0, f"mine-{order}")
    settled(store, order, 1)
    assert store.call(*argv).json["already_recorded"] is True
    assert len(store.shown(order)["refunds"]) == 1


def test_a_dry_run_says_what_would_be_sent_and_changes_nothing(store: SandboxStore) -> None:
    order, plain = shipped(store), store.order()
    made = store.call("orders", "return", "create", order, "--item", "li_1:1", "--json").json["id"]
    hook = store.call("webhooks", "create", "--url", "https://shop.example", "--event", "*", "--json").json[
        "id"
    ]
    before = store.shown(order), store.shown(plain), store.call("webhooks", "list", "--json").json
    base = f"/merchant/orders/{order}"
    for line, method, path in (
        (f"orders fulfill {plain} --carrier UPS --tracking T1", "POST", f"/merchant/orders/{plain}/fulfill"),
        (f"orders refund {plain} --amount 100", "POST", f"/merchant/orders/{plain}/refund"),
        (f"orders return create {order} --item li_1:1 --reason New --again", "POST", None),
        (f"orders return approve {order} {made}", "POST", f"{base}/returns/{made}/approve"),
        (f"orders return receive {order} {made}", "POST", f"{base}/returns/{made}/receive"),
        (f"orders return reject {order} {made} --reason No", "POST", f"{base}/returns/{made}/reject"),
        ("webhooks create --url https://other.example --event order.created", "POST", "/merchant/webhooks"),
        (f"webhooks rotate {hook}", "POST", f"/merchant/webhooks/{hook}/rotate"),
        (f"webhooks delete {hook}", "DELETE", f"/merchant/webhooks/{hook}"),
        (
            f"webhooks deliveries replay {hook} del_1",
            "POST",
            f"/merchant/webhooks/{hook}/deliveries/del_1/replay",
        ),
    ):
        shown = store.call(*line.split(), "--dry-run", "--json")
        if path is None:
            assert shown.code in (0, Exit.USAGE)  # the order may have had one unit only
            continue
        assert shown.code == 0, shown.err
        said = shown.json
        assert (said["dry_run"], said["method"], said["path"]) == (True, method, path)
        assert said["idempotency_key"]
        assert f"Would send {method} {path}\n" in store.call(*line.split(), "--dry-run").out
    assert (store.shown(order), store.shown(plain), store.call("webhooks", "list", "--json").json) == before
    assert store.call("webhooks", "delete", hook).code == 0


# Found out


def test_a_time_out_reads_the_order_again_and_reports_what_happened(store: SandboxStore) -> None:
    order = store.order("plain")
    argv = ("orders", "fulfill", order, "--carrier", "USPS", "--tracking", f"T-{order}", "--json")
    quick = {"PACKHOUSE_STORE__TIMEOUT_S": "0.3"}
    store.tell("/faults", {"store.no_response_before_effect": 0.4})
    for _ in range(60):
        shown = store.call(*argv, **quick)
        if (
            shown.code == 8
            and shown.error["code"] == "unknown_outcome"
            and "read again, does not show the change" in shown.err
        ):
            break
        assert shown.code in (0, 8)
        if shown.code == 0:
            order = store.order()
            argv = ("orders", "fulfill", order, "--carrier", "USPS", "--tracking", f"T-{order}", "--json")
    else:
        raise AssertionError("the act itself never timed out")
    message = shown.error["message"]
    assert message.startswith("Unknown outcome: ")
    assert f"Order {order} (pending), read again, does not show the change" in message
    key = message.split("--idempotency-key ")[1].split(":")[0]
    store.tell("/faults/clear", {})
    assert store.call(*argv, "--idempotency-key", key).json["already_recorded"] is False
    assert store.shown(order)["status"] == "fulfilled"


# Asked about


def at_a_terminal(store: SandboxStore, line: str, said: str) -> tuple[int, str]:
    """Run a line at a terminal of its own, answer its question, and see what it wrote."""
    ours, theirs = pty.openpty()
    environ = store.environ | {"PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(store.home), "TERM": "dumb"}
    process = subprocess.Popen(
        ["/bin/bash", "-c", line], env=environ, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
    )
    os.close(theirs)
    seen, answered = "", False
    while True:
        ready, _, _ = select.select([ours], [], [], 120)
        assert ready, f"nothing more came after {seen!r}"
        try:
            part = os.read(ours, 65536).decode()
        except OSError:
            break
        if not part:
            break
        seen += part
        if "[y/N]" in seen and not answered:
            os.write(ours, said.encode())
            answered = True
    os.close(ours)
    return process.wait(60), seen


def test_a_person_is_asked_before_money_goes_and_no_means_no(store: SandboxStore) -> None:
    order = store.order()
    line = f"packhouse orders refund {order} --amount 100"
    code, seen = at_a_terminal(store, line, "n\n")
    assert code == Exit.UNKNOWN
    assert f"Refund 1.00 USD of order {order}? A refund cannot be reversed. [y/N]" in seen
    assert "Nothing was done." in seen
    code, seen = at_a_terminal(store, line, "y\n")
    assert code == 0
    settled(store, order, 1)
    code, seen = at_a_terminal(store, f"{line} --reason Other --yes", "")
    assert code == 0
    assert "[y/N]" not in seen
    settled(store, order, 2)


def test_a_return_that_can_still_be_rejected_is_not_asked_about(store: SandboxStore) -> None:
    order = shipped(store)
    code, seen = at_a_terminal(store, f"packhouse orders return create {order} --item li_1:1", "")
    assert code == 0
    assert "[y/N]" not in seen


# Lists over all pages


def test_lines_of_json_come_from_every_page(store: SandboxStore) -> None:
    made = {str(one) for one in store.tell("/orders", {"count": 130, "kinds": ["plain"]})["orders"]}
    shown = store.call("orders", "list", "--jsonl")
    rows = [json.loads(line) for line in shown.out.splitlines()]
    assert made <= {row["id"] for row in rows}
    assert len({row["id"] for row in rows}) == len(rows) > 130
    assert len(store.call("orders", "list", "--jsonl", "--limit", "101").out.splitlines()) == 101
    assert [row["id"] for row in store.call("orders", "list", "--limit", "all", "--json").json] == [
        row["id"] for row in rows
    ]
    oldest, newest = rows[-1]["created_at"], rows[0]["created_at"]
    assert store.call("orders", "list", "--created-before", oldest, "--json").json == []
    newer = store.call("orders", "list", "--created-before", newest, "--limit", "all", "--json").json
    assert rows[0]["id"] not in [row["id"] for row in newer]
    both = store.call("orders", "list", "--json", "--jsonl")
    assert both.code == Exit.USAGE


# One tracking number, in any writing


def test_a_number_in_groups_is_posted_without_blanks_and_not_twice(store: SandboxStore) -> None:
    order = store.order()
    line = store.shown(order)["items"][0]["id"]
    posted = []
    for number in ("9400 1112 0255 5582 8461 37", "9400-1112-0255-5582-8461-37", "9400111202555582846137"):
        argv = ("orders", "fulfill", order, "--carrier", "USPS", "--tracking", number)
        posted.append(store.call(*argv, "--item", f"{line}:1", "--json").json)
    assert [one["already_recorded"] for one in posted] == [False, True, True]
    assert {one["tracking_number"] for one in posted} == {"9400111202555582846137"}
    assert len({one["idempotency_key"] for one in posted}) == 1


@pytest.mark.parametrize("number", ["9.40011E+21", "N/A", "9400\n1", "1234567890.0"])
def test_what_is_no_tracking_number_is_not_posted(store: SandboxStore, number: str) -> None:
    order = store.order()
    refused = store.call(
        "orders", "fulfill", order, "--carrier", "USPS", "--tracking", number, "--yes", "--json"
    )
    assert refused.code == Exit.USAGE
    assert refused.error["message"].startswith("--tracking ")
    assert not store.shown(order).get("fulfillments")
