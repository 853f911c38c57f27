"""decide: which units of an order ship, and which orders are skipped or held."""

from __future__ import annotations

import pytest

from tests.service.harness import Harness

pytestmark = pytest.mark.usefixtures("engine")


async def test_a_digital_order_is_skipped(harness: Harness) -> None:
    order = await harness.ship("digital")
    assert await harness.phase(order) == "closed"
    assert await harness.shipments(order) == ()


async def test_of_a_mixed_order_only_the_physical_lines_ship(harness: Harness) -> None:
    order = await harness.ship("mixed")
    left = order.unshipped()
    digital = {item["id"] for item in order.sale.items if "PDF" in item["name"] or "e-book" in item["name"]}
    assert digital
    assert {line for line, quantity in left.items() if quantity} == digital
    assert await harness.phase(order) == "shipped"


async def test_units_shipped_outside_packhouse_are_not_shipped_again(harness: Harness) -> None:
    order = harness.sandbox.place_order("part_fulfilled")
    by_others = {row.id for row in order.fulfillments}
    assert by_others
    await harness.deliver_event(order)
    await harness.process_due()
    assert order.unshipped() == dict.fromkeys(order.ordered(), 0)
    assert harness.labels_sold(order) == 1


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("incomplete_address", "address_incomplete"),
        ("unknown_digital", "digital_unknown"),
    ],
)
async def test_missing_facts_hold_the_order_and_spend_nothing(harness: Harness, kind: str, code: str) -> None:
    order = await harness.ship(kind)
    assert [hold.code for hold in await harness.active_holds(order)] == [code]
    assert await harness.phase(order) == "held"
    assert harness.labels_sold(order) == 0


async def test_an_order_cancelled_before_the_first_refresh_is_skipped(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    harness.sandbox.store.cancel(order)
    await harness.deliver_event(order)
    await harness.process_due()
    assert await harness.phase(order) == "closed"
    assert harness.labels_sold(order) == 0


async def test_a_change_after_the_post_is_said_also_while_another_hold_is_active(harness: Harness) -> None:
    order = await harness.ship()
    await harness.place_hold(order)
    harness.sandbox.store.change_address(order, {"line1": "9 Elm Street"})
    await harness.deliver_event(order, "order.updated")
    await harness.process_due()
    assert {hold.code for hold in await harness.active_holds(order)} == {"manual", "order_changed"}
    await harness.deliver_event(order, "order.updated")
    await harness.process_due()
    assert len(await harness.active_holds(order)) == 2
