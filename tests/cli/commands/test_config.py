from __future__ import annotations

from pathlib import Path

from packhouse_cli.exit_codes import Exit
from tests.cli.runner import call


def environ(folder: Path, **more: str) -> dict[str, str]:
    file = folder / "packhouse.toml"
    file.write_text('provider = "offline"\n[poll]\ninterval_s = 60\n')
    return {"PACKHOUSE_CONFIG": str(file), "ALY_API_KEY": "aly_very_secret", **more}


def test_the_settings_in_force_are_shown_without_any_secret(tmp_path: Path) -> None:
    shown = call("config", "check", environ=environ(tmp_path, PACKHOUSE_HTTP__PORT="9001"))
    assert shown.code == 0
    assert "interval_s = 60.0" in shown.out
    assert "port = 9001" in shown.out
    assert "very_secret" not in shown.out


def test_as_json_it_is_one_object(tmp_path: Path) -> None:
    shown = call("config", "check", "--json", environ=environ(tmp_path)).json
    assert shown["poll"]["interval_s"] == 60
    assert "very_secret" not in str(shown)


def test_every_wrong_setting_is_reported_at_once_with_exit_code_2(tmp_path: Path) -> None:
    wrong = {"PACKHOUSE_POLL__INTERVAL_S": "soon", "PACKHOUSE_HTTP__PORT": "99999"}
    shown = call("config", "check", "--json", environ=environ(tmp_path, **wrong))
    assert shown.code == Exit.USAGE
    assert "PACKHOUSE_POLL__INTERVAL_S" in shown.err
    assert "PACKHOUSE_HTTP__PORT" in shown.err
    assert shown.error["code"] == "settings"


def test_what_serve_would_refuse_is_reported_after_the_settings(tmp_path: Path) -> None:
    keyless = call("config", "check", environ=environ(tmp_path) | {"ALY_API_KEY": ""})
    assert keyless.code == Exit.USAGE
    assert "interval_s = 60.0" in keyless.out
    assert keyless.err.startswith("packhouse: PACKHOUSE_STORE__API_KEY is missing")
    shown = call("config", "check", environ=environ(tmp_path, PACKHOUSE_PROVIDER="nosuch"))
    assert shown.code == Exit.USAGE
    assert "there is no provider of the kind 'nosuch'" in shown.err


def test_what_will_stop_orders_is_reported_with_a_code_of_its_own(tmp_path: Path) -> None:
    easypost = {
        "PACKHOUSE_PROVIDER": "easypost",
        "PACKHOUSE_PROVIDERS__EASYPOST__API_KEY": "EZAK_very_secret",
    }
    data = {"PACKHOUSE_DATA_DIR": str(tmp_path / "packhouse.toml")}
    shown = call("config", "check", environ=environ(tmp_path, **easypost, **data))
    assert shown.code == Exit.CHECKS_FAILED
    assert "FAIL  ship_from: [ship_from] is not set" in shown.err
    assert "FAIL  disk: " in shown.err
    assert "packhouse.toml is not a folder" in shown.err
    assert "very_secret" not in shown.err


def test_the_trial_provider_passes_with_a_warning(tmp_path: Path) -> None:
    shown = call("config", "check", environ=environ(tmp_path))
    assert shown.code == 0
    assert shown.err.startswith("warn  ship_from: ")


def test_config_without_a_subcommand_lists_the_subcommands() -> None:
    shown = call("config")
    assert shown.code == Exit.USAGE
    assert "check" in shown.err
