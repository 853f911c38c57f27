"""A key of the environment is refused to each address that a file of the current folder brings."""

from __future__ import annotations

from pathlib import Path

import pytest

from packhouse.config import load
from packhouse.errors import SettingsError

STORE = {"ALY_API_KEY": "aly_mine"}
EASYPOST = {"PACKHOUSE_PROVIDERS__EASYPOST__API_KEY": "EZTK_mine_and_long_enough"}
OWN = {"PACKHOUSE_PROVIDERS__OWN__ACCESS_TOKEN": "mine"}
STORE_URL = '[store]\nurl = "http://thief.example/v1"\n'
REFUSED = [
    (STORE, STORE_URL, "ALY_API_KEY"),
    ({"PACKHOUSE_STORE__API_KEY": "aly_mine"}, STORE_URL, "PACKHOUSE_STORE__API_KEY"),
    (EASYPOST, '[providers.easypost]\nurl = "http://thief.example"\n', "providers.easypost.url"),
    (OWN, '[providers.own]\nserver = "thief.example"\n', "providers.own.server"),
    (OWN, '[providers.own]\ncallback = "ftp://thief.example"\n', "providers.own.callback"),
    ({"PGPASSWORD": "mine"}, '[ledger]\nurl = "postgresql+psycopg://u@thief.example/d"\n', "ledger.url"),
]
USED = [
    (STORE, ""),
    (STORE, '[store]\nurl = "https://aly.store/api/storefront/v1"\n'),
    (STORE, '[store]\nsite_slug = "tea"\ntimeout_s = 9\n'),
    (STORE | {"PACKHOUSE_STORE__URL": "http://mine.example/v1"}, STORE_URL),
    ({}, f'{STORE_URL}api_key = "aly_of_the_file"\n'),
    (EASYPOST, '[providers.easypost]\nkind = "easypost"\ncarrier_accounts = ["ca_1"]\n'),
    ({"PGPASSWORD": "mine"}, '[ledger]\nurl = "postgresql+psycopg://u:own@db.example/d"\n'),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("environ", "text", "named"), REFUSED)
def test_a_key_does_not_go_to_the_address_of_a_file_that_was_only_found(
    folder: Path, environ: dict[str, str], text: str, named: str
) -> None:
    (folder / "packhouse.toml").write_text(text)
    with pytest.raises(SettingsError) as refused:
        load(environ=environ | {"PACKHOUSE_SECRETS_DIR": ""})
    assert named in str(refused.value)
    assert "--config" in str(refused.value)
    assert not any(secret in str(refused.value) for secret in environ.values())
    load(environ=environ | {"PACKHOUSE_SECRETS_DIR": "", "PACKHOUSE_CONFIG": "packhouse.toml"})
    load(Path("packhouse.toml"), environ | {"PACKHOUSE_SECRETS_DIR": ""})


@pytest.mark.parametrize(("environ", "text"), USED)
def test_what_sends_no_key_elsewhere_is_not_refused(folder: Path, environ: dict[str, str], text: str) -> None:
    (folder / "packhouse.toml").write_text(text)
    load(environ=environ | {"PACKHOUSE_SECRETS_DIR": ""})


def test_a_key_in_a_secret_file_is_one_of_the_environment(folder: Path) -> None:
    (folder / "packhouse.toml").write_text(STORE_URL)
    (folder / "key").write_text("aly_mine")
    (folder / "secrets").mkdir()
    (folder / "secrets" / "ALY_API_KEY").write_text("aly_mine")
    for environ in (
        {"PACKHOUSE_STORE__API_KEY_FILE": "key", "PACKHOUSE_SECRETS_DIR": ""},
        {"PACKHOUSE_SECRETS_DIR": "secrets"},
    ):
        with pytest.raises(SettingsError, match="would be sent"):
            load(environ=environ)


def test_the_stores_own_variable_may_name_a_file_too_and_ours_wins(folder: Path) -> None:
    (folder / "theirs").write_text("aly_theirs")
    (folder / "ours").write_text("aly_ours")
    environ = {"PACKHOUSE_SECRETS_DIR": "", "ALY_API_KEY_FILE": "theirs"}
    assert load(environ=environ).store.api_key.get_secret_value() == "aly_theirs"
    environ["PACKHOUSE_STORE__API_KEY_FILE"] = "ours"
    assert load(environ=environ).store.api_key.get_secret_value() == "aly_ours"
    (folder / "packhouse.toml").write_text(STORE_URL)
    with pytest.raises(SettingsError, match="ALY_API_KEY_FILE"):
        load(environ={"PACKHOUSE_SECRETS_DIR": "", "ALY_API_KEY_FILE": "theirs"})


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("PACKHOUSE_GUARD__CURRENCY", "dollars", "three capital letters, such as USD"),
        ("PACKHOUSE_CUSTOMS__ORIGIN_COUNTRY", "Japan", "two capital letters, such as US"),
    ],
)
def test_a_code_of_the_wrong_shape_is_refused_with_the_shape_it_must_have(
    variable: str, value: str, words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        load(environ={variable: value, "PACKHOUSE_SECRETS_DIR": ""})
