"""Each kind of hold, and each line of advice that `packhouse why` prints for it: whoever follows it, gets on.

A situation places the hold, and says what each action means in the sandbox. The commands are taken from what
`why` prints, parsed by the command's own parser, and run.
"""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from pydantic import SecretStr

from packhouse.api.schemas import HoldBody
from packhouse.config.settings import (
    GuardSettings,
    ParcelSettings,
    ProductSettings,
    ShipFromSettings,
)
from packhouse.errors import ProviderUnavailable, StoreForbidden, StoreInvalidRequest, StoreUnavailable
from packhouse.ledger import leases
from packhouse.model.hold import KINDS, Hold, HoldCode
from packhouse.model.label import Label, LabelFormat
from packhouse.model.money import Money
from packhouse.model.order import Fulfillment, RefundRecord
from packhouse.operations.views import AdoptedLabel
from packhouse.providers.easypost.adapter import EasyPostProvider
from packhouse.providers.easypost.options import EasyPostOptions
from packhouse.providers.port import (
    NotBought,
    Prepared,
    ProviderContext,
    Safety,
    Unknown,
    Voided,
    VoidPending,
    VoidRefused,
)
from packhouse.sandbox.sandbox import EASYPOST_KEY
from packhouse.sandbox.store.state import StoreOrder
from packhouse.sandbox.transport import SandboxTransport
from packhouse_cli.arguments.tree import parser_of
from packhouse_cli.commands.why import timeline
from tests.service.harness import SENDER, Harness, NewHarness

DAY_S = 86_400.0
Action = Callable[[], Awaitable[None]]


@dataclass
class Situation:
    """A held order. `actions` say what an advice means in the sandbox; `ends_in` are the states after it."""

    order: StoreOrder
    actions: Mapping[str, Action] = field(default_factory=dict)
    ends_in: Mapping[str, list[str]] = field(default_factory=dict)


Placing = Callable[[Harness, str], Awaitable[Situation]]
SETTINGS: dict[HoldCode, dict[str, Any]] = {
    HoldCode.TOO_HEAVY: {"parcel": ParcelSettings(weight_g=500, max_weight_g=100)},
    HoldCode.WEIGHT_MISSING: {"parcel": ParcelSettings()},
    HoldCode.CAP_REACHED: {"guard": {"max_day_minor": 1500}},
    HoldCode.REPEATED_FAILURE: {"retry": {"base_s": 1, "max_s": 60, "hold_after": 5}},
}
PLACINGS: dict[HoldCode, Placing] = {}


def places(code: HoldCode) -> Callable[[Placing], Placing]:
    def note(placing: Placing) -> Placing:
        PLACINGS[code] = placing
        return placing

    return note


async def restart(harness: Harness, **settings: Any) -> None:
    """Start again with other settings, as app.py does."""
    harness.settings = harness.settings.model_copy(update=settings)
    harness.context = replace(harness.context, settings=harness.settings)
    await harness.ledger.write(leases.wake_unfinished, harness.clock.now())


def restarting(harness: Harness, **settings: Any) -> Action:
    return lambda: restart(harness, **settings)


async def ready_to_post(harness: Harness) -> StoreOrder:
    """An order whose label is bought, with a worker that died before it posted."""
    order = harness.sandbox.place_order("plain")
    await harness.process_until(order, before="post")
    await harness.clock.advance(130)
    return order


def correcting_address(harness: Harness, order: StoreOrder) -> Action:
    async def correct() -> None:
        address = harness.sandbox.random_address()
        harness.sandbox.store.change_address(order, address)
        await harness.deliver_event(order, "order.updated")

    return correct


CORRECT = "Correct the order in the store"
CHECK = "Correct the order in the store, or wait until the store has corrected it"
CHANGE_SETTINGS = "Correct the settings in packhouse.toml, then restart Packhouse"
WAIT = "Packhouse continues by itself"
WAIT_FOR_VOID = f"Wait; {WAIT}"


@places(HoldCode.ADDRESS_INCOMPLETE)
async def address_incomplete(harness: Harness, action: str) -> Situation:
    order = harness.sandbox.place_order("plain")
    harness.sandbox.store.change_address(order, {"postcode": "1"})
    await harness.deliver_event(order)
    await harness.process_due()
    return Situation(order, {CORRECT: correcting_address(harness, order)})


@places(HoldCode.DIGITAL_UNKNOWN)
async def digital_unknown(harness: Harness, action: str) -> Situation:
    order = await harness.ship("unknown_digital")
    known = (ProductSettings(name="*", weight_g=100, digital=False),)
    return Situation(order, {CHANGE_SETTINGS: restarting(harness, products=known)})


@places(HoldCode.WEIGHT_MISSING)
async def weight_missing(harness: Harness, action: str) -> Situation:
    order = await harness.ship("no_weight")
    known = (ProductSettings(name="*", weight_g=100),)
    return Situation(order, {CHANGE_SETTINGS: restarting(harness, products=known)})


@places(HoldCode.TOO_HEAVY)
async def too_heavy(harness: Harness, action: str) -> Situation:
    order = await harness.ship()
    return Situation(order, {CHANGE_SETTINGS: restarting(harness, parcel=ParcelSettings(weight_g=500))})


def shown_as(code: HoldCode, **shown: Any) -> None:
    """A kind that is placed because the store shows an order in this way."""

    async def placing(harness: Harness, action: str) -> Situation:
        harness.store.show_orders_as(lambda order: replace(order, **_with_ours(order.fulfillments, shown)))
        order = await harness.ship()

        async def corrected() -> None:
            harness.store.script(order=None)
            await harness.deliver_event(order, "order.updated")

        return Situation(order, {CHECK: corrected})

    PLACINGS[code] = placing


def _with_ours(fulfillments: Any, shown: dict[str, Any]) -> dict[str, Any]:
    if "fulfillments" not in shown:
        return shown
    return {"fulfillments": (*shown["fulfillments"], *(fulfillments or ()))}


shown_as(HoldCode.STATUS_UNKNOWN, status="odd")
shown_as(HoldCode.PARTLY_FULFILLED_UNCLEAR, fulfillments=(Fulfillment("ELSEWHERE"),))
shown_as(HoldCode.REFUND_UNCLEAR, refunds=(RefundRecord(100),))


@places(HoldCode.ORDER_UNREADABLE)
async def order_unreadable(harness: Harness, action: str) -> Situation:
    order = await ready_to_post(harness)
    harness.sandbox.store.orders.pop(order.id)
    await harness.advance(600, step=10)

    async def back() -> None:
        harness.sandbox.store.orders[order.id] = order
        await harness.deliver_event(order, "order.updated")

    gone = "If the store no longer has the order, void its label"
    return Situation(order, {CHECK: back}, {gone: ["voided"]})


@places(HoldCode.STORE_FORBIDS)
async def store_forbids(harness: Harness, action: str) -> Situation:
    harness.store.script(order=StoreForbidden("the key lacks read:orders", status=403))
    order = await harness.ship()

    async def allowed() -> None:
        harness.store.script(order=None)

    return Situation(
        order, {"Give the API key the scopes read:orders and write:orders in the store": allowed}
    )


@places(HoldCode.STORE_REFUSED)
async def store_refused(harness: Harness, action: str) -> Situation:
    harness.store.script(fulfill=StoreInvalidRequest("the carrier is not known", status=400))
    order = await harness.ship()

    async def corrected() -> None:
        harness.store.script(fulfill=None)

    return Situation(order, {"Correct the order in the store, then post the fulfillment again": corrected})


async def refused_by_provider(harness: Harness, **script: Any) -> Situation:
    harness.provider.script(**script)
    order = await harness.ship()
    await harness.advance(7200, step=600)
    harness.provider.script(**dict.fromkeys(script))  # whatever is changed, the provider agrees from now on
    other = ShipFromSettings(name="Shop", street1="2 Pier", city="San Francisco", state="CA", zip="94110")
    actions = {
        CORRECT: correcting_address(harness, order),
        CHANGE_SETTINGS: restarting(harness, ship_from=other),
    }
    return Situation(order, actions, {CORRECT: ["cancelled", "fulfilled"]})


@places(HoldCode.NO_RATE)
async def no_rate(harness: Harness, action: str) -> Situation:
    return await refused_by_provider(harness, prepare=Prepared("shp_1", (), ("no carrier goes there",)))


@places(HoldCode.PROVIDER_REFUSED)
async def provider_refused(harness: Harness, action: str) -> Situation:
    return await refused_by_provider(harness, buy=NotBought("the address is not deliverable"))


@places(HoldCode.PURCHASE_UNKNOWN)
async def purchase_unknown(harness: Harness, action: str) -> Situation:
    async def lost(purchase: Any) -> Unknown:
        if "has a label" in action:
            await harness.provider.real.buy(purchase)
        return Unknown("no response")

    harness.provider.script(buy=lost)
    harness.provider.safety = Safety.BLIND
    order = await harness.ship()
    await harness.advance(60)
    harness.provider.script(buy=None)
    return Situation(order)


@places(HoldCode.CAP_REACHED)
async def cap_reached(harness: Harness, action: str) -> Situation:
    first, order = await harness.ship(), await harness.ship()
    assert await harness.states(first) == ["fulfilled"]
    return Situation(order, {CHANGE_SETTINGS: restarting(harness, guard=GuardSettings())})


@places(HoldCode.PRICE_DRIFT)
async def price_drift(harness: Harness, action: str) -> Situation:
    async def expensive(purchase: Any) -> Any:
        bought = await harness.provider.real.buy(purchase)
        return replace(bought, cost=Money(bought.cost.minor * 3, "USD"))  # type: ignore[type-var, union-attr]

    harness.provider.script(buy=expensive)
    return Situation(await harness.ship())


@places(HoldCode.ORDER_CHANGED)
async def order_changed(harness: Harness, action: str) -> Situation:
    order = await harness.ship()
    harness.sandbox.store.change_address(order, {"line1": "77 Other Road"})
    await harness.deliver_event(order, "order.updated")
    await harness.advance(120)
    return Situation(order)


async def moved_after_purchase(harness: Harness, answer: Any) -> StoreOrder:
    """An order that needs another label, with a provider that answers a void like this."""
    order = await ready_to_post(harness)
    harness.sandbox.store.change_address(order, {"line1": "77 Other Road"})

    async def void(label: Label) -> Any:
        harness.sandbox.easypost.request_void(harness.sandbox.easypost.find(label.provider_id))
        return answer

    harness.provider.script(void=void)
    await harness.process_due()
    return order


@places(HoldCode.VOID_REFUSED)
async def void_refused(harness: Harness, action: str) -> Situation:
    order = await moved_after_purchase(harness, VoidRefused("it was scanned"))
    await harness.advance(3 * DAY_S, step=3600)
    again = "Request the void again; units that still ship get a new label"
    return Situation(order, ends_in={again: ["voiding", "fulfilled"]})


@places(HoldCode.VOID_PENDING)
async def void_pending(harness: Harness, action: str) -> Situation:
    order = await moved_after_purchase(harness, VoidPending())
    await harness.advance(3 * 3600, step=600)

    async def wait() -> None:
        harness.provider.script(void=Voided())
        await harness.advance(DAY_S, step=3600)

    states = {WAIT_FOR_VOID: ["voided", "fulfilled"], "Buy a new label now": ["voiding", "fulfilled"]}
    return Situation(order, {WAIT_FOR_VOID: wait}, states)


@places(HoldCode.REPEATED_FAILURE)
async def repeated_failure(harness: Harness, action: str) -> Situation:
    harness.provider.script(prepare=ProviderUnavailable("down"))
    order = await harness.ship()
    await harness.advance(600, step=30)

    async def remove_cause() -> None:
        harness.provider.script(prepare=None)

    async def wait() -> None:
        await remove_cause()
        await harness.advance(600, step=30)

    return Situation(order, {f"Wait; {WAIT}": wait, "Remove the cause, then try at once": remove_cause})


@places(HoldCode.MANUAL)
async def manual(harness: Harness, action: str) -> Situation:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    await harness.place_hold(order)
    await harness.process_due()
    return Situation(order)


@places(HoldCode.VOID_REQUESTED)
async def void_requested(harness: Harness, action: str) -> Situation:
    order = harness.sandbox.place_order("plain")
    job = await harness.process_until(order, before="post")
    harness.sandbox.faults.trigger_next("store.error_before_effect")
    with pytest.raises(StoreUnavailable):
        await harness.run_step("post", job)
    (shipment,) = await harness.shipments(order)
    shipments = harness.operations.shipments
    await shipments.request_void(shipment.id, reason="a misprint", actor="ada", again=True)
    await harness.process_due()
    return Situation(order, ends_in={WAIT_FOR_VOID: ["voided", "fulfilled"]})


@places(HoldCode.EXTERNAL_POSTING)
async def external_posting(harness: Harness, action: str) -> Situation:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    await harness.operations.orders.request_label(order.id, reason="a program posts it", actor="ada")
    await harness.process_due()
    assert await harness.states(order) == ["labeled"]
    return Situation(order)


@places(HoldCode.TAKEN_OVER)
async def taken_over(harness: Harness, action: str) -> Situation:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    await harness.operations.orders.take_over(
        order.id, purpose="orders refund", reason="the buyer called", actor="ada"
    )
    await harness.process_due()
    return Situation(order)


@places(HoldCode.FULFILLMENT_MISSING)
async def fulfillment_missing(harness: Harness, action: str) -> Situation:
    forgotten: list[Any] = []

    async def forget(*post: Any) -> None:
        forgotten.append(post)

    harness.store.script(fulfill=forget)
    order = await harness.ship()
    await harness.advance(harness.settings.poll.confirm_s + 10)

    async def wait() -> None:
        await harness.store.real.fulfill(*forgotten[0])
        await harness.deliver_event(order, "order.updated")
        await harness.advance(harness.settings.poll.confirm_s + 10)

    return Situation(order, {f"Wait until the store shows the fulfillment; {WAIT}": wait})


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
        case ["shipments", "retry"]:
            assert asked.not_bought
            await harness.operations.shipments.record_not_bought(asked.shipment, **by)
        case _:
            raise AssertionError(f"nobody knows {command!r} here")


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
    assert set(PLACINGS) == set(KINDS) == set(HoldCode)
    assert all(kind.advice for kind in KINDS.values())


@pytest.mark.parametrize("code", [code for code in HoldCode if KINDS[code].needs_outcome])
def test_no_advice_releases_a_hold_that_a_release_cannot_end(code: HoldCode) -> None:
    assert not any("holds release" in one.command for one in KINDS[code].advice)


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


async def test_corrected_customs_settings_and_a_restart_end_the_hold_of_a_refused_parcel(
    harness: Harness,
) -> None:
    """As docs/operating.md says: a hold ends once the setting is corrected and Packhouse has restarted."""
    harness.provider.real = _easypost(harness, customs_origin="")
    order = harness.sandbox.place_order("plain")
    abroad = {
        "line1": "1 Main Street",
        "city": "Toronto",
        "state": "ON",
        "postcode": "M5V 2T6",
        "country": "CA",
    }
    harness.sandbox.store.change_address(order, abroad)
    await harness.deliver_event(order)
    await harness.process_due()
    (hold,) = await harness.active_holds(order)
    assert hold.code == "provider_refused"
    assert "customs_origin" in hold.sentence

    await restart(harness)
    await harness.process_due()
    assert [one.code for one in await harness.active_holds(order)] == ["provider_refused"]

    harness.provider.real = _easypost(harness, customs_origin="US")
    await restart(harness, providers={"easypost": {"customs_origin": "US"}})
    await harness.process_due()
    assert await harness.active_holds(order) == []
    assert await harness.states(order) == ["fulfilled"]


def _easypost(harness: Harness, **options: Any) -> EasyPostProvider:
    context = ProviderContext(harness.clock, 30.0, SENDER, LabelFormat.ZPL, harness.metrics.call)
    chosen = EasyPostOptions(
        api_key=SecretStr(EASYPOST_KEY), url="http://sandbox.invalid/easypost/v2", **options
    )
    return EasyPostProvider(chosen, context, SandboxTransport(harness.sandbox))
