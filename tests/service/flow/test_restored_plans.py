"""A backup has an order as planned, with its purchase prepared; the label was bought and posted since."""

from __future__ import annotations

from pathlib import Path

import pytest

from packhouse.errors import StoreUnavailable
from packhouse.model.hold import HoldCode
from packhouse.sandbox.store.state import StoreOrder
from tests.service.harness import Harness
from tests.service.ledger.backups import Backups
from tests.service.restarts import Daemon, ship, sold


async def test_what_a_prepared_shipment_sold_since_the_backup_is_in_the_books(
    harness: Harness, tmp_path: Path
) -> None:
    backups = Backups(tmp_path)
    daemon = Daemon(harness, backups)
    await daemon.start()
    order = harness.sandbox.place_order("plain")
    job = await harness.process_until(order, before="buy")
    harness.sandbox.faults.trigger_next("store.error_before_effect")
    with pytest.raises(StoreUnavailable):
        await harness.run_step("buy", job)
    (shipment,) = await harness.shipments(order)
    assert (shipment.state.value, bool(shipment.provider_ref)) == ("planned", True)
    await harness.clock.advance(130.0)
    restore = backups.take(with_folder=True)
    await daemon.start()
    await daemon.work()
    assert await harness.states(order) == ["fulfilled"]
    (other, *_) = await ship(daemon)  # the restore is noticed by it
    spent = (await harness.operations.queries.status()).spent

    await daemon.put_back(restore)
    await daemon.work(5)
    await harness.operations.reconciliation.accept(reason="no holds were placed", actor="ada")
    await daemon.work()
    assert await harness.states(order) == ["fulfilled"]
    assert await sold(daemon, [order, other]) == [1, 1]
    assert (await harness.operations.queries.status()).spent == spent


async def _moved_since_the_backup(
    harness: Harness, backups: Backups, *, before: str
) -> tuple[Daemon, StoreOrder]:
    """An order that the backup lacks got a label; then the buyer moved, and the folder was put back."""
    daemon = Daemon(harness, backups)
    await daemon.start()
    await ship(daemon)
    await harness.clock.advance(130.0)
    restore = backups.take(with_folder=True)
    await daemon.start()
    order = harness.sandbox.place_order("plain")
    await harness.process_until(order, before=before)
    assert await sold(daemon, [order]) == [1]
    harness.sandbox.store.change_address(order, {"line1": "99 New Street"})
    await harness.clock.advance(130.0)
    await daemon.put_back(restore)
    await daemon.work(5)
    await harness.operations.reconciliation.accept(reason="no holds were placed", actor="ada")
    await daemon.work(60)
    return daemon, order


async def test_a_label_that_was_bought_for_an_earlier_address_is_not_posted(
    harness: Harness, tmp_path: Path
) -> None:
    daemon, order = await _moved_since_the_backup(harness, Backups(tmp_path), before="post")
    assert await harness.states(order) == ["voided", "fulfilled"]
    assert await sold(daemon, [order]) == [2]
    (number,) = {row.tracking_number for row in order.fulfillments}
    shown = harness.sandbox.easypost.by_tracking_number[number].request["to_address"]
    assert shown["street1"] == "99 New Street"


async def test_a_posted_label_of_an_earlier_address_is_held_for_a_person(
    harness: Harness, tmp_path: Path
) -> None:
    daemon, order = await _moved_since_the_backup(harness, Backups(tmp_path), before="announce")
    assert await harness.states(order) == ["fulfilled"]
    assert await sold(daemon, [order]) == [1]
    assert HoldCode.ORDER_CHANGED in {hold.code for hold in await harness.active_holds(order)}
