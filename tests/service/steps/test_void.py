"""void: the money of a label that will not ship is requested until the provider decides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from packhouse.ledger import queries
from packhouse.model.label import Label
from packhouse.providers.port import Bought, Purchase, Voided, VoidPending, VoidRefused
from packhouse.sandbox.store.state import StoreOrder
from tests.service.harness import Harness

pytestmark = pytest.mark.usefixtures("engine")
DAY_S = 86_400.0


async def test_an_order_cancelled_after_its_label_was_bought_is_voided(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    harness.sandbox.faults.trigger_next("store.error_before_effect")

    # The label is bought; then the store fails, and the order is cancelled before the label can be posted.
    harness.sandbox.faults.clear()
    (job,) = await harness.claim_due()
    await harness.run_steps(job, before="post")
    harness.sandbox.store.cancel(order)
    await harness.run_step("post", job)
    assert await harness.states(order) == ["voiding"]
    await harness.advance(400)
    assert await harness.states(order) == ["voided"]
    assert harness.labels_sold(order) == 0
    assert harness.labels_sold(order, live_only=False) == 1


async def _voiding(harness: Harness, answer: object) -> Any:
    """An order whose label has to be voided, at a provider that answers so."""
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    (job,) = await harness.claim_due()
    await harness.run_steps(job, before="post")
    harness.sandbox.store.cancel(order)
    harness.provider.script(void=answer)
    await harness.clock.advance(130)
    return order


async def test_a_void_that_may_be_granted_later_is_requested_until_the_window_ends(
    harness: Harness,
) -> None:
    order = await _voiding(harness, VoidRefused("not yet: the carrier has not reported", final=False))
    await harness.process_due()
    assert await harness.states(order) == ["voiding"]
    await harness.advance(24 * DAY_S, step=7200)
    assert await harness.states(order) == ["voiding"]
    assert await harness.active_holds(order) == []
    assert len(harness.provider.seen("void")) > 20
    await harness.advance(3 * DAY_S, step=7200)
    (hold,) = await harness.active_holds(order)
    assert hold.code == "void_refused"
    assert "not yet" in hold.note


async def test_a_void_that_is_refused_at_first_and_granted_later_needs_nobody(harness: Harness) -> None:
    order = await _voiding(harness, VoidRefused("not yet", final=False))
    await harness.process_due()

    async def at_last(label: Label) -> Voided:
        harness.sandbox.easypost.request_void(harness.sandbox.easypost.find(label.provider_id))
        return Voided()

    harness.provider.script(void=at_last)
    await harness.advance(6 * 3600, step=600)
    assert await harness.states(order) == ["voided"]
    assert "held" not in await harness.journal(order)


async def _deliver(harness: Harness, order: StoreOrder, times: int) -> None:
    """Events within seconds of each other, each processed."""
    for _ in range(times):
        await harness.deliver_event(order, "order.updated")
        await harness.clock.advance(1)
        await harness.process_due()


@pytest.mark.parametrize("answer", [VoidRefused("not yet", final=False), VoidPending()])
async def test_events_do_not_use_up_the_tries_of_a_void(harness: Harness, answer: object) -> None:
    order = await _voiding(harness, answer)
    await harness.process_due()
    await _deliver(harness, order, 4)
    assert len(harness.provider.seen("void")) == 1
    await harness.advance(3 * DAY_S, step=7200)
    assert len(harness.provider.seen("void")) >= 4
    await _deliver(harness, order, 4)
    (shipment,) = await harness.shipments(order)
    assert shipment.label is not None
    asked = len(harness.provider.seen("void"))
    assert harness.clock.now() < (shipment.label.void_due_at or 0) <= harness.clock.now() + DAY_S
    harness.clock.skew = -400 * DAY_S  # a clock that was set back does not stop the tries
    await _deliver(harness, order, 1)
    assert len(harness.provider.seen("void")) == asked + 1


@pytest.mark.parametrize("how", ["void", "release", "release of the hold"])
async def test_an_operator_has_the_provider_asked_at_once_and_once(harness: Harness, how: str) -> None:
    refused = VoidRefused("ask our support", final=how != "void")
    order = await _voiding(harness, refused)
    await harness.process_due()
    (shipment,) = await harness.shipments(order)
    asked = len(harness.provider.seen("void"))
    change = harness.operations.shipments
    if how == "void":
        await change.request_void(shipment.id, reason="support agreed", actor="ada", again=False)
    elif how == "release":
        await change.release(shipment.id, reason="support agreed", actor="ada")
    else:
        (hold,) = await harness.active_holds(order)
        await harness.release_hold(hold)
    await harness.process_due()
    await _deliver(harness, order, 4)
    assert len(harness.provider.seen("void")) == asked + 1
    assert [label.void_again for (label,) in harness.provider.seen("void")][-1]
    assert await harness.states(order) == ["voiding"]


async def test_a_label_that_is_charged_only_if_used_promises_no_money(harness: Harness) -> None:
    order = await _voiding(harness, Voided(charged_only_if_used=True))
    await harness.process_due()
    entries = await harness.ledger.read(queries.entries, order_id=order.id)
    (voided,) = [entry.why for entry in entries if entry.action == "voided"]
    assert voided.startswith("No money comes back:")
    assert "credited" not in voided


async def test_a_void_that_is_refused_for_good_is_held_at_once(harness: Harness) -> None:
    order = await _voiding(harness, VoidRefused("scanned already"))
    await harness.process_due()
    (hold,) = await harness.active_holds(order)
    assert hold.code == "void_refused"
    assert "scanned already" in hold.note
    assert len(harness.provider.seen("void")) == 1

    async def at_last(label: Label) -> Voided:
        harness.sandbox.easypost.request_void(harness.sandbox.easypost.find(label.provider_id))
        return Voided()

    harness.provider.script(void=at_last)
    await harness.release_hold(hold, "support agreed")
    await harness.process_due()
    assert await harness.states(order) == ["voided"]


async def test_a_pending_void_is_held_before_the_window_closes(harness: Harness) -> None:
    order = await _voiding(harness, VoidPending())
    await harness.advance(24 * 86_400, step=7200)
    assert await harness.states(order) == ["voiding"]
    await harness.advance(3 * 86_400, step=7200)
    assert [hold.code for hold in await harness.active_holds(order)] == ["void_refused"]


async def _order_with_a_new_address(harness: Harness, answer: Any) -> StoreOrder:
    """An order whose address changes after its label was bought, at a provider that answers a void so."""
    order = harness.sandbox.place_order("plain")
    await harness.process_until(order, before="post")
    harness.sandbox.store.change_address(order, {"line1": "77 Other Road"})

    async def void(label: Label) -> Any:
        harness.sandbox.easypost.request_void(harness.sandbox.easypost.find(label.provider_id))
        return answer

    harness.provider.script(void=void)
    await harness.clock.advance(130)
    await harness.process_due()
    return order


async def test_an_order_that_waits_for_a_void_is_held_and_ships_again_when_released(harness: Harness) -> None:
    order = await _order_with_a_new_address(harness, VoidPending())
    assert await harness.states(order) == ["voiding"]
    await harness.advance(3 * 3600, step=600)
    (hold,) = await harness.active_holds(order)
    assert hold.code == "void_pending"
    await harness.release_hold(hold, "the label was not printed")
    await harness.process_due()
    assert await harness.states(order) == ["voiding", "fulfilled"]
    first, second = await harness.shipments(order)
    assert (second.seq, second.generation) == (first.seq, 2)
    assert second.reference == f"{order.id}/1/2"
    await harness.advance(2 * DAY_S, step=7200)
    assert await harness.active_holds(order) == []


async def test_the_hold_is_released_when_the_void_succeeds(harness: Harness) -> None:
    order = await _order_with_a_new_address(harness, VoidPending())
    await harness.advance(3 * 3600, step=600)
    harness.provider.script(void=Voided())
    await harness.advance(DAY_S, step=3600)
    assert await harness.active_holds(order) == []
    await harness.track_parcels()
    assert await harness.states(order) == ["voided", "delivered"]


async def test_a_cancelled_order_waits_for_its_void_without_a_hold(harness: Harness) -> None:
    order = await _order_with_a_new_address(harness, VoidPending())
    await harness.advance(3 * 3600, step=600)
    harness.sandbox.store.cancel(order)
    await harness.deliver_event(order, "order.cancelled")
    await harness.advance(3 * 3600, step=600)
    assert await harness.active_holds(order) == []
    assert await harness.states(order) == ["voiding"]


async def test_a_refused_void_that_an_operator_released_lets_the_order_ship(harness: Harness) -> None:
    order = await _order_with_a_new_address(harness, VoidRefused("no"))
    await harness.advance(3 * DAY_S, step=3600)
    (hold,) = await harness.active_holds(order)
    assert hold.code == "void_refused"
    assert harness.labels_sold(order, live_only=False) == 1
    await harness.release_hold(hold, "written off")
    await harness.process_due()
    assert await harness.states(order) == ["voiding", "fulfilled"]


@pytest.mark.parametrize(("carrier", "days"), [("USPS", 25), ("UPS", 85), ("FEDEX", 85), ("Some Other", 25)])
async def test_a_void_is_held_before_the_carriers_window_closes(
    harness: Harness, carrier: str, days: int
) -> None:
    async def buy_from_that_carrier(purchase: Purchase) -> Bought:
        bought = await harness.provider.real.buy(purchase)
        assert isinstance(bought, Bought)
        return replace(bought, carrier=carrier)

    harness.provider.script(buy=buy_from_that_carrier)
    order = await _order_with_a_new_address(harness, VoidPending())
    harness.sandbox.store.cancel(order)
    await harness.deliver_event(order, "order.cancelled")
    await harness.advance((days - 1) * DAY_S, step=0.4 * DAY_S)
    assert await harness.active_holds(order) == []
    await harness.advance(2 * DAY_S, step=0.4 * DAY_S)
    assert [hold.code for hold in await harness.active_holds(order)] == ["void_refused"]
