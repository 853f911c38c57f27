"""The bulk commands, such as `orders fulfill --from`, and `apply`: arguments, output, files and errors."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from packhouse_cli.exit_codes import Exit
from tests.cli.runner import Outcome, call
from tests.e2e.processes import call_json, running_services


class Shop:
    """The sandbox's store, and a folder to work in."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.store = f"{url}/api/storefront/v1"
        self.environ = {"PACKHOUSE_STORE__URL": self.store, "ALY_API_KEY": "aly_sandbox"}
        self.bearer = {"authorization": "Bearer aly_sandbox"}

    def sell(self, count: int) -> list[str]:
        asked = {"count": count, "kinds": ["plain"]}
        return [str(one) for one in call_json(f"{self.url}/sandbox/orders", asked)["orders"]]

    def fulfill(self, *argv: str) -> Outcome:
        return call("orders", "fulfill", *argv, environ=self.environ)

    def apply(self, *argv: str, **more: str) -> Outcome:
        return call("apply", *argv, environ=self.environ | more)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with running_services(tmp_path_factory.mktemp("shop")) as services:
        yield Shop(services.sandbox_url)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def csv_of(orders: list[str], folder: Path) -> str:
    path = folder / "rows.csv"
    path.write_text("order,tracking\n" + "".join(f"{one},T-{one}\n" for one in orders))
    return str(path)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_file_becomes_a_plan_and_nothing_is_sent(shop: Shop, folder: Path) -> None:
    orders = shop.sell(3)
    made = shop.fulfill("--from", csv_of(orders, folder), "--carrier", "UPS")
    assert made.code == 0
    assert made.out.startswith("fulfill: 3 changes to 3 orders.")
    (plan,) = folder.glob("fulfill-*.plan.jsonl")
    assert f"packhouse apply {plan.name}" in made.err
    head, *items = lines_of(plan)
    assert head["totals"]["items"] == 3
    assert [item["order_id"] for item in items] == orders
    state = call_json(f"{shop.url}/sandbox/state")["orders"]
    assert {state[one]["status"] for one in orders} == {"pending"}


def test_with_json_the_head_and_the_path_of_the_plan_are_printed(shop: Shop, folder: Path) -> None:
    made = shop.fulfill(
        "--from", csv_of(shop.sell(2), folder), "--carrier", "UPS", "--json", "--plan-out", "p"
    )
    assert made.json["plan"] == "p"
    assert made.json["totals"] == {"items": 2, "orders": 2, "skipped": 0, "money_minor": {}}
    assert made.json["skipped"] == []
    assert made.json["id"] == lines_of(folder / "p")[0]["id"]


def test_a_dry_run_shows_every_item_and_writes_nothing(shop: Shop, folder: Path) -> None:
    orders = shop.sell(2)
    argv = ("--from", csv_of(orders, folder), "--carrier", "UPS", "--dry-run")
    shown = shop.fulfill(*argv)
    assert all(f"UPS T-{one}" in shown.out for one in orders)
    assert [item["order_id"] for item in shop.fulfill(*argv, "--json").json["items"]] == orders
    assert [path.name for path in folder.iterdir()] == ["rows.csv"]


def test_rows_can_come_from_standard_input(shop: Shop, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (order,) = shop.sell(1)
    rows = json.dumps({"order": order, "carrier": "UPS", "tracking": "1Z"}).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(rows)))
    assert shop.fulfill("--from", "-", "--plan-out", "p").code == 0
    assert lines_of(folder / "p")[1]["summary"].endswith("with UPS 1Z")


def test_a_filter_selects_orders_and_gives_each_its_tracking_number(shop: Shop, folder: Path) -> None:
    orders = shop.sell(120)
    argv = ("--status", "pending", "--carrier", "Van", "--tracking", "VAN-{order}", "--plan-out", "p")
    made = shop.fulfill(*argv, "--limit", "110")
    assert made.code == 0, made.err
    head, *items = lines_of(folder / "p")
    assert head["source"] == {"filter": {"status": "pending", "limit": 110}}
    assert {item["order_id"] for item in items} <= set(orders)
    assert len(items) == 110
    assert items[0]["summary"].endswith(f"with Van VAN-{items[0]['order_id']}")


def test_refunds_and_returns_are_planned_and_applied_the_same_way(shop: Shop, folder: Path) -> None:
    orders = shop.sell(2)
    argv = ("--from", csv_of(orders, folder), "--carrier", "UPS", "--plan-out", "p")
    assert (shop.fulfill(*argv).code, shop.apply("p", "--yes").code) == (0, 0)
    (folder / "back.csv").write_text("order,items\n" + "".join(f"{one},li_1:1\n" for one in orders))
    returning = ("orders", "return", "create", "--from", "back.csv", "--reason", "Recall", "--plan-out")
    assert call(*returning, "r", environ=shop.environ).code == 0
    applied = shop.apply("r", "--yes", "--json")
    assert applied.json["counts"] == {"done": 2}
    assert "No daemon" not in applied.err, "Packhouse never changes returns"
    again = call(*returning, "r2", environ=shop.environ)
    assert "No plan was written" in again.out
    assert again.out.count("already has this return; --again plans a second one") == 2

    refunding = ("orders", "refund", "--from", "ids", "--amount", "300", "--reason", "Recall", "--plan-out")
    (folder / "ids").write_text("\n".join(orders))
    made = call(*refunding, "m", "--json", environ=shop.environ)
    assert made.json["totals"]["money_minor"] == {"USD": 600}
    applied = shop.apply("m", "--yes", "--json")
    assert applied.json["counts"] == {"done": 2}
    assert "No daemon is configured" in applied.err
    states = [call_json(f"{shop.store}/merchant/orders/{one}", headers=shop.bearer) for one in orders]
    assert [[row["reason"] for row in state["returns"]] for state in states] == [["Recall"], ["Recall"]]


def test_a_bulk_return_names_its_units_in_rows(folder: Path) -> None:
    (folder / "ids").write_text("ord_1")
    for argv, why in (
        (("--from", "ids", "--item", "li_1:1"), "the column `items`"),
        (("--status", "fulfilled"), "A filter does not select units"),
        (("ord_1",), "--item LINE:QTY"),
    ):
        refused = call("orders", "return", "create", *argv, environ={"ALY_API_KEY": "aly_x"})
        assert refused.code == Exit.USAGE
        assert why in refused.err


def test_bad_rows_stop_the_plan_and_are_all_listed_or_are_skipped_on_request(
    shop: Shop, folder: Path
) -> None:
    (order,) = shop.sell(1)
    rows = csv_of(["ord_none", "ord 2", order], folder)
    refused = shop.fulfill("--from", rows, "--carrier", "UPS", "--json")
    assert refused.code == Exit.USAGE
    assert "  line 2: " in refused.err
    assert "  line 3: 'ord 2' is not an order id" in refused.err
    assert "line 4" not in refused.err
    assert "line 3: " in refused.error["message"]
    assert list(folder.glob("*.plan.jsonl")) == []
    made = shop.fulfill("--from", rows, "--carrier", "UPS", "--skip-bad", "--json", "--plan-out", "p")
    assert made.code == 0
    assert [one["line"] for one in made.json["skipped"]] == [2, 3]
    assert made.json["totals"]["items"] == 1


def test_if_nothing_needs_to_be_done_no_plan_is_written(shop: Shop, folder: Path) -> None:
    orders = shop.sell(1)
    argv = ("--from", csv_of(orders, folder), "--carrier", "UPS", "--plan-out")
    assert shop.fulfill(*argv, "p").code == 0
    assert shop.apply("p", "--yes").code == 0
    again = shop.fulfill(*argv, "q")
    assert again.code == 0
    assert f"line 2: order {orders[0]} already has tracking number" in again.out
    assert "No plan was written" in again.out
    assert not (folder / "q").exists()
    assert shop.fulfill(*argv, "q", "--json").json["plan"] is None


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        ((), "No order is selected. Pass an ORDER"),
        (("ord_1", "--from", "rows.csv"), "not both"),
        (("ord_1", "--status", "pending"), "not both"),
        (("ord_1", "--plan-out", "p"), "need many orders"),
        (("ord_1", "--tracking", "T1", "--skip-bad"), "need many orders"),
        (("--from", "rows.csv", "--limit", "3"), "--limit"),
        (("--from", "rows.csv", "--site-slug", "x"), "--site-slug"),
        (("--from", "rows.csv", "--idempotency-key", "k"), "Each item of a plan has its own"),
        (("--from", "rows.csv", "--item", "li_1:1"), "the column `items`"),
        (("--from", "none.csv"), "Cannot read none.csv"),
        (("--status", "pending", "--tracking", "T1"), "{order}"),
        (("--status", "pending", "--tracking", "T-{order}", "--created-after", "soon"), "is not a date"),
        (("--from", "rows.csv", "--max-per-s", "-1"), "0 or more"),
        (("--from", "rows.csv", "--concurrency", "0"), "1 or more"),
    ],
)
def test_conflicting_arguments_are_refused(argv: tuple[str, ...], why: str) -> None:
    refused = call("orders", "fulfill", *argv, "--carrier", "UPS", environ={"ALY_API_KEY": "aly_x"})
    assert refused.code == Exit.USAGE
    assert why in refused.err


def test_applying_prints_the_results_and_writes_them_to_a_file(shop: Shop, folder: Path) -> None:
    orders = shop.sell(3)
    shop.fulfill("--from", csv_of(orders, folder), "--carrier", "UPS", "--plan-out", "p")
    ended = shop.apply("p", "--yes")
    assert ended.code == 0
    assert "done\t3\t" in ended.out
    assert "Results: p.results.jsonl" in ended.out
    results = lines_of(folder / "p.results.jsonl")
    assert [(line["order_id"], line["state"]) for line in results] == [(one, "done") for one in orders]
    again = shop.apply("p")  # nothing remains, so no confirmation is needed
    assert again.code == 0
    assert "already finished: all 3 items are final" in again.out


def test_a_dry_run_of_apply_shows_the_remaining_items(shop: Shop, folder: Path) -> None:
    orders = shop.sell(3)
    shop.fulfill("--from", csv_of(orders, folder), "--carrier", "UPS", "--plan-out", "p")
    shown = shop.apply("p", "--dry-run")
    assert shown.code == 0
    assert "3 of 3 items remain" in shown.out
    assert not (folder / "p.results.jsonl").exists()
    assert [item["state"] for item in shop.apply("p", "--dry-run", "--json").json["items"]] == [
        "not_started"
    ] * 3
    shop.apply("p", "--yes")
    assert shop.apply("p", "--dry-run", "--json").json["remaining"] == 0


def test_a_plan_is_applied_only_to_its_own_store(shop: Shop, folder: Path) -> None:
    shop.fulfill("--from", csv_of(shop.sell(1), folder), "--carrier", "UPS", "--plan-out", "p")
    refused = shop.apply("p", "--yes", PACKHOUSE_STORE__URL="http://127.0.0.1:9/other")
    assert refused.code == Exit.USAGE
    assert shop.url in refused.err


def test_an_edited_plan_is_refused(shop: Shop, folder: Path) -> None:
    (order,) = shop.sell(1)
    shop.fulfill("--from", csv_of([order], folder), "--carrier", "UPS", "--plan-out", "p")
    plan = folder / "p"
    plan.write_text(plan.read_text().replace(f"T-{order}", "T-another"))
    refused = shop.apply("p", "--yes", "--json")
    assert refused.code == Exit.USAGE
    assert "was edited after it was made" in refused.error["message"]


def test_a_key_without_permission_ends_the_run_with_its_own_code_and_can_be_fixed(
    shop: Shop, folder: Path
) -> None:
    shop.fulfill("--from", csv_of(shop.sell(4), folder), "--carrier", "UPS", "--plan-out", "p")
    refused = shop.apply("p", "--yes", "--json", ALY_API_KEY="aly_wrong")
    assert refused.code == Exit.UNAUTHENTICATED
    assert refused.json["finished"] is False
    assert refused.error["code"] == "unauthorized"
    assert shop.apply("p", "--yes").code == 0


def test_the_rate_limit_is_also_a_setting(shop: Shop, folder: Path) -> None:
    shop.fulfill("--from", csv_of(shop.sell(1), folder), "--carrier", "UPS", "--plan-out", "p")
    refused = shop.apply("p", "--yes", PACKHOUSE_STORE__RATE_LIMIT_PER_S="many")
    assert refused.code == Exit.USAGE
    assert "PACKHOUSE_STORE__RATE_LIMIT_PER_S" in refused.err
