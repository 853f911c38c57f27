"""A backup of the ledger is put back under real processes, on both engines: nothing since is forgotten."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import TOKEN, Services, call_json, clean_environ, running_services, wait_for
from tests.postgres import PostgresServer
from tests.service.ledger.address import say_address
from tests.service.ledger.backups import Backups

pytestmark = pytest.mark.e2e


@pytest.fixture(params=["sqlite", "postgresql"])
def backups(request: pytest.FixtureRequest, tmp_path: Path) -> Backups:
    if request.param == "sqlite":
        return Backups(tmp_path / "data")
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name: str = request.getfixturevalue("postgres_database")
    say_address(tmp_path, server.url(name))
    return Backups(tmp_path / "data", server, name)


def test_a_ledger_that_was_put_back_buys_nothing_twice_and_knows_again_what_people_did(
    tmp_path: Path, backups: Backups
) -> None:
    with running_services(tmp_path) as services:
        services.start()
        services.place_orders(4, kinds=("plain",))
        services.wait_until_processed(4)
        voided = _bought_and_not_posted(services)
        assert services.daemon is not None
        services.daemon.end()
        put_back = backups.take()

        services.start()
        services.place_orders(5, kinds=("plain",))
        wait_for(lambda: services.phases()["shipped"] >= 9, "nine orders to ship")
        _operate(services, f"shipments/{voided}-1/void")
        wait_for(lambda: _shipment(services, voided)["state"] == "voided", "the label to be void")
        _operate(services, "pause")
        fraud = _place_order(services)
        _operate(services, f"orders/{fraud}/holds")
        before = _audit(services)
        spent = services.api("/api/v1/status")["spent"]
        services.daemon.kill()
        put_back()

        services.start()
        wait_for(lambda: services.api("/api/v1/reconciliation")["state"] == "done", "everything to add up")
        status = services.api("/api/v1/status")
        assert (status["paused"], status["paused_by"]) == (True, "ada: because")
        assert status["spent"] == spent
        assert _shipment(services, voided)["state"] == "voided"
        assert [hold["code"] for hold in _holds(services, fraud)] == ["manual"]
        shown = _reconcile(services)
        assert shown.returncode == 0, shown.stderr
        assert "The last restore is reconciled." in shown.stdout
        assert "hold manual is placed by ada" in shown.stdout
        _operate(services, "resume")
        later = _place_order(services)
        wait_for(lambda: services.api(f"/api/v1/orders/{later}")["phase"] == "shipped", "it to work on")
        after = _audit(services)
        assert after[: len(before)] == before
        assert [one["reference"] for one in after[len(before) :]] == [f"{later}/1/1"]
        assert services.problems(processed=False) == []


def _bought_and_not_posted(services: Services) -> str:
    """An order whose label is bought, and left to a program to post."""
    _operate(services, "pause")
    order = _place_order(services)
    _operate(services, f"orders/{order}/label")
    _operate(services, "resume")
    wait_for(lambda: services.api(f"/api/v1/orders/{order}/label")["state"] == "ready", "its label")
    return order


def _place_order(services: Services) -> str:
    before = set(call_json(f"{services.sandbox_url}/sandbox/state")["orders"])
    services.place_orders(1, kinds=("plain",))
    (order,) = set(call_json(f"{services.sandbox_url}/sandbox/state")["orders"]) - before
    wait_for(lambda: services.query(f"SELECT count(*) FROM orders WHERE id = '{order}'"), "the order")
    return str(order)


def _operate(services: Services, path: str) -> Any:
    return services.api(f"/api/v1/{path}", {"reason": "because"})


def _shipment(services: Services, order: str) -> Any:
    return services.api(f"/api/v1/shipments/{order}-1")


def _holds(services: Services, order: str) -> list[Any]:
    holds = services.api(f"/api/v1/orders/{order}")["holds"]
    return [hold for hold in holds if hold["released_at"] is None]


def _audit(services: Services) -> list[Any]:
    return list(call_json(f"{services.sandbox_url}/sandbox/audit")["purchases"])


def _reconcile(services: Services) -> subprocess.CompletedProcess[str]:
    environ = clean_environ() | {"PACKHOUSE_URL": services.daemon_url, "PACKHOUSE_TOKEN": TOKEN}
    command = [sys.executable, "-m", "packhouse_cli", "reconcile"]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=180)
