"""The options of an account."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.errors import SettingsError
from packhouse.providers.easypost.adapter import EasyPostProvider
from packhouse.providers.easypost.options import EasyPostOptions
from tests.service.providers.context import context
from tests.service.providers.easypost.fake import KEY


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


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("6109.10", "610910"),
        ("6109.10.00", "61091000"),
        ("6109 10 00 10", "6109100010"),
        ("6109-10", "610910"),
        (" 610910 ", "610910"),
        (610910, "610910"),
        ("", ""),
    ],
)
def test_a_tariff_number_may_be_written_as_tariffs_print_it(written: str | int, number: str) -> None:
    options = EasyPostOptions.model_validate({"api_key": KEY, "customs_hs_code": written})
    assert options.customs_hs_code == number


@pytest.mark.parametrize(
    "written", ["6109", "T-shirts", "61091", "6109.1O", "6109,10", "1234567890123", 6109.1]
)
def test_a_wrong_tariff_number_is_refused_in_words(written: str | float) -> None:
    options = {"api_key": KEY, "customs_hs_code": written}
    with pytest.raises(SettingsError, match=r"customs_hs_code: .* tariff number") as raised:
        EasyPostProvider.from_settings(options, context())
    assert "pattern" not in str(raised.value)


def test_the_country_of_origin_is_two_letters_in_any_case() -> None:
    options = EasyPostOptions.model_validate({"api_key": KEY, "customs_origin": " us"})
    assert options.customs_origin == "US"
    with pytest.raises(SettingsError, match="customs_origin: must be the two letters of a country"):
        EasyPostProvider.from_settings({"api_key": KEY, "customs_origin": "USA"}, context())
