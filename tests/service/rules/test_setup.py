"""Settings that are valid and stop orders all the same: sender, mode of the account, unusual secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from packhouse.model.health import Check, Level
from packhouse.rules.setup import sender_problems, setup_checks
from tests.service.config.reading import read

SENDER = {
    "PACKHOUSE_SHIP_FROM__COMPANY": "Paper Lantern",
    "PACKHOUSE_SHIP_FROM__STREET1": "1 Pier",
    "PACKHOUSE_SHIP_FROM__CITY": "San Francisco",
    "PACKHOUSE_SHIP_FROM__STATE": "CA",
    "PACKHOUSE_SHIP_FROM__ZIP": "94110",
}
REAL = {"PACKHOUSE_PROVIDER": "easypost", "PACKHOUSE_PROVIDERS__EASYPOST__API_KEY": "EZAK7f3kQ"}
TEST = REAL | {"PACKHOUSE_PROVIDERS__EASYPOST__API_KEY": "EZTK7f3kQ"}
TRIAL_STORE = {"PACKHOUSE_STORE__URL": "http://127.0.0.1:9/api"}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def levels(**environ: str) -> dict[str, Level]:
    return {check.name: check.level for check in setup_checks(read(**environ))}


def reason(name: str, **environ: str) -> str:
    return next(check.reason for check in setup_checks(read(**environ)) if check.name == name)


def test_a_complete_sender_and_a_production_key_for_a_live_store_pass() -> None:
    assert levels(**SENDER, **REAL) == {"ship_from": Level.PASS}


def test_without_a_sender_no_real_label_can_be_bought() -> None:
    assert levels(**REAL)["ship_from"] is Level.FAIL
    assert "[ship_from] is not set" in reason("ship_from", **REAL)


def test_the_trial_provider_needs_no_sender_and_says_so_as_a_warning() -> None:
    assert levels()["ship_from"] is Level.WARN


@pytest.mark.parametrize(
    ("part", "value", "problem"),
    [
        ("COMPANY", "", "name or company is missing"),
        ("STREET1", "", "street is missing"),
        ("CITY", "", "city is missing"),
        ("STATE", "", "state or province is missing"),
        ("ZIP", "", "zip is missing"),
        ("ZIP", "9411", "zip '9411' does not fit"),
        ("COUNTRY", "USA", "'USA' is not a country code"),
    ],
)
def test_each_part_that_a_label_needs_is_named(part: str, value: str, problem: str) -> None:
    environ = {**SENDER, **REAL, f"PACKHOUSE_SHIP_FROM__{part}": value}
    assert levels(**environ)["ship_from"] is Level.FAIL
    assert problem in reason("ship_from", **environ)
    assert any(problem in one for one in sender_problems(read(**environ)))


@pytest.mark.parametrize(
    ("environ", "level"),
    [
        (TEST, Level.FAIL),
        (TEST | {"PACKHOUSE_PROVIDERS__EASYPOST__TEST_MODE": "true"}, Level.WARN),
        (TEST | {"PACKHOUSE_PROVIDERS__EASYPOST__TEST_MODE": "false"}, Level.FAIL),
        (TEST | TRIAL_STORE, None),
        (REAL, None),
        (REAL | TRIAL_STORE, Level.FAIL),
        (REAL | {"PACKHOUSE_PROVIDERS__EASYPOST__TEST_MODE": "true"}, Level.FAIL),
        (TEST | {"PACKHOUSE_PROVIDERS__EASYPOST__URL": "http://127.0.0.1:9/easypost/v2"}, None),
    ],
)
def test_an_account_must_be_in_the_mode_of_the_store(environ: dict[str, Any], level: Level | None) -> None:
    assert levels(**SENDER, **environ).get("mode easypost") is level


TWO = """
provider = ["acme", "easypost"]
[providers.acme]
kind = "offline"
[providers.easypost]
api_key = "EZAK7f3kQ"
[providers.spare]
kind = "easypost"
api_key = "EZTK7f3kQ"
"""


def checks(toml: str, **environ: str) -> dict[str, Check]:
    return {check.name: check for check in setup_checks(read(toml, **environ))}


def test_only_the_accounts_that_sell_are_checked_for_their_mode() -> None:
    found = checks(TWO, **SENDER)
    assert set(found) == {"ship_from", "mode acme"}
    assert "[providers.spare] is set, and sells nothing" in found["mode acme"].reason
    assert set(checks(TWO, **SENDER, **TRIAL_STORE)) == {"ship_from", "mode easypost"}


def test_sample_labels_where_every_account_sells_name_no_other_account() -> None:
    found = checks('provider = "offline"', **SENDER)
    assert "sells nothing" not in found["mode offline"].reason
    assert found["mode offline"].reason.startswith("it draws sample labels, which no carrier accepts, for")
    assert set(checks('provider = "offline"', **SENDER, **TRIAL_STORE)) == {"ship_from"}


@pytest.mark.parametrize(
    ("accounts", "level"),
    [
        ('provider = "offline"', Level.WARN),
        ('provider = "acme"\n[providers.acme]\nkind = "command"\ncommand = ["true"]', Level.WARN),
        (
            'provider = ["offline", "acme"]\n[providers.acme]\nkind = "command"\ncommand = ["true"]',
            Level.WARN,
        ),
        ('provider = "offline"\n[providers.easypost]\napi_key = "EZAK7f3kQ"', Level.WARN),
        ('provider = ["offline", "easypost"]\n[providers.easypost]\napi_key = "EZAK7f3kQ"', Level.FAIL),
    ],
)
def test_a_missing_sender_fails_only_where_an_account_in_use_needs_one(accounts: str, level: Level) -> None:
    assert checks(accounts)["ship_from"].level is level


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("true", None),
        ("TRUE", None),
        ("1", None),
        ("false", "providers.easypost.test_mode is false"),
        ("0", "providers.easypost.test_mode is false"),
        (True, None),
        (False, "providers.easypost.test_mode is false"),
        (1, None),
        (0, "providers.easypost.test_mode is false"),
        ("", None),
        (None, None),
    ],
)
def test_a_test_key_for_a_trial_store_fits_any_mode_but_the_other(mode: object, said: str | None) -> None:
    settings = read(**SENDER, **TEST, **TRIAL_STORE)
    settings.providers["easypost"]["test_mode"] = mode
    found = [check.reason for check in setup_checks(settings) if check.name == "mode easypost"]
    assert len(found) == (1 if said else 0)
    assert said is None or said in found[0]


@pytest.mark.parametrize(("mode", "fits"), [("true", False), (True, False), ("false", True), (False, True)])
def test_a_production_key_does_not_fit_the_test_mode(mode: object, fits: bool) -> None:
    settings = read(**SENDER, **REAL)
    settings.providers["easypost"]["test_mode"] = mode
    assert ("mode easypost" not in {check.name for check in setup_checks(settings)}) is fits


@pytest.mark.parametrize(
    ("mode", "level"),
    [
        (True, Level.WARN),
        (1, Level.WARN),
        ("1", Level.WARN),
        (None, Level.FAIL),
        ("", Level.FAIL),
        (2, Level.FAIL),
    ],
)
def test_a_test_key_for_a_real_store_is_a_trial_only_if_the_settings_say_so(
    mode: object, level: Level
) -> None:
    settings = read(**SENDER, **TEST)
    settings.providers["easypost"]["test_mode"] = mode
    found = [check.level for check in setup_checks(settings) if check.name == "mode easypost"]
    assert found == [level]


def test_an_account_of_another_kind_and_one_that_sells_nothing_are_not_judged() -> None:
    program = (
        'provider = "acme"\n[providers.acme]\nkind = "command"\ncommand = ["true"]\napi_key = "EZTK7f3kQ"'
    )
    assert set(checks(program, **SENDER)) == {"ship_from"}
    samples = '[providers.samples]\nkind = "offline"'
    assert set(checks(samples, **SENDER, **REAL)) == {"ship_from"}


def test_a_key_of_no_known_kind_and_an_account_elsewhere_are_not_judged() -> None:
    odd = {"PACKHOUSE_PROVIDERS__EASYPOST__API_KEY": "other"}
    elsewhere = {"PACKHOUSE_PROVIDERS__EASYPOST__URL": "http://127.0.0.1:9/easypost/v2"}
    assert "mode easypost" not in levels(**SENDER, **(REAL | odd), **TRIAL_STORE)
    assert "mode easypost" not in levels(**SENDER, **REAL, **TRIAL_STORE, **elsewhere)
    assert "mode easypost" not in levels(**SENDER, **TEST, **elsewhere)


def test_secrets_that_do_not_look_like_the_stores_are_a_warning() -> None:
    odd = {"PACKHOUSE_STORE__API_KEY": "sk_7f3kQ", "PACKHOUSE_WEBHOOK__SECRETS": "abc7f3kQ"}
    found = [check for check in setup_checks(read(**SENDER, **REAL, **odd)) if check.name == "secrets"]
    assert [check.level for check in found] == [Level.WARN, Level.WARN]
    assert "sk_7f3kQ" not in " ".join(check.reason for check in found)


def test_sample_labels_for_a_real_store_are_a_warning_that_names_the_unused_account() -> None:
    settings = read(PACKHOUSE_PROVIDERS__EASYPOST__API_KEY="EZAKone77")
    (check,) = [one for one in setup_checks(settings) if one.name == "mode offline"]
    assert check.level is Level.WARN
    assert "no carrier accepts" in check.reason
    assert "[providers.easypost] is set, and sells nothing" in check.reason
