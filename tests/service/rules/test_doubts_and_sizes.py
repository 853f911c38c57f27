"""What holds an order beside its address: its size, the buyer's choice, and what the store leaves open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from packhouse.config.guard import GuardSettings
from packhouse.config.sections import RuleSettings
from packhouse.model.hold import HoldCode
from packhouse.model.order import Fulfillment, RefundRecord, Units
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.rules.decision import Decision, NeedsHold, Reason, Ship, Skip
from packhouse.rules.eligibility import decide
from packhouse.rules.shipping_options import Choice
from tests.service.rules.test_eligibility import ALL, GOOD, PHYSICAL, codes
from tests.service.rules.test_units import label

S = ShipmentState
MUGS, TEE = Units("li_1", 2), Units("li_2", 1)
PARTLY = HoldCode.PARTLY_FULFILLED_UNCLEAR


def ask(order: Any = GOOD, shipments: Sequence[Shipment] = (), **more: Any) -> Decision:
    given = {"digital": PHYSICAL, "settings": RuleSettings(), **more}
    return decide(order, shipments, **given)


def shipment(state: ShipmentState, *units: Units, number: str = "T1", **more: Any) -> Shipment:
    return Shipment("s", "o", 1, state, units or ALL, label=label(number) if number else None, **more)


def note(decision: Decision) -> str:
    assert isinstance(decision, NeedsHold), decision
    (reason,) = decision.reasons
    return reason.note


def test_an_order_with_too_many_lines_is_held_for_that_alone_until_an_operator_accepts_it() -> None:
    limits = GuardSettings(max_lines=1)
    large = replace(GOOD, address=None)
    assert ask(large, limits=limits) == NeedsHold(
        (Reason(HoldCode.ORDER_TOO_LARGE, "it has 2 lines, and guard.max_lines is 1"),)
    )
    accepted = {HoldCode.ORDER_TOO_LARGE}
    assert codes(ask(large, limits=limits, waived=accepted)) == [HoldCode.ADDRESS_INCOMPLETE]
    assert ask(limits=limits, waived=accepted) == Ship(ALL)
    assert ask(limits=GuardSettings(max_lines=2)) == Ship(ALL)


def test_a_line_with_too_many_units_is_held_with_every_other_reason() -> None:
    limits = GuardSettings(max_line_units=1)
    assert note(ask(limits=limits)) == "2 units of Mug to ship, and guard.max_line_units is 1"
    both = codes(ask(replace(GOOD, address=None), limits=limits))
    assert both == [HoldCode.ORDER_TOO_LARGE, HoldCode.ADDRESS_INCOMPLETE]
    assert ask(limits=limits, waived={HoldCode.ORDER_TOO_LARGE}) == Ship(ALL)


PICKUP = Choice(("Pickup",), "pickup", "by the built-in table")


@pytest.mark.parametrize(
    "shipments",
    [
        [],
        [shipment(S.PLANNED, number="")],
        [shipment(S.HELD)],
        [shipment(S.LABELED)],
        [shipment(S.FULFILLED, MUGS), shipment(S.LABELED, TEE, number="T2")],
    ],
    ids=["planned soon", "planned", "held", "labeled", "one of two labeled"],
)
def test_a_pickup_holds_what_has_not_left(shipments: list[Shipment]) -> None:
    assert codes(ask(GOOD, shipments, choice=PICKUP)) == [HoldCode.PICKUP]


def test_a_choice_that_needs_no_person_and_one_for_nothing_hold_nothing() -> None:
    assert ask(choice=Choice(("Economy",), "cheapest")) == Ship(ALL)
    shipped = [shipment(S.FULFILLED)]
    assert ask(GOOD, shipped, choice=PICKUP) == Skip("Every unit has shipped.", shipped=True)
    assert isinstance(ask(digital={"li_1": True, "li_2": True}, choice=PICKUP), Skip)


def test_a_line_that_may_be_digital_is_named_with_the_settings_that_say_it() -> None:
    lines = (replace(GOOD.lines[0], name=""), GOOD.lines[1])
    unsure = {"li_1": None, "li_2": None}
    said = note(ask(replace(GOOD, lines=lines), digital=unsure))
    assert said.startswith("li_1; Tee. Add ")
    assert said.endswith(" (or true) to packhouse.toml")
    no_site = note(ask(replace(GOOD, lines=lines), digital=unsure, has_site=False))
    assert no_site == (
        f'{said}, or site_slug = "SLUG" to its section [store]: the order names no site, and the list of all '
        "products does not say it or needs the scope read:content"
    )


def test_a_line_that_has_shipped_need_not_be_known_to_be_digital() -> None:
    part = replace(
        GOOD, status="partially_fulfilled", fulfillments=(Fulfillment("X", "UPS", (Units("li_2", 1),)),)
    )
    assert ask(part, digital={"li_1": False, "li_2": None}) == Ship((MUGS,))


@pytest.mark.parametrize(
    "records",
    [
        {"lines": (GOOD.lines[0], replace(GOOD.lines[1], shipped_counts=(1,))), "fulfillments": ()},
        {"refunds": (RefundRecord(500, (TEE,), status="pending"),)},
    ],
    ids=["a count", "a refund"],
)
def test_what_the_store_leaves_open_about_a_digital_line_holds_nothing(records: dict[str, Any]) -> None:
    order = replace(GOOD, **records)
    assert ask(order, digital={"li_1": False, "li_2": True}) == Ship((MUGS,))
    assert isinstance(ask(order), NeedsHold)


def test_digital_units_are_not_missed_in_the_fulfillments() -> None:
    part = replace(GOOD, status="fulfilled", fulfillments=(Fulfillment("X", "UPS", (Units("li_1", 1),)),))
    assert note(ask(part, digital={"li_1": False, "li_2": True})) == (
        "the order is fulfilled in the store, and 1 unit of Mug (li_1) is in no fulfillment"
    )


@pytest.mark.parametrize(("status", "said"), [("on_fire", "'on_fire'"), ("", "the status is missing")])
def test_a_status_that_nobody_knows_is_said(status: str, said: str) -> None:
    assert note(ask(replace(GOOD, status=status))) == said


@pytest.mark.parametrize(
    ("states", "is_held"),
    [
        ([S.FULFILLED, S.FULFILLED], False),
        ([S.FULFILLED, S.LABELED], True),
        ([S.LABELED, S.LABELED], True),
        ([S.FULFILLED, S.PLANNED], True),
        ([S.FULFILLED, S.VOIDING], False),
    ],
)
def test_an_unknown_status_holds_only_what_has_not_left(states: list[ShipmentState], is_held: bool) -> None:
    shipments = [shipment(states[0], MUGS), shipment(states[1], TEE, number="T2")]
    decision = ask(replace(GOOD, status="on_fire"), shipments)
    assert isinstance(decision, NeedsHold if is_held else Skip)


def test_our_own_fulfillment_that_names_no_units_is_no_doubt() -> None:
    part = replace(GOOD, status="partially_fulfilled", fulfillments=(Fulfillment("T1", "USPS"),))
    assert ask(part, [shipment(S.FULFILLED, MUGS)]) == Ship((TEE,))
    assert codes(ask(part, [shipment(S.FULFILLED, MUGS, number="T2")])) == [PARTLY]


@pytest.mark.parametrize(
    ("ours", "is_explained"),
    [
        (shipment(S.FULFILLED, MUGS), True),
        (shipment(S.DELIVERED, MUGS), True),
        (shipment(S.LABELED, MUGS, post_body="{}"), True),
        (shipment(S.LABELED, MUGS), False),
        (shipment(S.PLANNED, MUGS, number=""), False),
    ],
)
def test_a_partly_fulfilled_order_is_clear_once_our_own_post_explains_it(
    ours: Shipment, is_explained: bool
) -> None:
    decision = ask(replace(GOOD, status="partially_fulfilled", fulfillments=None), [ours])
    if is_explained:
        assert decision == Ship((TEE,))
    else:
        assert codes(decision) == [PARTLY]


@pytest.mark.parametrize(
    ("states", "said", "is_shipped"),
    [
        ([S.VOIDING, S.FULFILLED], "The remaining units wait for the void of a label.", False),
        ([S.FULFILLED, S.PLANNED], "Every unit is in progress.", False),
        ([S.FULFILLED, S.DELIVERED], "Every unit has shipped.", True),
        ([S.FULFILLED, S.FULFILLED, S.CANCELLED], "Every unit has shipped.", True),
        ([S.DELIVERED, S.LABELED, S.VOIDED], "Every unit is in progress.", False),
    ],
)
def test_why_nothing_is_left_is_said_for_all_shipments_together(
    states: list[ShipmentState], said: str, is_shipped: bool
) -> None:
    units = (MUGS, TEE, TEE)
    shipments = [shipment(state, units[at], number=f"T{at}") for at, state in enumerate(states)]
    assert ask(GOOD, shipments) == Skip(said, shipped=is_shipped)


def test_an_order_that_another_shipped_in_part_is_in_progress_until_ours_has_left() -> None:
    part = replace(GOOD, status="partially_fulfilled", fulfillments=(Fulfillment("X", "UPS", (TEE,)),))
    assert ask(part, [shipment(S.LABELED, MUGS)]) == Skip("Every unit is in progress.")
    assert ask(part, [shipment(S.FULFILLED, MUGS)]) == Skip("Every unit has shipped.", shipped=True)


def test_a_long_detail_is_shortened_and_a_short_one_is_not() -> None:
    assert Reason(HoldCode.MANUAL, "x" * 2000).note == "x" * 2000
    assert Reason(HoldCode.MANUAL, "x" * 2001).note == f"{'x' * 1999}…"
