"""The size of an order that ships without a person: up to the limits, and not one line or unit more."""

from __future__ import annotations

from packhouse.config.guard import GuardSettings
from packhouse.model.order import Line, Order, Units
from packhouse.rules.size import too_many_lines, too_many_units


def order(lines: int) -> Order:
    return Order("o", lines=tuple(Line(f"l{n}", name=f"Mug {n}" if n else "") for n in range(lines)))


def test_an_order_may_have_as_many_lines_as_the_limit_says() -> None:
    assert too_many_lines(order(3), GuardSettings(max_lines=3)) == ""
    assert too_many_lines(order(4), GuardSettings(max_lines=3)) == "it has 4 lines, and guard.max_lines is 3"


def test_a_line_may_ship_as_many_units_as_the_limit_says() -> None:
    limits = GuardSettings(max_line_units=10)
    units = (Units("l0", 11), Units("l1", 12), Units("l2", 10))
    assert too_many_units(order(3), units[2:], limits) == ""
    assert too_many_units(order(3), units, limits) == (
        "11 units of l0, 12 units of Mug 1 to ship, and guard.max_line_units is 10"
    )


def test_five_lines_are_named_and_more_are_counted() -> None:
    limits = GuardSettings(max_line_units=1)
    units = tuple(Units(f"l{n}", 2) for n in range(1, 8))
    five, seven = (too_many_units(order(8), units[:count], limits) for count in (5, 7))
    assert five == (
        "2 units of Mug 1, 2 units of Mug 2, 2 units of Mug 3, 2 units of Mug 4, 2 units of Mug 5 to ship, "
        "and guard.max_line_units is 1"
    )
    assert seven == five.replace(" to ship", " and 2 other lines to ship")
