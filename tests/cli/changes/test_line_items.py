from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.model.order import Fulfillment, Line, Order, Units
from packhouse_cli.changes.line_items import (
    is_recorded,
    key_for,
    named_units,
    parse_item,
    recorded_units,
    unshipped_units,
)
from packhouse_cli.exit_codes import CommandError, Exit, UsageError

LINES = (Line("li_1", quantity=3), Line("li_2", quantity=1), Line("li_3", quantity=1, is_digital=True))


def order(*rows: Fulfillment, status: str = "pending", silent: bool = False) -> Order:
    return Order("ord_1", status=status, lines=LINES, fulfillments=None if silent else rows)


def parcel(number: str, **units: int) -> Fulfillment:
    return Fulfillment(number, "USPS", tuple(Units(line, quantity) for line, quantity in units.items()))


def test_without_items_everything_unshipped_and_physical_is_named() -> None:
    assert unshipped_units(order(parcel("A", li_1=2))) == (Units("li_1", 1), Units("li_2", 1))
    assert unshipped_units(order(silent=True)) == (Units("li_1", 3), Units("li_2", 1))


@pytest.mark.parametrize(
    "unclear",
    [
        order(Fulfillment("A", "USPS"), status="partially_fulfilled"),
        order(status="partially_fulfilled", silent=True),
    ],
)
def test_what_the_store_does_not_say_is_not_guessed(unclear: Order) -> None:
    with pytest.raises(CommandError, match="--item") as caught:
        unshipped_units(unclear)
    assert caught.value.exit_code is Exit.CONFLICT


def test_nothing_left_is_an_error_and_not_an_empty_fulfillment() -> None:
    with pytest.raises(CommandError, match="no unit left"):
        unshipped_units(order(parcel("A", li_1=3, li_2=1)))


@pytest.mark.parametrize("text", ["li_1", "li_1:", ":2", "li_1:0", "li_1:-1", "li_1:x", "li_1:1.5", "li_1:²"])
def test_an_item_that_is_not_line_and_quantity_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="LINE:QUANTITY"):
        parse_item(text)


def test_an_item_may_have_a_colon_in_its_line() -> None:
    assert parse_item("li:9:2") == Units("li:9", 2)


def test_named_units_of_one_line_are_added_and_more_than_ordered_are_refused() -> None:
    assert named_units(order(), [Units("li_2", 1), Units("li_1", 1), Units("li_1", 1)]) == (
        Units("li_1", 2),
        Units("li_2", 1),
    )
    with pytest.raises(UsageError, match="3 units, and 4"):
        named_units(order(), [Units("li_1", 2), Units("li_1", 2)])
    with pytest.raises(UsageError, match="li_1, li_2, li_3"):
        named_units(order(), [Units("li_9", 1)])


def test_a_number_is_recorded_only_with_the_units_asked_for() -> None:
    stored = order(parcel("A", li_1=2), parcel("A", li_2=1))
    assert is_recorded(stored, "A", ())
    assert is_recorded(stored, "A", (Units("li_1", 2), Units("li_2", 1)))
    assert not is_recorded(stored, "A", (Units("li_1", 3),))
    assert not is_recorded(stored, "B", ())
    assert is_recorded(order(Fulfillment("A", "USPS")), "A", (Units("li_1", 3),))
    assert recorded_units(stored, "A") == (Units("li_1", 2), Units("li_2", 1))


@given(st.permutations([("li_1", 1), ("li_2", 2), ("li_3", 3)]))
def test_the_key_is_that_of_the_intent_whatever_the_sequence(parts: list[tuple[str, int]]) -> None:
    units = [Units(line, quantity) for line, quantity in parts]
    key = key_for("ord_1", "USPS", "A", units)
    assert key == key_for("ord_1", "USPS", "A", sorted(units, key=lambda unit: unit.line_id))
    assert key != key_for("ord_1", "USPS", "B", units)
    assert key != key_for("ord_1", "UPS", "A", units)
    assert key != key_for("ord_2", "USPS", "A", units)
    assert key != key_for("ord_1", "USPS", "A", units[:2])
