"""late_label: which labels are looked up before their first post, and which answer stops it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from packhouse.errors import LedgerUnavailable, ProviderUnavailable
from packhouse.model.states import LabelState, ShipmentState
from packhouse.providers.port import Absent, Safety, Unknown, Voided, VoidPending, Withdrawn
from packhouse.steps.late_label import was_voided
from tests.service.harness import Harness
from tests.service.steps.jobs import LEDGER_DOWN, entries, in_step, label_of, labeled

_S = ShipmentState
LATE_S = 3600.0


async def looked_up(
    harness: Harness, answer: Any, age_s: float = LATE_S, **shipment: Any
) -> tuple[Any, bool]:
    """A label of this age is looked up, and the provider answers so; its job, and whether it is void."""
    job, _, label = await labeled(harness)
    bought = replace(label, bought_at=harness.clock.now() - age_s)
    changed = job.update(job.shipments[0], **({"label": bought} | shipment))
    if isinstance(answer, Withdrawn) and not answer.tracking_number:
        answer = replace(answer, tracking_number=label.tracking_number)
    harness.provider.script(lookup=answer)
    return job, await was_voided(harness.context, job, changed, bought)


@pytest.mark.parametrize(("age_s", "is_asked"), [(0.0, False), (3599.0, False), (3600.0, True), (9e6, True)])
async def test_a_label_is_looked_up_an_hour_after_its_purchase(
    harness: Harness, age_s: float, is_asked: bool
) -> None:
    job, is_void = await looked_up(harness, Withdrawn("", Voided()), age_s)
    assert len(harness.provider.seen("lookup")) == int(is_asked)
    assert is_void is is_asked
    assert job.shipments[0].state is (_S.VOIDED if is_asked else _S.LABELED)


async def test_a_label_of_which_the_purchase_is_not_known_is_not_looked_up(harness: Harness) -> None:
    _, is_void = await looked_up(harness, Withdrawn("", Voided()), rate=None)
    assert not is_void
    assert harness.provider.seen("lookup") == []


async def test_a_provider_that_cannot_look_up_is_not_asked(harness: Harness) -> None:
    harness.provider.safety = Safety.BLIND
    _, is_void = await looked_up(harness, Withdrawn("", Voided()))
    assert not is_void
    assert harness.provider.seen("lookup") == []


async def test_the_purchase_is_looked_up_as_it_was_made(harness: Harness) -> None:
    job, _ = await looked_up(harness, Absent())
    ((purchase,),) = harness.provider.seen("lookup")
    (shipment,) = job.shipments
    assert (purchase.provider_ref, purchase.rate) == (shipment.provider_ref, shipment.rate)
    assert purchase.request.reference == shipment.reference


@pytest.mark.parametrize("is_void", [True, False])
async def test_a_label_that_is_void_or_being_voided_is_not_posted(harness: Harness, is_void: bool) -> None:
    job, was = await looked_up(harness, Withdrawn("", Voided() if is_void else VoidPending()))
    assert was
    after = job.shipments[0]
    kept = replace(label_of(job), bought_at=harness.clock.now())
    job.update(after, label=kept)
    assert (await in_step(harness, job)).state is (_S.VOIDED if is_void else _S.VOIDING)
    assert kept.state is (LabelState.VOIDED if is_void else LabelState.VOIDING)
    (entry,) = await entries(harness, job, "voided" if is_void else "voiding")
    state = "was voided" if is_void else "is being voided"
    assert entry.why == (
        f"The label {kept.tracking_number} {state} at the provider before it was posted. It is not posted."
    )
    assert entry.data == {"tracking_number": kept.tracking_number}
    assert job.wake_times == [harness.clock.now()], "its units are owed again"


@pytest.mark.parametrize(
    ("answer", "is_logged"),
    [
        (Absent(), False),
        (Unknown("no response"), True),
        (ProviderUnavailable("no response"), True),
        (Withdrawn("9400100000000000000000", Voided()), False),
    ],
    ids=str,
)
async def test_any_other_answer_stops_no_paid_parcel(harness: Harness, answer: Any, is_logged: bool) -> None:
    with capture_logs() as logs:
        job, is_void = await looked_up(harness, answer)
    assert not is_void
    assert job.shipments[0].state is _S.LABELED
    assert job.wake_times == []
    told = [one["reason"] for one in logs if one["event"] == "late_label_not_looked_up"]
    assert told == (["no response"] if is_logged else [])


async def test_a_void_that_cannot_be_written_leaves_the_label_as_it_was(harness: Harness) -> None:
    job, shipment, label = await labeled(harness)
    old = replace(label, bought_at=harness.clock.now() - LATE_S)
    job.update(shipment, label=old)
    harness.provider.script(lookup=Withdrawn(label.tracking_number, Voided()))
    harness.ledger.script(write=LEDGER_DOWN)
    with pytest.raises(LedgerUnavailable):
        await was_voided(harness.context, job, job.shipments[0], old)
    assert (job.shipments[0].state, job.wake_times) == (_S.LABELED, [])


async def test_an_account_that_is_no_longer_set_up_stops_no_paid_parcel(harness: Harness) -> None:
    job, shipment, label = await labeled(harness)
    old = replace(label, provider="closed", bought_at=harness.clock.now() - LATE_S)
    assert not await was_voided(harness.context, job, job.update(shipment, label=old), old)
