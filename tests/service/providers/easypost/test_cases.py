"""Errors and rate messages of unusual shapes, from reports of other integrations: every word is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from packhouse.errors import SettingsError
from packhouse.providers.easypost import wire
from packhouse.providers.easypost.adapter import EasyPostProvider
from packhouse.providers.port import NotBought
from tests.service.providers.context import context
from tests.service.providers.easypost.answers import answered

CASES = Path(__file__).parents[4].parent / "shared/data/cases/carriers"
if not CASES.is_dir():
    pytest.skip("the reported cases are not here", allow_module_level=True)


def cases(kind: str) -> list[Any]:
    found = [json.loads(file.read_text()) for file in sorted(CASES.glob("*.json"))]
    return [pytest.param(one, id=one["case"]) for one in found if one.get("type") == kind]


@pytest.mark.parametrize("case", cases("easypost_refusal"))
def test_a_refusal_of_an_unusual_shape_holds_the_order_with_every_word(case: dict[str, Any]) -> None:
    outcome = answered(case["status"], case["body"])
    assert isinstance(outcome, NotBought)
    assert all(words in outcome.reason for words in case["must_say"])


@pytest.mark.parametrize("case", cases("easypost_messages"))
def test_a_rate_message_of_an_unusual_shape_is_shown_with_every_word(case: dict[str, Any]) -> None:
    shipment = case["shipment"]
    prepared = wire.read_prepared(shipment, shipment["reference"])
    assert all(words in " ".join(prepared.messages) for words in case["must_say"])


@pytest.mark.parametrize("case", cases("option"))
def test_an_option_is_accepted_or_refused_in_words(case: dict[str, Any]) -> None:
    try:
        EasyPostProvider.from_settings(case["options"], context())
    except SettingsError as error:
        assert "pattern" not in str(error)
