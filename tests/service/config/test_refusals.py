"""Settings that are refused: each is named, with its meaning and what to write instead."""

from __future__ import annotations

import pytest

from tests.service.config.reading import refused


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("PACKHOUSE_CARRIER", "PACKHOUSE_PROVIDER"),
        ("PACKHOUSE_CARRIERS", "PACKHOUSE_PROVIDERS"),
        ("PACKHOUSE_CARRIERS__EASYPOST__URL", "PACKHOUSE_PROVIDERS__EASYPOST__URL"),
        ("PACKHOUSE_CARRIERS__EASYPOST__API_KEY_FILE", "PACKHOUSE_PROVIDERS__EASYPOST__API_KEY_FILE"),
        ("PACKHOUSE_CARRIER_TIMEOUT_S", "PACKHOUSE_PROVIDER_TIMEOUT_S"),
        ("PACKHOUSE_CARRIER_SETTLE_S", "PACKHOUSE_PROVIDER_SETTLE_S"),
        ("PACKHOUSE_POLL__RELOOK_S", "PACKHOUSE_POLL__RECHECK_S"),
        ("PACKHOUSE_POLL__SWEEP_S", "PACKHOUSE_POLL__FULL_POLL_S"),
        ("PACKHOUSE_POLL__TRACK_S", "PACKHOUSE_POLL__TRACK_INTERVAL_S"),
        ("PACKHOUSE_STORE__MAX_PER_S", "PACKHOUSE_STORE__RATE_LIMIT_PER_S"),
        ("PACKHOUSE_GUARD__REST_AFTER", "PACKHOUSE_GUARD__BREAKER_THRESHOLD"),
        ("PACKHOUSE_GUARD__REST_S", "PACKHOUSE_GUARD__BREAKER_COOLDOWN_S"),
        ("PACKHOUSE_DISK_FLOOR_MB", "PACKHOUSE_MIN_FREE_DISK_MB"),
        ("PACKHOUSE_KEEP_DAYS", "PACKHOUSE_EVENT_RETENTION_DAYS"),
    ],
)
def test_a_variable_under_its_old_name_is_refused_with_the_new_one(old: str, new: str) -> None:
    assert refused(**{old: "5"}) == [f"{old} was renamed: use {new}."]


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('carrier = "easypost"', "carrier in given.toml was renamed: use provider."),
        (
            '[carriers.easypost]\napi_key = "EZTKx"',
            "[carriers.easypost] in given.toml was renamed: use [providers.easypost].",
        ),
        ("carriers = 5", "carriers in given.toml was renamed: use providers."),
        ("carrier_timeout_s = 5", "carrier_timeout_s in given.toml was renamed: use provider_timeout_s."),
        ("carrier_settle_s = 5", "carrier_settle_s in given.toml was renamed: use provider_settle_s."),
        ("[poll]\nrelook_s = 5", "poll.relook_s in given.toml was renamed: use poll.recheck_s."),
        ("[poll]\nsweep_s = 5", "poll.sweep_s in given.toml was renamed: use poll.full_poll_s."),
        ("[poll]\ntrack_s = 5", "poll.track_s in given.toml was renamed: use poll.track_interval_s."),
        ("[store]\nmax_per_s = 5", "store.max_per_s in given.toml was renamed: use store.rate_limit_per_s."),
        (
            "[guard]\nrest_after = 5",
            "guard.rest_after in given.toml was renamed: use guard.breaker_threshold.",
        ),
        ("[guard]\nrest_s = 5", "guard.rest_s in given.toml was renamed: use guard.breaker_cooldown_s."),
        ("disk_floor_mb = 5", "disk_floor_mb in given.toml was renamed: use min_free_disk_mb."),
        ("keep_days = 40", "keep_days in given.toml was renamed: use event_retention_days."),
    ],
)
def test_a_field_of_the_file_under_its_old_name_is_refused_with_the_new_one(toml: str, message: str) -> None:
    assert refused(toml) == [message]


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('provider = ["a", "a"]', "provider in given.toml names the same account twice. Remove one."),
        ('provider = "US"', "provider in given.toml has the account name 'US'. Use lower-case letters"),
        ('[providers."my shop"]\nkind = "offline"', "providers.my shop in given.toml has the account name"),
        (
            '[providers.manual]\nkind = "offline"',
            "providers.manual in given.toml has the account name 'manual', which",
        ),
        ('[providers.us]\nkind = ""', "providers.us.kind in given.toml is empty."),
        ("provider = []", "provider in given.toml: it must be a list"),
    ],
)
def test_an_account_that_cannot_be_named_is_refused(toml: str, message: str) -> None:
    (line,) = refused(toml)
    assert line.startswith(message)


def test_an_unknown_variable_in_the_form_of_a_setting_is_refused() -> None:
    (line,) = refused(PACKHOUSE_MOON__PHASE="full")
    assert line.startswith("PACKHOUSE_MOON__PHASE is not a setting.")


def test_a_mistyped_field_of_the_file_is_refused_with_what_was_meant() -> None:
    lines = refused('provder = "offline"\n[stor]\nurl = "x"\n[poll]\ninterval = 5\n')
    assert lines == [
        "poll.interval in given.toml is not a setting. Did you mean poll.interval_s?",
        "provder in given.toml is not a setting. Did you mean provider?",
        "stor in given.toml is not a setting. Did you mean store?",
    ]


def test_a_name_without_a_similar_one_gets_the_settings_of_its_section() -> None:
    lines = refused("[poll]\nfoo = 1\n", PACKHOUSE_LOG__FOO="1")
    assert lines[0] == "PACKHOUSE_LOG__FOO is not a setting. [log] has level, format."
    assert lines[1].startswith("poll.foo in given.toml is not a setting. [poll] has interval_s, recheck_s, ")


def test_wrong_values_come_before_names_that_are_no_settings() -> None:
    lines = refused("[poll]\nsweep_s = 1\ninterval_s = 0\n", PACKHOUSE_KEEP_DAYS="3")
    assert lines[0].startswith("poll.interval_s in given.toml is '0'")
    assert len(lines) == 3


def test_the_error_of_a_wrong_value_has_its_name_shape_meaning_and_fix() -> None:
    assert refused(PACKHOUSE_POLL__INTERVAL_S="soon") == [
        "PACKHOUSE_POLL__INTERVAL_S is 'soon': it must be a number above 0. "
        "Seconds between two polls for orders that sent no webhook. Correct it, or remove it to use 300.0."
    ]
    (line,) = refused("[http]\nport = 70000")
    assert line.startswith(
        "http.port in given.toml is '70000': it must be a whole number at least 0, at most 65535."
    )


def test_all_errors_are_reported_at_once() -> None:
    lines = refused(
        'label_format = "gif"\n[[products]]\nid = "p"\nweight_g = 0\n[[products]]\nweight_g = 5\n',
        PACKHOUSE_STORE__URL="aly.store",
        PACKHOUSE_OPERATOR__TOKENS="ann:short",
        PACKHOUSE_STOREURL="x",
        PACKHOUSE_PROVIDERS="{",
        PACKHOUSE_STORE__API_KEY_FILE="/nowhere/key",
        PACKHOUSE_RATES__SERVICES="[1",
    )
    for start in (
        "label_format in given.toml is 'gif': it must be one of pdf, png, zpl.",
        "products[0].weight_g in given.toml is '0': it must be a whole number above 0.",
        "products[1] in given.toml: needs an id or a name pattern.",
        "PACKHOUSE_STORE__URL is 'aly.store': must be an address such as",
        "PACKHOUSE_OPERATOR__TOKENS: each must be name:token",
        "PACKHOUSE_STOREURL is not a setting.",
        "PACKHOUSE_PROVIDERS cannot be read: it must be a table",
        "PACKHOUSE_STORE__API_KEY_FILE names /nowhere/key, which cannot be read: No such file",
        "PACKHOUSE_RATES__SERVICES is '[1': must be a list",
    ):
        assert any(line.startswith(start) for line in lines), (start, lines)
    assert len(lines) == 9
