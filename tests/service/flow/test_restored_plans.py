"""A backup has an order as planned, with its purchase prepared; the label was bought and posted since."""

from __future__ import annotations

from pathlib import Path

import pytest

from packhouse.errors import StoreUnavailable
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
