"""The verbs of `orders`, against the sandbox's store in a process of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from packhouse_cli.exit_codes import Exit
from tests.cli.runner import Outcome, call, serving

STORE = "/api/storefront/v1"


class Sandbox:
    """The store's address, and its control plane."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}"
        self.environ = {"PACKHOUSE_STORE__URL": self._base + STORE, "ALY_API_KEY": "aly_sandbox"}

    def tell(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"{self._base}/sandbox{path}", data, timeout=180) as answer:
            content: dict[str, Any] = json.load(answer)
            return content

    def order(self, kind: str = "plain") -> str:
        return str(self.tell("/orders", {"count": 1, "kinds": [kind]})["orders"][0])

    def call(self, *argv: str, **environ: str) -> Outcome:
        return call("orders", *argv, environ=self.environ | environ)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("sandbox")
    argv = ["sandbox", "--port", "0", "--port-file", str(folder / "port"), "--orders", "0"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "packhouse_cli", *argv], stdout=log, stderr=log)
    try:
        yield Sandbox(_port(folder / "port", process))
    finally:
        process.terminate()
        process.wait(60)


def _port(file: Path, process: subprocess.Popen[bytes]) -> int:
    for _ in range(2400):
        assert process.poll() is None, "the sandbox ended by itself"
        if file.exists() and (text := file.read_text().strip()):
            return int(text)
        time.sleep(0.05)
    raise AssertionError("the sandbox did not start")


def test_a_list_as_json_is_the_stores_own_orders_as_a_bare_array(sandbox: Sandbox) -> None:
    first, second = sandbox.order(), sandbox.order()
    shown = sandbox.call("list", "--limit", "2", "--json")
    assert shown.code == 0
    assert [order["id"] for order in shown.json] == [second, first]
    assert {"items", "totals", "shipping_address", "currency"} <= set(shown.json[0])


def test_a_list_for_eyes_has_a_row_for_each_order_and_says_when_there_are_more(sandbox: Sandbox) -> None:
    sandbox.order()
    newest = sandbox.order()
    shown = sandbox.call("list", "--limit", "1")
    head, row = shown.out.splitlines()
    assert head.split() == ["ORDER", "CREATED", "STATUS", "SITE", "UNITS", "TOTAL", "TO"]
    assert row.startswith(newest)
    assert "pending" in row
    assert "more than 1" in shown.err


def test_a_list_longer_than_the_stores_page_is_put_together(sandbox: Sandbox) -> None:
    made = {str(name) for name in sandbox.tell("/orders", {"count": 120, "kinds": ["plain"]})["orders"]}
    shown = sandbox.call("list", "--limit", "120", "--json")
    assert {order["id"] for order in shown.json} == made
    assert len(shown.json) == 120


def test_filters_reach_the_store(sandbox: Sandbox) -> None:
    order = sandbox.order()
    sandbox.tell(f"/orders/{order}/cancel", {})
    listed = sandbox.call("list", "--status", "cancelled", "--json").json
    assert order in [row["id"] for row in listed]
    assert {row["status"] for row in listed} == {"cancelled"}
    assert sandbox.call("list", "--created-after", "2100-01-01", "--json").json == []
    assert sandbox.call("list", "--site-slug", "no-such-site", "--json").json == []
    assert sandbox.call("list", "--json", PACKHOUSE_STORE__SITE_SLUG="no-such-site").json == []


def test_a_date_becomes_a_full_time_in_utc() -> None:
    answer: tuple[int, Any] = (200, {"orders": []})
    with serving({}) as store:
        environ = {"PACKHOUSE_STORE__URL": store.url, "ALY_API_KEY": "aly_x"}
        for given in ("2026-05-01", "2026-05-01T02:00:00+02:00", "2026-05-01T00:00:00Z"):
            store.answers.clear()
            store.answers["GET /merchant/orders?created_after=2026-05-01T00%3A00%3A00Z&limit=25"] = answer
            shown = call("orders", "list", "--created-after", given, "--json", environ=environ)
            assert shown.code == 0, store.asked[-1]
    shown = call("orders", "list", "--created-after", "yesterday", environ={"ALY_API_KEY": "aly_x"})
    assert shown.code == Exit.USAGE
    assert "2026-11-01" in shown.err


def test_getting_one_order_shows_lines_and_address(sandbox: Sandbox) -> None:
    order = sandbox.order()
    raw = sandbox.call("get", order, "--json").json
    assert raw["id"] == order
    shown = sandbox.call("get", order)
    assert raw["items"][0]["name"] in shown.out
    assert raw["shipping_address"]["postcode"] in shown.out


@pytest.mark.parametrize(
    ("argv", "environ", "code"),
    [
        (("get", "ord_none"), {}, Exit.NOT_FOUND),
        (("list",), {"ALY_API_KEY": "aly_wrong"}, Exit.UNAUTHENTICATED),
        (("list",), {"PACKHOUSE_STORE__URL": "http://127.0.0.1:9"}, Exit.NETWORK),
        (("list", "--limit", "none"), {}, Exit.USAGE),
        (("get",), {}, Exit.USAGE),
    ],
)
def test_what_goes_wrong_has_its_exit_code_and_an_object_with_json(
    sandbox: Sandbox, argv: tuple[str, ...], environ: dict[str, str], code: Exit
) -> None:
    shown = sandbox.call(*argv, "--json", **environ)
    assert shown.code == code
    assert shown.error["exit_code"] == code
    assert shown.out == ""
    assert "Traceback" not in shown.err


def test_fulfilling_names_every_unit_and_a_second_run_changes_nothing(sandbox: Sandbox) -> None:
    order = sandbox.order()
    argv = ("fulfill", order, "--carrier", "USPS", "--tracking", f"T-{order}", "--json")
    first, second = sandbox.call(*argv), sandbox.call(*argv)
    assert (first.code, second.code) == (0, 0)
    lines = {item["id"]: item["quantity"] for item in sandbox.call("get", order, "--json").json["items"]}
    assert {item["line_item_id"]: item["quantity"] for item in first.json["items"]} == lines
    assert first.json["already_recorded"] is False
    assert second.json["already_recorded"] is True
    assert second.json["items"] == first.json["items"]
    stored = sandbox.call("get", order, "--json").json
    assert stored["status"] == "fulfilled"
    assert sum(row["quantity"] for row in stored["fulfillments"]) == sum(lines.values())


def test_fulfilling_a_part_leaves_the_rest_for_the_next_parcel(sandbox: Sandbox) -> None:
    order = sandbox.order("part_fulfilled")
    raw = sandbox.call("get", order, "--json").json
    line = raw["items"][0]
    shown = sandbox.call(
        "fulfill", order, "--carrier", "UPS", "--tracking", "1Z1", "--item", f"{line['id']}:1"
    )
    assert shown.code == 0
    assert "1 of li_1" in shown.out
    rest = sandbox.call("fulfill", order, "--carrier", "UPS", "--tracking", "1Z2", "--json")
    wanted = {item["id"]: item["quantity"] for item in raw["items"]}
    wanted[line["id"]] -= 2  # a parcel of another sender, and ours
    sent = {item["line_item_id"]: item["quantity"] for item in rest.json["items"]} if rest.code == 0 else {}
    assert sent == {name: quantity for name, quantity in wanted.items() if quantity}


def test_fulfilling_a_cancelled_order_is_a_conflict(sandbox: Sandbox) -> None:
    order = sandbox.order()
    sandbox.tell(f"/orders/{order}/cancel", {})
    shown = sandbox.call("fulfill", order, "--carrier", "USPS", "--tracking", "T1", "--json")
    assert shown.code == Exit.CONFLICT
    assert shown.error["status"] == 422


def test_a_call_that_is_torn_down_is_a_network_error_and_may_be_repeated(sandbox: Sandbox) -> None:
    order = sandbox.order()
    sandbox.tell("/faults", {"store.reset_after_effect": {"next": 1}})
    # The order is read first, and that call is the one that is torn down: nothing was sent yet.
    argv = ("fulfill", order, "--carrier", "USPS", "--tracking", f"L-{order}", "--json")
    assert sandbox.call(*argv).code == Exit.NETWORK
    assert sandbox.call(*argv).json["already_recorded"] is False


def test_an_answer_lost_after_the_effect_is_found_in_the_stores_record() -> None:
    order = {"id": "ord_1", "status": "pending", "items": [{"id": "li_1", "quantity": 1}], "fulfillments": []}
    row = {"line_item_id": "li_1", "quantity": 1, "carrier": "USPS", "tracking_number": "T1"}
    with serving({"GET /merchant/orders/ord_1": (200, order)}) as store:

        class Recording(dict[str, tuple[int, Any]]):
            """After the POST, which answers 500, the order carries the parcel."""

            def get(self, key: Any, default: Any = None) -> Any:
                if key == "POST /merchant/orders/ord_1/fulfill":
                    self["GET /merchant/orders/ord_1"] = (200, order | {"fulfillments": [row]})
                    return (500, {"error": {"code": "internal", "message": "Oops."}})
                return super().get(key, default)

        store.answers = Recording(store.answers)
        environ = {"PACKHOUSE_STORE__URL": store.url, "ALY_API_KEY": "aly_x"}
        argv = ("fulfill", "ord_1", "--carrier", "USPS", "--tracking", "T1", "--json")
        shown = call("orders", *argv, environ=environ)
    assert shown.code == 0
    assert shown.json["already_recorded"] is True
    (posted,) = [headers for name, headers in store.asked if name.startswith("POST")]
    assert posted["idempotency-key"] == shown.json["idempotency_key"]


def test_a_key_of_ones_own_is_sent_as_it_is() -> None:
    order = {"id": "ord_1", "status": "pending", "items": [{"id": "li_1", "quantity": 1}], "fulfillments": []}
    answers: dict[str, tuple[int, Any]] = {
        "GET /merchant/orders/ord_1": (200, order),
        "POST /merchant/orders/ord_1/fulfill": (200, {"tracking_number": "T1"}),
    }
    with serving(answers) as store:
        environ = {"PACKHOUSE_STORE__URL": store.url, "ALY_API_KEY": "aly_x"}
        argv = ("fulfill", "ord_1", "--carrier", "USPS", "--tracking", "T1", "--idempotency-key", "mine-1")
        assert call("orders", *argv, environ=environ).code == 0
    assert store.asked[-1][1]["idempotency-key"] == "mine-1"


def test_names_from_the_store_cannot_drive_the_terminal() -> None:
    evil = "\x1b[2J\x07name"
    order = {"id": "ord_1", "status": evil, "items": [{"id": "li_1", "quantity": 1, "name": evil}]}
    with serving({"GET /merchant/orders/ord_1": (200, order)}) as store:
        environ = {"PACKHOUSE_STORE__URL": store.url, "ALY_API_KEY": "aly_x", "TERM": "xterm"}
        shown = call("orders", "get", "ord_1", environ=environ)
        as_json = call("orders", "get", "ord_1", "--json", environ=environ)
    assert "\x1b" not in shown.out + as_json.out
    assert "[2J" in shown.out
    assert as_json.json["items"][0]["name"] == "\ufffd[2J\ufffdname"


@pytest.mark.parametrize("how", [("--json",), ("--jsonl",), ()])
def test_a_list_that_was_cut_off_is_continued_by_time_and_shows_each_order_once(how: tuple[str, ...]) -> None:
    rows = [
        {"id": f"ord_{number}", "created_at": f"2026-11-01T08:{59 - number // 2:02}:00.000Z"}
        for number in range(100)
    ]
    oldest = "2026-11-01T08%3A10%3A01Z"
    answers: dict[str, tuple[int, Any]] = {
        "GET /merchant/orders?limit=100": (200, rows),
        f"GET /merchant/orders?created_before={oldest}&limit=100": (200, [*rows[98:], {"id": "ord_100"}]),
    }
    with serving(answers) as store:
        environ = {"PACKHOUSE_STORE__URL": store.url, "ALY_API_KEY": "aly_x"}
        shown = call("orders", "list", "--limit", "all", *how, environ=environ)
        assert shown.code == 0, (shown.err, store.asked)
    for number in range(101):
        assert len(re.findall(rf"\bord_{number}\b", shown.out)) == 1


@pytest.mark.parametrize("how", [("--json",), ("--jsonl",), ()])
def test_a_list_that_was_cut_off_is_never_taken_for_the_whole(how: tuple[str, ...]) -> None:
    rows = [{"id": f"ord_{number}"} for number in range(100)]
    with serving({"GET /merchant/orders?limit=100": (200, rows)}) as store:
        environ = {"PACKHOUSE_STORE__URL": store.url, "ALY_API_KEY": "aly_x"}
        shown = call("orders", "list", "--limit", "all", *how, environ=environ)
    assert shown.code == Exit.UNKNOWN
    assert "cut its list short" in shown.err
    assert "--created-before" in shown.err


LINE = {"id": "li_1", "name": "Mug", "product_id": "prod_1", "quantity": 3, "is_digital": False}


def _row(units: int, **more: object) -> dict[str, object]:
    return {"tracking_number": f"T{units}", "items": [{"line_item_id": "li_1", "quantity": units}], **more}


@pytest.mark.parametrize(
    ("order", "shown"),
    [
        ({"fulfillments": [_row(1)]}, "pending, 1 of 3 shipped"),
        ({"fulfillments": [_row(1), _row(2, status="cancelled")]}, "pending, 1 of 3 shipped"),
        ({"fulfillments": [_row(2, status="voided")]}, "pending"),
        ({"items": [LINE | {"fulfilled_quantity": 2}]}, "pending, 2 of 3 shipped"),
        ({"items": [LINE | {"remaining_quantity": 1}]}, "pending, 2 of 3 shipped"),
        (
            {"fulfillments": [_row(1)], "items": [LINE | {"fulfilled_quantity": 2}]},
            "pending, 1 to 2 of 3 shipped",
        ),
        ({"status": "fulfilled", "fulfillments": [_row(3)]}, "fulfilled"),
        ({"status": "fulfilled"}, "fulfilled"),
        ({"status": "fulfilled", "fulfillments": [_row(2)]}, "fulfilled, 2 of 3 shipped"),
    ],
)
def test_a_list_counts_shipped_units_as_the_daemon_does(order: dict[str, object], shown: str) -> None:
    row = {"id": "ord_1", "status": "pending", "items": [LINE]} | order
    with serving({f"GET {STORE}/merchant/orders?limit=25": (200, {"orders": [row]})}) as shop:
        environ = {"PACKHOUSE_STORE__URL": shop.url + STORE, "ALY_API_KEY": "aly_x"}
        listed = call("orders", "list", environ=environ)
    assert re.split(r"\t|  +", listed.out.splitlines()[1])[2] == shown
