"""reconcile: what became of a purchase whose response was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from packhouse.errors import OperationRefused
from packhouse.model.money import Money
from packhouse.operations.views import AdoptedLabel
from packhouse.providers.command.adapter import CommandProvider
from packhouse.providers.port import (
    Prepared,
    ProviderContext,
    Purchase,
    PurchaseRequest,
    Safety,
    Unknown,
)
from packhouse.sandbox.store.state import StoreOrder, StoreState
from packhouse.steps.context import OrderJob
from tests.service.harness import Harness

pytestmark = pytest.mark.usefixtures("engine")


async def test_an_unknown_purchase_is_not_looked_up_before_the_provider_has_settled(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    (job,) = await harness.claim_due()
    await harness.run_steps(job, before="buy")
    await _crash_after_intent(harness, job)
    assert await harness.states(order) == ["buying"]
    await harness.clock.advance(130)
    await harness.process_due()
    assert await harness.states(order) == ["unknown"]
    asked = harness.sandbox.faults.triggered
    harness.clock.skew = 600.0  # a clock that jumps must not shorten the wait
    await harness.process_due()
    assert await harness.states(order) == ["unknown"]
    harness.clock.skew = 0.0
    await harness.advance(700, step=10)  # its due time was written by the clock that jumped
    assert await harness.states(order) == ["fulfilled"]
    assert harness.labels_sold(order, live_only=False) == 1
    assert asked == {}


class Dies(BaseException):
    """The worker's process dies."""


async def _crash_after_intent(harness: Harness, job: OrderJob) -> None:
    """Let the worker die between the intent and the purchase."""
    harness.provider.script(buy=Dies())
    with pytest.raises(Dies):
        await harness.run_steps(job, start="buy")
    harness.provider.script(buy=None)
    harness.context.settling.clear()


async def test_a_keyed_provider_that_settles_too_late_is_paid_once(harness: Harness) -> None:
    late_s = harness.sandbox.latency["easypost"].late_s = 10 * harness.settings.provider_settle_s
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    (job,) = await harness.claim_due()
    await harness.run_steps(job, before="buy")

    async def prepare_before_the_fault(request: PurchaseRequest) -> Prepared:
        prepared = await harness.provider.real.prepare(request)
        harness.sandbox.faults.trigger_next("easypost.late_effect")
        return prepared

    harness.provider.script(prepare=prepare_before_the_fault)
    harness.calls_hang = True
    await harness.finish(harness.run_steps(job, start="buy"))
    harness.provider.script(prepare=None)
    await harness.advance(2 * late_s + 130)
    assert await harness.states(order) == ["fulfilled"]
    assert harness.labels_sold(order, live_only=False) == 1


def _unreadable_program(context: ProviderContext, folder: Path) -> CommandProvider:
    """A program with output that cannot be read. It adds a line to the file `runs` at each run."""
    script = f"cat >/dev/null; echo run >> {folder / 'runs'}; echo nonsense"
    return CommandProvider.from_settings({"argv": ["sh", "-c", script]}, context)


@pytest.mark.harness(provider=_unreadable_program)
async def test_a_program_that_cannot_report_its_purchase_is_held_and_not_run_again(
    harness: Harness, tmp_path: Path
) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    await harness.process_due()
    await harness.advance(300, step=30)
    (hold,) = await harness.active_holds(order)
    assert hold.code == "purchase_unknown"
    assert f"{order.id}/1/1" in hold.note
    assert (tmp_path / "runs").read_text().count("run") == 1
    await harness.operations.shipments.record_not_bought(
        hold.shipment_id, reason="no label in the account", actor="ada"
    )
    await harness.process_due()
    await harness.advance(60)
    assert (tmp_path / "runs").read_text().count("run") == 2


def _move(shop: StoreState, order: StoreOrder) -> None:
    shop.change_address(order, {"line1": "77 Other Road"})


def _cancel(shop: StoreState, order: StoreOrder) -> None:
    shop.cancel(order)


@pytest.mark.parametrize("change", [_move, _cancel])
@pytest.mark.harness(provider=_unreadable_program)
async def test_an_unknown_purchase_is_not_repeated_and_stays_held_when_the_order_changes(
    harness: Harness, tmp_path: Path, change: Callable[[StoreState, StoreOrder], None]
) -> None:
    order = await harness.ship()
    await harness.advance(30)
    change(harness.sandbox.store, order)
    await harness.deliver_event(order, "order.updated")
    await harness.process_due()
    await harness.advance(60)
    assert (tmp_path / "runs").read_text().count("run") == 1
    assert await harness.states(order) == ["held"]
    assert [hold.code for hold in await harness.active_holds(order)] == ["purchase_unknown"]


@pytest.mark.harness(provider=_unreadable_program)
async def test_once_an_operator_decided_the_changed_order_ships_again(
    harness: Harness, tmp_path: Path
) -> None:
    order = await harness.ship()
    await harness.advance(30)
    _move(harness.sandbox.store, order)
    (hold,) = await harness.active_holds(order)
    with pytest.raises(OperationRefused, match="--not-bought"):
        await harness.release_hold(hold, "continue")
    await harness.operations.shipments.record_not_bought(
        hold.shipment_id, reason="no label in the account", actor="ada"
    )
    await harness.process_due()
    assert (tmp_path / "runs").read_text().count("run") == 2
    assert (await harness.states(order))[0] == "cancelled"


async def test_an_operator_adopts_the_label_of_an_unknown_purchase(harness: Harness) -> None:
    order, shipment_id = await _in_doubt(harness)
    sold = next(p for p in harness.sandbox.audit.to_json()["purchases"])
    label = AdoptedLabel(sold["tracking"], "USPS", "", Money(sold["cost_minor"], "USD"))
    shipments = harness.operations.shipments
    await shipments.adopt_label(shipment_id, label, reason="found it", actor="ada")
    with pytest.raises(OperationRefused, match="already"):
        await shipments.adopt_label(shipment_id, label, reason="again", actor="ada")
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"]
    assert harness.labels_sold(order, live_only=False) == 1


async def test_an_operator_confirms_that_nothing_was_bought_and_a_label_is_bought(harness: Harness) -> None:
    order, shipment_id = await _in_doubt(harness, bought=False)
    await harness.operations.shipments.record_not_bought(shipment_id, reason="I looked", actor="ada")
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"]
    assert harness.labels_sold(order, live_only=False) == 1


async def _in_doubt(harness: Harness, bought: bool = True) -> tuple[Any, str]:
    """A shipment whose purchase cannot be looked up."""

    async def buy(purchase: Purchase) -> Unknown:
        if bought:
            await harness.provider.real.buy(purchase)
        return Unknown("the connection closed")

    harness.provider.script(buy=buy)
    harness.provider.safety = Safety.BLIND
    order = await harness.ship()
    await harness.advance(60)
    (hold,) = await harness.active_holds(order)
    assert hold.code == "purchase_unknown"
    assert f"packhouse shipments retry {order.id}-1 --not-bought" in " ".join(hold.advice)
    harness.provider.script(buy=None)
    harness.provider.safety = Safety.KEYED
    return order, f"{order.id}-1"


@pytest.mark.harness(settings={"provider_timeout_s": 2.0})
async def test_a_purchase_that_never_ends_is_looked_up_after_its_time(harness: Harness) -> None:
    async def hang(purchase: Purchase) -> Any:
        await harness.provider.real.buy(purchase)
        await asyncio.sleep(3600)

    harness.provider.script(buy=hang)
    order = await harness.ship()
    assert await harness.states(order) == ["unknown"]
    harness.provider.script(buy=None)
    await harness.advance(60)
    assert await harness.states(order) == ["fulfilled"]
    assert harness.labels_sold(order, live_only=False) == 1


@pytest.mark.harness(settings={"provider_timeout_s": 2.0})
async def test_a_look_up_and_rates_that_never_end_are_asked_for_again(harness: Harness) -> None:
    async def hang(asked: Any) -> Any:
        await asyncio.sleep(3600)

    harness.provider.script(prepare=hang)
    order = await harness.ship()
    row = await harness.order_row(order)
    assert row.last_error == "easypost did not end prepare within 2 s."
    harness.provider.script(prepare=None, buy=Unknown("no response"), lookup=hang)
    await harness.advance(60)
    assert "easypost did not end lookup" in (await harness.order_row(order)).last_error
    harness.provider.script(buy=None, lookup=None)
    await harness.advance(200)
    assert await harness.states(order) == ["fulfilled"]


@pytest.mark.parametrize("found", [False, True])
async def test_an_outcome_that_no_look_up_can_tell_is_held_at_once_with_the_providers_words(
    harness: Harness, found: bool
) -> None:
    unreadable = Unknown("the number 9.40011E+21 cannot be read", needs_person=True)
    if found:
        harness.provider.script(buy=Unknown("no response"), lookup=unreadable)
    else:
        harness.provider.script(buy=unreadable)
    order = await harness.ship()
    await harness.advance(60)
    (hold,) = await harness.active_holds(order)
    assert hold.code == "purchase_unknown"
    assert "9.40011E+21" in hold.note
    assert f"{order.id}/1/1" in hold.note
    assert len(harness.provider.seen("buy")) == 1
