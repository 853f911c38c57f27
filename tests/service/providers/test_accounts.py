"""Provider accounts: each is built from its section, by its kind, and checked under its name."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from packhouse import preflight
from packhouse.app import build_providers
from packhouse.clock import SystemClock
from packhouse.config.settings import Settings
from packhouse.errors import ProviderUnavailable, SettingsError
from packhouse.providers.offline.adapter import OfflineProvider
from packhouse.providers.port import Provider
from packhouse.telemetry.metrics import Metrics
from packhouse.worker.readiness import Readiness
from tests.service.scripted import Scripted

TWO = {"east": {"kind": "offline", "currency": "EUR"}, "west": {"kind": "offline"}}


def build(**settings: Any) -> dict[str, Provider]:
    return build_providers(Settings(**settings), SystemClock(), Metrics(CollectorRegistry()))


def test_two_accounts_of_one_kind_have_options_of_their_own() -> None:
    accounts = build(provider=("west", "east"), providers=TWO)
    assert list(accounts) == ["west", "east"]
    assert {(name, one.account, one.kind) for name, one in accounts.items()} == {
        ("west", "west", "offline"),
        ("east", "east", "offline"),
    }
    assert all(isinstance(one, OfflineProvider) for one in accounts.values())


def test_an_account_that_no_longer_sells_is_still_built() -> None:
    assert list(build(providers=TWO)) == ["offline", "east", "west"]


@pytest.mark.parametrize(
    ("providers", "message"),
    [
        ({"east": {"kind": "offlin"}}, r"^providers\.east: there is no provider of the kind 'offlin'"),
        ({"east": {}}, r"^providers\.east: there is no provider of the kind 'east'.*PROVIDERS__EAST__KIND"),
        ({"east": {"kind": "offline", "curency": "EUR"}}, r"^providers\.east\.curency is not an option"),
        ({"east": {"kind": "easypost"}}, r"^providers\.east\.api_key is missing.*PROVIDERS__EAST__API_KEY"),
    ],
)
def test_an_account_that_cannot_be_built_is_named(providers: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        build(provider="offline", providers=providers)


def test_doctor_checks_every_account_under_its_name(tmp_path: Path) -> None:
    def checked(**settings: Any) -> list[str]:
        checks = preflight.run_checks(Settings(data_dir=tmp_path, **settings))
        return [check.name for check in checks if check.name.startswith("provider")]

    assert checked() == ["provider"]
    assert checked(provider="west", providers=TWO) == ["provider west", "provider east"]


def test_an_account_that_is_down_is_a_warning_under_its_name_and_is_not_asked_at_every_check() -> None:
    accounts = build(provider="west", providers=TWO)
    down = accounts["east"] = Scripted(accounts["east"])
    down.script(check=ProviderUnavailable("it is down"))
    nothing: Any = None
    readiness = Readiness(nothing, nothing, nothing, accounts, SystemClock(), Settings())

    async def twice() -> list[tuple[str, str, str]]:
        await readiness._check_providers(())
        return [(one.name, one.level.value, one.reason) for one in await readiness._check_providers(())]

    assert asyncio.run(twice()) == [("provider west", "pass", ""), ("provider east", "warn", "it is down")]
    assert len(down.seen("check")) == 1
