"""Variables as env files leave them, secret files as people write them, and the shape of secrets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from packhouse.config import load, secret_values
from packhouse.errors import SettingsError
from tests.service.config.reading import read, refused

CASES = Path(__file__).parents[4] / "shared" / "data" / "cases" / "orders"
KEY = "PACKHOUSE_STORE__API_KEY"


def test_quotes_that_docker_keeps_are_removed_from_every_kind_of_value() -> None:
    settings = read(
        PACKHOUSE_STORE__API_KEY='"aly_live_x"',
        PACKHOUSE_WEBHOOK__SECRETS="'whsec_test'",
        PACKHOUSE_DATA_DIR='"/data"',
        PACKHOUSE_HTTP__PORT='"9000" # the port',
        PACKHOUSE_HTTP__DOCS="'true'",
        PACKHOUSE_PROVIDER='\'["offline", "easypost"]\'',
        PACKHOUSE_PROVIDERS__EASYPOST__API_KEY='"EZTKquoted"',
        PACKHOUSE_SHIP_FROM__NAME='"Bob\'s Shop"',
        PACKHOUSE_SHIP_FROM__CITY="'s-Hertogenbosch",
        PACKHOUSE_SHIP_FROM__STREET1="12 Main St # 4",
        PACKHOUSE_OPERATOR__TOKENS='"ann:token-of-ann","bob:token-of-bob"',
        PACKHOUSE_LEDGER__URL='"postgresql+psycopg://u:p@h/d"',
    )
    assert settings.store.api_key.get_secret_value() == "aly_live_x"
    assert [secret.get_secret_value() for secret in settings.webhook.secrets] == ["whsec_test"]
    assert settings.data_dir == Path("/data")
    assert (settings.http.port, settings.http.docs) == (9000, True)
    assert settings.provider == ("offline", "easypost")
    assert settings.providers == {"easypost": {"api_key": "EZTKquoted"}}
    assert settings.ship_from.name == "Bob's Shop"
    assert settings.ship_from.city == "'s-Hertogenbosch"
    assert settings.ship_from.street1 == "12 Main St # 4"
    assert settings.operator.names_by_token() == {"token-of-ann": "ann", "token-of-bob": "bob"}
    assert settings.ledger.url == "postgresql+psycopg://u:p@h/d"


def test_the_name_may_carry_export_or_a_byte_order_mark() -> None:
    settings = read(**{f"export {KEY}": "aly_live_x", "\ufeffPACKHOUSE_HTTP__PORT": "9000"})
    assert settings.store.api_key.get_secret_value() == "aly_live_x"
    assert settings.http.port == 9000


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfaly_live_x\r\n",
        "aly_live_x\r\n".encode("utf-16"),
        b'"aly_live_x"\n',
        b"ALY_API_KEY=aly_live_x\n",
        b"# from the store's page\naly_live_x\n\n",
    ],
)
def test_a_secret_file_is_read_as_editors_write_it(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(content)
    settings = read(PACKHOUSE_STORE__API_KEY_FILE=f'"{tmp_path / "key"}"')
    assert settings.store.api_key.get_secret_value() == "aly_live_x"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty. Write the value into it"),
        (b" \r\n", "is empty. Write the value into it"),
        (b"aly_one\naly_two\n", "has 2 lines, and one value is expected"),
        (b'"aly_one\n', "begins with a quote that is never closed"),
        (b"a\0l\0y\0", "contains NUL characters, as UTF-16 text does"),
        (b"aly_\xff", "is not UTF-8 text"),
        (b"aly_one two\n", "must be the key as the store shows it"),
        (b"whsec_wrong_kind\n", "is the signing secret of a webhook (whsec_...)"),
    ],
)
def test_an_unclear_secret_file_is_refused_with_the_reason(
    content: bytes, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "key").write_bytes(content)
    (line,) = refused(PACKHOUSE_STORE__API_KEY_FILE=str(tmp_path / "key"))
    assert reason in line
    assert line.startswith("PACKHOUSE_STORE__API_KEY_FILE")
    assert not any(secret in line for secret in ("aly_one", "aly_two", "wrong_kind"))


def test_a_folder_in_place_of_a_secret_file_is_refused_wherever_it_is(tmp_path: Path) -> None:
    (tmp_path / KEY).mkdir()
    reason = r"is a folder, not a file\. Docker makes a folder"
    with pytest.raises(SettingsError, match=reason):
        read(PACKHOUSE_STORE__API_KEY_FILE=str(tmp_path / KEY))
    with pytest.raises(SettingsError, match=reason):
        load(environ={"PACKHOUSE_SECRETS_DIR": str(tmp_path)})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_this_user_may_not_read_is_refused_with_the_user(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("aly_live_x")
    (tmp_path / "key").chmod(0)
    (line,) = refused(PACKHOUSE_STORE__API_KEY_FILE=str(tmp_path / "key"))
    assert f"runs as uid {os.geteuid()}" in line
    assert "mode 0000" in line


def test_a_settings_file_may_begin_with_a_byte_order_mark() -> None:
    Path("bom.toml").write_bytes(b'\xef\xbb\xbfprovider = "easypost"\r\n')
    assert load(Path("bom.toml"), {"PACKHOUSE_SECRETS_DIR": ""}).provider == ("easypost",)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        (KEY, "whsec_abcdefgh", "is the signing secret of a webhook (whsec_...)"),
        ("PACKHOUSE_WEBHOOK__SECRETS", "aly_live_abc", "is an API key of the store (aly_...)"),
        ("PACKHOUSE_PROVIDERS__EASYPOST__API_KEY", "aly_live_abc", "is an API key of the store (aly_...)"),
        (KEY, "EZTKabcdefgh", "is a test key of EasyPost (EZTK...)"),
        ("PACKHOUSE_WEBHOOK__SECRETS", "whsec_a b", "contains a blank"),
        ("PACKHOUSE_OPERATOR__TOKENS", "ann:t\u00f6ken-of-ann", "contains a letter or sign that no key has"),
    ],
)
def test_a_secret_of_an_impossible_shape_is_refused(name: str, value: str, reason: str) -> None:
    lines = refused(**{name: value})
    assert any(line.startswith(name) and reason in line for line in lines), lines
    assert value not in "\n".join(lines)


def test_a_password_that_is_an_ordinary_word_is_not_hidden_in_every_sentence() -> None:
    url = "postgresql+psycopg://packhouse:packhouse@db/packhouse"
    assert secret_values(read(PACKHOUSE_LEDGER__URL=url)) == ()
    assert secret_values(read(), {"PGPASSWORD": "hunter22"}) == ("hunter22",)


def test_the_recorded_env_file_and_secret_file_are_read() -> None:
    if not CASES.is_dir():
        pytest.skip("the recorded cases are not on this machine")
    lines = (CASES / "20-quoted.env").read_text().splitlines()
    environ = dict(line.split("=", 1) for line in lines if "=" in line)
    settings = read(**environ)
    assert settings.store.api_key.get_secret_value() == "aly_x"
    assert [secret.get_secret_value() for secret in settings.webhook.secrets] == ["whsec_test"]
    assert settings.data_dir == Path("/data")
    with_mark = read(PACKHOUSE_WEBHOOK__SECRETS_FILE=str(CASES / "22-secret-with-bom"))
    assert [secret.get_secret_value() for secret in with_mark.webhook.secrets] == ["whsec_test"]
