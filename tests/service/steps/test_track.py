"""track: a posted parcel is confirmed at the store and tracked until it is delivered."""

from __future__ import annotations

import pytest

from tests.service.harness import Harness

pytestmark = pytest.mark.usefixtures("engine")


async def test_an_echo_of_our_own_fulfillment_confirms_and_changes_nothing(harness: Harness) -> None:
    order = await harness.ship()
    await harness.deliver_event(order, "order.fulfilled")
    assert await harness.claim_due() == []  # not urgent
    await harness.advance(harness.settings.poll.confirm_s + 10)
    assert await harness.states(order) == ["fulfilled"]
    assert await harness.phase(order) == "shipped"
    assert harness.labels_sold(order) == 1


async def test_a_parcel_is_tracked_until_it_is_delivered(harness: Harness) -> None:
    order = await harness.ship()
    await harness.advance(harness.settings.poll.confirm_s + 10)
    await harness.clock.advance(harness.settings.poll.track_interval_s)
    await harness.process_due()
    assert await harness.states(order) == ["delivered"]
    assert (await harness.order_row(order)).due_at is None
