"""buy: a purchase that was completed after its look-up is not left behind a hold for a spending cap."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.errors import ProviderUnavailable
from packhouse.model.states import LabelState, ShipmentState
from packhouse.providers.port import Absent, Bought, Safety, Unknown, Voided, Withdrawn
from packhouse.steps.context import OrderJob
from packhouse.steps.reconcile import reconcile
from tests.service.harness import Harness
from tests.service.providers.in_memory import in_memory
from tests.service.steps.jobs import begun, held, in_step, moved

_S = ShipmentState
pytestmark = pytest.mark.harness(provider=in_memory(), settings={"guard": {"max_label_minor": 1}})
NUMBER = "9400111899223197428490"


async def tried_before(harness: Harness) -> OrderJob:
    """An order of which an earlier try was looked up, and its account had no such purchase."""
    job, _ = await begun(harness, provider_ref="shp_1")
    await moved(harness, job, _S.PLANNED)
    job.wake_times = []
    return job


async def answered(harness: Harness, answer: Any) -> OrderJob:
    job = await tried_before(harness)
    harness.provider.script(lookup=answer)
    await harness.run_step("buy", job)
    return job


@pytest.mark.parametrize("is_void", [False, True])
async def test_a_label_that_was_sold_after_all_is_recorded_in_the_next_pass(
    harness: Harness, is_void: bool
) -> None:
    bought = Bought("shp_1", NUMBER, "Bike", "standard", None)
    job = await answered(harness, Withdrawn(NUMBER, Voided()) if is_void else bought)
    assert (held(job), job.wake_times) == ([], [harness.clock.now()])
    assert harness.provider.seen("buy") == []
    assert (await in_step(harness, job)).state is _S.BUYING
    await reconcile(harness.context, job)
    label = (await in_step(harness, job)).label
    assert label is not None
    state = LabelState.VOIDED if is_void else LabelState.BOUGHT
    assert (label.tracking_number, label.state) == (NUMBER, state)


async def test_without_a_purchase_the_cap_holds_the_shipment_as_ever(harness: Harness) -> None:
    job = await answered(harness, Absent())
    assert held(job) == [("cap_reached", job.shipments[0].id)]
    (purchase,) = harness.provider.seen("lookup")[0]
    shipment = await in_step(harness, job)
    assert (purchase.provider_ref, purchase.rate) == (shipment.provider_ref, shipment.rate)


@pytest.mark.parametrize("answer", [Unknown("it is busy"), ProviderUnavailable("it is busy")])
async def test_an_account_that_does_not_say_is_asked_again(harness: Harness, answer: Any) -> None:
    job = await answered(harness, answer)
    assert held(job) == []
    (failure,) = job.failures
    assert "in_memory was asked about an earlier try: it is busy" in str(failure)
    assert (await in_step(harness, job)).state is _S.PLANNED


async def test_a_first_try_is_held_without_a_question(harness: Harness) -> None:
    job = await tried_before(harness)
    await moved(harness, job, _S.PLANNED, intent_at=None)
    await harness.run_step("buy", job)
    assert [code for code, _ in held(job)] == ["cap_reached"]
    assert harness.provider.seen("lookup") == []


async def test_an_account_that_cannot_be_asked_is_not(harness: Harness) -> None:
    job = await tried_before(harness)
    harness.provider.safety = Safety.BLIND
    await harness.run_step("buy", job)
    assert [code for code, _ in held(job)] == ["cap_reached"]
    assert harness.provider.seen("lookup") == []
