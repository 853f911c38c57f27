"""The life of an order, told against the sandbox: what ships, what waits, what is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from packhouse.flow import STEPS
from packhouse.ledger import leases
from tests.service.house import App, in_house

pytestmark = pytest.mark.usefixtures("engine")


def test_a_plain_order_is_labeled_and_fulfilled_with_its_own_tracking_number(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = await house.ship()
        (shipment,) = await house.shipments(order)
        assert shipment.state == "fulfilled"
        assert shipment.label is not None
        assert {row.tracking_number for row in order.fulfillments} == {shipment.label.tracking_number}
        assert order.unshipped() == dict.fromkeys(order.ordered(), 0)
        assert order.status == "fulfilled"
        assert await house.phase(order) == "shipped"

    in_house(story, tmp_path)


def test_the_label_file_is_kept_here_before_the_store_is_told(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = await house.ship()
        (shipment,) = await house.shipments(order)
        assert shipment.label is not None
        assert shipment.label.document_format is not None
        kept = house.context.documents.get(shipment.label.document, shipment.label.document_format)
        assert kept is not None
        assert shipment.label.tracking_number.encode() in kept

    in_house(story, tmp_path)


def test_the_journal_tells_the_whole_story_in_order(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = await house.ship()
        assert await house.story(order) == [
            "event_received",
            "planned",
            "buying",
            "bought",
            "fulfilled",
            "shipped",
        ]

    in_house(story, tmp_path)


def test_an_echo_of_our_own_fulfillment_confirms_and_changes_nothing(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = await house.ship()
        await house.hear(order, "order.fulfilled")
        assert await house.claim() == []  # not urgent
        await house.pass_time(house.settings.poll.confirm_s + 10)
        assert await house.states(order) == ["fulfilled"]
        assert await house.phase(order) == "shipped"
        assert house.labels_sold(order) == 1

    in_house(story, tmp_path)


def test_a_digital_order_is_left_alone(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = await house.ship("digital")
        assert await house.phase(order) == "closed"
        assert await house.shipments(order) == ()

    in_house(story, tmp_path)


def test_of_a_mixed_order_only_the_physical_lines_ship(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = await house.ship("mixed")
        left = order.unshipped()
        digital = {
            item["id"] for item in order.sale.items if "PDF" in item["name"] or "e-book" in item["name"]
        }
        assert digital
        assert {line for line, quantity in left.items() if quantity} == digital
        assert await house.phase(order) == "shipped"

    in_house(story, tmp_path)


def test_what_somebody_else_shipped_is_not_shipped_again(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("part_fulfilled")
        by_others = {row.id for row in order.fulfillments}
        assert by_others
        await house.hear(order)
        await house.job()
        assert order.unshipped() == dict.fromkeys(order.ordered(), 0)
        assert house.labels_sold(order) == 1

    in_house(story, tmp_path)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("incomplete_address", "address_incomplete"),
        ("unknown_digital", "digital_unknown"),
    ],
)
def test_what_is_not_known_holds_the_order_and_spends_nothing(tmp_path: Path, kind: str, code: str) -> None:
    async def story(house: App) -> None:
        order = await house.ship(kind)
        assert [hold.code for hold in await house.standing(order)] == [code]
        assert await house.phase(order) == "held"
        assert house.labels_sold(order) == 0

    in_house(story, tmp_path)


def test_a_product_without_weight_holds_the_order(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = await house.ship("no_weight")
        (hold,) = await house.standing(order)
        assert hold.code == "weight_missing"
        assert "driftwood" in hold.note

    in_house(story, tmp_path, settings={"parcel": {"weight_g": None}})


def test_a_corrected_address_lifts_the_hold_and_ships(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = await house.ship("incomplete_address")
        house.world.store.change_address(
            order,
            {
                "name": "Buyer",
                "line1": "1 Market St",
                "city": "San Francisco",
                "state": "CA",
                "postcode": "94105",
                "country": "US",
            },
        )
        await house.hear(order, "order.updated")
        await house.job()
        assert await house.standing(order) == []
        assert await house.phase(order) == "shipped"

    in_house(story, tmp_path)


def test_a_hold_that_a_person_released_does_not_come_back_for_the_same_facts(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = await house.ship("unknown_digital")
        (hold,) = await house.standing(order)
        await house.person_releases(hold, "it is a parcel")
        await house.job()
        assert await house.phase(order) == "shipped"
        assert house.labels_sold(order) == 1

    in_house(story, tmp_path)


def test_a_persons_hold_is_never_lifted_by_the_machine(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.hear(order)
        await house.person_holds(order)
        await house.job()
        await house.pass_time(2 * house.settings.poll.recheck_s, step=600)
        assert await house.phase(order) == "held"
        assert house.labels_sold(order) == 0
        (hold,) = await house.standing(order)
        await house.person_releases(hold)
        await house.job()
        assert await house.phase(order) == "shipped"

    in_house(story, tmp_path)


def test_a_person_who_steps_in_stops_the_worker_at_its_next_write(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.hear(order)
        (job,) = await house.claim()
        await house.person_holds(order)
        with pytest.raises(leases.LeaseLost):
            await STEPS[0].run(house.context, job)
            for step in STEPS[1:]:
                await step.run(house.context, job)
        assert house.labels_sold(order) == 0
        await house.job()
        assert await house.phase(order) == "held"

    in_house(story, tmp_path)


def test_an_order_cancelled_before_we_look_is_left_alone(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        house.world.store.cancel(order)
        await house.hear(order)
        await house.job()
        assert await house.phase(order) == "closed"
        assert house.labels_sold(order) == 0

    in_house(story, tmp_path)


def test_an_order_cancelled_after_the_label_is_voided_until_the_money_is_back(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.hear(order)
        house.world.faults.trigger_next("store.error_before_effect")

        # The label is bought; then the store is away, and the order is cancelled before it can be posted.
        house.world.faults.clear()
        (job,) = await house.claim()
        for step in STEPS:
            if step.name == "post":
                break
            await step.run(house.context, job)
        house.world.store.cancel(order)
        await STEPS[[step.name for step in STEPS].index("post")].run(house.context, job)
        assert await house.states(order) == ["voiding"]
        await house.pass_time(400)
        assert await house.states(order) == ["voided"]
        assert house.labels_sold(order) == 0
        assert house.labels_sold(order, live_only=False) == 1

    in_house(story, tmp_path)


def test_an_address_changed_after_the_label_gets_a_new_label_and_the_old_one_is_voided(
    tmp_path: Path,
) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.hear(order)
        (job,) = await house.claim()
        for step in STEPS:
            if step.name == "post":
                break
            await step.run(house.context, job)
        house.world.store.change_address(order, {"line1": "77 Other Road"})
        await house.hear(order, "order.updated")
        await house.clock.advance(130)  # the worker is gone; its lease runs out
        await house.job()
        await house.pass_time(400)
        first, second = await house.shipments(order)
        assert (first.state, second.state) == ("voided", "fulfilled")
        assert (first.generation, second.generation) == (1, 2)
        assert second.reference == f"{order.id}/1/2"
        assert house.labels_sold(order) == 1

    in_house(story, tmp_path)


def test_too_many_units_for_one_parcel_make_more_parcels_each_posted_once(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        order.sale.items[0]["quantity"] = 5
        await house.hear(order)
        await house.job()
        states = await house.states(order)
        assert len(states) >= 3
        assert set(states) == {"fulfilled"}
        assert order.unshipped() == dict.fromkeys(order.ordered(), 0)
        assert len({row.tracking_number for row in order.fulfillments}) == len(states)

    in_house(story, tmp_path, settings={"parcel": {"weight_g": 500, "max_weight_g": 1000}})


def test_a_parcel_is_followed_until_it_has_arrived(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = await house.ship()
        await house.pass_time(house.settings.poll.confirm_s + 10)
        await house.clock.advance(house.settings.poll.track_interval_s)
        await house.job()
        assert await house.states(order) == ["delivered"]
        assert (await house.row(order)).due_at is None

    in_house(story, tmp_path)
