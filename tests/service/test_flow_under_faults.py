"""The life of an order when the store or the carrier misbehaves: nothing twice, nothing lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from packhouse.errors import PackhouseError
from packhouse.flow import STEPS
from packhouse.ledger import leases
from packhouse.providers.command.adapter import CommandProvider
from packhouse.providers.port import Provider, ProviderContext
from packhouse.steps.context import OrderJob
from tests.service.house import App, in_house

pytestmark = pytest.mark.usefixtures("engine")


@pytest.mark.parametrize(
    "fault",
    [
        "easypost.error_after_effect",
        "easypost.reset_after_effect",
        "easypost.garbage_body",
        "easypost.no_response_after_effect",
        "easypost.error_before_effect",
        "easypost.reset_before_effect",
        "easypost.throttle",
        "easypost.late_effect",
    ],
)
def test_whatever_the_carrier_answers_to_a_purchase_one_label_is_bought(tmp_path: Path, fault: str) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.hear(order)
        (job,) = await house.claim()
        await _until(house, job, "buy")
        # Preparing is free and comes first: let it pass, so that the fault meets the purchase itself.
        prepare = house.easypost.prepare

        async def prepare_then_strike(request: object) -> object:
            prepared = await prepare(request)  # type: ignore[arg-type]
            house.world.faults.trigger_next(fault)
            return prepared

        house.easypost.prepare = prepare_then_strike  # type: ignore[method-assign, assignment]
        house.mute = True
        await house._patiently(_rest(house, job, "buy"))
        house.easypost.prepare = prepare  # type: ignore[method-assign]
        assert house.world.faults.triggered == {fault: 1}
        await house.clock.advance(130)
        await house.job()
        await house.pass_time(200)
        assert await house.states(order) == ["fulfilled"]
        assert house.labels_sold(order, live_only=False) == 1

    in_house(story, tmp_path)


async def _until(house: App, job: OrderJob, name: str) -> None:
    for step in STEPS:
        if step.name == name:
            return
        await step.run(house.context, job)


async def _rest(house: App, job: OrderJob, name: str) -> None:
    names = [step.name for step in STEPS]
    for step in STEPS[names.index(name) :]:
        await step.run(house.context, job)


@pytest.mark.parametrize(
    "fault",
    [
        "store.error_after_effect",
        "store.reset_after_effect",
        "store.garbage_body",
        "store.no_response_after_effect",
        "store.error_before_effect",
        "store.throttle",
    ],
)
def test_whatever_the_store_answers_to_a_fulfillment_it_is_recorded_once(tmp_path: Path, fault: str) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.hear(order)
        (job,) = await house.claim()
        await _until(house, job, "post")
        house.world.faults.trigger_next(fault)
        house.mute = True
        try:
            await house._patiently(_rest(house, job, "post"))
        except PackhouseError as error:
            assert error.transient
        await house.clock.advance(130)
        await house.job()
        await house.pass_time(200)
        assert await house.states(order) == ["fulfilled"]
        assert len({row.tracking_number for row in order.fulfillments}) == 1
        assert order.unshipped() == dict.fromkeys(order.ordered(), 0)

    in_house(story, tmp_path)


def test_an_unknown_purchase_is_not_looked_up_before_the_carrier_must_have_settled(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.hear(order)
        (job,) = await house.claim()
        await _until(house, job, "buy")
        await _crash_after_intent(house, job)
        assert await house.states(order) == ["buying"]
        await house.clock.advance(130)
        await house.job()
        assert await house.states(order) == ["unknown"]
        asked = house.world.faults.triggered
        house.clock.skew = 600.0  # a clock that jumps must not shorten the wait
        await house.job()
        assert await house.states(order) == ["unknown"]
        house.clock.skew = 0.0
        await house.pass_time(700, step=10)  # its due time was written by the clock that jumped
        assert await house.states(order) == ["fulfilled"]
        assert house.labels_sold(order, live_only=False) == 1
        assert asked == {}

    in_house(story, tmp_path)


async def _crash_after_intent(house: App, job: OrderJob) -> None:
    """Let the worker die between the intent and the purchase."""

    class Dies(BaseException):
        pass

    async def die(purchase: object) -> None:
        raise Dies

    buy = house.easypost.buy
    house.easypost.buy = die  # type: ignore[method-assign, assignment]
    with pytest.raises(Dies):
        await _rest(house, job, "buy")
    house.easypost.buy = buy  # type: ignore[method-assign]
    house.context.settling.clear()


def test_a_keyed_carrier_that_settles_later_than_it_must_have_is_paid_once(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        late_s = house.world.latency["easypost"].late_s = 10 * house.settings.provider_settle_s
        order = house.world.place_order("plain")
        await house.hear(order)
        (job,) = await house.claim()
        await _until(house, job, "buy")
        prepare = house.easypost.prepare

        async def prepare_then_strike(request: object) -> object:
            prepared = await prepare(request)  # type: ignore[arg-type]
            house.world.faults.trigger_next("easypost.late_effect")
            return prepared

        house.easypost.prepare = prepare_then_strike  # type: ignore[method-assign, assignment]
        house.mute = True
        await house._patiently(_rest(house, job, "buy"))
        house.easypost.prepare = prepare  # type: ignore[method-assign]
        await house.pass_time(2 * late_s + 130)
        assert await house.states(order) == ["fulfilled"]
        assert house.labels_sold(order, live_only=False) == 1

    in_house(story, tmp_path)


def test_a_worker_that_lost_its_lease_writes_nothing(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.hear(order)
        (slow,) = await house.claim()
        await _until(house, slow, "pack")
        await house.clock.advance(130)
        await house.job()
        assert await house.phase(order) == "shipped"
        with pytest.raises(leases.LeaseLost):
            await _rest(house, slow, "pack")
        assert house.labels_sold(order, live_only=False) == 1

    in_house(story, tmp_path)


def test_a_carrier_that_refuses_holds_the_order_with_its_reason(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        house.world.faults.set("easypost.refuse", 1.0)
        order = await house.ship()
        house.world.faults.clear()
        (hold,) = await house.standing(order)
        assert hold.code in ("provider_refused", "no_rate")
        assert hold.note
        assert await house.phase(order) == "held"

    in_house(story, tmp_path)


def test_an_order_that_keeps_failing_is_held_and_still_tried(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        house.world.faults.set("store.error_before_effect", 1.0)
        order = house.world.place_order("plain")
        await house.hear(order)
        await house.job()
        await house.pass_time(600, step=30)
        assert [hold.code for hold in await house.standing(order)] == ["repeated_failure"]
        house.world.faults.clear()
        await house.pass_time(1200, step=30)
        assert await house.phase(order) == "shipped"
        assert await house.standing(order) == []

    in_house(story, tmp_path, settings={"retry": {"base_s": 1, "max_s": 60, "hold_after": 5}})


def test_an_order_the_store_does_not_know_is_asked_for_a_few_times_and_left_alone(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        await house.hear("ord_from_nowhere")
        await house.job()
        await house.pass_time(1200, step=30)
        row = await house.ledger.read(_row, "ord_from_nowhere")
        assert (row.phase, row.due_at) == ("closed", None)

    in_house(story, tmp_path)


def _row(connection: object, order_id: str) -> object:
    from packhouse.ledger import queries

    return queries.order_row(connection, order_id)  # type: ignore[arg-type]


def _command(script: str) -> Callable[[ProviderContext], dict[str, Provider]]:
    return lambda context: {"command": CommandProvider.from_settings({"argv": ["sh", "-c", script]}, context)}


def test_a_users_own_program_ships_and_its_tracking_number_is_posted(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.hear(order)
        await house.job()
        assert {row.tracking_number for row in order.fulfillments} == {"MINE-1"}
        house.world.store.orders.clear()  # its tracking number is not one that the sandbox's carrier sold

    in_house(
        story,
        tmp_path,
        settings={"provider": "command"},
        providers=_command("""cat >/dev/null; echo '{"tracking": "MINE-1", "carrier": "Bike"}'"""),
    )


def test_a_program_that_cannot_tell_whether_it_bought_goes_to_a_person_and_is_not_run_again(
    tmp_path: Path,
) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.hear(order)
        await house.job()
        await house.pass_time(300, step=30)
        (hold,) = await house.standing(order)
        assert hold.code == "purchase_unknown"
        assert f"{order.id}/1/1" in hold.note
        assert (tmp_path / "runs").read_text().count("run") == 1
        await house.operations.shipments.record_not_bought(
            hold.shipment_id, reason="no label in the account", actor="ada"
        )
        await house.job()
        await house.pass_time(60)
        assert (tmp_path / "runs").read_text().count("run") == 2

    runs = tmp_path / "runs"
    in_house(
        story,
        tmp_path,
        settings={"provider": "command"},
        providers=_command(f"cat >/dev/null; echo run >> {runs}; echo nonsense"),
    )
