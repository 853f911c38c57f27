"""The options of an account."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.errors import SettingsError
from packhouse.providers.easypost.adapter import EasyPostProvider
from packhouse.providers.easypost.options import EasyPostOptions
from tests.service.providers.context import context


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "api_key is missing.*PACKHOUSE_PROVIDERS__EASYPOST__API_KEY"),
        ({"api_key": " "}, "api_key: must be the key"),
        ({"api_key": "EZAK\n"}, None),
        ({"api_key": "k", "url": "api.easypost.com"}, "url: must be an address"),
        ({"api_key": "k", "apikey": "SECRET"}, "apikey is not an option.*api_key"),
        ({"api_key": "k", "test_mode": "perhaps"}, "test_mode"),
    ],
)
def test_a_wrong_option_is_named_with_its_fix_and_without_its_value(
    options: dict[str, Any], said: str | None
) -> None:
    if said is None:
        assert EasyPostProvider.from_settings(options, context()).kind == "easypost"
        return
    with pytest.raises(SettingsError, match=said) as raised:
        EasyPostProvider.from_settings(options, context())
    assert "SECRET" not in str(raised.value)


def test_options_can_come_from_an_environment() -> None:
    read = EasyPostOptions.model_validate(
        {"api_key": "k", "carrier_accounts": "ca_1, ca_2", "test_mode": "true"}
    )
    assert (read.carrier_accounts, read.test_mode) == (("ca_1", "ca_2"), True)
