"""What stands between a lease, a state and the money: each guard alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from packhouse.errors import LeaseLost
from packhouse.ledger import shipments
from packhouse.ledger.tx import under
from packhouse.model.states import ShipmentState
from packhouse.providers.port import Bought, NotBought, Purchase, Unknown
from packhouse.steps.purchase import intent_of
from tests.service.harness import Harness

pytestmark = pytest.mark.usefixtures("engine")

_S = ShipmentState


@pytest.mark.parametrize("left_s", [0.0, 29.9])
async def test_a_lease_too_short_for_the_purchase_buys_nothing(harness: Harness, left_s: float) -> None:
    order = harness.sandbox.place_order("plain")
    job = await harness.process_until(order, before="buy")
    assert harness.settings.provider_timeout_s == 30
    job.lease_until = harness.clock.monotonic() + left_s
    with pytest.raises(LeaseLost, match="ends too soon to buy a label"):
        await harness.run_step("buy", job)
    assert harness.labels_sold(order, live_only=False) == 0
    assert await harness.states(order) == ["planned"], "the intent is taken back, so no look-up is needed"


async def test_a_lease_that_is_just_long_enough_buys(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    job = await harness.process_until(order, before="buy")
    job.lease_until = harness.clock.monotonic() + harness.settings.provider_timeout_s
    await harness.run_step("buy", job)
    assert harness.labels_sold(order) == 1
    assert await harness.states(order) == ["labeled"]


@pytest.mark.parametrize("since", [_S.PLANNED, _S.BUYING])
async def test_a_move_from_a_state_that_was_left_changes_nothing(harness: Harness, since: _S) -> None:
    """The lease is still held: the compare-and-swap alone refuses."""
    order = harness.sandbox.place_order("plain")
    job = await harness.process_until(order, before="post")
    (shipment,) = job.shipments
    assert shipment.state is _S.LABELED
    stale = replace(shipment, state=since)
    to = _S.CANCELLED if since is _S.PLANNED else _S.UNKNOWN
    with pytest.raises(LeaseLost, match=f"is no longer {since}"):
        await harness.ledger.write(under(job.lease, shipments.move), 1.0, stale, to, [])
    assert await harness.states(order) == ["labeled"]
    assert harness.labels_sold(order) == 1


async def test_a_move_changes_its_own_shipment_only(harness: Harness) -> None:
    order, other = harness.sandbox.place_order("plain"), harness.sandbox.place_order("plain")
    job = await harness.process_until(order, before="buy")
    await harness.process_until(other, before="buy")
    await harness.ledger.write(under(job.lease, shipments.move), 1.0, job.shipments[0], _S.CANCELLED, [])
    assert await harness.states(order) == ["cancelled"]
    assert await harness.states(other) == ["planned"]


class Dies(BaseException):
    """The worker's process dies."""


async def test_a_purchase_of_another_process_gets_its_whole_settle_time_and_keeps_it(
    harness: Harness, engine: str
) -> None:
    """Looked up only once, when the provider must have finished: not at the second pass, nor before."""
    asked: list[float] = []

    async def lookup(purchase: Purchase) -> Bought | NotBought | Unknown:
        asked.append(harness.clock.monotonic() - seen_at)
        return await harness.provider.real.lookup(purchase)  # type: ignore[return-value]

    order = harness.sandbox.place_order("plain")
    job = await harness.process_until(order, before="buy")
    harness.provider.script(buy=Dies())
    with pytest.raises(Dies):
        await harness.run_step("buy", job)
    harness.provider.script(buy=None, lookup=lookup)
    # Another process: it knows nothing of the call that this one began.
    harness.context.settling.clear()
    await harness.clock.advance(130)
    seen_at = harness.clock.monotonic()
    await harness.process_due()
    (shipment,) = await harness.shipments(order)
    settling = dict(harness.context.settling)
    assert list(settling) == [intent_of(shipment)]
    whole_s = harness.settings.provider_settle_s
    if engine == "postgresql":  # where that process may still be alive
        whole_s += harness.settings.provider_timeout_s
    assert settling[intent_of(shipment)] + harness.settings.provider_settle_s == seen_at + whole_s
    for _ in range(int(whole_s / 5) - 1):
        await harness.clock.advance(5)
        await harness.deliver_event(order)  # each pass sees the purchase again
        await harness.process_due()
        assert dict(harness.context.settling) == settling
    assert asked == []
    await harness.advance(30)
    assert len(asked) == 1
    assert whole_s <= asked[0] < whole_s + 10
    assert harness.labels_sold(order, live_only=False) == 1
    assert await harness.states(order) == ["fulfilled"]
