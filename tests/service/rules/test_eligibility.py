"""Whether an order may ship: each rule with the order that made it necessary."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from packhouse.config.sections import RuleSettings
from packhouse.model.hold import KINDS, HoldCode
from packhouse.model.order import Address, Fulfillment, Line, Order, RefundRecord, Units
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.rules.decision import Decision, NeedsHold, Ship, Skip, Withdraw
from packhouse.rules.eligibility import decide

HOME = Address("Ann Lee", "", "1 Main St", "", "Austin", "TX", "78701", "US")
GOOD = Order(
    "o", "pending", lines=(Line("li_1", "p1", "", "Mug", 2), Line("li_2", "p2", "", "Tee", 1)), address=HOME
)
PHYSICAL = {"li_1": False, "li_2": False}


def ask(order: Order, digital: dict[str, bool | None] | None = None, **rules: object) -> Decision:
    return decide(order, (), PHYSICAL if digital is None else digital, RuleSettings(**rules))  # type: ignore[arg-type]


def codes(decision: Decision) -> list[HoldCode]:
    assert isinstance(decision, NeedsHold), decision
    return [reason.code for reason in decision.reasons]


def test_a_paid_complete_order_ships_whole() -> None:
    assert ask(GOOD) == Ship((Units("li_1", 2), Units("li_2", 1)))


def test_an_order_that_has_ended_is_withdrawn() -> None:
    assert isinstance(ask(replace(GOOD, status="cancelled")), Withdraw)
    refunded = replace(GOOD, status="refunded", total_minor=500, refunds=(RefundRecord(500),))
    assert isinstance(ask(refunded), Withdraw)


@pytest.mark.parametrize("status", ["", "on_fire", "draft"])
def test_an_unknown_status_holds(status: str) -> None:
    assert HoldCode.STATUS_UNKNOWN in codes(ask(replace(GOOD, status=status)))


def test_digital_lines_do_not_ship_and_a_digital_order_is_skipped() -> None:
    assert ask(GOOD, {"li_1": True, "li_2": False}) == Ship((Units("li_2", 1),))
    assert isinstance(ask(GOOD, {"li_1": True, "li_2": True}), Skip)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [("ship", Ship((Units("li_1", 2), Units("li_2", 1)))), ("skip", Ship((Units("li_2", 1),)))],
)
def test_what_is_not_known_to_be_digital_follows_the_setting(policy: str, expected: Decision) -> None:
    unsure: dict[str, bool | None] = {"li_1": None, "li_2": False}
    assert ask(GOOD, unsure, digital_unknown=policy) == expected
    assert codes(ask(GOOD, unsure)) == [HoldCode.DIGITAL_UNKNOWN]


def test_an_incomplete_address_holds_unless_the_check_is_off_or_nothing_physical_is_left() -> None:
    nowhere = replace(GOOD, address=replace(HOME, street1=""))
    assert codes(ask(nowhere)) == [HoldCode.ADDRESS_INCOMPLETE]
    assert codes(ask(replace(GOOD, address=None))) == [HoldCode.ADDRESS_INCOMPLETE]
    assert isinstance(ask(nowhere, check_address=False), Ship)
    assert isinstance(ask(nowhere, {"li_1": True, "li_2": True}), Skip)


def test_a_reason_that_an_operator_waived_does_not_hold() -> None:
    nowhere = replace(GOOD, address=replace(HOME, street1=""))
    assert isinstance(decide(nowhere, (), PHYSICAL, RuleSettings(), {HoldCode.ADDRESS_INCOMPLETE}), Ship)


def test_a_part_shipped_elsewhere_leaves_the_rest() -> None:
    part = replace(
        GOOD, status="partially_fulfilled", fulfillments=(Fulfillment("X", "UPS", (Units("li_1", 1),)),)
    )
    assert ask(part) == Ship((Units("li_1", 1), Units("li_2", 1)))


@pytest.mark.parametrize(
    "vague",
    [
        {"status": "partially_fulfilled"},
        {"fulfillments": (Fulfillment("X", "UPS"),)},
        {"status": "fulfilled", "fulfillments": (Fulfillment("X", "UPS", (Units("li_1", 1),)),)},
    ],
)
def test_a_part_shipped_vaguely_holds(vague: dict[str, object]) -> None:
    assert codes(ask(replace(GOOD, **vague))) == [HoldCode.PARTLY_FULFILLED_UNCLEAR]  # type: ignore[arg-type]


def test_a_fulfilled_order_whose_parcels_name_no_units_has_shipped() -> None:
    shipped = replace(
        GOOD, status="fulfilled", fulfillments=(Fulfillment("X", "UPS"), Fulfillment("Y", "UPS"))
    )
    assert ask(shipped) == Skip("The store reports every unit as fulfilled.", shipped=True)


def test_money_refunded_without_units_holds() -> None:
    assert codes(ask(replace(GOOD, refunds=(RefundRecord(500),)))) == [HoldCode.REFUND_UNCLEAR]


def test_a_fulfilled_order_without_details_is_skipped() -> None:
    assert ask(replace(GOOD, status="fulfilled")) == Skip("The store reports every unit as fulfilled.", True)


def test_units_of_a_label_with_a_pending_void_wait() -> None:
    old = Shipment("s", "o", 1, ShipmentState.VOIDING, (Units("li_1", 2), Units("li_2", 1)), "f")
    decision = decide(GOOD, [old], PHYSICAL, RuleSettings())
    assert decision == Skip("The remaining units wait for the void of a label.")


def test_an_order_without_lines_is_held_not_shipped() -> None:
    assert codes(ask(replace(GOOD, lines=()))) == [HoldCode.ORDER_UNREADABLE]


def test_every_code_has_a_sentence_for_a_shopkeeper() -> None:
    assert set(KINDS) == set(HoldCode)
    assert all(
        sentence.endswith(".") and "_" not in re.sub("max_weight_g|shipping_options", "", sentence)
        for sentence in (kind.sentence for kind in KINDS.values())
    )


ALL = (Units("li_1", 2), Units("li_2", 1))


@pytest.mark.parametrize(
    ("state", "decision"),
    [
        (ShipmentState.PLANNED, Skip("Every unit is in progress.")),
        (ShipmentState.HELD, Skip("Every unit is in progress.")),
        (ShipmentState.BUYING, Skip("Every unit is in progress.")),
        (ShipmentState.LABELED, Skip("Every unit is in progress.")),
        (ShipmentState.FULFILLED, Skip("Every unit has shipped.", shipped=True)),
        (ShipmentState.DELIVERED, Skip("Every unit has shipped.", shipped=True)),
        (ShipmentState.VOIDED, Ship(ALL)),
        (ShipmentState.CANCELLED, Ship(ALL)),
    ],
)
def test_units_of_our_own_shipment_are_reserved_until_it_ends(
    state: ShipmentState, decision: Decision
) -> None:
    assert decide(GOOD, [Shipment("s", "o", 1, state, ALL)], PHYSICAL, RuleSettings()) == decision


def test_an_order_that_was_shipped_elsewhere_is_skipped_as_shipped() -> None:
    elsewhere = replace(GOOD, status="fulfilled", fulfillments=(Fulfillment("X", "UPS", ALL),))
    assert ask(elsewhere) == Skip("Every unit was shipped elsewhere.", shipped=True)


def test_an_order_with_every_unit_refunded_is_skipped() -> None:
    refunded = replace(GOOD, refunds=(RefundRecord(500, ALL),))
    assert ask(refunded) == Skip("No unit needs shipping: all are digital or refunded.")


def test_a_refund_of_some_units_leaves_the_rest() -> None:
    assert ask(replace(GOOD, refunds=(RefundRecord(500, (Units("li_1", 2),)),))) == Ship((Units("li_2", 1),))


def test_every_reason_is_named_at_once() -> None:
    bad = replace(GOOD, status="odd", address=None, refunds=(RefundRecord(500),))
    assert set(codes(ask(bad, {"li_1": None, "li_2": False}))) == {
        HoldCode.STATUS_UNKNOWN,
        HoldCode.REFUND_UNCLEAR,
        HoldCode.DIGITAL_UNKNOWN,
        HoldCode.ADDRESS_INCOMPLETE,
    }


def test_waiving_one_reason_leaves_the_others() -> None:
    bad = replace(GOOD, address=None, refunds=(RefundRecord(500),))
    decision = decide(bad, (), PHYSICAL, RuleSettings(), {HoldCode.ADDRESS_INCOMPLETE})
    assert codes(decision) == [HoldCode.REFUND_UNCLEAR]
