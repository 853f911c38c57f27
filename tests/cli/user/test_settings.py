from __future__ import annotations

from pathlib import Path

import pytest

from packhouse_cli.exit_codes import UsageError
from packhouse_cli.user.settings import CliSettings


def written(folder: Path, text: str) -> dict[str, str]:
    file = folder / "packhouse.toml"
    file.write_text(text)
    return {"PACKHOUSE_CONFIG": str(file)}


def test_the_defaults_are_the_documented_ones() -> None:
    settings = CliSettings({})
    assert settings.daemon_url == "http://127.0.0.1:8080"
    assert settings.store_url == "https://aly.store/api/storefront/v1"
    assert settings.site_slug == ""


def test_the_daemon_of_this_machine_is_found_by_its_port() -> None:
    environ = {"PACKHOUSE_HTTP__PORT": "9000", "PACKHOUSE_HTTP__HOST": "::"}
    assert CliSettings(environ).daemon_url == "http://[::1]:9000"
    assert CliSettings(environ | {"PACKHOUSE_URL": "http://ship.example"}).daemon_url == "http://ship.example"


def test_the_stores_own_name_for_its_key_is_read_too_and_ours_wins() -> None:
    assert CliSettings({"ALY_API_KEY": "aly_a"}).api_key == "aly_a"
    assert CliSettings({"ALY_API_KEY": "aly_a", "PACKHOUSE_STORE__API_KEY": "aly_b"}).api_key == "aly_b"


def test_environment_wins_over_the_file_and_a_secret_file_over_both(tmp_path: Path) -> None:
    environ = written(tmp_path, '[store]\napi_key = "aly_toml"\nurl = "http://toml/v1/"\nsite_slug = "tea"\n')
    assert CliSettings(environ).api_key == "aly_toml"
    assert CliSettings(environ).store_url == "http://toml/v1"
    assert CliSettings(environ).site_slug == "tea"
    environ["ALY_API_KEY"] = "aly_env"
    assert CliSettings(environ).api_key == "aly_env"
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "packhouse_store__api_key").write_text("aly_folder\n")
    environ["PACKHOUSE_SECRETS_DIR"] = str(folder)
    assert CliSettings(environ).api_key == "aly_folder"
    (tmp_path / "key").write_text("aly_file\n")
    environ["PACKHOUSE_STORE__API_KEY_FILE"] = str(tmp_path / "key")
    assert CliSettings(environ).api_key == "aly_file"


def test_an_empty_variable_counts_as_unset(tmp_path: Path) -> None:
    environ = written(tmp_path, '[store]\nurl = "http://toml"\n') | {"PACKHOUSE_STORE__URL": ""}
    assert CliSettings(environ).store_url == "http://toml"


def test_a_setting_that_is_not_used_may_be_wrong() -> None:
    settings = CliSettings({"PACKHOUSE_STORE__URL": "nonsense", "PACKHOUSE_URL": "http://localhost:9000/"})
    assert settings.daemon_url == "http://localhost:9000"


@pytest.mark.parametrize(
    ("environ", "name", "words"),
    [
        ({}, "api_key", "ALY_API_KEY"),
        ({}, "token", "PACKHOUSE_TOKEN"),
        ({"PACKHOUSE_URL": "localhost:8080"}, "daemon_url", "must be an address"),
        ({"PACKHOUSE_TOKEN_FILE": "missing"}, "token", "'missing'"),
        ({"PACKHOUSE_HTTP__PORT": "eighty"}, "http_port", "port from 1 to 65535"),
        ({"PACKHOUSE_STORE__TIMEOUT_S": "0"}, "store_timeout_s", "seconds above 0"),
        ({"PACKHOUSE_CONFIG": "missing.toml"}, "site_slug", "missing.toml"),
    ],
)
def test_a_wrong_setting_names_itself_and_the_fix(environ: dict[str, str], name: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        getattr(CliSettings(environ), name)
    assert words in str(caught.value)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Cannot read .*packhouse\.toml"):
        _ = CliSettings(written(tmp_path, "[store")).site_slug


def test_a_daemon_that_listens_everywhere_is_asked_on_loopback() -> None:
    assert CliSettings({"PACKHOUSE_HTTP__HOST": "0.0.0.0"}).http_host == "127.0.0.1"
    assert CliSettings({"PACKHOUSE_HTTP__HOST": "10.1.2.3"}).http_host == "10.1.2.3"


def test_values_are_read_as_the_daemon_reads_them(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes("\ufefftoken-of-ann\r\n".encode())
    settings = CliSettings(
        {
            "PACKHOUSE_STORE__API_KEY": '"aly_x" # the key',
            "PACKHOUSE_URL": "'http://ship.example/'",
            "PACKHOUSE_HTTP__PORT": '"9000"',
            "PACKHOUSE_TOKEN_FILE": f'"{tmp_path / "token"}"',
        }
    )
    assert (settings.api_key, settings.token) == ("aly_x", "token-of-ann")
    assert (settings.daemon_url, settings.http_port) == ("http://ship.example", 9000)


@pytest.mark.parametrize(
    ("content", "words"), [("", "is empty"), ("canary\ncanary\n", "has 2 lines"), ('"canary', "never closed")]
)
def test_an_unclear_secret_file_is_refused_without_its_content(
    content: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(content)
    with pytest.raises(UsageError, match=words) as caught:
        _ = CliSettings({"PACKHOUSE_TOKEN_FILE": str(tmp_path / "token")}).token
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://ann:canary@ship.example", "ftp:ann:canary@ship.example"])
def test_a_password_in_an_address_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(UsageError, match="contains a user or a password") as caught:
        _ = CliSettings({"PACKHOUSE_URL": url}).daemon_url
    assert "canary" not in str(caught.value)


def test_in_the_daemons_own_environment_its_first_token_is_used_for_this_machine_only(tmp_path: Path) -> None:
    tokens = {
        "PACKHOUSE_OPERATOR__TOKENS": '"ann:token-of-ann", bob:token-of-bob',
        "PACKHOUSE_SECRETS_DIR": "",
    }
    assert CliSettings(tokens).token == "token-of-ann"
    assert CliSettings(tokens).knows_daemon
    assert CliSettings(tokens | {"PACKHOUSE_TOKEN": "mine-own-token"}).token == "mine-own-token"
    (tmp_path / "PACKHOUSE_OPERATOR__TOKENS").write_text("cid:token-of-cid\nann:token-of-ann\n")
    assert CliSettings({"PACKHOUSE_SECRETS_DIR": str(tmp_path)}).token == "token-of-cid"
    with pytest.raises(UsageError, match="No operator token"):
        _ = CliSettings(tokens | {"PACKHOUSE_URL": "https://elsewhere.example"}).token
