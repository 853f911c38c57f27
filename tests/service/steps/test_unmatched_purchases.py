"""Purchases since the backup that match no shipment: each is named to an operator before it is accepted."""

from __future__ import annotations

from packhouse.ledger import holds, leases, recalled
from packhouse.ledger.recalled import Recalled
from packhouse.model.hold import Hold, HoldCode
from packhouse.model.journal import MACHINE
from packhouse.sandbox.store.state import StoreOrder
from tests.service.harness import Harness
from tests.service.steps.restore_situations import restored


async def _left(harness: Harness, order: StoreOrder) -> list[str]:
    return [one.reference for one in await harness.ledger.read(recalled.of_order, order.id)]


async def _the_hold(harness: Harness, order: StoreOrder) -> Hold:
    active = await harness.active_holds(order)
    (hold,) = [hold for hold in active if hold.code is HoldCode.RESTORE_UNCLEAR]
    return hold


async def test_one_hold_names_every_purchase_and_its_release_accepts_them(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.process_until(order, before="buy")
    account = harness.provider.account
    found = [
        Recalled(f"{order.id}/{seq}/1", order.id, account, {"tracking_number": f"94{seq}"}) for seq in (7, 8)
    ]
    await restored(harness, *found, is_accepted=False)
    hold = await _the_hold(harness, order)
    assert f"{account} sold 947 as {order.id}/7/1; {account} sold 948 as {order.id}/8/1" in hold.note

    await harness.release_hold(hold)
    await harness.process_due()
    assert await _left(harness, order) == []


async def test_what_a_released_hold_did_not_name_is_held_again(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.process_until(order, before="buy")
    account = harness.provider.account
    numbers = range(1, 7)
    found = [Recalled(f"{order.id}/{seq}/9", order.id, account, {}) for seq in numbers]
    await restored(harness, *found, is_accepted=False)
    hold = await _the_hold(harness, order)
    assert f"{order.id}/5/9" in hold.note
    assert f"{order.id}/6/9" not in hold.note

    await harness.release_hold(hold)
    await harness.process_due()
    assert await _left(harness, order) == [f"{order.id}/6/9"]
    assert f"{account} sold a label as {order.id}/6/9" in (await _the_hold(harness, order)).note


async def test_a_hold_that_packhouse_released_was_seen_by_nobody(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.process_until(order, before="buy")
    await restored(
        harness, Recalled(f"{order.id}/7/1", order.id, harness.provider.account, {}), is_accepted=False
    )
    hold = await _the_hold(harness, order)
    await harness.ledger.write(holds.release, harness.clock.now(), hold.id, by=MACHINE, reason="not needed")
    await harness.ledger.write(leases.wake, harness.clock.now(), order.id)
    await harness.process_due()
    assert (await _the_hold(harness, order)).id != hold.id
    assert await _left(harness, order) == [f"{order.id}/7/1"]


async def test_an_order_that_is_held_for_another_reason_names_them_once_as_well(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.process_until(order, before="buy")
    await harness.place_hold(order)
    await restored(
        harness, Recalled(f"{order.id}/7/1", order.id, harness.provider.account, {}), is_accepted=False
    )
    await harness.ledger.write(leases.wake, harness.clock.now(), order.id)
    await harness.process_due()
    placed = await harness.ledger.read(holds.of_order, order.id)
    assert [hold.placed_by for hold in placed] == ["ada", MACHINE]
    assert f"{order.id}/7/1" in (await _the_hold(harness, order)).note
