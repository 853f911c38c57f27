"""Offers of several provider accounts: the best one is bought, and a failing account stops no order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from pydantic import SecretStr

from packhouse.errors import ProviderMisconfigured, ProviderRefused, ProviderUnavailable
from packhouse.ledger import queries
from packhouse.model.label import LabelFormat
from packhouse.model.money import Money
from packhouse.providers.easypost.adapter import EasyPostProvider
from packhouse.providers.easypost.options import EasyPostOptions
from packhouse.providers.port import (
    Absent,
    NotBought,
    Prepared,
    Provider,
    ProviderContext,
    PurchaseRequest,
    Unknown,
    Whose,
)
from packhouse.sandbox.sandbox import EASYPOST_KEY
from packhouse.sandbox.store.state import StoreOrder
from packhouse.sandbox.transport import SandboxTransport
from tests.service.harness import SENDER, Harness
from tests.service.scripted import Scripted

pytestmark = [
    pytest.mark.usefixtures("engine"),
    pytest.mark.harness(settings={"provider": ("easypost", "second")}),
]


@pytest.fixture
def first(harness: Harness) -> Scripted:
    """The account that is named first."""
    return harness.provider


@pytest.fixture
def second(harness: Harness) -> Scripted:
    """Another account of the same kind, with the same rates."""
    context = ProviderContext(
        harness.clock, 30.0, SENDER, LabelFormat.ZPL, harness.metrics.call, account="second"
    )
    options = EasyPostOptions(api_key=SecretStr(EASYPOST_KEY), url="http://sandbox.invalid/easypost/v2")
    account = Scripted(EasyPostProvider(options, context, SandboxTransport(harness.sandbox)))
    cast("dict[str, Provider]", harness.context.providers)["second"] = account
    return account


def dearer(account: Scripted) -> Callable[[PurchaseRequest], Awaitable[Prepared]]:
    """The rates of an account at twice their price."""

    async def prepare(request: PurchaseRequest) -> Prepared:
        prepared = await account.real.prepare(request)
        rates = (replace(one, price=Money(one.price.minor * 2, "USD")) for one in prepared.rates)
        return replace(prepared, rates=tuple(rates))

    return prepare


async def bought_at(harness: Harness, order: StoreOrder) -> list[str]:
    """The accounts of an order's labels."""
    return [one.label.provider for one in await harness.shipments(order) if one.label]


async def buyings(harness: Harness, order: StoreOrder) -> list[Any]:
    """The journal entries of intents to buy, oldest first."""
    entries = await harness.ledger.read(queries.entries, order_id=order.id)
    return [entry for entry in entries if entry.action == "buying"]


async def buying(harness: Harness, order: StoreOrder) -> Any:
    """The journal entry of the intent to buy."""
    return (await buyings(harness, order))[0]


async def test_the_account_with_the_best_rate_sells(
    harness: Harness, first: Scripted, second: Scripted
) -> None:
    first.script(prepare=dearer(first))
    order = await harness.ship()
    assert await bought_at(harness, order) == ["second"]
    assert first.seen("buy") == []
    entry = await buying(harness, order)
    assert entry.data["provider"] == "second"
    assert entry.why.endswith(" at second.")
    bought = {"provider": "second", "outcome": "bought"}
    assert harness.metrics.registry.get_sample_value("packhouse_purchases_total", bought) == 1


async def test_equal_rates_are_bought_at_the_account_named_first(harness: Harness, second: Scripted) -> None:
    order = await harness.ship()
    assert await bought_at(harness, order) == ["easypost"]
    assert len(second.seen("prepare")) == 1
    assert second.seen("buy") == []


async def test_the_label_file_a_void_and_tracking_come_from_the_account_that_bought(
    harness: Harness, first: Scripted, second: Scripted
) -> None:
    first.script(prepare=dearer(first))
    shipped = await harness.ship()
    cancelled = harness.sandbox.place_order("plain")
    await harness.deliver_event(cancelled)
    job = next(one for one in await harness.claim_due() if one.order_id == cancelled.id)
    await harness.run_steps(job, before="post")
    harness.sandbox.store.cancel(cancelled)
    await harness.run_step("post", job)
    await harness.advance(25_000, step=500)
    assert await harness.states(cancelled) == ["voided"]
    await harness.track_parcels()
    assert await harness.states(shipped) == ["delivered"]
    for call in ("document", "void", "track"):
        assert second.seen(call), call
        assert first.seen(call) == [], call


async def test_an_unknown_purchase_is_looked_up_at_the_account_that_was_to_sell_it(
    harness: Harness, first: Scripted, second: Scripted
) -> None:
    first.script(prepare=dearer(first))
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    (job,) = await harness.claim_due()
    await harness.run_steps(job, before="buy")
    second.script(buy=Unknown("no response"))
    await harness.run_steps(job, start="buy")
    assert await harness.states(order) == ["unknown"]
    second.script(buy=None)
    first.script(prepare=None)
    await harness.advance(200)
    assert len(second.seen("lookup")) == 1
    assert first.seen("lookup") == []
    assert await bought_at(harness, order) == ["second"]
    assert harness.labels_sold(order) == 1


@pytest.mark.parametrize(
    "error",
    [
        ProviderUnavailable("it is down"),
        ProviderRefused("it is down"),
        ProviderMisconfigured("it is down"),
        RuntimeError("it is down"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_failing_account_is_a_remark_in_the_journal_while_another_sells(
    harness: Harness, first: Scripted, second: Scripted, error: Exception
) -> None:
    first.script(prepare=error)
    order = await harness.ship()
    assert await bought_at(harness, order) == ["second"]
    assert await harness.active_holds(order) == []
    entry = await buying(harness, order)
    assert "easypost: " in entry.why
    assert "it is down" in entry.why


async def test_an_order_that_no_account_accepts_is_held_with_every_reason(
    harness: Harness, first: Scripted, second: Scripted
) -> None:
    first.script(prepare=ProviderRefused("no such street"))
    second.script(prepare=ProviderRefused("no such city"))
    order = await harness.ship()
    (hold,) = await harness.active_holds(order)
    assert hold.code == "provider_refused"
    assert hold.note == "Every provider account: easypost: no such street; second: no such city"
    assert hold.sentence.startswith(
        "Every provider account rejected the label: easypost: no such street; second: no such city."
    )


async def test_an_order_without_an_allowed_rate_is_held_with_every_reason(
    harness: Harness, first: Scripted, second: Scripted
) -> None:
    first.script(prepare=ProviderRefused("no such street"))
    second.script(prepare=Prepared("shp_1", (), ("the parcel is too long",)))
    order = await harness.ship()
    (hold,) = await harness.active_holds(order)
    assert hold.code == "no_rate"
    assert hold.note == "Every provider account: easypost: no such street; second: the parcel is too long"


async def test_an_order_is_tried_again_while_one_account_may_recover(
    harness: Harness, first: Scripted, second: Scripted
) -> None:
    first.script(prepare=ProviderUnavailable("it is down"))
    second.script(prepare=ProviderRefused("no such street"))
    order = await harness.ship()
    assert await harness.active_holds(order) == []
    first.script(prepare=None)
    await harness.advance(60)
    assert await bought_at(harness, order) == ["easypost"]


async def test_an_account_with_an_open_circuit_breaker_is_skipped(
    harness: Harness, first: Scripted, second: Scripted
) -> None:
    harness.context.breaker.threshold = 2
    first.script(prepare=ProviderUnavailable("it is down"))
    orders = [await harness.ship() for _ in range(4)]
    assert len(first.seen("prepare")) == 2
    assert [await bought_at(harness, order) for order in orders] == [["second"]] * 4
    why = (await buying(harness, orders[-1])).why
    assert "easypost: failed 2 times in a row and is tried again later: it is down" in why
    first.script(prepare=None)
    await harness.advance(harness.settings.guard.breaker_cooldown_s, step=50)
    assert await bought_at(harness, await harness.ship()) == ["easypost"]


async def test_an_order_waits_while_the_circuit_breakers_of_all_accounts_are_open(
    harness: Harness, first: Scripted, second: Scripted
) -> None:
    harness.context.breaker.threshold = 1
    for account in (first, second):
        account.script(prepare=ProviderUnavailable("it is down"))
    order = await harness.ship()
    await harness.advance(200, step=20)
    assert len(first.seen("prepare")) == len(second.seen("prepare")) == 1
    assert await harness.active_holds(order) == []
    for account in (first, second):
        account.script(prepare=None)
    await harness.advance(200, step=20)
    assert await bought_at(harness, order) == ["easypost"]


async def test_a_purchase_that_may_have_been_made_stays_with_its_account(
    harness: Harness, first: Scripted, second: Scripted
) -> None:
    first.script(prepare=dearer(first))
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    second.script(buy=Unknown("no response"), lookup=Absent())
    await harness.process_due()
    second.script(buy=NotBought("the account is empty", Whose.ACCOUNT))
    first.script(prepare=None)
    await harness.advance(200, step=20)
    assert len(second.seen("buy")) == 2
    assert first.seen("buy") == []
    second.script(buy=None)
    await harness.advance(300, step=20)
    assert await bought_at(harness, order) == ["second"]
    assert len(first.seen("prepare")) == len(second.seen("prepare")) == 1


async def test_an_order_is_bought_elsewhere_at_once_when_an_account_has_no_funds(
    harness: Harness, first: Scripted, second: Scripted
) -> None:
    first.script(prepare=dearer(first))
    second.script(buy=NotBought("Insufficient funds.", Whose.ACCOUNT))
    order = await harness.ship()
    assert await bought_at(harness, order) == ["easypost"]
    assert "second: buys no labels: Insufficient funds" in (await buyings(harness, order))[-1].why
    other = await harness.ship()
    assert await bought_at(harness, other) == ["easypost"]
    assert len(second.seen("buy")) == 1


def priced(account: Scripted, money: Money | None) -> Callable[[PurchaseRequest], Awaitable[Prepared]]:
    """The rates of an account, all at this price."""

    async def prepare(request: PurchaseRequest) -> Prepared:
        prepared = await account.real.prepare(request)
        return replace(prepared, rates=tuple(replace(one, price=money) for one in prepared.rates))

    return prepare


async def test_a_price_of_zero_does_not_win_and_is_told(
    harness: Harness, first: Scripted, second: Scripted
) -> None:
    first.script(prepare=priced(first, Money(0, "USD")))
    order = await harness.ship()
    assert await bought_at(harness, order) == ["second"]
    first.script(prepare=priced(first, Money(0, "USD")))
    second.script(prepare=ProviderRefused("no such street"))
    held = await harness.ship()
    (hold,) = await harness.active_holds(held)
    assert hold.code == "no_rate"
    assert "a price of 0.00 counts as none" in hold.note
    assert "USPS/GroundAdvantage" in hold.note
    assert "providers.easypost.free_rates = true" in hold.note


@pytest.mark.harness(
    settings={"provider": ("easypost", "second"), "providers": {"easypost": {"free_rates": "true"}}}
)
async def test_a_price_of_zero_is_a_price_where_the_account_says_so(
    harness: Harness, first: Scripted, second: Scripted
) -> None:
    first.script(prepare=priced(first, Money(0, "USD")))
    assert await bought_at(harness, await harness.ship()) == ["easypost"]
    first.script(prepare=None)
    second.script(prepare=priced(second, Money(0, "USD")))
    assert await bought_at(harness, await harness.ship()) == ["easypost"]


async def test_only_the_guards_currency_is_bought_beside_another(
    harness: Harness, first: Scripted, second: Scripted
) -> None:
    first.script(prepare=priced(first, Money(4, "GBP")))
    assert await bought_at(harness, await harness.ship()) == ["second"]


async def test_rates_in_several_other_currencies_are_held_and_not_compared(
    harness: Harness, first: Scripted, second: Scripted
) -> None:
    first.script(prepare=priced(first, Money(400, "GBP")))
    second.script(prepare=priced(second, Money(40, "JPY")))
    order = await harness.ship()
    (hold,) = await harness.active_holds(order)
    assert hold.code == "no_rate"
    assert "easypost: offered in GBP, and only prices in USD (guard.currency) can be compared" in hold.note
    assert "second: offered in JPY" in hold.note
    assert harness.labels_sold(order, live_only=False) == 0


async def test_one_other_currency_is_bought_where_all_rates_have_it(
    harness: Harness, first: Scripted, second: Scripted
) -> None:
    first.script(prepare=priced(first, Money(500, "JPY")))
    second.script(prepare=priced(second, Money(400, "JPY")))
    await harness.ship()
    assert first.seen("buy") == []
    assert len(second.seen("buy")) == 1
