"""Units into boxes: every unit once, no box too heavy, no weight guessed."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from packhouse.config.sections import ParcelSettings, ProductSettings
from packhouse.model.hold import HoldCode
from packhouse.model.order import Line, Order, Units
from packhouse.packing.boxes import CannotPack, pack
from packhouse.packing.weights import entry_for

ORDER = Order(
    "o",
    lines=(Line("li_1", "p1", "v1", "Paper lantern", 3), Line("li_2", "p2", "v2", "Iron pan", 2)),
)
UNITS = (Units("li_1", 3), Units("li_2", 2))


def test_weights_come_from_the_settings_then_the_catalogue_then_the_fallback() -> None:
    products = (ProductSettings(id="v1", weight_g=10), ProductSettings(name="*lantern*", weight_g=99))
    boxes = pack(ORDER, UNITS, products, ParcelSettings(weight_g=1, tare_g=5), {"p2": 100})
    assert not isinstance(boxes, CannotPack)
    assert [box.parcel.weight_g for box in boxes] == [5 + 3 * 10 + 2 * 100]


def test_an_unknown_weight_is_never_guessed() -> None:
    cannot = pack(ORDER, UNITS, (ProductSettings(id="p1", weight_g=10),), ParcelSettings(), {})
    line_to_add = '[[products]] with id = "p2" and weight_g = GRAMS'
    assert cannot == CannotPack(HoldCode.WEIGHT_MISSING, f"Iron pan. Add {line_to_add} to packhouse.toml")


def test_an_entry_that_is_added_for_a_hold_completes_an_earlier_entry_of_the_product() -> None:
    products = (
        ProductSettings(id="p1", weight_g=10),
        ProductSettings(id="p2", digital=False),
        ProductSettings(id="p1", weight_g=99, digital=True),
        ProductSettings(id="p2", weight_g=70),
    )
    lantern, pan = (entry_for(line, products) for line in ORDER.lines)
    assert lantern is not None
    assert pan is not None
    assert (lantern.weight_g, lantern.digital) == (10, True)
    assert (pan.weight_g, pan.digital) == (70, False)
    boxes = pack(ORDER, UNITS, products, ParcelSettings(), {})
    assert not isinstance(boxes, CannotPack)


def test_a_unit_heavier_than_any_parcel_is_reported() -> None:
    cannot = pack(ORDER, UNITS, (), ParcelSettings(weight_g=900, max_weight_g=1000, tare_g=200), {})
    assert isinstance(cannot, CannotPack)
    assert cannot.code is HoldCode.TOO_HEAVY


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 1000)), min_size=1, max_size=6),
    st.integers(0, 200),
)
def test_every_unit_is_in_exactly_one_box_and_no_box_is_too_heavy(
    lines: list[tuple[int, int]], tare: int
) -> None:
    order = Order("o", lines=tuple(Line(f"li_{n}", f"p{n}", quantity=q) for n, (q, _) in enumerate(lines)))
    units = tuple(Units(line.id, line.quantity) for line in order.lines)
    weights = {f"p{n}": w for n, (_, w) in enumerate(lines)}
    boxes = pack(order, units, (), ParcelSettings(tare_g=tare, max_weight_g=1200), weights)
    assert not isinstance(boxes, CannotPack)
    packed: Counter[str] = Counter()
    for box in boxes:
        assert tare < box.parcel.weight_g <= 1200
        assert box.units
        for some in box.units:
            packed[some.line_id] += some.quantity
    assert packed == {some.line_id: some.quantity for some in units}
