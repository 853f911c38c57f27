"""The life of an order from event to shipped, against the sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from packhouse.providers.command.adapter import CommandProvider
from packhouse.providers.port import ProviderContext
from tests.service.harness import Harness

pytestmark = pytest.mark.usefixtures("engine")


async def test_a_plain_order_is_labeled_and_fulfilled_with_its_own_tracking_number(harness: Harness) -> None:
    order = await harness.ship()
    (shipment,) = await harness.shipments(order)
    assert shipment.state == "fulfilled"
    assert shipment.label is not None
    assert {row.tracking_number for row in order.fulfillments} == {shipment.label.tracking_number}
    assert order.unshipped() == dict.fromkeys(order.ordered(), 0)
    assert order.status == "fulfilled"
    assert await harness.phase(order) == "shipped"


async def test_the_journal_records_every_step_in_order(harness: Harness) -> None:
    order = await harness.ship()
    assert await harness.journal(order) == [
        "event_received",
        "planned",
        "buying",
        "bought",
        "fulfilled",
        "shipped",
    ]


def _own_program(context: ProviderContext, folder: Path) -> CommandProvider:
    script = """cat >/dev/null; echo '{"tracking": "MINE-1", "carrier": "Bike"}'"""
    return CommandProvider.from_settings({"argv": ["sh", "-c", script]}, context)


@pytest.mark.harness(provider=_own_program)
async def test_a_users_own_program_ships_and_its_tracking_number_is_posted(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    await harness.process_due()
    assert {row.tracking_number for row in order.fulfillments} == {"MINE-1"}
    harness.sandbox.store.orders.clear()  # the sandbox's EasyPost did not sell this label
