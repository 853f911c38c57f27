"""Bulk changes at a real store: killed, interrupted, throttled, lost responses; nothing happens twice."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.runner import Outcome, call
from tests.e2e.processes import Process, Services, call_json, clean_environ, running_services, wait_for
from tests.e2e.shell import Shell

pytestmark = pytest.mark.e2e


class Store:
    """The sandbox's store: its orders, and what it recorded."""

    def __init__(self, services: Services) -> None:
        self.url, self.folder = services.sandbox_url, services.folder
        self.environ = {"PACKHOUSE_STORE__URL": f"{self.url}/api/storefront/v1", "ALY_API_KEY": "aly_sandbox"}
        self.plan = self.folder / "a.plan.jsonl"
        self.results = self.folder / "a.plan.jsonl.results.jsonl"

    def post(self, path: str, body: Any) -> Any:
        return call_json(f"{self.url}/sandbox{path}", body)

    def place_orders(self, count: int) -> list[str]:
        return [str(one) for one in self.post("/orders", {"count": count, "kinds": ["plain"]})["orders"]]

    def order(self, order_id: str) -> dict[str, Any]:
        url = f"{self.url}/api/storefront/v1/merchant/orders/{order_id}"
        order: dict[str, Any] = call_json(url, headers={"authorization": "Bearer aly_sandbox"})
        return order

    def call(self, *argv: str) -> Outcome:
        return call(*argv, environ=self.environ)

    def plan_parcels(self, orders: list[str]) -> None:
        rows = "".join(f"{one},USPS,T-{one}\n" for one in orders)
        (self.folder / "rows.csv").write_text("order,carrier,tracking\n" + rows)
        made = self.call(
            "orders", "fulfill", "--from", str(self.folder / "rows.csv"), "--plan-out", str(self.plan)
        )
        assert made.code == 0, made.err

    def apply(self, name: str, *options: str) -> Process:
        """`packhouse apply` in a process of its own."""
        return Process(self.folder, name, "apply", str(self.plan), *options, environ=self.environ)

    def kill_midway(self, name: str, lines: int) -> None:
        """Apply the plan until its results have this many more lines, then kill -9."""
        upto = self.recorded_lines() + lines
        run = self.apply(name, "--yes", "--concurrency", "8")
        wait_for(lambda: self.recorded_lines() >= upto or not run.alive(), "some items to be applied")
        assert run.alive(), run.output()
        run.kill()

    def finish(self, *options: str) -> Outcome:
        return self.call("apply", str(self.plan), "--yes", "--json", *options)

    def states(self) -> Counter[str]:
        """The states of the items in the results file: the last line of an item counts."""
        last = {
            line["item"]: line["state"] for line in map(json.loads, self.results.read_text().splitlines())
        }
        return Counter(last.values())

    def recorded_lines(self) -> int:
        """The number of lines in the results file."""
        return self.results.read_bytes().count(b"\n") if self.results.exists() else 0

    def parcels_are_right(self, orders: list[str]) -> None:
        """Assert that each of these orders shipped completely in one parcel, and no line twice."""
        rows = Counter(
            (row["order_id"], row["line_id"], row["tracking"], row["quantity"])
            for row in call_json(f"{self.url}/sandbox/audit")["fulfillments"]
            if row["order_id"] in set(orders)
        )
        assert max(rows.values()) == 1
        for order_id in orders:
            wanted = {
                (order_id, i["id"], f"T-{order_id}", i["quantity"]) for i in self.order(order_id)["items"]
            }
            assert {row for row in rows if row[0] == order_id} == wanted


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with running_services(tmp_path, "--store-latency-ms", "20") as services:
        yield Store(services)


def test_a_run_killed_again_and_again_ships_each_of_200_orders_once(store: Store) -> None:
    orders = store.place_orders(200)
    store.plan_parcels(orders)
    for kill in range(3):
        store.kill_midway(f"apply-{kill}", lines=60)
    assert 0 < store.states()["done"] < 200
    last = store.finish()
    assert last.code == 0, last.err
    assert last.json["finished"]
    assert set(store.states()) <= {"done", "recorded"}
    assert len(store.results.read_text().splitlines()) == 200
    store.parcels_are_right(orders)
    again = store.finish()
    assert (again.code, again.json["finished_now"]) == (0, 0)


def test_a_killed_run_refunds_nothing_twice(store: Store) -> None:
    orders = store.place_orders(120)
    rows = "".join(json.dumps({"order": one, "amount": 300, "reason": "Recall"}) + "\n" for one in orders)
    (store.folder / "rows.jsonl").write_text(rows)
    argv = ("--from", str(store.folder / "rows.jsonl"), "--plan-out", str(store.plan))
    assert store.call("orders", "refund", *argv).code == 0
    for kill in range(2):
        store.kill_midway(f"apply-{kill}", lines=50)
    assert store.finish().code == 0
    wait_for(lambda: all(store.order(one)["refunds"] for one in orders), "the refunds to complete")
    assert {tuple(row["amount"] for row in store.order(one)["refunds"]) for one in orders} == {(300,)}


def test_an_interrupted_run_finishes_the_requests_in_flight_and_says_how_to_resume(store: Store) -> None:
    orders = store.place_orders(150)
    store.plan_parcels(orders)
    run = store.apply("apply", "--yes", "--concurrency", "4")
    wait_for(lambda: store.recorded_lines() >= 30, "some items to be applied")
    os.kill(run.pid, signal.SIGINT)
    assert run.wait() == 130
    assert f"packhouse apply {store.plan}" in run.output()
    states = store.states()
    assert set(states) == {"done", "not_started"}, "no outcome is unknown"
    assert store.finish().code == 0
    store.parcels_are_right(orders)


def test_orders_that_changed_are_stale_and_the_others_are_fulfilled(store: Store) -> None:
    orders = store.place_orders(30)
    store.plan_parcels(orders)
    for one in orders[:3]:
        store.post(f"/orders/{one}/cancel", {})
    for one in orders[3:6]:
        store.post(f"/orders/{one}/address", {})
    ended = store.finish()
    assert ended.code == 6
    assert ended.json["counts"] == {"done": 24, "stale": 6}
    assert ended.json["finished"]
    assert ended.err.count(": stale: ") == 6
    assert "the status was pending and is now cancelled" in ended.err
    assert not any(store.order(one)["fulfillments"] for one in orders[:6])
    store.parcels_are_right(orders[6:])
    assert store.finish().code == 6, "applying a finished plan prints the same result and does nothing"


def test_after_a_429_the_run_waits_as_long_as_the_store_asks(store: Store) -> None:
    orders = store.place_orders(20)
    store.plan_parcels(orders)
    store.post("/faults", {"store.throttle": {"next": 5}})
    began = time.monotonic()
    ended = store.finish("--concurrency", "2")
    assert ended.code == 0
    assert ended.json["throttled"] == 5
    assert time.monotonic() - began >= 1, "the sandbox asks for a second"
    store.parcels_are_right(orders)


def test_max_per_s_limits_the_calls(store: Store) -> None:
    store.plan_parcels(store.place_orders(10))
    began = time.monotonic()
    assert store.finish("--max-per-s", "10").code == 0
    assert time.monotonic() - began >= 1, "20 calls, 10 a second: the last starts a second after the first"


def test_a_store_that_breaks_its_responses_gets_each_change_once(store: Store) -> None:
    orders = store.place_orders(80)
    store.plan_parcels(orders)
    faults = ("error_before_effect", "error_after_effect", "reset_before_effect", "reset_after_effect")
    store.post("/faults", dict.fromkeys((f"store.{name}" for name in (*faults, "garbage_body")), 0.05))
    for _ in range(10):
        ended = store.finish()
        if ended.code != 13:
            break
    assert ended.code == 0, ended.err
    store.post("/faults/clear", {})
    store.parcels_are_right(orders)


def test_a_store_that_is_down_leaves_the_items_to_another_run(store: Store) -> None:
    orders = store.place_orders(3)
    store.plan_parcels(orders)
    store.post("/faults", {"store.error_before_effect": 1.0})
    ended = store.finish()
    assert ended.code == 13
    assert ended.json["counts"] == {"failed": 3}
    store.post("/faults/clear", {})
    assert store.finish().code == 0
    store.parcels_are_right(orders)


def test_a_plan_and_the_daemon_never_ship_the_same_order_twice(tmp_path: Path) -> None:
    with running_services(tmp_path, "--easypost-latency-ms", "150", "--store-latency-ms", "20") as services:
        services.start(PACKHOUSE_WORKER__CONCURRENCY="4")
        shell = Shell(services)
        services.place_orders(40, kinds=("plain",))
        orders = shell.pending()  # newest first: the daemon begins with the oldest
        rows = "".join(f"{one},UPS,MANUAL-{one}\n" for one in orders)
        (shell.folder / "rows").write_text("order,carrier,tracking\n" + rows)
        assert shell("orders", "fulfill", "--from", "rows", "--plan-out", "p", "--skip-bad").code == 0
        ended = shell("apply", "p", "--yes", "--json", "--concurrency", "4")
        assert ended.code in (0, 6, 13), ended.err
        services.wait_until_processed(len(shell("orders", "list", "--limit", "100", "--json").json))
        wait_for(lambda: shell("holds", "list", "--json").json == [], "every order to be released")
        again = shell("apply", "p", "--yes", "--json")
        states = [json.loads(line) for line in (shell.folder / "p.results.jsonl").read_text().splitlines()]
        manual = {line["order_id"] for line in states if line["state"] in ("done", "recorded")}
        assert manual, "the daemon shipped every order before the plan"
        assert again.json["finished"]
        for order in orders:
            numbers = set(shell.numbers_of(order))
            live = {label["tracking"] for label in shell.labels_of(order) if not label["voided"]}
            assert numbers == ({f"MANUAL-{order}"} if order in manual else live)
            assert live == (set() if order in manual else numbers)


def test_a_killed_run_leaves_no_order_taken_over_from_the_daemon(tmp_path: Path) -> None:
    with running_services(tmp_path, "--store-latency-ms", "20") as services:
        services.start()
        shell = Shell(services)
        assert shell("pause", "--reason", "the plan goes first").code == 0
        services.place_orders(25, kinds=("plain",))
        rows = "".join(f"{one},UPS,MANUAL-{one}\n" for one in shell.pending())
        (shell.folder / "rows").write_text("order,carrier,tracking\n" + rows)
        assert shell("orders", "fulfill", "--from", "rows", "--plan-out", "p").code == 0
        results = shell.folder / "p.results.jsonl"
        argv = ["apply", str(shell.folder / "p"), "--yes", "--concurrency", "4"]
        for kill in range(2):
            before = results.read_bytes().count(b"\n") if results.exists() else 0
            run = Process(shell.folder, f"apply-{kill}", *argv, environ=shell.environ)
            wait_for(
                lambda upto=before + 12: results.exists() and results.read_bytes().count(b"\n") > upto,
                "items",
            )
            run.kill()
        assert shell("apply", "p", "--yes").code == 0
        assert shell("resume", "--reason", "done").code == 0
        wait_for(lambda: shell("holds", "list", "--json").json == [], "every order to be released")
        services.wait_until_processed(25)
        parcels = {
            (row["order_id"], row["tracking"])
            for row in call_json(f"{services.sandbox_url}/sandbox/audit")["fulfillments"]
        }
        assert len(parcels) == 25
        assert all(tracking == f"MANUAL-{order}" for order, tracking in parcels)


def test_without_a_terminal_nothing_is_done_without_yes(store: Store) -> None:
    store.plan_parcels(store.place_orders(2))
    run = store.apply("apply")
    assert run.wait() == 2
    assert "--yes" in run.output()
    assert not store.results.exists() or store.states() == Counter()


def test_on_a_terminal_it_asks_and_draws_a_bar(store: Store) -> None:
    orders = store.place_orders(40)
    store.plan_parcels(orders)
    mine, theirs = pty.openpty()
    run = subprocess.Popen(
        [sys.executable, "-m", "packhouse_cli", "apply", str(store.plan), "--concurrency", "2"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=store.folder,
        env=clean_environ() | store.environ | {"TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "100"},
    )
    os.close(theirs)
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(mine, 4096)
    assert b"The store cannot undo a fulfillment" in shown
    os.write(mine, b"y\n")
    try:
        while part := os.read(mine, 4096):
            shown += part
    except OSError:
        pass  # Linux says so when the other side is closed
    os.close(mine)
    assert run.wait() == 0
    text = shown.decode()
    assert "] Applying " in text
    assert " of 40" in text
    assert "\r\x1b[K" in text
    store.parcels_are_right(orders)
