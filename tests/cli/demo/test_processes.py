from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path

import pytest

from packhouse.sandbox.store.products import PRODUCTS
from packhouse_cli.demo.processes import (
    ChildProcess,
    DemoProcesses,
    ProcessDied,
    ProcessOptions,
    clean_environ,
)
from packhouse_cli.exit_codes import Exit, UsageError
from tests.cli.runner import call

SHOP = Path(sys.modules["packhouse_cli.demo.processes"].__file__ or "").with_name("shop.toml")


def test_the_users_own_settings_do_not_reach_the_demo() -> None:
    environ = {
        "PATH": "/bin",
        "ALY_API_KEY": "aly_real",
        "PACKHOUSE_STORE__URL": "https://real",
        "HOME": "/h",
    }
    assert clean_environ(environ) == {"PATH": "/bin", "HOME": "/h"}


def test_the_demo_shop_has_every_weight_except_the_unknown_one() -> None:
    from fnmatch import fnmatchcase

    products = tomllib.loads(SHOP.read_text())["products"]
    for good in PRODUCTS:
        if good.is_digital:
            continue
        weights = [
            entry["weight_g"]
            for entry in products
            if entry.get("id") == good.id or fnmatchcase(good.name.lower(), entry.get("name", "\0").lower())
        ]
        assert weights == ([good.weight_g] if good.weight_g else []), good.id


def test_the_daemon_accepts_the_settings_of_the_demo() -> None:
    environ = {"PACKHOUSE_CONFIG": str(SHOP), "ALY_API_KEY": "aly_x"} | {
        "PACKHOUSE_PROVIDERS__EASYPOST__API_KEY": "EZTK_x",
        "PACKHOUSE_STORE__URL": "http://127.0.0.1:9/api/storefront/v1",
    }
    shown = call("config", "check", "--json", environ=environ)
    assert shown.code == 0, shown.err
    assert shown.json["provider"] == ["easypost"]
    assert shown.json["poll"]["interval_s"] == 2


def test_a_process_that_ends_by_itself_is_reported_with_its_last_log_lines(tmp_path: Path) -> None:
    child = ChildProcess("daemon", ["no-such-command"], dict(os.environ), tmp_path)
    child.wait(60)
    with pytest.raises(UsageError, match=r"daemon did not start: .*no-such-command"):
        child.check()
    died = child.died("The daemon ended.")
    assert died.exit_code is Exit.DEMO_PROCESS_DIED
    assert "no-such-command" in died.last_lines[-1]


def test_a_killed_process_is_reported(tmp_path: Path) -> None:
    environ = {**os.environ, "PACKHOUSE_STORE__URL": "http://127.0.0.1:9"}
    child = ChildProcess("sandbox", ["sandbox", "--port", "0", "--orders", "0"], environ, tmp_path)
    child.check()
    assert child.wait(0.0) is False
    with pytest.raises(ProcessDied, match="killed by signal 9"):
        child.check()


def test_an_unknown_fault_is_a_usage_error_and_leaves_no_process_running(tmp_path: Path) -> None:
    shown = call("demo", "--dir", str(tmp_path / "d"), "--fault", "easypost.rest_after_effect=0.1", "--exit")
    assert shown.code == Exit.USAGE
    assert "reset_after_effect" in shown.err


def test_closing_before_opening_is_harmless(tmp_path: Path) -> None:
    assert DemoProcesses(ProcessOptions(tmp_path), {}, print).close() == []


def test_a_folder_that_is_not_empty_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    shown = call("demo", "--dir", str(tmp_path), "--exit")
    assert shown.code == Exit.USAGE
    assert "not empty" in shown.err
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    "argv", [("--orders", "0"), ("--duplicate", "1.5"), ("--rate", "-1"), ("--time-limit", "x")]
)
def test_invalid_numbers_are_refused_before_anything_starts(argv: tuple[str, str], tmp_path: Path) -> None:
    shown = call("demo", *argv, "--dir", str(tmp_path / "d"))
    assert shown.code == Exit.USAGE
    assert argv[0] in shown.err
    assert not (tmp_path / "d").exists()
