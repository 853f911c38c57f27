"""What a plain command loads. Each module here costs every call of every script; the list is a promise."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from packhouse_cli.arguments.registry import COMMANDS
from tests.cli.runner import serving

HEAVY = {
    "pydantic",
    "httpx",
    "httpx2",
    "aiohttp",
    "asyncio",
    "rich",
    "babel",
    "structlog",
    "fastapi",
    "uvicorn",
    "sqlalchemy",
    "alembic",
    "packhouse.config.settings",
    "packhouse.config",
    "packhouse.sandbox",
    "packhouse.ledger",
    "packhouse.api",
}
STORE = "/api/storefront/v1"

_LOADED = """
import json, sys
from packhouse_cli.main import main
code = main(json.loads(sys.argv[1]), environ=json.loads(sys.argv[2]))
print("MODULES", json.dumps([code, sorted(sys.modules)]))
"""


def loaded_by(argv: list[str], environ: dict[str, str]) -> set[str]:
    """The modules in a fresh interpreter after it ran this command, which must succeed."""
    asked = [sys.executable, "-c", _LOADED, json.dumps(argv), json.dumps(environ)]
    shown = subprocess.run(asked, capture_output=True, text=True, timeout=180)
    assert "MODULES " in shown.stdout, shown.stderr
    code, modules = json.loads(shown.stdout.rpartition("MODULES ")[2])
    assert code == 0, shown.stderr
    return set(modules)


def bare() -> set[str]:
    shown = subprocess.run(
        [sys.executable, "-c", "import json, sys; print(json.dumps(sorted(sys.modules)))"],
        capture_output=True,
        text=True,
        timeout=180,
    )
    return set(json.loads(shown.stdout))


@pytest.mark.parametrize("argv", [["--help"], ["--version"], ["help", "exit-codes"]])
def test_help_loads_next_to_nothing(argv: list[str]) -> None:
    modules = loaded_by(argv, {})
    assert not modules & HEAVY
    assert not modules & {"argparse", "http.client", "ssl", "dataclasses", "packhouse.errors"}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_commands_help_loads_a_heavy_library(command: str) -> None:
    # The sandbox's help tells its faults, which is all of it that may be loaded.
    allowed = {"packhouse.sandbox"} if command == "sandbox" else set()
    assert not loaded_by([command, "--help"], {}) & HEAVY - allowed


@pytest.mark.parametrize("argv", [["profile", "list"], ["completion", "bash"], ["config", "--help"]])
def test_a_command_without_calls_loads_no_network(argv: list[str]) -> None:
    modules = loaded_by(argv, {})
    assert not modules & {*HEAVY, "socket", "ssl", "http.client", "dataclasses"}


def test_a_list_of_orders_loads_no_heavy_library() -> None:
    with serving({f"GET {STORE}/merchant/orders?limit=25": (200, {"orders": []})}) as store:
        environ = {"PACKHOUSE_STORE__URL": store.url + STORE, "ALY_API_KEY": "aly_x"}
        modules = loaded_by(["orders", "list", "--json"], environ)
    assert not modules & HEAVY
    assert not modules & {"dataclasses", "inspect", "shutil", "difflib", "packhouse.model.order"}
    assert "packhouse.store.client" in modules


def test_a_plan_and_its_apply_load_no_heavy_library(tmp_path: Path) -> None:
    order = {"id": "ord_1", "status": "pending", "items": [{"id": "li_1", "quantity": 1}], "fulfillments": []}
    answers: dict[str, tuple[int, Any]] = {
        f"GET {STORE}/merchant/orders/ord_1": (200, order),
        f"POST {STORE}/merchant/orders/ord_1/fulfill": (
            200,
            {"fulfillment": {"tracking_number": "1Z", "carrier": "UPS"}},
        ),
    }
    (tmp_path / "rows").write_text("order,carrier,tracking\nord_1,UPS,1Z\n")
    plan = str(tmp_path / "plan")
    with serving(answers) as store:
        environ = {"PACKHOUSE_STORE__URL": store.url + STORE, "ALY_API_KEY": "aly_x"}
        planning = ["orders", "fulfill", "--from", str(tmp_path / "rows"), "--plan-out", plan]
        assert not loaded_by(planning, environ) & HEAVY
        assert not loaded_by(["apply", plan, "--yes"], environ) & HEAVY


def test_status_loads_no_heavy_library_and_nothing_of_the_store() -> None:
    with serving({"GET /api/v1/status": (200, {"version": "1"})}) as daemon:
        modules = loaded_by(["status"], daemon.environ)
    assert not modules & HEAVY
    assert "packhouse.store.client" not in modules


def test_the_health_check_needs_little_more_than_a_socket() -> None:
    with serving({"GET /readyz": (200, {"status": "ready"})}) as daemon:
        modules = loaded_by(["healthcheck"], {"PACKHOUSE_HTTP__PORT": str(daemon.port)})
    assert not modules & HEAVY
    assert not modules & {"argparse", "http.client", "ssl", "dataclasses"}
    assert "socket" in modules - bare()
