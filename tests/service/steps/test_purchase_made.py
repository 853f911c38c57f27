"""What is recorded about a label that was bought: its cost, its time, its file, and a price that rose."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from packhouse.errors import LeaseLost, LedgerUnavailable
from packhouse.model.hold import HoldCode
from packhouse.model.label import LabelDocument, LabelFormat, LabelPaper, Rate
from packhouse.model.money import Money
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.providers.port import Bought, Paper, Voided, VoidPending, Withdrawn
from packhouse.steps.context import OrderJob
from packhouse.steps.purchase import intent_of, record_outcome, record_withdrawn
from tests.service.harness import Harness
from tests.service.steps.jobs import (
    LEDGER_DOWN,
    begun,
    counted,
    entries,
    held,
    in_step,
    label_of,
    moved,
    stored,
)

_S = ShipmentState
ZPL = LabelDocument(b"^XA^XZ", LabelFormat.ZPL)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def sold(cost: Money | None = None, **more: Any) -> Bought:
    """The answer of a provider that sold a label at this cost."""
    return Bought("id-1", "BIKE1", "Bike", "standard", cost, **more)


async def doubted(harness: Harness, **changes: Any) -> tuple[OrderJob, Shipment]:
    """A purchase whose response was lost."""
    job, _ = await begun(harness, **changes)
    return job, await moved(harness, job, _S.UNKNOWN)


def priced(price: Money | None, is_estimate: bool = False) -> Rate:
    return Rate("rate_1", "USPS", "GroundAdvantage", price, is_estimate=is_estimate)


async def test_a_label_is_recorded_as_the_provider_sold_it(harness: Harness) -> None:
    job, shipment = await begun(harness)
    await record_outcome(
        harness.context, job, shipment, sold(usd(742), document_source="https://files.example/1")
    )
    assert (await in_step(harness, job)).state is _S.LABELED
    label = label_of(job)
    assert (label.id, label.shipment_id, label.generation) == (f"{shipment.id}-label", shipment.id, 1)
    assert (label.provider, label.provider_id) == ("easypost", "id-1")
    assert (label.carrier, label.service, label.tracking_number) == ("Bike", "standard", "BIKE1")
    assert (label.cost, label.state) == (usd(742), LabelState.BOUGHT)
    assert (label.document, label.document_format) == ("", None)
    assert label.document_source == "https://files.example/1"
    (entry,) = await entries(harness, job, "bought")
    assert entry.why == "Bike standard BIKE1 for 7.42 USD."
    assert entry.data == {"tracking_number": "BIKE1", "cost": "7.42 USD"}
    assert counted(harness, "packhouse_label_spend_minor_total", currency="USD") == 742


@pytest.mark.parametrize(
    ("rate", "reported", "counted_as"),
    [
        (priced(usd(500)), usd(400), usd(400)),
        (priced(usd(500)), None, usd(500)),
        (priced(None), usd(400), usd(400)),
        (priced(None), None, usd(0)),
        (None, usd(400), usd(400)),
        (None, None, usd(0)),
    ],
    ids=str,
)
async def test_a_label_counts_at_its_cost_or_else_at_its_price(
    harness: Harness, rate: Rate | None, reported: Money | None, counted_as: Money
) -> None:
    job, shipment = await begun(harness, rate=rate)
    with capture_logs() as logs:
        await record_outcome(harness.context, job, shipment, sold(reported))
    await in_step(harness, job)
    assert label_of(job).cost == counted_as
    (entry,) = await entries(harness, job, "bought")
    told = f"for {counted_as}" if reported else f"easypost does not report; {counted_as} is counted"
    assert entry.why.endswith(f"{told}.")
    assert ("cost_not_known" in [one["event"] for one in logs]) is (reported is None)
    assert held(job) == []


@pytest.mark.parametrize(("intent_at", "bought_at"), [(-500.0, -500.0), (0.0, 0.0), (500.0, 0.0)])
async def test_a_label_was_paid_when_its_purchase_began_and_never_in_the_future(
    harness: Harness, intent_at: float, bought_at: float
) -> None:
    now = harness.clock.now()
    job, shipment = await begun(harness, intent_at=now + intent_at)
    await record_outcome(harness.context, job, shipment, sold(usd(1)))
    assert label_of(job).bought_at == now + bought_at


async def test_a_purchase_whose_beginning_is_not_known_was_paid_now(harness: Harness) -> None:
    job, shipment = await begun(harness, intent_at=None)
    await record_outcome(harness.context, job, shipment, sold(usd(1)))
    assert label_of(job).bought_at == harness.clock.now()


async def test_a_remark_of_the_provider_follows_the_sentence_about_the_purchase(harness: Harness) -> None:
    job, shipment = await begun(harness)
    await record_outcome(harness.context, job, shipment, sold(usd(742), remark="A fee is missing."))
    (entry,) = await entries(harness, job, "bought")
    assert entry.why == "Bike standard BIKE1 for 7.42 USD: A fee is missing."


@pytest.mark.parametrize(
    ("fees", "told"), [(None, ""), (usd(0), ""), (usd(42), ", 0.42 USD of it fees")], ids=str
)
async def test_fees_are_told_where_there_are_some(harness: Harness, fees: Money | None, told: str) -> None:
    job, shipment = await begun(harness)
    await record_outcome(harness.context, job, shipment, sold(usd(742), fees=fees))
    (entry,) = await entries(harness, job, "bought")
    assert entry.why == f"Bike standard BIKE1 for 7.42 USD{told}."


@pytest.mark.parametrize(
    ("price", "cost", "fees", "is_held"),
    [
        (usd(500), usd(500), None, False),
        (usd(500), usd(900), None, True),
        (usd(500), usd(900), usd(400), False),
        (usd(500), usd(900), usd(100), True),
        (usd(500), usd(900), Money(400, "EUR"), True),
        (usd(500), usd(400), None, False),
    ],
    ids=str,
)
@pytest.mark.parametrize("is_estimate", [False, True])
async def test_a_label_that_cost_more_than_its_offer_and_its_fees_is_held_before_the_post(
    harness: Harness, price: Money, cost: Money, fees: Money | None, is_held: bool, is_estimate: bool
) -> None:
    job, shipment = await begun(harness, rate=priced(price, is_estimate))
    await record_outcome(harness.context, job, shipment, sold(cost, fees=fees))
    assert (await in_step(harness, job)).state is _S.LABELED
    assert held(job) == ([("price_drift", shipment.id)] if is_held and not is_estimate else [])


async def test_a_hold_on_a_price_names_the_offer_and_the_cost(harness: Harness) -> None:
    job, shipment = await begun(harness, rate=priced(usd(500)))
    await record_outcome(harness.context, job, shipment, sold(usd(900)))
    (hold,) = job.active_holds()
    assert (hold.code, hold.note) == (HoldCode.PRICE_DRIFT, "first 5.00 USD, now 9.00 USD")


async def test_a_file_that_comes_with_the_label_is_kept_with_it(harness: Harness) -> None:
    job, shipment = await begun(harness)
    await record_outcome(harness.context, job, shipment, sold(usd(1), document=ZPL))
    label = label_of(job)
    assert label.document_format is LabelFormat.ZPL
    assert harness.context.documents.get(label.document, LabelFormat.ZPL) == ZPL.content
    assert job.documents == {shipment.id: ZPL}
    await in_step(harness, job)


@pytest.mark.parametrize("document", [None, replace(ZPL, content=b"")], ids=["none", "empty"])
async def test_a_label_without_a_file_has_none(harness: Harness, document: LabelDocument | None) -> None:
    job, shipment = await begun(harness)
    await record_outcome(harness.context, job, shipment, sold(usd(1), document=document))
    label = label_of(job)
    assert (label.document, label.document_format) == ("", None)
    assert list(job.documents) == ([shipment.id] if document else [])


async def test_a_disk_that_refuses_the_file_does_not_lose_the_paid_label(harness: Harness) -> None:
    async def refuse(document: LabelDocument) -> str:
        raise LEDGER_DOWN

    class FullDisk:
        keep = staticmethod(refuse)

    job, shipment = await begun(harness)
    context = replace(harness.context, documents=FullDisk())  # type: ignore[arg-type]
    await record_outcome(context, job, shipment, sold(usd(742), document=ZPL))
    await in_step(harness, job)
    label = label_of(job)
    assert (label.tracking_number, label.document, label.document_format) == ("BIKE1", "", None)
    assert job.documents == {shipment.id: ZPL}


async def test_the_papers_of_a_label_are_recorded_as_far_as_one_parcel_can_need_them(
    harness: Harness,
) -> None:
    papers = (Paper("k" * 101, "https://files.example/0", submitted=True), *[Paper("cn22", "x")] * 20)
    job, shipment = await begun(harness)
    await record_outcome(harness.context, job, shipment, sold(usd(1), papers=papers))
    kept = label_of(job).papers
    assert kept[0] == LabelPaper("k" * 100, "https://files.example/0", submitted=True)
    assert len(kept) == 20


@pytest.mark.parametrize("error", [None, LEDGER_DOWN, LeaseLost("another worker has it")], ids=str)
async def test_a_purchase_that_was_answered_has_nothing_left_to_settle(
    harness: Harness, error: Exception | None
) -> None:
    job, shipment = await begun(harness)
    harness.context.settling[intent_of(shipment)] = 1.0
    harness.ledger.script(write=error)
    try:
        await record_outcome(harness.context, job, shipment, sold(usd(1)))
    except (LedgerUnavailable, LeaseLost):
        assert error
    assert harness.context.settling == {}


async def test_a_label_that_could_not_be_recorded_is_not_counted_as_spent(harness: Harness) -> None:
    job, shipment = await begun(harness)
    harness.ledger.script(write=LEDGER_DOWN)
    with pytest.raises(LedgerUnavailable):
        await record_outcome(harness.context, job, shipment, sold(usd(742)))
    assert counted(harness, "packhouse_label_spend_minor_total", currency="USD") == 0
    assert job.shipments == [shipment]


@pytest.mark.parametrize("is_void", [True, False])
async def test_a_label_that_was_voided_since_is_recorded_with_its_void(
    harness: Harness, is_void: bool
) -> None:
    now = harness.clock.now()
    job, shipment = await doubted(harness, intent_at=now - 60)
    harness.context.settling[intent_of(shipment)] = 1.0
    answer = Withdrawn("BIKE1", Voided() if is_void else VoidPending(), cost=usd(742))
    await record_withdrawn(harness.context, job, shipment, answer, "shp_1")
    after = await in_step(harness, job)
    assert after.state is (_S.VOIDED if is_void else _S.VOIDING)
    label = label_of(job)
    assert label.state is (LabelState.VOIDED if is_void else LabelState.VOIDING)
    assert shipment.rate is not None
    assert (label.carrier, label.service) == (shipment.rate.carrier, shipment.rate.service)
    assert (label.tracking_number, label.provider_id, label.cost) == ("BIKE1", "shp_1", usd(742))
    assert (label.bought_at, label.void_requested_at) == (now - 60, now)
    (entry,) = await entries(harness, job, "voided" if is_void else "voiding")
    state = "was voided" if is_void else "is being voided"
    assert entry.why == f"The label BIKE1 was bought, and {state} at the provider. It is not posted."
    assert entry.data == {"tracking_number": "BIKE1", "cost": "7.42 USD"}
    assert harness.context.settling == {}
    assert job.wake_times == [now], "its units are owed again at once"
    assert counted(harness, "packhouse_purchases_total", provider="easypost", outcome="withdrawn") == 1


async def test_a_withdrawn_label_has_the_id_that_the_provider_tells_for_its_void(harness: Harness) -> None:
    job, shipment = await doubted(harness)
    answer = Withdrawn("BIKE1", VoidPending(), provider_id="pl_9")
    await record_withdrawn(harness.context, job, shipment, answer, "shp_1")
    await in_step(harness, job)
    assert label_of(job).provider_id == "pl_9"


async def test_a_withdrawn_label_of_which_little_is_known_is_recorded_all_the_same(harness: Harness) -> None:
    job, shipment = await doubted(harness, rate=None, intent_at=None)
    await record_withdrawn(harness.context, job, shipment, Withdrawn("BIKE1", Voided()), "shp_1")
    await in_step(harness, job)
    label = label_of(job)
    assert (label.carrier, label.service, label.cost) == ("easypost", "", usd(0))
    assert label.bought_at == harness.clock.now()


async def test_a_withdrawn_label_is_counted_only_once_it_is_recorded(harness: Harness) -> None:
    job, shipment = await doubted(harness)
    harness.context.settling[intent_of(shipment)] = 1.0
    harness.ledger.script(write=LeaseLost("another worker has it"))
    with pytest.raises(LeaseLost):
        await record_withdrawn(harness.context, job, shipment, Withdrawn("BIKE1", Voided()), "shp_1")
    assert harness.context.settling == {intent_of(shipment): 1.0}
    assert job.shipments == [shipment]


@pytest.mark.parametrize("number", ["BIKE1", "BIKE2"])
async def test_a_second_answer_about_the_same_prepared_purchase_is_the_same_label(
    harness: Harness, number: str
) -> None:
    """EasyPost sells a prepared purchase once, so its id decides, also if the number is written anew."""
    job, shipment = await begun(harness)
    await record_outcome(harness.context, job, shipment, sold(usd(742)))
    late = replace(sold(usd(742)), tracking_number=number)
    with pytest.raises(LeaseLost):
        await record_outcome(harness.context, replace(job, shipments=[shipment]), shipment, late)
    after = await stored(harness, job)
    assert after.label is not None
    assert after.label.tracking_number == "BIKE1"
