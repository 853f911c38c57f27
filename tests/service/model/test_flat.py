"""A flat dictionary is what `asdict` returns."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from packhouse.model.flat import flat
from packhouse.model.money import Money
from packhouse.model.order import Address
from packhouse.model.parcel import Parcel


@pytest.mark.parametrize(
    "value",
    [
        Address("Ada", city="Paris", country="FR", unplaced=("planet: Earth",)),
        Money(1, "EUR"),
        Parcel(100, 200, 150, 50),
    ],
    ids=type,
)
def test_a_flat_dictionary_has_all_fields_in_their_order(value: Any) -> None:
    assert list(flat(value).items()) == list(asdict(value).items())
