"""An account that does not say at the start what it sold: what waits for it, and what does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import SecretStr

from packhouse.errors import ProviderError, ProviderMisconfigured, ProviderUnavailable
from packhouse.model.label import LabelFormat
from packhouse.providers.easypost.adapter import EasyPostProvider
from packhouse.providers.easypost.options import EasyPostOptions
from packhouse.providers.port import Provider, ProviderContext, Unknown
from packhouse.sandbox.sandbox import EASYPOST_KEY
from packhouse.sandbox.store.state import StoreOrder
from packhouse.sandbox.transport import SandboxTransport
from tests.service.harness import SENDER, Harness
from tests.service.ledger.backups import Backups
from tests.service.providers.by_reference import ByReference
from tests.service.restarts import Daemon, ship, sold
from tests.service.scripted import Scripted, scripted

TWO = pytest.mark.harness(settings={"provider": ("easypost", "second")})
AWAY = ProviderUnavailable("EasyPost answered 500")
SILENCES = pytest.mark.parametrize("why", [AWAY, ProviderMisconfigured("the key is refused")], ids=type)


@pytest.fixture
def daemon(harness: Harness, tmp_path: Path) -> Daemon:
    return Daemon(harness, Backups(tmp_path))


@pytest.fixture
def second(harness: Harness) -> Scripted:
    """Another account, which answers."""
    context = ProviderContext(
        harness.clock, 30.0, SENDER, LabelFormat.ZPL, harness.metrics.call, account="second"
    )
    options = EasyPostOptions(api_key=SecretStr(EASYPOST_KEY), url="http://sandbox.invalid/easypost/v2")
    account = scripted(EasyPostProvider(options, context, SandboxTransport(harness.sandbox)))
    cast("dict[str, Provider]", harness.context.providers)["second"] = account
    account.script(purchases_since=())
    return account


async def seller_of(harness: Harness, order: StoreOrder) -> list[str]:
    return [one.label.provider for one in await harness.shipments(order) if one.label]


async def waiting(harness: Harness) -> list[Any]:
    """What orders wait for, as `packhouse status` shows it."""
    status = await harness.operations.queries.status()
    return [(one.waiting.account, one.waiting.sentence, one.orders) for one in status.waiting]


@TWO
@SILENCES
async def test_on_a_new_ledger_only_the_silent_account_is_not_bought_from(
    daemon: Daemon, second: Scripted, why: ProviderError
) -> None:
    harness = daemon.harness
    harness.provider.script(purchases_since=why)
    await daemon.start()
    assert await daemon.is_paused() == ""
    (order,) = await ship(daemon)
    assert await seller_of(harness, order) == ["second"]
    report = await harness.operations.reconciliation.report()
    assert report.state == "checking"
    assert str(why) in report.open_points[0]


async def test_on_a_new_ledger_the_only_account_is_waited_for_and_named(daemon: Daemon) -> None:
    harness = daemon.harness
    harness.provider.script(purchases_since=AWAY)
    await daemon.start()
    (order,) = await ship(daemon)
    assert await sold(daemon, [order]) == [0]
    ((account, sentence, orders),) = await waiting(harness)
    assert (account, orders) == ("easypost", 1)
    assert "EasyPost answered 500" in sentence
    assert await harness.active_holds(order) == []
    harness.provider.script(purchases_since=None)
    await daemon.work(1)
    assert await sold(daemon, [order]) == [1]
    assert await waiting(harness) == []


@TWO
@SILENCES
async def test_only_orders_from_before_the_start_wait_for_an_account_that_had_sold(
    daemon: Daemon, second: Scripted, why: ProviderError
) -> None:
    """They may be ones that it sold a label for; a new order is bought at any account. A person may go on."""
    harness = daemon.harness
    await daemon.start()
    await ship(daemon)
    older = harness.sandbox.place_order("plain")
    await harness.deliver_event(older)
    await harness.clock.advance(700.0)
    harness.provider.script(purchases_since=why)
    await daemon.start()
    assert str(why) in await daemon.is_paused()
    await daemon.work(6)
    assert await daemon.is_paused() == ""
    assert await sold(daemon, [older]) == [0]
    assert [(account, orders) for account, _, orders in await waiting(harness)] == [("easypost", 1)]
    await harness.clock.advance(700.0)
    (newer,) = await ship(daemon)
    assert await sold(daemon, [newer]) == [1]
    await daemon.start()
    await daemon.work(1)
    assert await sold(daemon, [older]) == [0], "a restart is no answer"
    await harness.operations.reconciliation.accept(reason="the account was closed", actor="ada")
    await daemon.work(1)
    assert await sold(daemon, [older]) == [1]
    assert await waiting(harness) == []


@TWO
@SILENCES
async def test_a_folder_that_was_put_back_buys_nothing_twice_while_an_account_is_silent(
    daemon: Daemon, second: Scripted, why: ProviderError
) -> None:
    """Neither at the other account, nor after restarts: the question of the first start stands."""
    harness = daemon.harness
    await daemon.start()
    await ship(daemon)
    planned = harness.sandbox.place_order("plain")
    await harness.process_until(planned, before="buy")
    await harness.clock.advance(130.0)
    restore = daemon.backups.take(with_folder=True)
    await daemon.start()
    late = harness.sandbox.place_order("plain")
    for order in (planned, late):
        await harness.process_until(order, before="post")
    await harness.clock.advance(8000.0)
    harness.provider.script(purchases_since=why)
    await daemon.put_back(restore)
    await daemon.work(8)
    await harness.deliver_event(late)
    await daemon.work(3)
    assert await sold(daemon, [planned, late]) == [1, 1]
    await harness.clock.advance(4000.0)
    await ship(daemon)
    await daemon.start()
    harness.provider.script(purchases_since=None)
    await daemon.work(5)
    assert "restored" in await daemon.is_paused()
    await harness.operations.reconciliation.accept(reason="no holds were placed", actor="ada")
    await daemon.work()
    assert await sold(daemon, [planned, late]) == [1, 1]
    assert [await harness.states(order) for order in (planned, late)] == [["fulfilled"]] * 2


@pytest.mark.harness(sandbox_account=ByReference)
@pytest.mark.parametrize("why", [Unknown("the program failed"), AWAY], ids=type)
async def test_a_folder_that_was_put_back_buys_nothing_twice_while_a_look_up_program_fails(
    daemon: Daemon, why: Any
) -> None:
    harness = daemon.harness
    await daemon.start()
    await ship(daemon)
    planned = harness.sandbox.place_order("plain")
    await harness.process_until(planned, before="buy")
    await harness.clock.advance(130.0)
    restore = daemon.backups.take(with_folder=True)
    await daemon.start()
    await harness.process_until(planned, before="post")
    assert await sold(daemon, [planned]) == [1]
    await harness.clock.advance(8000.0)
    harness.provider.script(lookup=why)
    await daemon.put_back(restore)
    await daemon.work(8)
    assert await sold(daemon, [planned]) == [1]
    assert "because the ledger may be a restored one" in (await harness.order_row(planned)).last_error
    harness.provider.script(lookup=None)
    await harness.advance(600.0, step=30)
    await daemon.work(3)
    await harness.operations.reconciliation.accept(reason="no holds were placed", actor="ada")
    await daemon.work(3)
    assert await sold(daemon, [planned]) == [1]
    assert await harness.states(planned) == ["fulfilled"]
