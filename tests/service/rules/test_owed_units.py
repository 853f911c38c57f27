"""What is left to ship, and what is held, for every way in which a store tells what became of its units."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.config.sections import RuleSettings
from packhouse.model.hold import HoldCode
from packhouse.model.line_units import end_of, may_owe
from packhouse.rules.decision import Decision, NeedsHold, Ship, Skip, Withdraw
from packhouse.rules.eligibility import decide
from packhouse.store.protocol import order_from_json
from packhouse_cli.changes.line_items import unshipped_units
from packhouse_cli.exit_codes import CommandError
from tests.service.rules.owed_situations import ALL, ENDED_IN_PART, STATUS, back, parcel, raw, refund


def ask(order: dict[str, Any]) -> Decision:
    return decide(order_from_json(order), (), {item["id"]: False for item in order["items"]}, RuleSettings())


def outcome(order: dict[str, Any]) -> dict[str, int] | list[HoldCode] | str:
    """Units that ship by line, or the kinds of holds, or how the order ends."""
    match ask(order):
        case Ship(units):
            return {some.line_id: some.quantity for some in units}
        case NeedsHold(reasons):
            return [reason.code for reason in reasons]
        case Skip():
            return "skipped"
        case Withdraw():
            return "ended"


@pytest.mark.parametrize("name", ALL)
def test_units_that_are_owed_ship_or_are_held(name: str) -> None:
    order, expected = ALL[name]
    assert outcome(order) == expected


# Whether an order that has ended may ship is up to the store.
_UP_TO_THE_STORE = ("ended", [STATUS])


@pytest.mark.parametrize(
    "name",
    [name for name in ALL if name not in ENDED_IN_PART and ALL[name][1] not in _UP_TO_THE_STORE],
)
def test_the_command_names_the_same_units_as_the_daemon(name: str) -> None:
    order, expected = ALL[name]
    if isinstance(expected, dict):
        assert {u.line_id: u.quantity for u in unshipped_units(order_from_json(order))} == expected
    else:
        with pytest.raises(CommandError) as caught:
            unshipped_units(order_from_json(order))
        code = "unclear" if isinstance(expected, list) else "nothing_left"
        assert caught.value.code == code


@pytest.mark.parametrize("name", ALL)
def test_an_order_that_ends_or_is_skipped_owes_nothing(name: str) -> None:
    order, expected = ALL[name]
    read = order_from_json(order)
    if expected == "ended":
        assert end_of(read) == read.status
        assert not may_owe(read)
    elif isinstance(expected, list | dict):
        assert end_of(read) == ""
        assert may_owe(read)


HANDED = Path(__file__).parents[4] / "shared/data/cases/orders"


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("01-shipped-unit-refunded.json", {"li_1": 1}),
        ("03-fulfillment-cancelled.json", {"li_1": 1}),
        ("05-returned-in-part.json", [HoldCode.PARTLY_FULFILLED_UNCLEAR]),
    ],
)
def test_reported_orders_ship_or_hold_what_they_owe(file: str, expected: object) -> None:
    if not (HANDED / file).is_file():
        pytest.skip("the reported orders are not on this machine")
    (order,) = json.loads((HANDED / file).read_text())
    assert outcome(order) == expected


def note_of(name: str) -> str:
    decision = ask(ALL[name][0])
    assert isinstance(decision, NeedsHold)
    return decision.reasons[0].note


def test_a_hold_says_who_counts_what_and_what_a_release_ships() -> None:
    note = note_of("the count says more than the fulfillments")
    assert note == (
        "3 of Mug (li_1) ordered, fulfillments list 1 as shipped, the line counts 2 as shipped; "
        "a release ships 1 unit of it"
    )
    returned = note_of("returned, and one line was never shipped")
    assert returned == "the order is returned in the store, and 1 unit of Mug (li_2) is in no fulfillment"
    refunded = note_of("refunded, one line of two")
    assert refunded == "the order is refunded in the store, and 1 unit of Mug (li_2) is in no refund"
    assert "a release ships 1 unit of it" in note_of("there is no return, so it may be either unit")


rows = st.lists(
    st.tuples(st.sampled_from(["", "success", "cancelled", "pending"]), st.integers(1, 3)), max_size=3
)
sums = st.lists(st.tuples(st.sampled_from(["succeeded", "failed", "pending"]), st.integers(1, 3)), max_size=3)


@given(st.integers(0, 4), rows, sums, st.none() | st.integers(0, 4), st.integers(0, 2))
def test_what_ships_is_never_more_than_every_source_leaves(
    ordered: int,
    parcels: list[tuple[str, int]],
    refunds: list[tuple[str, int]],
    count: int | None,
    came_back: int,
) -> None:
    order = raw(
        ordered,
        fulfillments=[parcel(quantity, status=status) for status, quantity in parcels],
        refunds=[refund(quantity, status=status) for status, quantity in refunds],
        returns=[back(came_back)] if came_back else [],
        li_1_says={} if count is None else {"shipped_quantity": count},
    )
    listed = sum(quantity for status, quantity in parcels if status != "cancelled")
    certain = sum(quantity for status, quantity in parcels if status in ("", "success"))
    paid_back = sum(quantity for status, quantity in refunds if status == "succeeded")
    shipped = max(listed, count or 0, came_back)
    match outcome(order):
        case dict(units):
            assert 0 < units["li_1"] <= ordered - shipped
            assert units["li_1"] >= ordered - shipped - paid_back
        case "skipped":
            least = min(certain, certain if count is None else count)
            assert ordered - least - paid_back <= 0 or ordered <= min(shipped, max(least, came_back))
        case held:
            assert isinstance(held, list)
            assert ordered > 0
