"""Operators and the daemon work on the same orders: real processes race, and never both ship an order."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.processes import call_json, running_services, wait_for
from tests.e2e.shell import Result, Shell

pytestmark = pytest.mark.e2e
COUNT = 10


def test_orders_fulfilled_by_the_command_are_never_shipped_by_the_daemon_as_well(tmp_path: Path) -> None:
    with running_services(tmp_path, "--easypost-latency-ms", "200", "--store-latency-ms", "50") as services:
        services.start(PACKHOUSE_WORKER__CONCURRENCY="4")
        shell = Shell(services)
        services.place_orders(COUNT, kinds=("plain",))
        orders = shell.pending()

        def by_command(order: str) -> Result:
            return shell("orders", "fulfill", order, "--carrier", "UPS", "--tracking", f"HAND-{order}")

        with ThreadPoolExecutor(4) as people:
            # From the newest order: the daemon begins with the oldest.
            results = dict(zip(orders, people.map(by_command, orders), strict=True))
        services.wait_until_processed(len(shell("orders", "list", "--json").json))
        wait_for(lambda: shell("holds", "list", "--json").json == [], "every takeover to end")
        done = [order for order, one in results.items() if one.code == 0]
        for order in orders:
            numbers = set(shell.numbers_of(order))
            live = [label for label in shell.labels_of(order) if not label["voided"]]
            if order in done:
                assert numbers == {f"HAND-{order}"}
                assert live == []
            else:
                assert results[order].code == 6, results[order]
                assert numbers == {label["tracking"] for label in live}
                assert len(live) == 1
        assert done, "the command was too late for every order"
        wrong = [one for one in services.problems() if "EasyPost never sold 'HAND-" not in one]
        assert wrong == []


def test_an_order_that_an_operator_refunds_is_not_shipped_afterwards(tmp_path: Path) -> None:
    with running_services(
        tmp_path, "--easypost-latency-ms", "200", "--store-latency-ms", "50", "--store-refund-s", "4"
    ) as services:
        services.start(PACKHOUSE_WORKER__CONCURRENCY="4")
        shell = Shell(services)
        services.place_orders(COUNT, kinds=("plain",))
        orders = shell.pending()

        def refund(order: str) -> Result:
            return shell("orders", "refund", order, "--reason", "Buyer request", "--json")

        with ThreadPoolExecutor(4) as people:
            results = dict(zip(orders, people.map(refund, orders), strict=True))
        assert {one.code for one in results.values()} == {0}, results
        shipped_before = {order for order in orders if shell.numbers_of(order)}
        wait_for(
            lambda: all(
                shell("orders", "get", order, "--json").json["status"] == "refunded" for order in orders
            ),
            "the store to move the money",
        )
        wait_for(lambda: shell("holds", "list", "--json").json == [], "every takeover to end")
        services.wait_until_processed(len(orders))
        assert {order for order in orders if shell.numbers_of(order)} == shipped_before
        assert len(shipped_before) < len(orders), "the command was too late for every order"
        wait_for(lambda: services.problems() == [], "every unused label to be voided")


def test_every_command_works_on_a_running_daemon(tmp_path: Path) -> None:
    with running_services(tmp_path) as services:
        services.start()
        shell = Shell(services)
        services.place_orders(1, kinds=("plain",))
        services.wait_until_processed(1)
        (sent,) = shell("shipments", "list", "--json").json
        order = sent["order_id"]
        assert sent["id"] in shell("shipments", "show", sent["id"]).out
        assert shell("labels", "get", order, "-o", "l.zpl").code == 0
        assert (shell.folder / "l.zpl").read_bytes().startswith(b"^XA")
        shell.program("lp", f"cat > {shell.folder}/printed; echo request id is zebra-1")
        assert "zebra-1" in shell("labels", "print", sent["id"]).out
        assert (shell.folder / "printed").read_bytes() == (shell.folder / "l.zpl").read_bytes()
        assert shell("labels", "void", sent["id"], "--yes", "--reason", "r").code == 6
        event = shell("events", "list", "--order", order, "--json").json[-1]["id"]
        assert "order.created" in shell("events", "show", event).out
        assert shell("events", "replay", event, "--reason", "look again").code == 0
        assert "replayed" in shell("orders", "why", order).out

        assert shell("pause", "--reason", "stock-taking").code == 0
        assert "paused" in shell("status").out
        services.place_orders(1, kinds=("plain",))
        (waiting,) = shell.pending()
        refused = shell("labels", "create", "--order", waiting, "--json")
        assert (refused.code, refused.out) == (6, "")
        assert "paused" in refused.err
        assert shell("holds", "place", waiting, "--reason", "wait for Monday").code == 0
        assert shell("resume", "--reason", "done").code == 0
        (hold,) = shell("holds", "list", "--json").json
        assert (hold["order_id"], hold["placed_by"]) == (waiting, "ada")
        assert shell("labels", "create", "--order", waiting).code == 6
        assert shell("holds", "release", str(hold["id"]), "--reason", "Monday").code == 0
        wait_for(lambda: services.phases()["shipped"] == 2, "the order to ship after its release")
        assert len(shell.labels_of(waiting)) == 1
        services.check_audit(2)


def test_a_shipment_is_held_marked_as_shipped_and_shipped_by_an_operator(tmp_path: Path) -> None:
    with running_services(tmp_path, PACKHOUSE_GUARD__PRICE_TOLERANCE_PERCENT="0") as services:
        services.start()
        shell = Shell(services)
        shell("pause", "--reason", "first the holds")
        services.place_orders(2, kinds=("plain",))
        wait_for(lambda: len(shell("shipments", "list", "--json").json) == 2, "two planned shipments")
        one, two = (row["id"] for row in shell("shipments", "list", "--json").json)
        assert shell("shipments", "hold", one, "--reason", "a wrong box").code == 0
        marked = ("shipments", "mark-shipped", two, "--carrier", "UPS", "--tracking", "1Z77", "--reason", "r")
        assert shell(*marked).code == 2
        assert shell(*marked, "--yes").code == 0
        assert shell("resume", "--reason", "done").code == 0
        order = shell("shipments", "show", two, "--json").json["order_id"]
        wait_for(lambda: set(shell.numbers_of(order)) == {"1Z77"}, "the tracking number to reach the store")
        assert shell.labels_of(order) == []
        assert shell("shipments", "show", one, "--json").json["state"] in ("held", "planned")
        assert shell("shipments", "ship", one, "--reason", "the right box", "--yes").code == 0
        wait_for(lambda: services.phases()["shipped"] == 2, "the other shipment to ship as well")
        assert shell("shipments", "show", one, "--json").json["state"] == "fulfilled"
        assert shell("shipments", "retry", one, "--reason", "look").code == 0
        assert shell("shipments", "release", one, "--reason", "no hold is active").code == 0
        assert set(services.problems()) == {f"{order}: EasyPost never sold '1Z77'"}


def test_tail_follows_the_journal_over_a_restart_until_control_c(tmp_path: Path) -> None:
    with running_services(tmp_path) as services:
        daemon = services.start()
        shell = Shell(services)
        output = shell.folder / "tail.jsonl"
        with output.open("w") as out:
            tail = subprocess.Popen(
                ["packhouse", "tail", "--json", "--every", "0.1"],
                executable=str(shell.folder / "bin" / "packhouse"),
                env=shell.environ,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.PIPE,
                text=True,
            )
        services.place_orders(1, kinds=("plain",))
        services.wait_until_processed(1)
        assert daemon.end() == 0
        time.sleep(0.5)
        services.start("again")
        shell("pause", "--reason", "after the restart")
        wait_for(lambda: "after the restart" in output.read_text(), "the entry after the restart")
        tail.send_signal(signal.SIGINT)
        _, err = tail.communicate(timeout=180)
        assert tail.returncode == 130
        assert "Traceback" not in err
        entries = [json.loads(line) for line in output.read_text().splitlines()]
        assert [act["id"] for act in entries] == sorted({act["id"] for act in entries})
        assert {"bought", "fulfilled", "paused"} <= {act["action"] for act in entries}
        assert call_json(f"{services.sandbox_url}/sandbox/audit")["purchases"]
