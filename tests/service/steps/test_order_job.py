"""The job of one order: which holds count, which units are reserved, and what it waits for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from packhouse.ledger.tx import Lease
from packhouse.model.hold import Hold, HoldCode
from packhouse.model.label import Label
from packhouse.model.money import Money
from packhouse.model.order import Order, Units
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, OrderPhase, ShipmentState
from packhouse.model.waiting import Waiting, WaitKind
from packhouse.steps.context import Failure, OrderJob

_S = ShipmentState
ONE = Shipment("ord_1-1", "ord_1", 1, _S.LABELED, (Units("a", 1),))
TWO = Shipment("ord_1-2", "ord_1", 2, _S.PLANNED, (Units("b", 1),))
LABEL = Label(
    *("ord_1-1-label", "ord_1-1", 1, "easypost", "USPS", "Ground", "9400", "pl_1"),
    *(Money(5, "USD"), LabelState.BOUGHT, 1.0),
)


def job(*holds: Hold) -> OrderJob:
    return OrderJob(Lease("ord_1", "token", 1, 0, OrderPhase.OPEN), 120.0, [ONE, TWO], list(holds))


def hold(code: HoldCode = HoldCode.MANUAL, shipment_id: str = "", **more: Any) -> Hold:
    return Hold(1, "ord_1", shipment_id, code, "", "", "packhouse", 1.0, **more)


RELEASED: dict[str, Any] = {"released_at": 2.0, "released_by": "ada"}


def test_an_order_that_was_never_read_cannot_be_used() -> None:
    with pytest.raises(RuntimeError, match="has not been read"):
        _ = job().order
    read = job()
    read.fetched = Order("ord_1")
    assert read.order == Order("ord_1")
    assert read.order_id == "ord_1"


def test_shipments_are_found_by_their_state_and_replaced_in_their_place() -> None:
    one = job()
    assert one.in_state(_S.PLANNED) == [TWO]
    assert one.in_state(_S.PLANNED, _S.LABELED) == [ONE, TWO]
    changed = one.update(ONE, state=_S.FULFILLED)
    assert one.shipments == [changed, TWO]
    assert changed == replace(ONE, state=_S.FULFILLED)


def test_the_holds_of_a_shipment_are_its_own_and_those_of_its_order() -> None:
    own, of_order, of_other = hold(shipment_id="ord_1-1"), hold(), hold(shipment_id="ord_1-2")
    ended = hold(shipment_id="ord_1-1", **RELEASED)
    one = job(own, of_order, of_other, ended)
    assert one.active_holds() == [own, of_order, of_other]
    assert one.active_holds(ONE) == [own, of_order]
    assert one.active_holds(TWO) == [of_order, of_other]


def test_holds_block_what_their_kind_blocks() -> None:
    everything, posting = hold(HoldCode.MANUAL), hold(HoldCode.EXTERNAL_POSTING)
    nothing = hold(HoldCode.PARCEL_RETURNED)
    one = job(everything, posting, nothing)
    assert one.blocking(ONE) == [everything, posting]
    assert one.blocks_buying(ONE) == [everything]


FREES: dict[str, Any] = {"code": HoldCode.VOID_PENDING, "shipment_id": "ord_1-1"}


@pytest.mark.parametrize(
    ("holds", "state", "label_state", "reserved"),
    [
        ((), _S.LABELED, None, True),
        ((), _S.CANCELLED, None, False),
        ((), _S.VOIDING, LabelState.VOIDING, True),
        ((hold(**FREES, **RELEASED),), _S.VOIDING, LabelState.VOIDING, False),
        ((hold(**FREES, **RELEASED), hold()), _S.VOIDING, LabelState.VOIDING, False),
        ((hold(**FREES, **RELEASED),), _S.LABELED, LabelState.BOUGHT, True),
        ((hold(**FREES, **RELEASED),), _S.PLANNED, None, True),
        ((hold(**FREES),), _S.VOIDING, LabelState.VOIDING, True),
        (
            (hold(**FREES, released_at=2.0, released_by="packhouse"),),
            _S.VOIDING,
            LabelState.VOIDING,
            True,
        ),
        (
            (hold(HoldCode.VOID_PENDING, "ord_1-2", **RELEASED),),
            _S.VOIDING,
            LabelState.VOIDING,
            True,
        ),
        ((hold(HoldCode.MANUAL, "ord_1-1", **RELEASED),), _S.VOIDING, LabelState.VOIDING, True),
    ],
)
def test_units_are_reserved_until_a_person_frees_those_of_a_label_in_its_void(
    holds: tuple[Hold, ...], state: ShipmentState, label_state: LabelState | None, reserved: bool
) -> None:
    label = replace(LABEL, state=label_state) if label_state else None
    assert job(*holds).reserves_units(replace(ONE, state=state, label=label)) is reserved


def test_an_order_shows_the_last_thing_that_it_waits_for() -> None:
    one = job()
    first, second = Waiting(WaitKind.RETRY, "first"), Waiting(WaitKind.RETRY, "second")
    one.wake_at(5.0, first)
    one.wake_at(6.0)
    assert (one.wake_times, one.waiting) == ([5.0, 6.0], first)
    one.wake_at(7.0, second)
    assert one.waiting == second
    assert one.waiting_reason == ""


def test_a_deferred_order_says_until_when_and_why() -> None:
    one = job()
    one.defer(5.0, "The account rests.", WaitKind.ACCOUNT_RESTING, "easypost")
    assert one.wake_times == [5.0]
    assert one.waiting == Waiting(WaitKind.ACCOUNT_RESTING, "The account rests.", "easypost", until=5.0)
    assert one.waiting_reason == "The account rests."


def test_an_order_waits_for_a_resume_or_for_the_account_that_stops_it() -> None:
    one = job()
    one.wait_for_resume(5.0, "stocktaking")
    assert one.waiting == Waiting(WaitKind.PAUSED, "Paused: stocktaking", until=5.0)
    assert one.waiting_reason == "Paused: stocktaking"
    one.waits_for_account = "easypost"
    one.wait_for_resume(6.0, "it is silent")
    assert one.waiting == Waiting(WaitKind.PROVIDER_UNAVAILABLE, "it is silent", "easypost", until=6.0)
    assert one.waiting_reason == "it is silent"
    assert one.wake_times == [5.0, 6.0]


def test_checks_and_failures_are_noted() -> None:
    one = job()
    one.recheck_at(5.0)
    one.failed("it is down", 3.0, "ProviderUnavailable", "easypost")
    assert (one.recheck_times, one.wake_times) == ([5.0], [])
    assert one.failures == [Failure("it is down", 3.0, "ProviderUnavailable", "easypost")]
