"""The guards right before money moves or a state changes, each where it alone stands in the way."""

from __future__ import annotations

import pytest
from sqlalchemy import true

from packhouse.errors import LeaseLost, OperationRefused
from packhouse.ledger import shipments, spending
from packhouse.ledger.tx import under
from packhouse.model.states import ShipmentState
from packhouse.providers.port import Unknown, Voided, VoidPending
from tests.service.harness import Harness

pytestmark = pytest.mark.usefixtures("engine")
_S = ShipmentState


class Dies(BaseException):
    """The worker's process dies."""


@pytest.mark.parametrize("shared", [False, True])
async def test_a_purchase_of_another_process_is_given_its_time_to_answer_and_to_settle(
    harness: Harness, shared: bool
) -> None:
    harness.ledger.shared = shared
    order = harness.sandbox.place_order("plain")
    job = await harness.process_until(order, before="buy")
    harness.provider.script(buy=Dies())
    with pytest.raises(Dies):
        await harness.run_steps(job, start="buy")
    harness.provider.script(buy=None)
    harness.context.settling.clear()  # another process takes over
    await harness.clock.advance(130)
    await harness.process_due()
    settings = harness.settings
    # On one machine's ledger the other process is dead; on a shared one it may still wait for its answer.
    wait_s = settings.provider_settle_s + (settings.provider_timeout_s if shared else 0.0)
    await harness.clock.advance(wait_s - 1)
    await harness.operations.orders.retry(order.id, reason="now", actor="ada")
    await harness.process_due()
    assert harness.provider.seen("lookup") == []
    assert await harness.states(order) == ["unknown"]
    await harness.clock.advance(1)
    await harness.process_due()
    assert len(harness.provider.seen("lookup")) == 1
    assert harness.labels_sold(order, live_only=False) == 1


async def _spent(harness: Harness) -> int:
    everything = spending.sum_of(true(), true())
    return await harness.ledger.read(spending.spent, everything, "USD", "")


async def test_a_label_counts_as_spent_until_its_void_is_granted(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    job = await harness.process_until(order, before="post")
    (labeled,) = job.shipments
    assert labeled.label
    cost = labeled.label.cost.minor
    harness.provider.script(void=VoidPending("the carrier decides within weeks"))
    harness.sandbox.store.cancel(order)
    await harness.clock.advance(121)
    await harness.process_due()
    assert await harness.states(order) == ["voiding"]
    assert await _spent(harness) == cost > 0
    harness.provider.script(void=Voided())
    await harness.advance(7200, step=600)
    assert await harness.states(order) == ["voided"]
    assert await _spent(harness) == 0


@pytest.mark.parametrize("needs_person", [False, True])
async def test_a_purchase_in_doubt_counts_as_spent_also_while_a_person_checks_it(
    harness: Harness, needs_person: bool
) -> None:
    harness.provider.script(buy=Unknown("no answer", needs_person=needs_person))
    order = await harness.ship()
    (shipment,) = await harness.shipments(order)
    assert shipment.state is (_S.HELD if needs_person else _S.UNKNOWN)
    assert shipment.rate
    assert shipment.rate.price
    assert await _spent(harness) == shipment.rate.price.minor


async def test_a_shipment_moves_only_from_the_state_in_which_it_was_read(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    job = await harness.process_until(order, before="buy")
    (planned,) = job.shipments
    await harness.context.move(job, planned, _S.BUYING)
    with pytest.raises(LeaseLost, match="no longer planned"):
        await harness.ledger.write(
            under(job.lease, shipments.move), harness.clock.now(), planned, _S.CANCELLED, ()
        )
    with pytest.raises(OperationRefused, match="no longer planned"):
        await harness.ledger.write(
            shipments.move_revoked, harness.clock.now(), planned, _S.PLANNED, _S.CANCELLED
        )
    assert await harness.states(order) == ["buying"]


async def test_a_shipment_never_moves_where_the_table_of_moves_has_no_way(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    job = await harness.process_until(order, before="buy")
    (planned,) = job.shipments
    with pytest.raises(ValueError, match="does not go from planned to fulfilled"):
        await harness.context.move(job, planned, _S.FULFILLED)
    with pytest.raises(ValueError, match="does not go from planned to voided"):
        await harness.ledger.write(
            shipments.move_revoked, harness.clock.now(), planned, _S.PLANNED, _S.VOIDED
        )
    assert await harness.states(order) == ["planned"]
