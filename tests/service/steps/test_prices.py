"""Prices that are told with the label only, estimates, and sums in several currencies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from packhouse.ledger import queries
from packhouse.model.money import Money
from packhouse.providers.port import Bought, Prepared, Purchase, PurchaseRequest, Unknown
from tests.service.harness import Harness

pytestmark = pytest.mark.usefixtures("engine")
CAPPED = {"guard": {"max_day_minor": 1500}}


def priced(
    harness: Harness, price: Money | None, is_estimate: bool = False
) -> Callable[[PurchaseRequest], Awaitable[Prepared]]:
    """The rates of the provider with this price."""

    async def prepare(request: PurchaseRequest) -> Prepared:
        prepared = await harness.provider.real.prepare(request)
        rate = replace(prepared.rates[0], price=price, is_estimate=is_estimate)
        return replace(prepared, rates=(rate,))

    return prepare


def costing(harness: Harness, cost: Money | None, remark: str = "") -> Callable[[Purchase], Awaitable[Any]]:
    """The purchase as the provider makes it, with this cost."""

    async def buy(purchase: Purchase) -> Any:
        bought = await harness.provider.real.buy(purchase)
        assert isinstance(bought, Bought)
        return replace(bought, cost=cost, remark=remark)

    return buy


async def test_a_cost_told_with_the_label_is_no_drift(harness: Harness) -> None:
    harness.provider.script(prepare=priced(harness, None), buy=costing(harness, Money(9_999, "USD")))
    order = await harness.ship()
    assert await harness.states(order) == ["fulfilled"]
    assert await harness.active_holds(order) == []
    (shipment,) = await harness.shipments(order)
    assert shipment.label is not None
    assert shipment.label.cost == Money(9_999, "USD")
    assert shipment.quoted is None


@pytest.mark.harness(settings=CAPPED)
async def test_a_cap_without_a_price_holds_the_order_and_says_how_to_go_on(harness: Harness) -> None:
    harness.provider.script(prepare=priced(harness, None))
    order = await harness.ship()
    (hold,) = await harness.active_holds(order)
    assert hold.code == "price_unknown"
    assert hold.sentence.startswith(
        "easypost tells no price before the purchase, and a spending cap is set: "
        "set providers.easypost.estimate_minor."
    )
    await harness.advance(7200, step=600)
    assert (await harness.journal(order)).count("held") == 1
    assert harness.labels_sold(order, live_only=False) == 0
    await harness.release_hold(hold)
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"]


@pytest.mark.harness(settings=CAPPED)
async def test_an_estimate_counts_under_the_caps_and_the_cost_counts_afterwards(harness: Harness) -> None:
    estimated = priced(harness, Money(800, "USD"), is_estimate=True)
    harness.provider.script(prepare=estimated, buy=costing(harness, Money(1_200, "USD")))
    first, second = await harness.ship(), await harness.ship()
    assert await harness.states(first) == ["fulfilled"]
    assert await harness.active_holds(first) == []
    (hold,) = await harness.active_holds(second)
    assert hold.code == "cap_reached"
    assert "20.00 USD" in hold.note
    entries = await harness.ledger.read(queries.entries, order_id=first.id)
    assert any("for about 8.00 USD" in entry.why for entry in entries)


@pytest.mark.harness(settings=CAPPED)
async def test_an_estimate_over_a_cap_is_not_bought(harness: Harness) -> None:
    harness.provider.script(prepare=priced(harness, Money(1_501, "USD"), is_estimate=True))
    order = await harness.ship()
    assert [hold.code for hold in await harness.active_holds(order)] == ["cap_reached"]
    assert harness.provider.seen("buy") == []


@pytest.mark.parametrize(
    ("price", "counted"), [(Money(800, "USD"), Money(800, "USD")), (None, Money(0, "USD"))]
)
async def test_a_label_whose_cost_cannot_be_read_ships_and_the_journal_says_so(
    harness: Harness, price: Money | None, counted: Money
) -> None:
    remark = "its cost cannot be read: 'five dollars'"
    harness.provider.script(
        prepare=priced(harness, price, is_estimate=True), buy=costing(harness, None, remark)
    )
    order = await harness.ship()
    assert await harness.states(order) == ["fulfilled"]
    (shipment,) = await harness.shipments(order)
    assert shipment.label is not None
    assert shipment.label.cost == counted
    entries = await harness.ledger.read(queries.entries, order_id=order.id)
    (bought,) = [entry.why for entry in entries if entry.action == "bought"]
    assert f"at a cost that easypost does not tell; {counted} is counted" in bought
    assert remark in bought


@pytest.mark.harness(settings=CAPPED)
async def test_a_purchase_in_doubt_in_another_currency_is_not_added_by_its_number(harness: Harness) -> None:
    harness.provider.script(prepare=priced(harness, Money(4_000, "JPY")), buy=Unknown("no response"))
    doubted = await harness.ship()
    (hold,) = await harness.active_holds(doubted)
    assert hold.code == "cap_reached"
    assert "4000 JPY" in hold.note
    await harness.release_hold(hold, "it is right")
    await harness.process_due()
    assert await harness.states(doubted) == ["unknown"]
    dollars = Money(1_400, "USD")
    harness.provider.script(prepare=priced(harness, dollars), buy=costing(harness, dollars))
    other = await harness.ship()
    assert await harness.states(other) == ["fulfilled"]


async def test_the_spending_metric_keeps_currencies_apart(harness: Harness) -> None:
    for cost in (Money(4_000, "JPY"), Money(700, "USD"), Money(1_250, "KWD")):
        harness.provider.script(prepare=priced(harness, cost), buy=costing(harness, cost))
        assert await harness.states(await harness.ship()) == ["fulfilled"]
    read = harness.metrics.registry.get_sample_value
    spent = {
        code: read("packhouse_label_spend_minor_total", {"currency": code}) for code in ("JPY", "USD", "KWD")
    }
    assert spent == {"JPY": 4_000, "USD": 700, "KWD": 1_250}
