"""A daemon that does not ship says why: status, why, /readyz and /metrics agree, and end together."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest

from packhouse_cli.exit_codes import Exit
from tests.cli.runner import Outcome, call
from tests.e2e.processes import TOKEN, Services, call_json, running_services, wait_for

pytestmark = pytest.mark.e2e

SLOW_RETRIES = {
    "PACKHOUSE_POLL__RECHECK_S": "3600",
    "PACKHOUSE_GUARD__BREAKER_COOLDOWN_S": "600",
}


def packhouse(services: Services, *argv: str) -> Outcome:
    environ = {"PACKHOUSE_URL": services.daemon_url, "PACKHOUSE_TOKEN": TOKEN, "COLUMNS": "80"}
    return call(*argv, environ=environ, tty=True)


def warning(services: Services, check: str) -> str:
    """What /readyz says about a check that is a warning; "" if it passes."""
    (result,) = call_json(f"{services.daemon_url}/readyz")["checks"][check]
    return str(result["output"]) if result["status"] == "warn" else ""


def waiting(services: Services, reason: str) -> int:
    """How many orders wait for this reason, by /metrics."""
    with urllib.request.urlopen(f"{services.daemon_url}/metrics", timeout=180) as response:
        lines = response.read().decode().splitlines()
    name = f'packhouse_orders_waiting{{reason="{reason}"}} '
    return next(int(float(line.removeprefix(name))) for line in lines if line.startswith(name))


def one_line(text: str) -> str:
    return " ".join(text.split())


def test_a_pause_is_told_everywhere_until_it_ends(tmp_path: Path) -> None:
    with running_services(tmp_path, **SLOW_RETRIES) as services:
        services.start()
        assert packhouse(services, "pause", "--reason", "stock-taking").code == Exit.OK
        services.place_orders(2, kinds=("plain",))
        wait_for(lambda: waiting(services, "paused") == 2, "both orders to wait")
        order_id = services.api("/api/v1/orders")["orders"][0]["id"]
        for argv in (("status",), ("why", order_id), ("doctor",)):
            shown = one_line(packhouse(services, *argv).out)
            assert "Paused by ada: stock-taking." in shown, argv
            assert "packhouse resume --reason WHY" in shown, argv
        assert warning(services, "buying").startswith("Paused by ada: stock-taking. Since 20")
        assert packhouse(services, "resume", "--reason", "done").code == Exit.OK
        wait_for(lambda: waiting(services, "paused") == 0, "the pause to end")
        assert warning(services, "buying") == ""
        assert services.wait_until_processed(2)["shipped"] == 2
        assert "waiting" not in packhouse(services, "status").out


def test_a_refused_key_is_told_with_the_providers_words_and_holds_no_order(tmp_path: Path) -> None:
    key = {"PACKHOUSE_PROVIDERS__EASYPOST__API_KEY": "EZTK_other"}
    with running_services(tmp_path, **SLOW_RETRIES, **key) as services:
        services.start()
        services.place_orders(1, kinds=("plain",))
        wait_for(lambda: waiting(services, "provider_unavailable") == 1, "the order to wait")
        (order,) = services.api("/api/v1/orders")["orders"]
        assert (order["phase"], order["holds"]) == ("open", [])
        for argv in (("status",), ("why", order["id"])):
            shown = one_line(packhouse(services, *argv).out)
            assert (
                "easypost has not said yet what it sold before the start: EasyPost answered 401" in shown
            ), argv
        assert "EasyPost answered 401" in warning(services, "provider")


def test_an_account_that_keeps_failing_is_told_with_the_time_of_its_next_try(tmp_path: Path) -> None:
    breaker = {"PACKHOUSE_GUARD__BREAKER_THRESHOLD": "3", "PACKHOUSE_WORKER__CONCURRENCY": "2"}
    with running_services(tmp_path, **SLOW_RETRIES, **breaker) as services:
        services.start()
        call_json(f"{services.sandbox_url}/sandbox/faults", {"easypost.error_before_effect": 1.0})
        services.place_orders(3, kinds=("plain",))
        wait_for(lambda: waiting(services, "account_resting") == 3, "the orders to wait")
        order_id = services.api("/api/v1/orders")["orders"][0]["id"]
        for argv in (("status",), ("why", order_id)):
            shown = one_line(packhouse(services, *argv).out)
            assert "easypost failed" in shown, argv
            assert "EasyPost answered 500" in shown, argv
            assert "continues in" in shown, argv
        assert "Next try at 20" in warning(services, "provider")


def test_a_store_that_is_gone_is_told_with_the_time_of_the_last_poll(tmp_path: Path) -> None:
    with running_services(tmp_path, **SLOW_RETRIES) as services:
        services.start()
        wait_for(lambda: services.api("/api/v1/status")["last_poll_at"], "the first poll")
        services.sandbox.kill()
        wait_for(lambda: warning(services, "store"), "a poll to fail")
        shown = one_line(packhouse(services, "status").out)
        assert "running, with problems" in shown
        assert "Polling the store fails: Cannot reach the store" in shown
        assert "last poll" in shown
