"""Secrets of an impossible shape are refused with the reason; the value itself is never shown."""

from __future__ import annotations

import pytest

from tests.service.config.reading import read, refused

KEY, SECRETS = "PACKHOUSE_STORE__API_KEY", "PACKHOUSE_WEBHOOK__SECRETS"
PROVIDER_KEY = "PACKHOUSE_PROVIDERS__EASYPOST__API_KEY"


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        (KEY, '"aly_canary77', "begins with a quote that is never closed"),
        (KEY, "whsec_canary77", "is the signing secret of a webhook"),
        (KEY, "EZAKcanary77", "is a key of EasyPost"),
        (KEY, "EZTKcanary77", "is a test key of EasyPost"),
        (KEY, "aly_...", "is still the placeholder"),
        (KEY, "changeme", "is still the placeholder"),
        (KEY, "aly_your_key_here", "is still the placeholder"),
        (SECRETS, "aly_canary77", "is an API key of the store"),
        (SECRETS, "whsec_one77 whsec_two77", "contains a blank"),
        (SECRETS, "whsec_can\u200bary77", "contains an invisible character"),
        (SECRETS, "whsec_good77,whsec_xxx", "is still the placeholder"),
        (SECRETS, "whsec_...", "is still the placeholder"),
        (PROVIDER_KEY, "aly_canary77", "is an API key of the store"),
        (PROVIDER_KEY, "EZAK...", "is still the placeholder"),
        ("PACKHOUSE_OPERATOR__TOKENS", "ada:whsec_canary77", "is the signing secret of a webhook"),
    ],
)
def test_what_cannot_be_the_secret_is_refused_with_the_reason(name: str, value: str, why: str) -> None:
    (sentence,) = refused(**{name: value})
    assert sentence.startswith(f"{name} ")
    assert why in sentence
    assert "canary77" not in sentence


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (KEY, "aly_7f3kQ"),
        (KEY, '"aly_7f3kQ"'),
        (SECRETS, "\ufeffwhsec_one77"),
        (PROVIDER_KEY, "\u201cEZAK7f3kQ\u201d"),
        (KEY, "aly_oauth_7f3kQ"),
        (KEY, "a-key-of-another-form"),
        (SECRETS, "whsec_one77,whsec_two77"),
        (SECRETS, "a-secret-of-another-form"),
        (PROVIDER_KEY, "EZTK7f3kQ"),
        (PROVIDER_KEY, "EZAK7f3kQ"),
    ],
)
def test_what_may_be_the_secret_is_accepted(name: str, value: str) -> None:
    read(**{name: value})


def test_the_key_of_a_program_is_its_own_business() -> None:
    read(
        PACKHOUSE_PROVIDER="own",
        PACKHOUSE_PROVIDERS__OWN__KIND="command",
        PACKHOUSE_PROVIDERS__OWN__ENV='{"STORE_KEY": "aly_7f3kQ"}',
    )
