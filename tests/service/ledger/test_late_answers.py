"""Answers after the lease was lost: what each may still change, and what has been settled without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from packhouse.ledger import late_answers
from packhouse.ledger.tables import holds, labels, orders
from packhouse.ledger.tables import shipments as shipments_table
from packhouse.model.hold import HoldCode
from packhouse.model.journal import Entry
from packhouse.model.label import LabelFormat, Rate
from packhouse.model.money import Money
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from tests.service.ledger.rows import NOW, Rows, label_of

S = ShipmentState
ENTRY = Entry("ord", "answered", shipment_id="ord-2")
RATE = Rate("r1", "USPS", "Priority", Money(700, "USD"), 3)
IN_VOID = (LabelState.VOIDING, LabelState.VOID_REFUSED)


@pytest.fixture
def order(rows: Rows) -> Rows:
    """The order "ord", which another worker has, and its shipment ord-1, which no answer here is about."""
    rows.leased("ord", lease="other:1", due_at=NOW + 90)
    rows.shipment("ord-1", S.PLANNED)
    return rows


def changed(order: Rows, answer: tuple[Entry, ...]) -> bool:
    """Whether an answer was recorded as a whole, or else left everything as it was."""
    lease, due_at = order.column(orders.c.lease)["ord"], order.column(orders.c.due_at)["ord"]
    actions = [action for action, _ in order.journal()]
    assert order.states()["ord-1"] == "planned"
    if answer:
        assert answer == (ENTRY,)
        assert actions[-1] == "answered"
        assert (lease, due_at) == (None, NOW), "the steps continue from it at once"
        return True
    assert (lease, due_at, actions, order.facts()) == ("other:1", NOW + 90, [], [])
    return False


def attempt(shipment: Shipment, **fields: Any) -> Shipment:
    """The shipment as it was when the purchase was sent."""
    sent = replace(shipment, state=S.BUYING, provider_ref="shp_1", rate=RATE, intent_at=5.0)
    return replace(sent, **fields)


# ---- a label was bought ----------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [S.PLANNED, S.HELD, S.BUYING, S.UNKNOWN])
@pytest.mark.parametrize("rate", [RATE, None])
def test_a_shipment_without_a_label_gets_the_one_that_was_bought(
    order: Rows, state: ShipmentState, rate: Rate | None
) -> None:
    shipment, label = order.shipment("ord-2", state), label_of("ord-2")
    answer = late_answers.bought(order.tx(), attempt(shipment, rate=rate), label, ENTRY, sells_once=True)
    assert changed(order, answer)
    assert order.read("ord-2") == replace(
        *(shipment,),
        state=S.LABELED,
        provider="easypost",
        provider_ref="shp_1",
        rate=rate,
        intent_at=5.0,
        label=label,
    )
    *_, (_, moved), (kind, written) = order.facts()
    assert (moved["id"], moved["state"], kind, written["id"]) == ("ord-2", "labeled", "label", label.id)


def test_a_label_that_goes_elsewhere_is_known_as_such(order: Rows) -> None:
    shipment = order.shipment("ord-2", S.BUYING, fingerprint="abc")
    sent, label = attempt(shipment, fingerprint=""), label_of("ord-2")
    assert late_answers.bought(order.tx(), sent, label, ENTRY, sells_once=True)
    assert (shipment.fingerprint, order.read("ord-2").fingerprint) == ("abc", "")


BUYING_HOLDS = [
    HoldCode.PURCHASE_UNKNOWN,
    HoldCode.NO_RATE,
    HoldCode.PROVIDER_REFUSED,
    HoldCode.CAP_REACHED,
    HoldCode.PRICE_DRIFT,
    HoldCode.PRICE_UNKNOWN,
]
VOID_HOLDS = [HoldCode.VOID_REFUSED, HoldCode.VOID_PENDING]


def _placed(order: Rows, ended: Sequence[HoldCode]) -> tuple[set[int], set[int]]:
    """Place holds that the answer ends, and holds that it does not concern."""
    first = ended[0]
    kept = {
        order.hold("ord", HoldCode.ORDER_CHANGED, "ord-2"),
        order.hold("ord", HoldCode.MANUAL, "ord-2", placed_by="ada"),
        order.hold("ord", first, "ord-1"),
        order.hold("ord", first, ""),
        order.hold("ord", first, "ord-2", released_at=NOW - 9, released_by="bob", release_reason="seen"),
    }
    return {order.hold("ord", code, "ord-2") for code in ended}, kept


def _released(order: Rows) -> dict[int, tuple[str, str]]:
    by, why = order.column(holds.c.released_by), order.column(holds.c.release_reason)
    at = order.column(holds.c.released_at)
    return {hold: (by[hold], why[hold]) for hold in at if at[hold] == NOW}


def _check_released(order: Rows, ended: set[int], kept: set[int]) -> None:
    assert _released(order) == dict.fromkeys(ended, ("packhouse", "The provider's answer arrived."))
    assert kept.isdisjoint(ended)
    assert order.journal() == [("released", "ord-2")] * len(ended) + [("answered", "ord-2")]


def test_a_label_ends_the_holds_that_stopped_its_purchase(order: Rows) -> None:
    shipment = order.shipment("ord-2", S.HELD)
    ended, kept = _placed(order, BUYING_HOLDS)
    late_answers.bought(order.tx(), attempt(shipment), label_of("ord-2"), ENTRY, sells_once=True)
    _check_released(order, ended, kept)


def test_a_hold_that_a_person_placed_stays(order: Rows) -> None:
    shipment = order.shipment("ord-2", S.HELD)
    order.hold("ord", HoldCode.NO_RATE, "ord-2", placed_by="ada")
    late_answers.bought(order.tx(), attempt(shipment), label_of("ord-2"), ENTRY, sells_once=True)
    assert _released(order) == {}


@pytest.mark.parametrize(
    ("sells_once", "fields", "is_known"),
    [
        pytest.param(True, {}, True, id="the same label"),
        pytest.param(True, {"tracking_number": "other"}, True, id="the same purchase"),
        pytest.param(True, {"provider_id": "other"}, False, id="another purchase that shows this number"),
        pytest.param(False, {"tracking_number": "other"}, False, id="sold twice under one id"),
        pytest.param(False, {"provider_id": "other"}, True, id="the same number under another id"),
        pytest.param(True, {"provider": "shippo"}, True, id="the number at another account"),
        pytest.param(
            True, {"provider": "shippo", "tracking_number": "other"}, False, id="the id at another account"
        ),
        pytest.param(True, {"tracking_number": "1z ord 2"}, True, id="the same purchase, other writing"),
        pytest.param(False, {"tracking_number": "1z ord 2"}, True, id="the number in another writing"),
        pytest.param(False, {"tracking_number": "1Z-ord-3"}, True, id="a number of the same order"),
        pytest.param(False, {"tracking_number": "1Z-far-1"}, True, id="a number of another order"),
        pytest.param(False, {"tracking_number": "1Z-far-2"}, False, id="the number of a void label"),
    ],
)
def test_a_label_that_the_ledger_has_is_known_and_any_other_is_one_too_many(
    order: Rows, sells_once: bool, fields: dict[str, Any], is_known: bool
) -> None:
    shipment = order.labeled("ord-2")
    order.labeled("ord-3")
    order.labeled("far-1")
    order.labeled("far-2", state=LabelState.VOIDED)
    label = label_of("ord-2", **fields)
    answer = late_answers.bought(order.tx(), attempt(shipment), label, ENTRY, sells_once=sells_once)
    assert order.read("ord-2") == shipment
    if is_known:
        assert not changed(order, answer)
        assert "ord-4" not in order.states()
    else:
        assert order.states()["ord-4"] == "voiding"


def test_two_labels_without_an_id_are_not_the_same_purchase(order: Rows) -> None:
    shipment = order.labeled("ord-2", provider_id="")
    label = label_of("ord-2", provider_id="", tracking_number="other")
    late_answers.bought(order.tx(), attempt(shipment), label, ENTRY, sells_once=True)
    assert order.states()["ord-3"] == "voiding"


def test_a_known_label_brings_its_file_if_none_is_known(order: Rows) -> None:
    label = label_of("ord-2", document="sha", document_format=LabelFormat.PDF)
    shipment = order.labeled("ord-2")
    order.labeled("ord-3")
    assert not late_answers.bought(order.tx(), attempt(shipment), label, ENTRY, sells_once=True)
    assert order.read("ord-2").label == label
    assert order.read("ord-3").label == label_of("ord-3")


def test_a_known_label_without_a_file_takes_none_away(order: Rows) -> None:
    label = label_of("ord-2", document="sha", document_format=LabelFormat.PDF)
    shipment = order.labeled("ord-2", document="sha", document_format=LabelFormat.PDF)
    bare = label_of("ord-2", document_format=LabelFormat.ZPL)
    assert not late_answers.bought(order.tx(), attempt(shipment), bare, ENTRY, sells_once=True)
    assert order.read("ord-2").label == label
    fileless = order.labeled("ord-3")
    bare = label_of("ord-3", document_format=LabelFormat.ZPL)
    assert not late_answers.bought(order.tx(), attempt(fileless), bare, ENTRY, sells_once=True)
    assert order.read("ord-3") == fileless


def test_a_label_known_from_another_order_brings_its_file_to_no_shipment(order: Rows) -> None:
    shipment = order.shipment("ord-2", S.CANCELLED)
    order.labeled("far-1")
    label = label_of("ord-2", tracking_number="1Z-far-1", document="sha", document_format=LabelFormat.PDF)
    assert not changed(
        order, late_answers.bought(order.tx(), attempt(shipment), label, ENTRY, sells_once=True)
    )
    assert order.column(labels.c.document) == {"far-1-label": ""}


@pytest.mark.parametrize("state", [S.CANCELLED, S.HELD])
@pytest.mark.parametrize("rate", [RATE, None])
def test_a_label_too_many_becomes_a_shipment_without_units_that_is_voided(
    order: Rows, state: ShipmentState, rate: Rate | None
) -> None:
    """Its shipment was cancelled, or has a label already that could not be voided."""
    shipment = order.shipment("ord-2", state, fingerprint="f2")
    if state is S.HELD:
        order.label("ord-2", state=LabelState.VOID_REFUSED)
    before = order.read("ord-2")
    order.shipment("ord-5", S.FULFILLED)
    label = label_of("ord-2", generation=2, tracking_number="other", provider_id="other")
    sent = attempt(shipment, rate=rate)
    entries = late_answers.bought(order.tx(), sent, label, ENTRY, sells_once=True)
    assert order.read("ord-2") == before
    extra = order.read("ord-6")
    assert extra == Shipment(
        *("ord-6", "ord", 6, S.VOIDING, ()),
        fingerprint="f2",
        provider="easypost",
        provider_ref="shp_1",
        rate=rate,
        intent_at=5.0,
        label=replace(
            *(label,),
            id="ord-6-label",
            shipment_id="ord-6",
            generation=1,
            state=LabelState.VOIDING,
            void_requested_at=NOW,
        ),
    )
    assert order.row(shipments_table, "ord-6")["updated_at"] == NOW
    assert [(kind, row["id"]) for kind, row in order.facts()] == [
        ("shipment", "ord-6"),
        ("label", "ord-6-label"),
    ]
    assert order.journal() == [("answered", "ord-6"), ("voiding", "ord-6")]
    assert [one.action for one in entries] == ["answered", "voiding"]
    assert "ord-2 does not need any more the label that was bought for it: other for 7.00" in entries[1].why
    assert order.column(orders.c.lease) == {"ord": None}


# ---- nothing was bought ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "intent_at", "doubt", "is_recorded"),
    [
        (S.BUYING, 5.0, None, True),
        (S.UNKNOWN, 5.0, None, True),
        (S.HELD, 5.0, "packhouse", True),
        (S.HELD, 5.0, "ada", False),
        (S.HELD, 5.0, None, False),
        (S.BUYING, 6.0, None, False),
        (S.UNKNOWN, None, None, False),
        (S.PLANNED, 5.0, None, False),
        (S.CANCELLED, 5.0, "packhouse", False),
    ],
)
def test_an_attempt_that_bought_nothing_counts_while_its_outcome_is_in_doubt(
    order: Rows, state: ShipmentState, intent_at: float | None, doubt: str | None, is_recorded: bool
) -> None:
    shipment = order.shipment("ord-2", state, intent_at=intent_at, provider_ref="shp_1")
    if doubt:
        order.hold("ord", HoldCode.PURCHASE_UNKNOWN, "ord-2", placed_by=doubt)
    sent = attempt(shipment)
    answer = late_answers.not_bought(order.tx(), sent, ENTRY, provider_ref="", intent_at=None)
    assert changed(order, answer) == is_recorded
    expected = replace(shipment, state=S.PLANNED, provider_ref="", intent_at=None)
    assert order.read("ord-2") == (expected if is_recorded else shipment)


def test_an_attempt_that_bought_nothing_takes_no_label_away(order: Rows) -> None:
    order.shipment("ord-2", S.HELD, intent_at=5.0)
    order.label("ord-2", state=LabelState.VOID_REFUSED)
    order.hold("ord", HoldCode.PURCHASE_UNKNOWN, "ord-2")
    before = order.read("ord-2")
    assert not changed(order, late_answers.not_bought(order.tx(), attempt(before), ENTRY))
    assert order.read("ord-2") == before


def test_an_attempt_that_bought_nothing_ends_only_the_doubt(order: Rows) -> None:
    shipment = order.shipment("ord-2", S.HELD, intent_at=5.0)
    ended, kept = _placed(order, [HoldCode.PURCHASE_UNKNOWN])
    kept.add(order.hold("ord", HoldCode.NO_RATE, "ord-2"))
    assert late_answers.not_bought(order.tx(), attempt(shipment), ENTRY)
    _check_released(order, ended, kept)


# ---- the store has the fulfillment -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "label_id", "post_key", "is_recorded"),
    [
        (S.LABELED, "ord-2-label", "key", True),
        (S.LABELED, "newer-label", "key", False),
        (S.LABELED, "ord-2-label", "newer", False),
        (S.LABELED, None, "key", False),
        (S.VOIDING, "ord-2-label", "key", False),
        (S.FULFILLED, "ord-2-label", "key", False),
    ],
)
def test_a_post_is_recorded_if_the_label_that_was_posted_still_waits_for_it(
    order: Rows, state: ShipmentState, label_id: str | None, post_key: str, is_recorded: bool
) -> None:
    order.shipment("ord-2", state, post_key=post_key)
    if label_id:
        order.label("ord-2", id=label_id)
    shipment = order.read("ord-2")
    sent = replace(shipment, state=S.LABELED, post_key="key", label=label_of("ord-2"))
    assert changed(order, late_answers.posted(order.tx(), sent, ENTRY)) == is_recorded
    assert order.read("ord-2") == (replace(shipment, state=S.FULFILLED) if is_recorded else shipment)


def test_a_post_of_no_label_is_not_recorded(order: Rows) -> None:
    order.labeled("ord-2")
    sent = replace(order.read("ord-2"), label=None)
    assert not changed(order, late_answers.posted(order.tx(), sent, ENTRY))


# ---- a void ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "label_state", "is_recorded"),
    [
        (S.VOIDING, LabelState.VOIDING, True),
        (S.HELD, LabelState.VOID_REFUSED, True),
        (S.HELD, LabelState.VOIDING, True),
        (S.HELD, LabelState.BOUGHT, False),
        (S.HELD, None, False),
        (S.VOIDING, LabelState.VOIDED, False),
        (S.LABELED, LabelState.VOIDING, False),
        (S.VOIDED, LabelState.VOIDED, False),
    ],
)
def test_a_void_is_recorded_if_it_was_still_pending_or_refused(
    order: Rows, state: ShipmentState, label_state: LabelState | None, is_recorded: bool
) -> None:
    shipment = order.shipment("ord-2", state)
    if label_state:
        order.label("ord-2", state=label_state)
    order.labeled("far-1", S.VOIDING, state=LabelState.VOIDING)
    before = order.read("ord-2")
    answer = late_answers.voided(order.tx(), shipment, ENTRY)
    assert changed(order, answer) == is_recorded
    void = replace(before, state=S.VOIDED, label=label_of("ord-2", state=LabelState.VOIDED))
    assert order.read("ord-2") == (void if is_recorded else before)
    assert order.column(labels.c.state)["far-1-label"] == "voiding"
    if is_recorded:
        *_, (_, moved), (kind, written) = order.facts()
        assert (moved["state"], kind, written["state"]) == ("voided", "label", "voided")


def test_a_void_ends_the_holds_that_asked_about_it(order: Rows) -> None:
    order.labeled("ord-2", S.HELD, state=LabelState.VOID_REFUSED)
    ended, kept = _placed(order, VOID_HOLDS)
    assert late_answers.voided(order.tx(), order.read("ord-2"), ENTRY)
    _check_released(order, ended, kept)


@pytest.mark.parametrize(
    ("state", "has_label", "void_again", "is_recorded"),
    [
        (S.VOIDING, True, False, True),
        (S.VOIDING, True, True, False),
        (S.VOIDING, False, False, False),
        (S.HELD, True, False, False),
    ],
)
def test_a_refused_void_is_counted_unless_a_person_asked_again_meanwhile(
    order: Rows, state: ShipmentState, has_label: bool, void_again: bool, is_recorded: bool
) -> None:
    order.shipment("ord-2", state)
    if has_label:
        order.label("ord-2", state=LabelState.VOIDING, void_again=void_again)
    other = order.labeled("far-1", S.VOIDING, state=LabelState.VOIDING)
    before = order.read("ord-2")
    answer = late_answers.void_refused(order.tx(), before, 2, NOW + 60, ENTRY)
    assert (answer == (ENTRY,)) == (order.journal() == [("answered", "ord-2")]) == is_recorded
    refusals, due = order.column(labels.c.void_refusals), order.column(labels.c.void_due_at)
    if has_label:
        counted = (refusals["ord-2-label"], due["ord-2-label"])
        assert counted == ((2, NOW + 60) if is_recorded else (0, None))
    assert order.read("far-1") == other
    assert order.column(orders.c.lease)["ord"] == "other:1", "nothing is to be done at once"
