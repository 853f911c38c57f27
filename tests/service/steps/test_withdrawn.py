"""A label that was voided behind our back is never posted: its units are owed again."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.ledger import queries
from packhouse.model.money import Money
from packhouse.providers.port import Bought, Purchase, Unknown, Voided, VoidPending, Withdrawn
from packhouse.sandbox.store.state import StoreOrder
from tests.service.harness import Harness

pytestmark = pytest.mark.usefixtures("engine")


async def _bought_without_an_answer(harness: Harness) -> tuple[StoreOrder, str]:
    """An order whose label was bought, with a lost response and a void by somebody else; and its number."""
    numbers: list[str] = []

    async def lose(purchase: Purchase) -> Any:
        bought = await harness.provider.real.buy(purchase)
        assert isinstance(bought, Bought)
        numbers.append(bought.tracking_number)
        harness.sandbox.easypost.request_void(harness.sandbox.easypost.find(bought.provider_id))
        return Unknown("no response")

    harness.provider.script(buy=lose)
    order = await harness.ship()
    harness.provider.script(buy=None)
    assert await harness.states(order) == ["unknown"]
    return order, numbers[0]


async def test_a_label_found_void_is_not_posted_and_its_units_get_a_new_label(harness: Harness) -> None:
    order, number = await _bought_without_an_answer(harness)
    harness.provider.script(lookup=Withdrawn(number, Voided()))
    await harness.advance(60)
    first, second = await harness.shipments(order)
    assert (first.state, second.state) == ("voided", "fulfilled")
    assert second.reference == f"{order.id}/1/2"
    assert first.label is not None
    assert first.label.tracking_number == number
    assert number not in {row.tracking_number for row in order.fulfillments}
    entries = await harness.ledger.read(queries.entries, order_id=order.id)
    (voided,) = [entry.why for entry in entries if entry.action == "voided"]
    assert voided == f"The label {number} was bought, and was voided at the provider. It is not posted."
    assert harness.labels_sold(order) == 1


async def test_a_label_found_with_a_pending_void_is_followed_to_its_end(harness: Harness) -> None:
    order, number = await _bought_without_an_answer(harness)
    harness.provider.script(lookup=Withdrawn(number, VoidPending()), void=VoidPending())
    await harness.advance(60)
    assert await harness.states(order) == ["voiding"]
    assert harness.store.seen("fulfill") == []
    (label,) = harness.provider.seen("void")[0]
    assert label.provider_id == harness.provider.seen("lookup")[0][0].provider_ref
    harness.provider.script(void=Voided(), lookup=None)
    await harness.advance(7200, step=60)
    assert (await harness.states(order))[0] == "voided"
    assert (await harness.states(order))[1] in ("fulfilled", "delivered")
    assert number not in {row.tracking_number for row in order.fulfillments}


async def test_a_voided_label_of_a_cancelled_order_ends_there(harness: Harness) -> None:
    order, number = await _bought_without_an_answer(harness)
    harness.sandbox.store.cancel(order)
    harness.provider.script(lookup=Withdrawn(number, Voided(), cost=Money(742, "USD")))
    await harness.advance(60)
    assert await harness.states(order) == ["voided"]
    assert await harness.phase(order) == "closed"
    (shipment,) = await harness.shipments(order)
    assert shipment.label is not None
    assert shipment.label.cost == Money(742, "USD")


@pytest.mark.harness(settings={"guard": {"max_day_minor": 1900}})
async def test_a_voided_label_is_no_longer_spent(harness: Harness) -> None:
    order, number = await _bought_without_an_answer(harness)
    harness.provider.script(lookup=Withdrawn(number, Voided(), cost=Money(1500, "USD")))
    await harness.advance(60)
    assert await harness.states(order) == ["voided", "fulfilled"]
