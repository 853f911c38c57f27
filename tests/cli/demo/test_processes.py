from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path

import pytest

from packhouse.sandbox.store.products import PRODUCTS
from packhouse_cli.demo.processes import Player, ProcessDied, Stage, Staging, neutral
from packhouse_cli.exit_codes import Exit, UsageError
from tests.cli.runner import call

SHOP = Path(sys.modules["packhouse_cli.demo.processes"].__file__ or "").with_name("shop.toml")


def test_nothing_of_the_users_own_settings_reaches_the_demonstration() -> None:
    environ = {
        "PATH": "/bin",
        "ALY_API_KEY": "aly_real",
        "PACKHOUSE_STORE__URL": "https://real",
        "HOME": "/h",
    }
    assert neutral(environ) == {"PATH": "/bin", "HOME": "/h"}


def test_the_demonstrations_shop_knows_each_weight_but_the_one_that_nobody_weighed() -> None:
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


def test_the_demonstrations_settings_are_accepted_by_the_daemon() -> None:
    environ = {"PACKHOUSE_CONFIG": str(SHOP), "ALY_API_KEY": "aly_x"} | {
        "PACKHOUSE_PROVIDERS__EASYPOST__API_KEY": "EZTK_x"
    }
    shown = call("config", "check", "--json", environ=environ)
    assert shown.code == 0, shown.err
    assert shown.json["carrier"] == "easypost"
    assert shown.json["poll"]["interval_s"] == 2


def test_a_process_that_ends_by_itself_is_told_with_its_last_words(tmp_path: Path) -> None:
    player = Player("daemon", ["no-such-command"], dict(os.environ), tmp_path)
    player.wait(30)
    with pytest.raises(UsageError, match=r"daemon refuses to start: .*no-such-command"):
        player.check()
    died = player.death("The daemon ended.")
    assert died.exit_code is Exit.DEMO_PROCESS_DIED
    assert "no-such-command" in died.last_words[-1]


def test_a_process_that_was_killed_is_told_so(tmp_path: Path) -> None:
    environ = {**os.environ, "PACKHOUSE_STORE__URL": "http://127.0.0.1:9"}
    player = Player("sandbox", ["sandbox", "--port", "0", "--orders", "0"], environ, tmp_path)
    player.check()
    assert player.wait(0.0) is False
    with pytest.raises(ProcessDied, match="ended by signal 9"):
        player.check()


def test_a_wrong_fault_is_a_wrong_argument_and_leaves_no_process_behind(tmp_path: Path) -> None:
    shown = call("demo", "--dir", str(tmp_path / "d"), "--fault", "carrier.rest_after_effect=0.1", "--exit")
    assert shown.code == Exit.USAGE
    assert "reset_after_effect" in shown.err


def test_closing_before_opening_is_harmless(tmp_path: Path) -> None:
    assert Stage(Staging(tmp_path), {}, print).close() == []


def test_a_folder_with_something_in_it_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    shown = call("demo", "--dir", str(tmp_path), "--exit")
    assert shown.code == Exit.USAGE
    assert "not empty" in shown.err
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    "argv", [("--orders", "0"), ("--duplicate", "1.5"), ("--rate", "-1"), ("--time-limit", "x")]
)
def test_numbers_that_make_no_sense_are_refused_before_anything_starts(
    argv: tuple[str, str], tmp_path: Path
) -> None:
    shown = call("demo", *argv, "--dir", str(tmp_path / "d"))
    assert shown.code == Exit.USAGE
    assert argv[0] in shown.err
    assert not (tmp_path / "d").exists()
