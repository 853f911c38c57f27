"""Each kind of hold, and each line of advice that `packhouse why` prints for it: the order then continues.

A situation places the hold. The commands are taken from what `why` prints, parsed by the command's parser,
and run through the operations.
"""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from packhouse.api.schemas import HoldBody
from packhouse.config.customs import CustomsSettings
from packhouse.errors import StoreUnavailable
from packhouse.model.hold import KINDS, Hold, HoldCode
from packhouse.model.money import Money
from packhouse.operations.views import AdoptedLabel, SentParcel
from packhouse.sandbox.store.state import StoreOrder
from packhouse_cli.arguments.tree import parser_of
from packhouse_cli.commands.why import timeline
from tests.service.harness import Harness, NewHarness
from tests.service.steps import (
    crash_situations,
    file_situations,
    option_situations,
    parcel_situations,
    restore_situations,
    size_situations,
)
from tests.service.steps.customs_situations import ABROAD
from tests.service.steps.hold_situations import DAY_S, PLACINGS, SETTINGS, WAIT, restart


async def advice_printed(harness: Harness, order: StoreOrder, code: HoldCode) -> tuple[Hold, list[str]]:
    """The active hold of this kind, and the lines of advice that `packhouse why` prints for it."""
    (hold,) = [one for one in await harness.active_holds(order) if one.code is code]
    shown = {"id": order.id, "phase": "held", "holds": [HoldBody.of(hold).model_dump()]}
    lines = timeline.lines_of(shown, [], now=harness.clock.now(), width=400)
    printed = ["".join(str(part) for part in line) for line in lines]
    assert f"  → {hold.problem}" in printed
    return hold, [line.removeprefix("    - ") for line in printed if line.startswith("    - ")]


async def run(harness: Harness, command: str, hold: Hold) -> None:
    """Run a command line as printed, with the words in capitals filled in."""
    sold = [one for one in harness.sandbox.audit.to_json()["purchases"] if not one["voided"]]
    words = {"WHY": "checked", "NAME": "USPS"}
    if sold:
        words |= {"NUMBER": sold[-1]["tracking"], "MINOR": str(sold[-1]["cost_minor"])}
    program, *arguments = [words.get(word, word) for word in shlex.split(command)]
    assert program == "packhouse"
    asked = parser_of(arguments[0]).parse_args(arguments[1:])
    by = {"reason": asked.reason, "actor": "ada"}
    match arguments[:2]:
        case ["holds", "release"]:
            assert str(asked.hold) == str(hold.id)
            await harness.operations.orders.release_hold(hold.id, **by)
        case ["labels", "adopt"]:
            label = AdoptedLabel(asked.tracking, asked.carrier, "", Money(int(asked.cost), "USD"))
            await harness.operations.shipments.adopt_label(asked.shipment, label, **by)
        case ["shipments", "mark-shipped"]:
            sent = SentParcel(asked.tracking, asked.carrier)
            await harness.operations.shipments.mark_shipped(asked.shipment, sent, **by)
        case ["shipments", "retry"]:
            assert asked.not_bought
            await harness.operations.shipments.record_not_bought(asked.shipment, **by)
        case _:
            raise AssertionError(f"no such command: {command!r}")


@pytest.mark.parametrize(
    ("code", "action"),
    [
        pytest.param(code, one.action, id=f"{code}: {one.action}")
        for code in HoldCode
        for one in KINDS[code].advice
    ],
)
async def test_following_the_advice_of_why_makes_the_order_continue(
    new_harness: NewHarness, code: HoldCode, action: str
) -> None:
    harness = new_harness(settings=SETTINGS.get(code))
    situation = await PLACINGS[code](harness, action)
    order = situation.order
    hold, printed = await advice_printed(harness, order, code)
    (line,) = [line for line in printed if line.removesuffix(".") == action or line.startswith(f"{action}: ")]

    if do := situation.actions.get(action):
        await do()
    if command := line.removeprefix(action).removeprefix(".").removeprefix(": "):
        await run(harness, command, hold)
    else:
        assert do or action.endswith(WAIT)
    await harness.process_due()
    if action.endswith(WAIT) and not do:
        await harness.advance(DAY_S + 7200, step=600)
    if code in (HoldCode.STORE_FORBIDS, HoldCode.ORDER_UNREADABLE):
        await harness.advance(6000, step=20)

    assert code not in [one.code for one in await harness.active_holds(order)]
    states = [state.replace("delivered", "fulfilled") for state in await harness.states(order)]
    assert states == situation.ends_in.get(action, ["fulfilled"])
    harness.sandbox.store.orders.setdefault(order.id, order)


def test_every_kind_has_a_situation_and_at_least_one_advice() -> None:
    assert option_situations.choosing
    assert file_situations.label_file_missing
    assert parcel_situations.ship_abroad
    assert size_situations.order_too_large
    assert crash_situations.process_crashed
    assert restore_situations.restore_unclear
    assert set(PLACINGS) == set(KINDS) == set(HoldCode)
    assert all(kind.advice for kind in KINDS.values())


@pytest.mark.parametrize("code", [code for code in HoldCode if KINDS[code].needs_outcome])
def test_no_advice_releases_a_hold_that_a_release_cannot_end(code: HoldCode) -> None:
    assert not any("holds release" in one.command for one in KINDS[code].advice)


async def test_a_label_that_matches_no_shipment_is_recorded_as_its_hold_says(harness: Harness) -> None:
    """The hold is the whole order's: a person names the shipment."""
    order = (await restore_situations.unmatched(harness)).order
    (shipment,) = await harness.shipments(order)
    hold, printed = await advice_printed(harness, order, HoldCode.RESTORE_UNCLEAR)
    (line,) = [line for line in printed if "mark-shipped SHIPMENT " in line]
    await run(harness, line.rpartition(": ")[2].replace("SHIPMENT", shipment.id), hold)
    await harness.process_due()
    assert await harness.active_holds(order) == []
    assert await harness.states(order) == ["fulfilled"]
    assert harness.labels_sold(order) == 1


async def test_a_release_voids_a_label_whose_post_a_silent_store_does_not_confirm(harness: Harness) -> None:
    harness.store.show_orders_as(lambda order: replace(order, fulfillments=None, refunds=None))
    order = harness.sandbox.place_order("plain")
    job = await harness.process_until(order, before="post")
    harness.sandbox.faults.trigger_next("store.error_before_effect")
    with pytest.raises(StoreUnavailable):
        await harness.run_step("post", job)
    harness.sandbox.store.change_address(order, {"line1": "77 Other Road"})
    await harness.clock.advance(130)
    await harness.advance(200)
    hold, (line,) = await advice_printed(harness, order, HoldCode.ORDER_CHANGED)
    assert "a release voids an unposted label" in line
    await run(harness, line.rpartition(": ")[2], hold)
    await harness.advance(200)
    assert await harness.states(order) == ["voided", "fulfilled"]


@pytest.mark.harness(settings={"customs": CustomsSettings()})
async def test_a_missing_customs_fact_holds_the_order_before_any_provider_is_asked(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    harness.sandbox.store.change_address(order, ABROAD)
    await harness.deliver_event(order)
    await harness.process_due()
    (hold,) = await harness.active_holds(order)
    assert hold.code == "customs_incomplete"
    assert "set customs.origin_country" in hold.sentence
    assert "set customs.signer or ship_from.name" in hold.sentence
    assert harness.sandbox.easypost.shipments == {}
    assert harness.context.breaker.wait_s("easypost", harness.clock.monotonic()) == 0

    await restart(harness)
    await harness.process_due()
    assert [one.code for one in await harness.active_holds(order)] == ["customs_incomplete"]

    await restart(harness, customs=CustomsSettings(origin_country="US", signer="Ann Lee"))
    await harness.process_due()
    assert await harness.active_holds(order) == []
    assert await harness.states(order) == ["fulfilled"]


async def test_a_fact_that_goes_missing_after_planning_withdraws_the_plan_and_holds_the_order(
    harness: Harness,
) -> None:
    order = harness.sandbox.place_order("plain")
    harness.sandbox.store.change_address(order, ABROAD)
    await harness.process_until(order, before="buy")
    await harness.clock.advance(130)
    await restart(harness, customs=CustomsSettings())
    await harness.process_due()
    assert await harness.states(order) == ["cancelled"]
    assert [one.code for one in await harness.active_holds(order)] == ["customs_incomplete"]
    assert harness.sandbox.easypost.shipments == {}


async def test_a_domestic_order_needs_no_customs_fact(new_harness: NewHarness) -> None:
    harness = new_harness(settings={"customs": CustomsSettings()})
    assert await harness.states(await harness.ship()) == ["fulfilled"]
