"""Values that settings read in more than one spelling."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from packhouse.config.guard import GuardSettings
from packhouse.config.sections import StoreSettings
from packhouse.config.settings import Settings


def test_the_name_of_a_carrier_for_the_store_ignores_case() -> None:
    store = StoreSettings(carrier_names={"UPSDAP": "UPS"})
    assert (store.name_of("UpsDap"), store.name_of("USPS")) == ("UPS", "USPS")


words = st.text(st.characters(categories=["L", "N"], include_characters="-_:/"), min_size=1, max_size=12)


@given(st.lists(words, max_size=5))
def test_a_list_reads_the_same_with_commas_and_as_json(parts: list[str]) -> None:
    def services(text: str) -> tuple[str, ...]:
        return Settings.model_validate({"rates": {"services": text}}).rates.services

    assert services(json.dumps(parts)) == tuple(parts)
    assert services(" , ".join(parts)) == tuple(parts)
    assert services("\n".join(parts) + "\n") == tuple(parts)


def test_the_meaning_of_a_shipping_option_is_a_word_or_a_service() -> None:
    settings = Settings(shipping_options={"Express": " Fastest ", "Bike": "DHL / Parcel"})
    assert settings.shipping_options == {"Express": "fastest", "Bike": "DHL/Parcel"}


@pytest.mark.parametrize("meaning", ["chepest", "", "/", "USPS/", "USPS"])
def test_another_meaning_is_refused_with_the_words_that_are_allowed(meaning: str) -> None:
    with pytest.raises(ValidationError, match=r"'Express' is mapped to .* must be cheapest, "):
        Settings(shipping_options={"Express": meaning})


@pytest.mark.parametrize("value", ["40.00", 40.0, "0.5"])
def test_a_cap_with_a_decimal_point_is_refused_as_it_counts_minor_units(value: object) -> None:
    with pytest.raises(ValidationError, match=r"4000 is 40\.00 USD"):
        GuardSettings.model_validate({"max_label_minor": value})
