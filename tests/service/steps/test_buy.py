"""buy: a label is bought once, within the caps and at the quoted price; a doubt ends in a hold or a wait."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from packhouse.model.money import Money
from packhouse.providers.port import Bought, NotBought, Prepared, Purchase, PurchaseRequest, Safety, Unknown
from tests.service.harness import Harness, NewHarness

pytestmark = pytest.mark.usefixtures("engine")


async def test_the_label_file_is_saved_before_the_store_is_notified(harness: Harness) -> None:
    order = await harness.ship()
    (shipment,) = await harness.shipments(order)
    assert shipment.label is not None
    assert shipment.label.document_format is not None
    kept = harness.context.documents.get(shipment.label.document, shipment.label.document_format)
    assert kept is not None
    assert shipment.label.tracking_number.encode() in kept


async def test_a_provider_that_refuses_holds_the_order_with_its_reason(harness: Harness) -> None:
    harness.sandbox.faults.set("easypost.refuse", 1.0)
    order = await harness.ship()
    harness.sandbox.faults.clear()
    (hold,) = await harness.active_holds(order)
    assert hold.code in ("provider_refused", "no_rate")
    assert hold.note
    assert await harness.phase(order) == "held"


def _capped(**caps: Any) -> dict[str, Any]:
    return {"guard": caps}


@pytest.mark.parametrize("cap", ["max_label_minor", "max_order_minor", "max_day_minor", "max_site_day_minor"])
async def test_a_label_over_a_cap_is_held_and_not_bought(new_harness: NewHarness, cap: str) -> None:
    harness = new_harness(settings=_capped(**{cap: 100}))
    order = await harness.ship()
    (hold,) = await harness.active_holds(order)
    assert hold.code == "cap_reached"
    assert "1.00 USD" in hold.note
    assert await harness.states(order) == ["held"]
    assert harness.labels_sold(order, live_only=False) == 0


@pytest.mark.harness(settings=_capped(currency="EUR", max_day_minor=10**9))
async def test_a_cap_in_another_currency_holds_rather_than_guesses(harness: Harness) -> None:
    order = await harness.ship()
    assert [hold.code for hold in await harness.active_holds(order)] == ["cap_reached"]


@pytest.mark.harness(settings=_capped(max_day_minor=2500))
async def test_a_daily_cap_lets_orders_continue_on_the_next_day(harness: Harness) -> None:
    orders = [harness.sandbox.place_order("plain") for _ in range(6)]
    for order in orders:
        await harness.deliver_event(order)
    await harness.process_due()
    held = [order for order in orders if await harness.phase(order) == "held"]
    shipped = [order for order in orders if await harness.phase(order) == "shipped"]
    assert held
    assert shipped
    spent = sum(p["cost_minor"] for p in harness.sandbox.audit.to_json()["purchases"] if not p["voided"])
    assert spent <= 2500
    await harness.advance(90_000, step=1800)
    assert sum([await harness.phase(order) == "shipped" for order in orders]) > len(shipped)


@pytest.mark.harness(settings=_capped(max_day_minor=1500))
async def test_a_purchase_that_is_still_unknown_counts_under_the_cap(harness: Harness) -> None:
    first, second = harness.sandbox.place_order("plain"), harness.sandbox.place_order("plain")
    await harness.deliver_event(first)
    (job,) = await harness.claim_due()
    await harness.run_steps(job, before="buy")
    harness.provider.script(buy=Unknown("no response"))
    await harness.run_step("buy", job)
    harness.provider.script(buy=None)
    assert await harness.states(first) == ["unknown"]
    await harness.deliver_event(second)
    await harness.process_due()
    assert [hold.code for hold in await harness.active_holds(second)] == ["cap_reached"]


@pytest.mark.harness(settings=_capped(max_day_minor=1500))
async def test_a_purchase_on_hold_counts_under_the_cap_until_it_is_reconciled(harness: Harness) -> None:
    harness.provider.script(buy=Unknown("no response"))
    harness.provider.safety = Safety.BLIND
    first, second = await harness.ship(), harness.sandbox.place_order("plain")
    await harness.advance(60)
    assert [hold.code for hold in await harness.active_holds(first)] == ["purchase_unknown"]
    harness.provider.script(buy=None)
    await harness.deliver_event(second)
    await harness.process_due()
    assert [hold.code for hold in await harness.active_holds(second)] == ["cap_reached"]
    (doubted,) = await harness.shipments(first)
    await harness.place_hold(first)
    await harness.operations.shipments.record_not_bought(doubted.id, reason="none there", actor="ada")
    await harness.advance(5000, step=250)
    assert await harness.phase(second) == "shipped"


async def test_a_label_that_cost_more_than_its_rate_is_held_before_posting(harness: Harness) -> None:
    async def dear(purchase: Purchase) -> Bought:
        bought = await harness.provider.real.buy(purchase)
        assert isinstance(bought, Bought)
        return replace(bought, cost=Money(bought.cost.minor * 3, "USD"))

    harness.provider.script(buy=dear)
    order = await harness.ship()
    (hold,) = await harness.active_holds(order)
    assert hold.code == "price_drift"
    assert order.fulfillments == []
    await harness.release_hold(hold, "it is right")
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"]


async def test_a_price_that_rose_since_the_first_offer_is_held_before_buying(harness: Harness) -> None:
    async def dearer(request: PurchaseRequest) -> Prepared:
        prepared = await harness.provider.real.prepare(request)
        rates = tuple(replace(r, price=Money(r.price.minor * 2, "USD")) for r in prepared.rates)
        return replace(prepared, rates=rates)

    harness.provider.script(buy=NotBought("address refused"))
    order = await harness.ship()
    (refused,) = await harness.active_holds(order)
    harness.provider.script(buy=None, prepare=dearer)
    await harness.release_hold(refused, "the carrier corrected it")
    await harness.process_due()
    (hold,) = await harness.active_holds(order)
    assert hold.code == "price_drift"
    assert harness.labels_sold(order, live_only=False) == 0


async def test_the_provider_gets_the_normalized_address_and_the_buyers_phone_and_declaration(
    harness: Harness,
) -> None:
    order = harness.sandbox.place_order("plain")
    written = {"city": "Toronto", "state": "Ontario", "postcode": "m5v2t6", "country": "Canada", "phone": ""}
    harness.sandbox.store.change_address(order, {"line1": "Queen St", "house_number": "12", **written})
    order.sale.buyer["phone"] = "+1 416 555 0100"
    await harness.deliver_event(order)
    await harness.process_due()
    (sent,) = [one.request for one in harness.sandbox.easypost.shipments.values()]
    to = sent["to_address"]
    assert (to["street1"], to["state"], to["zip"], to["country"]) == ("12 Queen St", "ON", "M5V 2T6", "CA")
    assert (to["phone"], to["email"]) == ("+1 416 555 0100", order.sale.buyer["email"])
    assert sent["customs_info"]["eel_pfc"] == "NOEEI 30.36"
    assert sum(item["weight"] for item in sent["customs_info"]["customs_items"]) <= sent["parcel"]["weight"]
    assert await harness.states(order) == ["fulfilled"]


@pytest.mark.parametrize(
    ("address", "is_declared"),
    [
        ({"city": "Tamuning", "state": "GU", "postcode": "96913"}, True),
        ({"city": "APO", "state": "AE", "postcode": "09012"}, True),
        ({"city": "San Juan", "state": "PR", "postcode": "00901"}, False),
        ({"city": "Austin", "state": "TX", "postcode": "78704"}, False),
    ],
)
async def test_territories_are_declared_and_the_mainland_is_not(
    harness: Harness, address: dict[str, str], is_declared: bool
) -> None:
    order = harness.sandbox.place_order("plain")
    harness.sandbox.store.change_address(order, {"line1": "1 Main St", "country": "US", **address})
    await harness.deliver_event(order)
    await harness.process_due()
    (sent,) = [one.request for one in harness.sandbox.easypost.shipments.values()]
    assert ("customs_info" in sent) is is_declared
    assert await harness.states(order) == ["fulfilled"]


async def test_a_domestic_label_does_not_have_the_buyers_email(harness: Harness) -> None:
    await harness.ship()
    (sent,) = [one.request for one in harness.sandbox.easypost.shipments.values()]
    assert "email" not in sent["to_address"] or sent["to_address"]["country"] != "US"
