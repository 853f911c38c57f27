"""One suite over every adapter that ships; and adapters with a fault of their own, which it must find."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from packhouse.clock import SystemClock
from packhouse.errors import ProviderMisconfigured, ProviderRefused, ProviderUnavailable
from packhouse.model.label import LabelFormat
from packhouse.providers import conformance
from packhouse.providers.command.adapter import CommandProvider
from packhouse.providers.conformance import Check, Fault, NotConforming, Subject
from packhouse.providers.conformance.subject import AFTER_EFFECT
from packhouse.providers.easypost.adapter import EasyPostProvider
from packhouse.providers.easypost.options import EasyPostOptions
from packhouse.providers.offline.adapter import OfflineProvider
from packhouse.providers.port import Absent, Bought, NotBought, Purchase, Unknown, Whose
from packhouse.sandbox.easypost.api import BASE
from packhouse.sandbox.sandbox import EASYPOST_KEY, Sandbox
from packhouse.sandbox.transport import SandboxTransport
from tests.service.providers.command.program import Program
from tests.service.providers.context import context
from tests.service.providers.easypost.fake import KEY, FakeEasyPost
from tests.service.providers.in_memory import InMemoryProvider
from tests.service.scripted import Scripted

COMMAND_FAULTS = {
    Fault.THROTTLED: "later",
    Fault.REFUSED: "refuse",
    Fault.ERROR_AFTER_EFFECT: "die",
    Fault.SILENCE_AFTER_EFFECT: "hang",
    Fault.GARBAGE_AFTER_EFFECT: "garbage",
}

SANDBOX_FAULTS = {
    Fault.THROTTLED: "easypost.throttle",
    Fault.ERROR_AFTER_EFFECT: "easypost.error_after_effect",
    Fault.SILENCE_AFTER_EFFECT: "easypost.reset_after_effect",
    Fault.GARBAGE_AFTER_EFFECT: "easypost.garbage_body",
}


def easypost(provider: type[EasyPostProvider] = EasyPostProvider) -> Subject:
    fake = FakeEasyPost()
    options = EasyPostOptions.model_validate({"api_key": KEY, "url": "https://easypost.example/v2"})
    return Subject(
        provider=provider(options, context(), fake.transport()),
        sold=fake.sold,
        faults={fault: partial(fake.fail_next, fault) for fault in Fault},
        secrets=(KEY,),
    )


def at_the_sandbox() -> Subject:
    """The same adapter against the fake EasyPost of the demo."""

    async def deaf(url: str, headers: Sequence[tuple[str, str]], body: bytes) -> int:
        return 200

    sandbox = Sandbox(SystemClock(), random.Random(7), deaf)
    options = EasyPostOptions.model_validate(
        {"api_key": EASYPOST_KEY, "url": f"{sandbox.options.base_url}{BASE}"}
    )
    return Subject(
        provider=EasyPostProvider(options, context(), SandboxTransport(sandbox)),
        sold=lambda: len(sandbox.audit.purchases()),
        faults={fault: partial(sandbox.faults.trigger_next, name) for fault, name in SANDBOX_FAULTS.items()},
        secrets=(EASYPOST_KEY,),
    )


def offline() -> Subject:
    return Subject(OfflineProvider.from_settings({}, context(LabelFormat.ZPL)))


def command(folder: Path, *, lookup: bool) -> Subject:
    program = Program(Path(tempfile.mkdtemp(dir=folder)))
    options = {verb: program.argv(verb) for verb in ("void", "track")} | {"argv": program.argv("make")}
    if lookup:
        options["lookup"] = program.argv("lookup")
    return Subject(
        # A program that hangs is stopped after 6 s: in less, a busy machine may not even have started it.
        provider=CommandProvider.from_settings(options, context(timeout_s=8.0)),
        sold=program.sold,
        faults={fault: partial(program.fail_next, how) for fault, how in COMMAND_FAULTS.items()},
        preparing_calls=False,
    )


def fail_next(provider: Scripted, fault: Fault) -> None:
    """Give the next call this fault: before the purchase takes effect, or after."""
    error: Exception = ProviderUnavailable(f"scripted: {fault}")
    refused = NotBought(f"scripted: {fault}", Whose.ORDER if fault is Fault.REFUSED else Whose.MOMENT)
    if fault is Fault.REFUSED:
        error = ProviderRefused("scripted: refused")
    elif fault is Fault.BAD_CREDENTIALS:
        error = ProviderMisconfigured("scripted: bad credentials")

    async def buy_and_lose_the_response(purchase: Purchase) -> Unknown:
        await provider.real.buy(purchase)
        return Unknown(f"scripted: {fault}")

    provider.script_next(
        prepare=error,
        lookup=Unknown(f"scripted: {fault}"),
        buy=buy_and_lose_the_response if fault in AFTER_EFFECT else refused,
    )


def scripted() -> Subject:
    """The provider whose answers tests script."""
    real = InMemoryProvider(SystemClock())
    provider = Scripted(real)
    return Subject(
        provider=provider,
        sold=lambda: real.sold,
        faults={fault: partial(fail_next, provider, fault) for fault in Fault},
    )


def scripted_around_easypost() -> Subject:
    """A scripted provider gives the guarantees of the one it wraps."""
    return replace(subject := easypost(), provider=Scripted(subject.provider))


@pytest.fixture(
    params=[
        "scripted",
        "scripted around easypost",
        "easypost",
        "easypost at the sandbox",
        "offline",
        "command",
        "command with lookup",
    ]
)
def make_subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Subject]]:
    makers: dict[str, Callable[[], Subject]] = {
        "scripted": scripted,
        "scripted around easypost": scripted_around_easypost,
        "easypost": easypost,
        "easypost at the sandbox": at_the_sandbox,
        "offline": offline,
        "command": partial(command, tmp_path, lookup=False),
        "command with lookup": partial(command, tmp_path, lookup=True),
    }
    yield makers[request.param]


@pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
def test_every_adapter_conforms(check: Check, make_subject: Callable[[], Subject]) -> None:
    asyncio.run(conformance.examine(check, make_subject))


def test_the_suite_runs_without_a_test_framework() -> None:
    verdicts = asyncio.run(conformance.examine_all(offline))
    assert set(verdicts) == {check.__name__ for check in conformance.CHECKS}
    assert set(verdicts.values()) == {""}


class BuysAfresh(EasyPostProvider):
    """Registers a new shipment at each purchase: every retry pays."""

    async def buy(self, purchase: Purchase) -> Bought | NotBought | Unknown:
        prepared = await self.prepare(purchase.request)
        fresh = replace(purchase, provider_ref=prepared.provider_ref, rate=prepared.rates[1])
        return await super().buy(fresh)


class TakesSilenceForNo(EasyPostProvider):
    """Concludes from a lost answer that nothing was bought."""

    async def buy(self, purchase: Purchase) -> Bought | NotBought | Unknown:
        outcome = await super().buy(purchase)
        return NotBought(outcome.reason, Whose.MOMENT) if isinstance(outcome, Unknown) else outcome


class FindsNothing(EasyPostProvider):
    """Its look-up never finds anything."""

    async def lookup(self, purchase: Purchase) -> Bought | Absent | Unknown:
        return Absent()


class Talks(EasyPostProvider):
    """Shows its key."""

    def __repr__(self) -> str:
        return f"EasyPost with {KEY}"


@pytest.mark.parametrize(
    ("provider", "broken"),
    [
        (BuysAfresh, {"buying_again_never_pays_again", "racing_purchases_pay_once"}),
        (
            TakesSilenceForNo,
            {"a_fault_after_the_effect_is_unknown_until_looked_up", "buying_again_never_pays_again"},
        ),
        (FindsNothing, {"a_look_up_finds_what_was_bought", "a_failing_look_up_is_unknown"}),
        (Talks, {"it_keeps_its_secrets"}),
    ],
)
def test_the_suite_finds_an_adapter_that_would_cost_money(
    provider: type[EasyPostProvider], broken: set[str]
) -> None:
    verdicts = asyncio.run(conformance.examine_all(partial(easypost, provider)))
    failed = {name for name, decision in verdicts.items() if decision}
    assert broken <= failed


def test_the_error_of_a_failed_check_names_the_promise() -> None:
    with pytest.raises(NotConforming, match="finds the label that was bought"):
        asyncio.run(
            conformance.examine(
                next(
                    check
                    for check in conformance.CHECKS
                    if check.__name__ == "a_look_up_finds_what_was_bought"
                ),
                partial(easypost, FindsNothing),
            )
        )
