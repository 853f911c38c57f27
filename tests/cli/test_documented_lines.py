"""The documented command lines of the store, taken as text, in bash, under both names: what comes of each."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.runner import Outcome
from tests.cli.sandbox_store import SandboxStore, store_process

LINES = [
    line
    for line in Path(__file__).with_name("documented.txt").read_text().splitlines()
    if line and not line.startswith("#")
]
PROGRAMS = ["packhouse", "aly-store-cli"]
NEW_VARIANT = "var_mug_sand"
pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module", params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def store(program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxStore]:
    folder = tmp_path_factory.mktemp(program)
    with store_process(folder, "--site", "acme", "--store-refund-s", "0.2") as running:
        yield running


class Services:
    """What the lines speak of: real ids for the names in the text, and a look at what became of them."""

    def __init__(self, store: SandboxStore) -> None:
        self.store = store
        self.ids: dict[str, str] = {"var_2": NEW_VARIANT}

    def order(self, name: str, *, shipped: bool = False, wide: bool = False) -> str:
        """An order; `wide`: with at least two units of its second line. `shipped`: all of it has left."""
        for _ in range(400):
            order = self.store.order()
            items = self.store.shown(order)["items"]
            if not wide or (len(items) > 1 and items[1]["quantity"] >= 2):
                break
        else:
            raise AssertionError("no order has two units of a second line")
        if shipped:
            argv = ("orders", "fulfill", order, "--carrier", "USPS", "--tracking", f"T-{order}")
            assert self.store.call(*argv).code == 0
        self.ids[name] = order
        return order

    def returned(self, order_name: str, name: str, *, approved: bool = False) -> None:
        """A return of one unit of a shipped order."""
        order = self.order(order_name, shipped=True)
        made = self.store.call("orders", "return", "create", order, "--item", "li_1:1", "--json").json
        self.ids[name] = made["id"]
        if approved:
            assert self.store.call("orders", "return", "approve", order, made["id"]).code == 0

    def webhook(self, name: str, url: str) -> str:
        """A webhook at this address."""
        argv = ("webhooks", "create", "--url", url, "--event", "order.created", "--json")
        made = self.store.call(*argv).json
        self.ids[name] = made["id"]
        return str(made["secret"])

    def failed_delivery(self) -> None:
        """A delivery that no server accepted."""
        self.webhook("wh_told", "http://127.0.0.1:9/aly/webhooks")
        self.store.order()
        for _ in range(200):
            argv = ("webhooks", "deliveries", "list", self.ids["wh_told"], "--status", "failed", "--json")
            if failed := self.store.call(*argv).json:
                self.ids["del_failed"] = failed[-1]["id"]
                return
        raise AssertionError("the store never reported a failed delivery")

    def webhooks(self) -> dict[str, Any]:
        """Every webhook by id."""
        return {row["id"]: row for row in self.store.call("webhooks", "list", "--json").json}

    def run(self, program: str, line: str) -> Outcome:
        """One documented line with the real ids in it."""
        for name, real in self.ids.items():
            line = re.sub(rf"\b{name}\b", real, line)
        return self.store.shell(f"{program} {line}")

    def shown(self, name: str) -> dict[str, Any]:
        """The order of this name as the store has it."""
        return self.store.shown(self.ids[name])

    def settled(self, name: str, enough: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The order once it is as it should be."""
        for _ in range(200):
            if enough(order := self.shown(name)):
                return order
        raise AssertionError(order)


@pytest.fixture
def running_services(store: SandboxStore) -> Services:
    return Services(store)


def lines(*begin: str) -> list[str]:
    found = [line for line in LINES if line.startswith(begin)]
    assert found
    return found


def one(begin: str) -> str:
    (line,) = lines(begin)
    return line


def test_every_line_of_the_text_is_run_by_a_test_of_this_file() -> None:
    tested = re.findall(r"(?:lines|one)\(\s*[\"'](.+?)[\"']\s*\)", Path(__file__).read_text())
    assert len(LINES) == 24
    assert [line for line in LINES if not line.startswith(tuple(tested))] == []


def test_lists_of_orders_are_filtered_and_read_by_people_and_programs(
    running_services: Services, program: str
) -> None:
    order = running_services.order("ord_any")
    for line in lines("orders list"):
        shown = running_services.run(program, line)
        assert (shown.code, shown.err) in ((0, ""), (0, "No orders match.\n")), line
        if "--json" in line:
            assert order in [row["id"] for row in json.loads(shown.out)]
        elif "--site-slug" in line or "pending" in line:
            assert shown.out.splitlines()[0].startswith("ORDER")
            assert order in shown.out
        else:
            assert order not in shown.out


def test_one_order_is_the_stores_own_object(running_services: Services, program: str) -> None:
    order = running_services.order("ord_shipped", shipped=True)
    shown = running_services.run(program, one("orders get"))
    assert shown.code == 0
    assert shown.json == running_services.shown("ord_shipped")
    assert shown.json["id"] == order


def test_fulfilling_without_items_ships_all_that_is_left(running_services: Services, program: str) -> None:
    running_services.order("ord_whole")
    for attempt in range(2):  # a repeated script replays
        shown = running_services.run(program, one("orders fulfill ord_whole"))
        assert shown.code == 0, shown.err
        assert ("already has" in shown.out) == bool(attempt)
        order = running_services.shown("ord_whole")
        assert order["status"] == "fulfilled"
        assert {row["tracking_number"] for row in order["fulfillments"]} == {"9400111202555582846137"}
        ordered = {item["id"]: item["quantity"] for item in order["items"]}
        assert {row["line_item_id"]: row["quantity"] for row in order["fulfillments"]} == ordered


def test_fulfilling_with_items_ships_those_units(running_services: Services, program: str) -> None:
    running_services.order("ord_part", wide=True)
    for _ in range(2):
        shown = running_services.run(program, one("orders fulfill ord_part"))
        assert shown.code == 0, shown.err
        rows = running_services.shown("ord_part")["fulfillments"]
        assert sorted((row["line_item_id"], row["quantity"]) for row in rows) == [("li_1", 1), ("li_2", 2)]
        assert {(row["carrier"], row["tracking_number"]) for row in rows} == {("UPS", "1Z999AA10123456784")}


def test_a_refund_is_requested_then_confirmed_and_never_doubled(
    running_services: Services, program: str
) -> None:
    total = {
        name: running_services.order(name) and running_services.shown(name)["totals"]["total"]
        for name in ("ord_full", "ord_some")
    }
    for line in lines("orders refund"):
        first = running_services.run(program, line)
        assert first.code == 0, first.err
        assert "requested" in first.out
        assert " USD " in first.out
        assert running_services.run(program, line).code == 0  # at once, before the money has moved
    full = running_services.settled("ord_full", lambda order: order["status"] == "refunded")
    some = running_services.settled("ord_some", lambda order: bool(order["refunds"]))
    for line in lines("orders refund"):
        again = running_services.run(program, line)
        assert again.code == 0
        assert "already" in again.out
    for name, amount, reason in (
        ("ord_full", total["ord_full"], "Buyer request"),
        ("ord_some", 1500, "Damaged in transit"),
    ):
        (row,) = running_services.shown(name)["refunds"]
        assert (row["amount"], row["reason"]) == (amount, reason)
    assert (full["status"], some["status"]) == ("refunded", "pending")


def test_a_return_is_created_once_and_goes_through_its_steps(
    running_services: Services, program: str
) -> None:
    running_services.order("ord_shipped", shipped=True)
    for attempt in range(2):
        shown = running_services.run(program, one("orders return create"))
        assert shown.code == 0, shown.err
        (row,) = running_services.shown("ord_shipped")["returns"]
        assert (row["reason"], row["items"]) == ("Wrong size", [{"line_item_id": "li_1", "quantity": 1}])
        assert row["id"] in shown.out
        assert ("Nothing was sent" in shown.out) == bool(attempt)
    running_services.returned("ord_back", "ret_back")
    running_services.returned("ord_here", "ret_here", approved=True)
    running_services.returned("ord_late", "ret_late")
    for line, name, status in (
        (one("orders return approve"), "ord_back", "approved"),
        (one("orders return receive"), "ord_here", "received"),
        (one("orders return reject"), "ord_late", "rejected"),
    ):
        for _ in range(2):
            shown = running_services.run(program, line)
            assert shown.code == 0, shown.err
            assert status in shown.out
            (row,) = running_services.shown(name)["returns"]
            assert row["status"] == status
    assert (
        running_services.shown("ord_back")["returns"][0]["rma_number"]
        in running_services.run(program, one("orders return approve") + " --json").out
    )
    assert running_services.shown("ord_late")["returns"][0]["reject_reason"] == "Outside window"


def test_an_exchange_is_created_once(running_services: Services, program: str) -> None:
    running_services.order("ord_other", shipped=True)
    for _ in range(2):
        shown = running_services.run(program, one("orders exchange create"))
        assert shown.code == 0, shown.err
        (row,) = running_services.shown("ord_other")["exchanges"]
        assert (row["new_variant_id"], row["reason"]) == (NEW_VARIANT, "Wrong color")
        assert row["id"] in shown.out


def test_a_webhook_is_created_once_with_its_secret_and_listed(
    running_services: Services, program: str
) -> None:
    first = running_services.run(program, one("webhooks create"))
    assert first.code == 0, first.err
    assert "whsec_" in first.out
    second = running_services.run(program, one("webhooks create"))
    assert second.code == 0
    assert "rotate" in second.err
    listed = running_services.run(program, one("webhooks list")).json
    (row,) = [row for row in listed if row["url"] == "https://shop.example/aly/webhooks"]
    assert row["events"] == ["order.created", "order.fulfilled"]
    assert row["site_slug"] == "acme"
    assert "secret" not in row
    assert row["id"] in first.out
    assert row["id"] in second.out
    assert running_services.store.call("webhooks", "delete", row["id"]).code == 0


def test_deliveries_are_listed_and_replayed(running_services: Services, program: str) -> None:
    running_services.failed_delivery()
    shown = running_services.run(program, one("webhooks deliveries list"))
    assert shown.code == 0, shown.err
    assert isinstance(shown.json, list)
    assert running_services.ids["del_failed"] in [row["id"] for row in shown.json]
    assert {row["status"] for row in shown.json} == {"failed"}
    event = next(row["event_id"] for row in shown.json if row["id"] == running_services.ids["del_failed"])
    replayed = running_services.run(program, one("webhooks deliveries replay"))
    assert (replayed.code, replayed.err) == (0, "")
    for _ in range(200):
        rows = running_services.store.call(
            "webhooks", "deliveries", "list", running_services.ids["wh_told"], "--json"
        ).json
        if sum(row["event_id"] == event and row["attempt"] == 1 for row in rows) == 2:
            break
    else:
        raise AssertionError("the event was not delivered afresh")
    assert running_services.store.call("webhooks", "delete", running_services.ids["wh_told"]).code == 0


def test_a_webhook_is_deleted_and_its_secret_rotated(running_services: Services, program: str) -> None:
    running_services.webhook("wh_gone", "https://shop.example/one")
    old = running_services.webhook("wh_turned", "https://shop.example/two")
    shown = running_services.run(program, one("webhooks delete"))
    assert (shown.code, shown.err) == (0, "")
    assert running_services.ids["wh_gone"] not in running_services.webhooks()
    assert running_services.run(program, one("webhooks delete")).code == 5
    turned = running_services.run(program, one("webhooks rotate"))
    assert turned.code == 0, turned.err
    (secret,) = re.findall(r"whsec_\w+", turned.out)
    assert secret != old


@pytest.mark.skipif(shutil.which("jq") is None, reason="no jq on this machine")
def test_the_loop_over_yesterdays_orders_runs_as_printed(running_services: Services, program: str) -> None:
    order = running_services.order("ord_any")
    asked = (
        f"{program} orders list --status pending --created-after \"$(date -u -d '1 day ago' +%FT%TZ)\" --json"
    )
    loop = f"{asked} | jq -r '.[].id' | while read id; do echo \"got $id\"; done"
    shown = running_services.store.shell(loop)
    assert (shown.code, shown.err) == (0, "")
    assert f"got {order}" in shown.out.splitlines()


def test_help_says_the_name_it_was_called_by(running_services: Services, program: str) -> None:
    other = PROGRAMS[1 - PROGRAMS.index(program)]
    for line in ("orders --help", "orders return create --help", "webhooks deliveries list --help"):
        shown = running_services.store.shell(f"{program} {line}")
        assert shown.code == 0
        assert f"usage: {program} {line.removesuffix(' --help')}" in shown.out
        assert f"{other} orders" not in shown.out
    wrong = running_services.store.shell(f"{program} orders lits")
    assert wrong.code == 2
    assert (
        wrong.err
        == f"{program}: {program} orders has no subcommand 'lits'. Did you mean `{program} orders list`?\n"
    )


def test_aly_store_cli_has_the_stores_commands_only(running_services: Services, program: str) -> None:
    shown = running_services.store.shell(f"{program} --help")
    assert shown.code == 0
    assert ("  demo " in shown.out) == (program == "packhouse")
    ended = running_services.store.shell(f"{program} config --help")
    assert ended.code == (0 if program == "packhouse" else 2)
