"""What one parcel of an order must know of the others, and of the order as it is at the last moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from packhouse.config.sections import ParcelSettings, StoreSettings
from packhouse.model.event import Event
from packhouse.model.hold import HoldCode
from packhouse.model.order import Order, RefundRecord, ReturnRecord, Units
from packhouse.providers.port import Purchase, Unknown
from packhouse.rules.fingerprints import hold_fingerprint
from packhouse.sandbox.store.state import StoreOrder
from packhouse.worker.intake import Intake
from tests.service.harness import Harness
from tests.service.steps.hold_situations import restart
from tests.service.steps.size_situations import ordered, ship

ONE_EACH = {"parcel": ParcelSettings(weight_g=500, max_weight_g=700), "products": ()}


async def change(harness: Harness, order: StoreOrder, **item: Any) -> None:
    """Change the order's one line, and process the order."""
    order.sale.items[0].update(item)
    order.touch(harness.clock.now())
    await harness.clock.advance(130)
    await harness.deliver_event(order, "order.updated")
    await harness.process_due()


@pytest.mark.harness(settings=ONE_EACH)
async def test_of_two_planned_parcels_one_is_withdrawn_where_one_unit_is_left(harness: Harness) -> None:
    """Each of them alone fits the order."""
    order = ordered(harness, 2, 100_000)
    await harness.process_until(order, before="buy")
    assert await harness.states(order) == ["planned", "planned"]
    await change(harness, order, quantity=1)
    assert sorted(await harness.states(order)) == ["cancelled", "fulfilled"]
    assert harness.labels_sold(order, live_only=False) == 1


@pytest.mark.harness(settings=ONE_EACH)
async def test_of_two_bought_labels_one_is_voided_where_one_unit_is_left(harness: Harness) -> None:
    order = ordered(harness, 2, 100_000)
    await harness.process_until(order, before="post")
    await change(harness, order, quantity=1)
    assert harness.labels_sold(order, live_only=False) == 2
    assert sorted(await harness.states(order)) == ["fulfilled", "voiding"]


@pytest.mark.harness(settings=ONE_EACH)
async def test_a_parcel_whose_purchase_is_in_doubt_keeps_its_unit(harness: Harness) -> None:
    """No other parcel gets the unit, and nothing is bought for it again, whatever the order becomes."""
    doubted: list[str] = []

    async def lose_first(purchase: Purchase) -> Any:
        if not doubted:
            doubted.append(purchase.request.reference)
            return Unknown("lost", needs_person=True)
        return await harness.provider.real.buy(purchase)

    harness.provider.script(buy=lose_first)
    order = ordered(harness, 1, 100_000)
    await harness.deliver_event(order)
    await harness.process_due()
    (hold,) = await harness.active_holds(order)
    assert hold.code is HoldCode.PURCHASE_UNKNOWN
    await change(harness, order, variant_id="var_other")
    assert await harness.states(order) == ["held"]
    await change(harness, order, quantity=2)
    assert sorted(await harness.states(order)) == ["fulfilled", "held"]
    assert harness.labels_sold(order, live_only=False) == 1
    await change(harness, order, quantity=1)
    assert sorted(await harness.states(order)) == ["fulfilled", "held"]


@pytest.mark.parametrize("needs_person", [True, False])
@pytest.mark.harness(settings=ONE_EACH)
async def test_the_unit_that_is_left_belongs_to_the_purchase_in_doubt(
    harness: Harness, needs_person: bool
) -> None:
    """Not to a parcel with an earlier number that is planned and could be bought."""
    order = ordered(harness, 2, 100_000)
    await harness.process_until(order, before="buy")
    (first, _) = await harness.shipments(order)
    await harness.operations.shipments.hold(first.id, reason="wait", actor="ada")
    await harness.clock.advance(130)
    harness.provider.script(buy=Unknown("lost", needs_person=needs_person))
    await harness.process_due()
    in_doubt = "held" if needs_person else "unknown"
    assert await harness.states(order) == ["held", in_doubt]
    order.sale.items[0]["quantity"] = 1
    order.touch(harness.clock.now())
    await harness.deliver_event(order, "order.updated")
    await harness.process_due()
    assert await harness.states(order) == ["cancelled", in_doubt]
    assert len(harness.provider.seen("buy")) == 1


async def test_a_parcel_for_another_variant_is_withdrawn_and_planned_again(harness: Harness) -> None:
    order = ordered(harness, 1, 100_000)
    await harness.process_until(order, before="buy")
    await change(harness, order, variant_id="var_other")
    assert await harness.states(order) == ["cancelled", "fulfilled"]
    assert harness.labels_sold(order, live_only=False) == 1


def refunded(**record: Any) -> Callable[[Order], Order]:
    def changed(order: Order) -> Order:
        refund = RefundRecord(amount_minor=1, units=(Units(order.lines[0].id, 1),), **record)
        return replace(order, refunds=(refund,))

    return changed


LAST_MOMENT: dict[str, tuple[Callable[[Order], Order], Callable[[Order], Order]]] = {
    "a refund": (lambda order: order, refunded(id="ref_1")),
    "a pending refund": (lambda order: order, refunded(id="ref_1", status="pending")),
    "a refund that is made": (refunded(id="r", status="failed"), refunded(id="r", status="succeeded")),
    "a return": (
        lambda order: order,
        lambda order: replace(order, returned=(ReturnRecord("ret_1", "received", (Units("li_1", 1),)),)),
    ),
    "another variant": (
        lambda order: order,
        lambda order: replace(order, lines=(replace(order.lines[0], variant_id="var_other"),)),
    ),
    "a status": (lambda order: order, lambda order: replace(order, status="cancelled")),
}


@pytest.mark.parametrize("what", LAST_MOMENT)
async def test_what_the_order_shows_after_the_intent_stops_the_purchase(harness: Harness, what: str) -> None:
    before, after = LAST_MOMENT[what]
    order = ordered(harness, 1, 100_000)
    reads = 0

    async def show(order_id: str) -> Order:
        nonlocal reads
        reads += 1
        return (before if reads == 1 else after)(await harness.store.real.order(order_id))

    harness.store.script(order=show)
    (job,) = [await harness.process_until(order, before="buy")]
    await harness.run_step("buy", job)
    assert reads == 2
    assert await harness.states(order) == ["planned"]
    assert harness.provider.seen("buy") == []
    assert "not_bought" in await harness.journal(order)
    harness.store.script(order=None)


@pytest.mark.parametrize(
    "change", [{"variant_id": "other"}, {"product_id": "other"}, {"quantity": 9}, {"id": "other"}]
)
def test_a_release_is_not_valid_for_another_content(change: dict[str, Any]) -> None:
    order = ordered_lines()
    other = replace(order, lines=(replace(order.lines[0], **change),))
    assert order.fingerprint() != other.fingerprint()
    for code in (HoldCode.DIGITAL_UNKNOWN, HoldCode.ORDER_TOO_LARGE, HoldCode.LABELS_EXCEED_TOTAL):
        assert hold_fingerprint(code, order) != hold_fingerprint(code, other)


@pytest.mark.parametrize("change", [{"total_minor": 1}, {"currency": "EUR"}, {"total_minor": None}])
def test_a_release_of_a_label_is_not_valid_for_another_total(change: dict[str, Any]) -> None:
    order = ordered_lines()
    code = HoldCode.LABELS_EXCEED_TOTAL
    assert hold_fingerprint(code, order) != hold_fingerprint(code, replace(order, **change))


def ordered_lines() -> Order:
    from packhouse.model.order import Line

    line = Line("li_1", product_id="prod_1", variant_id="var_1", quantity=1)
    return Order("ord_1", currency="USD", total_minor=5000, lines=(line,))


@pytest.mark.harness(settings={"guard": {"max_day_minor": 0}})
async def test_a_cap_without_room_keeps_its_hold_and_asks_nobody(harness: Harness) -> None:
    order = await ship(harness, 1, 100_000)
    (hold,) = await harness.active_holds(order)
    assert hold.code is HoldCode.CAP_REACHED
    journal = await harness.journal(order)
    for _ in range(2):
        await harness.deliver_event(order, "order.updated")
        await harness.process_due()
    assert [one.id for one in await harness.active_holds(order)] == [hold.id]
    assert [one for one in await harness.journal(order) if one != "event_received"] == [
        one for one in journal if one != "event_received"
    ]
    assert harness.provider.seen("buy") == []


@pytest.mark.parametrize(
    ("ours", "theirs", "receipt"),
    [
        ("paper-lantern", "other-shop", "ignored"),
        ("paper-lantern", "paper-lantern", "accepted"),
        ("paper-lantern", "", "accepted"),
        ("", "other-shop", "accepted"),
    ],
)
async def test_an_event_of_another_site_wakes_no_order(
    harness: Harness, ours: str, theirs: str, receipt: str
) -> None:
    await restart(harness, store=StoreSettings(site_slug=ours))
    woken: list[None] = []
    intake = Intake(harness.ledger, harness.clock, harness.settings, lambda: woken.append(None))
    assert await intake.receive(Event("evt_1", "order.created", "ord_1", theirs, "{}")) == receipt
    row = await harness.order_row("ord_1")
    assert (row is not None) is (receipt == "accepted") is bool(woken)
