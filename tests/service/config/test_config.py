"""Settings: who wins, what is refused and in whose words, and that secrets stay hidden."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from packhouse.config import effective, load, require_for_serving, secret_values
from packhouse.config.fields import fields, find, shape, variable
from packhouse.config.renamed import RENAMED
from packhouse.config.settings import Settings
from packhouse.errors import SettingsError
from tests.service.config.reading import read, refused

# Names that the outside relies on: compose files, manifests, other people's scripts.
KEPT = {
    "PACKHOUSE_STORE__URL": "http://127.0.0.1:9/api",
    "PACKHOUSE_STORE__API_KEY": "aly_live_key",
    "PACKHOUSE_STORE__SITE_SLUG": "shop",
    "PACKHOUSE_STORE__TIMEOUT_S": "7",
    "PACKHOUSE_WEBHOOK__SECRETS": "whsec_one,whsec_two",
    "PACKHOUSE_LEDGER__URL": "sqlite:////tmp/x.db",
    "PACKHOUSE_DATA_DIR": "/var/lib/packhouse",
    "PACKHOUSE_POLL__INTERVAL_S": "2",
    "PACKHOUSE_POLL__RECHECK_S": "60",
    "PACKHOUSE_PROVIDER": "easypost",
    "PACKHOUSE_PROVIDERS__EASYPOST__URL": "http://127.0.0.1:9/easypost/v2",
    "PACKHOUSE_PROVIDERS__EASYPOST__API_KEY": "EZTKkey",
    "PACKHOUSE_SHIP_FROM__NAME": "Shop",
    "PACKHOUSE_SHIP_FROM__STREET1": "1 Main St",
    "PACKHOUSE_SHIP_FROM__CITY": "Oakland",
    "PACKHOUSE_SHIP_FROM__STATE": "CA",
    "PACKHOUSE_SHIP_FROM__ZIP": "94607",
    "PACKHOUSE_SHIP_FROM__COUNTRY": "US",
    "PACKHOUSE_SHIP_FROM__PHONE": "5550100",
    "PACKHOUSE_PARCEL__WEIGHT_G": "400",
    "PACKHOUSE_PARCEL__LENGTH_MM": "300",
    "PACKHOUSE_PARCEL__WIDTH_MM": "200",
    "PACKHOUSE_PARCEL__HEIGHT_MM": "100",
    "PACKHOUSE_HTTP__HOST": "0.0.0.0",
    "PACKHOUSE_HTTP__PORT": "8000",
    "PACKHOUSE_OPERATOR__TOKENS": "ann:token-of-ann,bob:token-of-bob",
    "PACKHOUSE_WORKER__CONCURRENCY": "4",
    "PACKHOUSE_PROVIDER_TIMEOUT_S": "5",
    "PACKHOUSE_PROVIDER_SETTLE_S": "1",
    "PACKHOUSE_RETRY__BASE_S": "1",
    "PACKHOUSE_RETRY__MAX_S": "9",
    "PACKHOUSE_LEASE_S": "30",
}


def test_every_name_that_others_rely_on_reaches_its_field() -> None:
    settings = read(**KEPT)
    for name, text in KEPT.items():
        value: Any = settings
        for part in name.removeprefix("PACKHOUSE_").lower().split("__"):
            value = value[part] if isinstance(value, dict) else getattr(value, part)
        if name.endswith("SECRETS"):
            assert [secret.get_secret_value() for secret in value] == ["whsec_one", "whsec_two"]
        elif name.endswith("TOKENS"):
            assert settings.operator.names_by_token() == {"token-of-ann": "ann", "token-of-bob": "bob"}
        elif name.endswith("STORE__API_KEY"):
            assert value.get_secret_value() == text
        elif name == "PACKHOUSE_PROVIDER":
            assert value == (text,)
        else:
            assert str(value).removesuffix(".0") == text.removesuffix(".0")


def test_without_any_source_the_defaults_apply() -> None:
    assert load(environ={"PACKHOUSE_SECRETS_DIR": ""}) == Settings()


def test_settings_built_directly_read_no_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKHOUSE_PROVIDER", "easypost")
    assert Settings().provider == ("offline",)


def test_each_source_wins_over_the_one_before(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    toml = '[store]\napi_key = "from_toml"\n'
    environ = {"PACKHOUSE_SECRETS_DIR": str(secrets)}

    def key() -> str:
        return read(toml, **environ).store.api_key.get_secret_value()

    assert key() == "from_toml"
    environ["ALY_API_KEY"] = "from_aly"
    assert key() == "from_aly"
    environ["PACKHOUSE_STORE__API_KEY"] = "from_environment"
    assert key() == "from_environment"
    (secrets / "packhouse_store__api_key").write_text("from_folder\n")
    assert key() == "from_folder"
    (tmp_path / "key").write_text("from_file\n")
    environ["PACKHOUSE_STORE__API_KEY_FILE"] = str(tmp_path / "key")
    assert key() == "from_file"


def test_sources_are_joined_field_by_field() -> None:
    settings = read('[store]\nurl = "http://a"\nsite_slug = "toml"\n', PACKHOUSE_STORE__SITE_SLUG="env")
    assert (settings.store.url, settings.store.site_slug) == ("http://a", "env")


def test_the_file_is_found_by_argument_then_variable_then_default_path(tmp_path: Path) -> None:
    for name in ("argument", "variable", "packhouse"):
        (tmp_path / f"{name}.toml").write_text(f'provider = "{name}"')
    environ = {"PACKHOUSE_SECRETS_DIR": "", "PACKHOUSE_CONFIG": "variable.toml"}
    assert load(Path("argument.toml"), environ).provider == ("argument",)
    assert load(None, environ).provider == ("variable",)
    assert load(None, {"PACKHOUSE_SECRETS_DIR": ""}).provider == ("packhouse",)


def test_a_secret_file_may_contain_one_secret_on_each_line(tmp_path: Path) -> None:
    (tmp_path / "hooks").write_text("whsec_new\nwhsec_old\n")
    settings = read(PACKHOUSE_WEBHOOK__SECRETS_FILE=str(tmp_path / "hooks"))
    assert [secret.get_secret_value() for secret in settings.webhook.secrets] == ["whsec_new", "whsec_old"]


def test_the_secret_of_an_account_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("EZTKfile")
    settings = read(PACKHOUSE_PROVIDERS__EASYPOST__API_KEY_FILE=str(tmp_path / "key"))
    assert settings.providers == {"easypost": {"api_key": "EZTKfile"}}


def test_a_secrets_folder_may_contain_other_files(tmp_path: Path) -> None:
    (tmp_path / "secrets" / "..data").mkdir(parents=True)
    (tmp_path / "secrets" / "postgres_password").write_text("x")
    (tmp_path / "secrets" / "aly_api_key").write_text("aly_from_folder")
    (tmp_path / "secrets" / "PACKHOUSE_WEBHOOK__SECRETS").write_text("whsec_a")
    settings = read(PACKHOUSE_SECRETS_DIR=str(tmp_path / "secrets"))
    assert settings.store.api_key.get_secret_value() == "aly_from_folder"
    assert len(settings.webhook.secrets) == 1


def test_an_empty_variable_counts_as_unset() -> None:
    assert read("[parcel]\nweight_g = 5", PACKHOUSE_PARCEL__WEIGHT_G="").parcel.weight_g == 5


def test_variables_of_other_programs_are_ignored() -> None:
    read(
        PACKHOUSE_URL="http://x",
        PACKHOUSE_TOKEN="t",
        PACKHOUSE_PORT="tcp://10.0.0.1:80",
        PACKHOUSE_PORT_8080_TCP="tcp://10.0.0.1:8080",
        PACKHOUSE_PORT_8080_TCP_ADDR="10.0.0.1",
        PACKHOUSE_SERVICE_HOST="10.0.0.1",
        PACKHOUSE_SERVICE_PORT_HTTP="8080",
        PACKHOUSE_VERSION="1.2.3",
        PACKHOUSE_IMAGE="x",
    )


def test_a_secret_file_under_an_old_name_is_refused_with_the_new_one(tmp_path: Path) -> None:
    (tmp_path / "packhouse_carriers__easypost__api_key").write_text("EZTKfile")
    with pytest.raises(
        SettingsError, match=r"api_key was renamed: use PACKHOUSE_PROVIDERS__EASYPOST__API_KEY\."
    ):
        load(environ={"PACKHOUSE_SECRETS_DIR": str(tmp_path)})


def test_every_new_name_is_a_setting() -> None:
    assert all(find(new) for new in RENAMED.values())
    assert not any(find(old) for old in RENAMED)


def test_the_accounts_that_sell_are_one_name_or_several() -> None:
    several = ("easypost_us", "offline")
    for settings in (
        read(PACKHOUSE_PROVIDER="easypost_us, offline"),
        read(PACKHOUSE_PROVIDER='["easypost_us", "offline"]'),
        read('provider = ["easypost_us", "offline"]'),
        read('provider = "easypost_us,offline"'),
    ):
        assert settings.provider == several
    assert read('provider = "easypost"').provider == ("easypost",)


def test_an_accounts_kind_is_its_name_unless_it_is_set() -> None:
    settings = read(
        'provider = "offline"\n[providers.us]\nkind = "easypost"\napi_key = "EZTKa"\n'
        '[providers.easypost]\napi_key = "EZTKb"\n',
        PACKHOUSE_PROVIDERS__EU__KIND="easypost",
        PACKHOUSE_PROVIDERS__EU__API_KEY="EZTKc",
    )
    assert settings.accounts() == {
        "offline": ("offline", {}),
        "us": ("easypost", {"api_key": "EZTKa"}),
        "easypost": ("easypost", {"api_key": "EZTKb"}),
        "eu": ("easypost", {"api_key": "EZTKc"}),
    }


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PACKHOUSE_STORE__URLL", "PACKHOUSE_STORE__URL"),
        ("PACKHOUSE_STORE_URL", "PACKHOUSE_STORE__URL"),
        ("PACKHOUSE_WEBHOOK_SECRET", "PACKHOUSE_WEBHOOK__SECRETS"),
        ("PACKHOUSE_LOGLEVEL", "PACKHOUSE_LOG__LEVEL"),
        ("PACKHOUSE_PORT", "PACKHOUSE_HTTP__PORT"),
        ("PACKHOUSE_HTTP__PORT_FILE", "PACKHOUSE_HTTP__PORT"),
    ],
)
def test_a_mistyped_variable_is_refused_with_what_was_meant(name: str, meant: str) -> None:
    assert refused(**{name: "x"}) == [f"{name} is not a setting. Did you mean {meant}?"]


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("provider = ", "given.toml is not valid TOML: "),
        ("\udcff", "given.toml is not UTF-8 text. Save it as UTF-8"),
    ],
)
def test_a_broken_file_is_named(toml: str, message: str) -> None:
    Path("given.toml").write_bytes(toml.encode("utf-8", "surrogateescape"))
    with pytest.raises(SettingsError, match=re.escape(message)):
        load(Path("given.toml"), {"PACKHOUSE_SECRETS_DIR": ""})


def test_a_configured_file_must_exist() -> None:
    with pytest.raises(SettingsError, match=r"gone\.toml cannot be read: No such file"):
        load(None, {"PACKHOUSE_CONFIG": "gone.toml"})
    with pytest.raises(SettingsError, match="PACKHOUSE_SECRETS_DIR is '/gone', which is not a folder"):
        load(None, {"PACKHOUSE_SECRETS_DIR": "/gone"})


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        (
            {"PACKHOUSE_LEASE_S": "55"},
            "PACKHOUSE_LEASE_S is 55, but must exceed 55, the duration of the longest purchase:",
        ),
        ({"PACKHOUSE_PROVIDER_TIMEOUT_S": "200"}, "PACKHOUSE_LEASE_S is 120, but must exceed 225"),
        ({"PACKHOUSE_RETRY__MAX_S": "1"}, "PACKHOUSE_RETRY__MAX_S is 1, less than the first wait"),
        (
            {"PACKHOUSE_POLL__FULL_POLL_S": "60"},
            "PACKHOUSE_POLL__FULL_POLL_S is 60, less than poll.interval_s = 300",
        ),
        ({"PACKHOUSE_LEDGER__URL": "mysql://x"}, "PACKHOUSE_LEDGER__URL must begin with sqlite:///"),
        (
            {"PACKHOUSE_OPERATOR__TOKENS": "ann:same-token,bob:same-token"},
            "PACKHOUSE_OPERATOR__TOKENS has the same token twice.",
        ),
        ({"ALY_API_KEY": "aly_sandbox"}, "ALY_API_KEY is the sandbox's"),
        ({"PACKHOUSE_WEBHOOK__SECRETS": "whsec_..."}, "PACKHOUSE_WEBHOOK__SECRETS is still the placeholder"),
        ({"PACKHOUSE_STORE__API_KEY": "your-api-key"}, "PACKHOUSE_STORE__API_KEY is still the placeholder"),
        (
            {"PACKHOUSE_OPERATOR__TOKENS": "ann:change-me"},
            "PACKHOUSE_OPERATOR__TOKENS is still the placeholder",
        ),
    ],
)
def test_conflicting_settings_are_refused(environ: dict[str, str], message: str) -> None:
    (line,) = refused(**environ)
    assert line.startswith(message)


def test_the_sandboxs_public_secrets_are_accepted_for_the_sandbox() -> None:
    read(
        PACKHOUSE_STORE__URL="http://127.0.0.1:9000/api/storefront/v1",
        PACKHOUSE_STORE__API_KEY="aly_sandbox",
        PACKHOUSE_WEBHOOK__SECRETS="whsec_sandbox",
    )


def test_the_daemon_does_not_start_without_the_stores_key() -> None:
    with pytest.raises(SettingsError, match=r"PACKHOUSE_STORE__API_KEY is missing.*ALY_API_KEY"):
        require_for_serving(read())
    require_for_serving(read(ALY_API_KEY="aly_live_key"))


SECRETS = {
    "PACKHOUSE_STORE__API_KEY": "canary key",
    "PACKHOUSE_WEBHOOK__SECRETS": "[canary",
    "PACKHOUSE_OPERATOR__TOKENS": "canary-without-colon",
    "PACKHOUSE_PROVIDERS__EASYPOST": "canary",
    "PACKHOUSE_LEDGER__URL": "mysql://user:canary@host/db",
}


@pytest.mark.parametrize("name", SECRETS)
def test_an_error_does_not_show_a_secret(name: str) -> None:
    assert "canary" not in "\n".join(refused(**{name: SECRETS[name]}))


def full() -> Settings:
    products = '[{"id": "p\\"1", "weight_g": 5}, {"name": "Mug *", "digital": false}]'
    return read(
        'label_format = "zpl"\n[store.carrier_names]\n"UPS DAP" = "UPS"\n',
        **KEPT
        | {"PACKHOUSE_LEDGER__URL": "postgresql+psycopg://u:hunter2@db/p", "PACKHOUSE_PRODUCTS": products},
    )


def test_the_settings_are_shown_as_a_file_with_secrets_masked_and_origins_named() -> None:
    shown = effective(full())
    for secret in ("aly_live_key", "whsec_one", "whsec_two", "token-of", "EZTKkey", "hunter2"):
        assert secret not in shown
    lines = shown.splitlines()
    assert 'api_key = "********"  # PACKHOUSE_STORE__API_KEY' in lines
    assert 'url = "postgresql+psycopg://u:********@db/p"  # PACKHOUSE_LEDGER__URL' in lines
    assert 'label_format = "zpl"  # given.toml' in lines
    assert "min_free_disk_mb = 100" in lines
    tables = tomllib.loads(shown)
    assert tables["products"] == [{"id": 'p"1', "weight_g": 5}, {"name": "Mug *", "digital": False}]
    assert tables["store"]["carrier_names"] == {"UPS DAP": "UPS"}
    assert tables["providers"]["easypost"] == {"url": "http://127.0.0.1:9/easypost/v2", "api_key": "********"}


def test_printed_settings_can_be_loaded_again_except_for_secrets() -> None:
    settings = read(
        **{name: value for name, value in KEPT.items() if not re.search("KEY|SECRETS|TOKENS", name)}
    )
    assert read(effective(settings)).model_dump() == settings.model_dump()


def test_every_secret_is_known_to_the_redaction() -> None:
    assert set(secret_values(full())) == {
        "aly_live_key",
        "whsec_one",
        "whsec_two",
        "token-of-ann",
        "token-of-bob",
        "EZTKkey",
        "hunter2",
    }


def test_every_field_has_a_meaning_a_shape_and_a_variable() -> None:
    names = [variable(path) for path, _ in fields()]
    assert len(set(names)) == len(names)
    for path, field in fields():
        assert field.description, path
        assert shape(field), path
    assert KEPT.keys() - set(names) == {
        "PACKHOUSE_PROVIDERS__EASYPOST__URL",
        "PACKHOUSE_PROVIDERS__EASYPOST__API_KEY",
    }


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([variable(path) for path, _ in fields()] + ["PACKHOUSE_HTTP", "PACKHOUSE_HTTP__X"]),
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
        max_size=6,
    )
)
def test_any_environment_gives_settings_or_error_sentences(environ: dict[str, str]) -> None:
    try:
        settings = load(None, {"PACKHOUSE_SECRETS_DIR": "", **environ})
    except SettingsError as error:
        assert str(error)
    else:
        tomllib.loads(effective(settings))
