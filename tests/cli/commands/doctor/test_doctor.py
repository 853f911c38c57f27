"""The doctor finds what is wrong: with a real store, with a running daemon, and with the settings."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from packhouse.config import load
from packhouse.store.client import StoreClient
from packhouse_cli.commands.doctor import checks, of_exports
from packhouse_cli.exit_codes import Exit
from tests.cli.runner import call, serving
from tests.e2e.processes import TOKEN, Services, call_json, running_services

if TYPE_CHECKING:
    from packhouse_cli.user.settings import CliSettings

STORE = "/api/storefront/v1"


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """A sandbox, and a daemon that it sends webhooks to."""
    with running_services(tmp_path_factory.mktemp("doctor")) as running:
        yield running


def doctor(environ: dict[str, str]) -> tuple[int, dict[str, dict[str, str]]]:
    shown = call("doctor", "--json", environ=environ)
    return shown.code, {row["name"]: row for row in shown.json}


def states(found: dict[str, dict[str, str]]) -> dict[str, str]:
    return {name: row["state"] for name, row in found.items()}


@pytest.mark.e2e
def test_a_healthy_installation_has_no_failed_check(services: Services) -> None:
    daemon = services.start()
    services.place_orders(1, kinds=("plain",))
    services.wait_until_processed(1)
    environ = services.environ() | {"PACKHOUSE_URL": daemon.url, "PACKHOUSE_TOKEN": TOKEN}
    try:
        code, found = doctor(environ)
    finally:
        daemon.end()
    assert code == 0, found
    assert set(states(found).values()) == {"ok"}, found
    assert {"settings", "store", "clock", "scopes", "webhook", "deliveries"} <= set(found)
    assert {"daemon", "version", "database", "disk", "workers", "provider"} <= set(found)
    assert services.problems() == []


@pytest.mark.e2e
def test_without_a_daemon_its_settings_are_enough(services: Services) -> None:
    environ = services.environ() | {"PACKHOUSE_URL": services.daemon_url}
    code, found = doctor(environ)
    assert code == Exit.CHECKS_FAILED
    assert found["daemon"]["state"] == "failed"
    assert "packhouse serve" in found["daemon"]["fix"]
    assert "SQLite" in found["database"]["message"]
    assert (found["database"]["state"], found["disk"]["state"], found["provider"]["state"]) == ("ok",) * 3


@pytest.mark.e2e
def test_what_is_wrong_is_named_with_its_fix(services: Services, tmp_path: Path) -> None:
    environ = services.environ() | {"PACKHOUSE_PROVIDERS__EASYPOST__API_KEY": "EZTK_other"}
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(services.ledger, data / "packhouse.db")
    with sqlite3.connect(data / "packhouse.db") as ledger:
        ledger.execute("UPDATE alembic_version SET version_num = '9999'")
    ledger.close()
    code, found = doctor(
        environ | {"PACKHOUSE_DATA_DIR": str(data), "PACKHOUSE_MIN_FREE_DISK_MB": "999999999"}
    )
    assert code == Exit.CHECKS_FAILED
    assert {name for name, row in found.items() if row["state"] == "failed"} == {
        "provider",
        "database",
        "disk",
    }
    assert "newer" in found["database"]["message"]
    assert "PACKHOUSE_DATA_DIR" in found["disk"]["message"]
    assert found["daemon"]["state"] == "unknown"


@pytest.mark.e2e
def test_a_key_of_the_daemons_own_scopes_may_not_see_webhooks_and_that_is_right(services: Services) -> None:
    _, found = doctor(services.environ() | {"ALY_API_KEY": "aly_sandbox_orders"})
    assert found["scopes"]["state"] == "ok"
    assert found["webhook"]["state"] == "unknown"
    assert "read:sites" in found["webhook"]["message"]


@pytest.mark.e2e
def test_a_wrong_key_is_reported_once(services: Services) -> None:
    code, found = doctor(services.environ() | {"ALY_API_KEY": "aly_wrong"})
    assert code == Exit.CHECKS_FAILED
    assert found["store"]["state"] == "failed"
    assert "aly_wrong" not in json.dumps(found)
    assert not {"clock", "scopes", "webhook"} & set(found)


def findings(answers: dict[str, tuple[int, Any]], clock: Any = None) -> dict[str, checks.Finding]:
    with serving(answers) as shop, StoreClient(shop.url + STORE, "aly_x", timeout_s=5) as store:
        more = {"clock": clock} if clock else {}
        found = [*checks.of_store(store, "http://shop", **more), *checks.of_webhook(store, "")]
    return {finding.name: finding for finding in found}


ORDERS = {f"GET {STORE}/merchant/orders?limit=1": (200, {"orders": []})}
FULFILL = f"POST {STORE}/merchant/orders/ord_packhouse_doctor_check/fulfill"
HOOK = {"id": "wh_1", "url": "https://ship.example/webhooks/aly", "events": ["*"], "active": True}


@pytest.mark.parametrize(
    ("status", "code", "state"),
    [
        (404, "not_found", "ok"),
        (422, "refused", "ok"),
        (400, "validation_failed", "ok"),
        (403, "forbidden", "failed"),
        (403, "forbidden_workspace", "ok"),
        (503, "", "unknown"),
        (200, "", "unknown"),
    ],
)
def test_the_right_to_write_shows_in_what_an_order_that_does_not_exist_is_refused_with(
    status: int, code: str, state: str
) -> None:
    found = findings({**ORDERS, FULFILL: (status, {"error": {"code": code, "message": "No."}})})
    assert found["scopes"].state == state


@pytest.mark.parametrize(("off_s", "state"), [(0, "ok"), (30, "ok"), (90, "warning"), (-400, "failed")])
def test_a_clock_that_is_off_is_seen_by_the_stores_date(off_s: float, state: str) -> None:
    import time

    found = findings({**ORDERS, FULFILL: (404, {})}, clock=lambda: time.time() + off_s)
    assert found["clock"].state == state
    if off_s:
        assert ("ahead of" if off_s > 0 else "behind") in found["clock"].message


def hooks(*rows: dict[str, Any], deliveries: Sequence[object] = ()) -> dict[str, checks.Finding]:
    log = f"GET {STORE}/merchant/webhooks/wh_1/deliveries?limit=25"
    listed = f"GET {STORE}/merchant/webhooks"
    answers = {listed: (200, {"webhooks": list(rows)}), log: (200, {"deliveries": list(deliveries)})}
    return findings({**ORDERS, FULFILL: (404, {}), **answers})


def test_a_store_without_a_webhook_is_a_warning_with_the_command_to_run() -> None:
    found = hooks({**HOOK, "url": "https://elsewhere.example/hook"})["webhook"]
    assert found.state == "warning"
    assert "packhouse webhooks create --url" in found.fix
    assert hooks({**HOOK, "active": False})["webhook"].state == "failed"
    missing = hooks({**HOOK, "events": ["order.created"]})["webhook"]
    assert missing.state == "warning"
    assert "order.cancelled" in missing.message
    assert hooks(HOOK)["webhook"].state == "ok"


def delivery(number: int, status: str, answered: int | None) -> dict[str, Any]:
    at = f"2026-11-0{number}T00:00:00Z"
    return {"id": f"del_{number}", "status": status, "status_code": answered, "created_at": at}


@pytest.mark.parametrize(
    ("rows", "state", "words"),
    [
        ([], "ok", "none yet"),
        ([delivery(1, "delivered", 200)], "ok", "the last 1 arrived"),
        ([delivery(1, "failed", 500), delivery(2, "delivered", 200)], "warning", "1 of the last 2"),
        ([delivery(2, "failed", 401), delivery(1, "delivered", 200)], "failed", "answered 401"),
        ([delivery(1, "failed", None)], "failed", "no response"),
    ],
)
def test_deliveries_that_fail_are_seen(rows: list[dict[str, Any]], state: str, words: str) -> None:
    found = hooks(HOOK, deliveries=rows)["deliveries"]
    assert (found.state, words in found.message) == (state, True), found
    if "401" in found.message:
        assert "PACKHOUSE_WEBHOOK__SECRETS" in found.fix


def with_daemon(body: object, status: int = 200) -> dict[str, checks.Finding]:
    answers = {
        "GET /readyz": (503, {"checks": {"disk": [{"status": "fail", "output": "1 MB free"}]}}),
        "GET /api/v1/status": (status, body),
    }
    with serving(answers) as daemon:
        return {finding.name: finding for finding in checks.of_daemon(daemon.url, "sesame-open")}


def test_a_daemon_in_trouble_is_quoted() -> None:
    found = with_daemon({"version": "0.0.1", "paused": True, "oldest_due_s": 4000})
    assert (found["daemon"].state, found["disk"].state) == ("failed", "failed")
    assert found["disk"].message == "1 MB free"
    assert "PACKHOUSE_DATA_DIR" in found["disk"].fix
    assert found["version"].state == "warning"
    assert "1 h 6 min" in found["overdue"].message
    assert with_daemon({"error": {"message": "No."}}, 401)["token"].state == "failed"


def test_the_daemons_waits_and_the_age_of_its_news_are_shown() -> None:
    paused = {"kind": "paused", "sentence": "Paused by ada: stock-taking", "orders": 3, "remedy": "Resume."}
    queued = {"kind": "queued", "sentence": "due", "orders": 1}
    news = {"at": 10_000.0, "last_poll_at": 9_988.0, "last_event_at": None, "waiting": [paused, queued]}
    found = with_daemon({"version": "0.0.1", **news})
    assert found["waiting"][1:] == ("warning", "3 orders: Paused by ada: stock-taking.", "Resume.")
    assert found["orders come in"].state == "ok"
    assert found["orders come in"].message == "last successful poll 12 s ago, last webhook never"
    late = with_daemon({"version": "0.0.1", **news, "last_poll_at": 100.0})
    assert late["orders come in"].state == "warning"


def test_an_account_of_several_gets_the_fix_of_its_check() -> None:
    check = [{"status": "warn", "output": "easypost_us buys no labels: no funds."}]
    finding = checks._own_check("provider easypost_us", check)
    assert (finding.state, finding.message) == ("warning", "easypost_us buys no labels: no funds.")
    assert "provider's key" in finding.fix


def abroad(*addresses: dict[str, str], **environ: str) -> list[checks.Finding]:
    listed = f"GET {STORE}/merchant/orders?limit=50"
    mug: dict[str, object] = {
        "id": "li_1",
        "product_id": "prod_1",
        "name": "Mug",
        "quantity": 1,
        "unit_price": 1000,
        "is_digital": False,
    }
    paris = {"name": "B", "line1": "1 Rue", "city": "Paris", "postcode": "75001"}
    rows = [
        {
            "id": f"ord_{n}",
            "status": "pending",
            "currency": "USD",
            "items": [mug],
            "shipping_address": paris | one,
        }
        for n, one in enumerate(addresses, 1)
    ]
    sender = {"PACKHOUSE_SHIP_FROM__NAME": "Example Shop", "PACKHOUSE_SHIP_FROM__COUNTRY": "US"}
    settings = load(environ={"PACKHOUSE_SECRETS_DIR": "", **sender, **environ})
    answers = {listed: (200, {"orders": rows})}
    with serving(answers) as shop, StoreClient(shop.url + STORE, "aly_x", timeout_s=5) as store:
        return list(of_exports(store, settings))


PHONE = {"PACKHOUSE_SHIP_FROM__PHONE": "5550100"}
ORIGIN = {"PACKHOUSE_CUSTOMS__ORIGIN_COUNTRY": "US"}
FRANCE, TEXAS = {"country": "FR"}, {"city": "Austin", "state": "TX", "postcode": "78701", "country": "US"}


def test_orders_that_go_abroad_need_customs_facts_and_a_phone() -> None:
    customs, phone = abroad(FRANCE)
    assert (customs.state, phone.state) == ("failed", "warning")
    assert "1 of the last 1 orders, ord_1, crosses a customs border, and it would be held" in customs.message
    assert 'no country of origin for "Mug": set customs.origin_country' in customs.message
    assert "Set ship_from.phone." in phone.message
    assert [one.state for one in abroad(FRANCE, **ORIGIN, **PHONE)] == ["ok"]
    account = {"PACKHOUSE_PROVIDER": "easypost", "PACKHOUSE_PROVIDERS__EASYPOST__CUSTOMS_ORIGIN": "US"}
    assert [one.state for one in abroad(FRANCE, **account, **PHONE)] == ["ok"]
    product = {"PACKHOUSE_PRODUCTS": '[{"id": "prod_1", "origin_country": "US"}]'}
    assert [one.state for one in abroad(FRANCE, **product, **PHONE)] == ["ok"]
    assert abroad(TEXAS) == []


@pytest.mark.parametrize(
    ("to", "sender", "crosses"),
    [
        ({"city": "Hagatna", "state": "GU", "postcode": "96910", "country": "US"}, {}, True),
        ({"city": "APO", "state": "AE", "postcode": "09012", "country": "US"}, {}, True),
        ({"city": "San Juan", "state": "PR", "postcode": "00901", "country": "US"}, {}, False),
        ({"city": "San Juan", "postcode": "00901", "country": "PR"}, {}, False),
        (
            {"city": "Berlin", "postcode": "10115", "country": "DE"},
            {"PACKHOUSE_SHIP_FROM__COUNTRY": "FR"},
            False,
        ),
        (
            {"city": "Jersey", "postcode": "JE2 3AB", "country": "GB"},
            {"PACKHOUSE_SHIP_FROM__COUNTRY": "GB", "PACKHOUSE_SHIP_FROM__ZIP": "SW1A 1AA"},
            True,
        ),
    ],
)
def test_exports_are_told_by_customs_areas(
    to: dict[str, str], sender: dict[str, str], *, crosses: bool
) -> None:
    assert bool(abroad(to, **PHONE, **sender)) == crosses


def test_some_orders_abroad_that_would_be_held_are_a_warning() -> None:
    iran = {"city": "Tehran", "postcode": "1193653", "country": "IR"}
    (found,) = abroad(FRANCE, iran, TEXAS, **ORIGIN, **PHONE)
    assert found.state == "warning"
    assert found.message.startswith(
        "2 of the last 3 orders cross a customs border, and 1 of them would be held, such as ord_2: "
    )


@pytest.mark.e2e
def test_a_test_rate_is_asked_and_nothing_is_bought(services: Services) -> None:
    shown = call("doctor", "--rate", "--json", environ=services.environ())
    rates = next(row for row in shown.json if row["name"] == "rates easypost")
    assert rates["state"] == "ok", rates
    assert "USD, the cheapest of" in rates["message"]
    assert "nothing was bought" in rates["message"]
    bought = call_json(f"{services.sandbox_url}/sandbox/audit")["purchases"]
    assert not [one for one in bought if "doctor" in one["reference"]]


def test_wrong_settings_are_reported_line_by_line(tmp_path: Path) -> None:
    environ = {
        "PACKHOUSE_HTTP__PORT": "eighty",
        "PACKHOUSE_LEASE_S": "-1",
        "PACKHOUSE_URL": "http://127.0.0.1:9",
    }
    shown = call("doctor", environ=environ, tty=True)
    assert shown.code == Exit.CHECKS_FAILED
    assert shown.out.count("FAIL     settings") == 2
    assert "PACKHOUSE_HTTP__PORT" in shown.out
    assert shown.err.strip().endswith("checks failed.")


def test_lines_fit_the_terminal() -> None:
    environ = {"COLUMNS": "60", "PACKHOUSE_URL": "http://127.0.0.1:9", "PACKHOUSE_LEASE_S": "-1"}
    shown = call("doctor", environ=environ, tty=True)
    assert max(map(len, shown.out.splitlines())) <= 60


def test_away_from_the_daemon_its_settings_are_not_judged_by_those_that_are_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    orders = {"orders": [{"id": "ord_1", "shipping_address": {"country": "JP"}, "line_items": []}]}
    with serving({f"GET {STORE}/merchant/orders?limit=1": (200, orders)}) as store, serving({}) as daemon:
        environ = {"ALY_API_KEY": "aly_x", "PACKHOUSE_STORE__URL": store.url + STORE} | daemon.environ
        _, found = doctor(environ | {"PACKHOUSE_SECRETS_DIR": ""})
    assert "the daemon's own are not here" in found["settings"]["message"]
    assert not {"exports", "database", "disk", "ship_from", "parcel"} & set(found)


def test_a_token_that_is_not_sent_is_reported_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with serving({"GET /readyz": (200, {"status": "pass"})}) as daemon:
        (tmp_path / "packhouse.toml").write_text(f"[http]\nport = {daemon.port}\n")
        _, found = doctor({"PACKHOUSE_TOKEN": "sesame", "PACKHOUSE_SECRETS_DIR": ""})
    assert "--config" in found["token"]["message"]
    assert not any("authorization" in headers for _, headers in daemon.asked)


def test_a_limit_that_is_not_shared_with_a_daemon_is_named(tmp_path: Path) -> None:
    settings = cast(
        "CliSettings",
        SimpleNamespace(data_dir=str(tmp_path / "data"), store_url="https://aly.store", api_key="aly_key"),
    )
    found = checks.of_limit({"HOME": str(tmp_path)}, settings)
    assert (found.state, "other commands of this user" in found.message) == ("unknown", True)
    assert "PACKHOUSE_DATA_DIR" in found.fix
    found = checks.of_limit({}, settings)
    assert found.message.endswith("share what they find of the store's limit with nothing")
    (tmp_path / "data" / "rates").mkdir(parents=True)
    found = checks.of_limit({}, settings)
    assert (found.state, found.fix) == ("ok", "")
