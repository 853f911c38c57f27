"""What became of each unit of an order, counted from everything that the store shows: the one place for it.

The daemon and the command use it alike. Where the store contradicts itself or leaves a unit open, the unit is
counted between two numbers: `left` ships if no person objects, up to `most` may be owed. unit_doubts.py says
why they differ, docs/concepts.md has the rules in words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain, repeat, zip_longest

from packhouse.model.order import Fulfillment, Line, Order, RefundRecord, Units
from packhouse.model.status_words import Outcome

CANCELLED = "cancelled"
# Statuses that the store may set although some units are still owed.
ENDED = frozenset({"refunded", "returned"})
_CAME_BACK = frozenset({"return", "returned", "legacy_restock"})
_NEVER_LEFT = frozenset({"cancel", "cancelled", "unshipped", "unfulfilled"})
_STILL_SHIPS = frozenset({"no_restock"})


@dataclass(frozen=True, slots=True)
class OwnUnits:
    """Units of each line that the caller knows to have shipped itself, whatever the store shows.

    `posted` are all of them, `unlisted` those that no fulfillment of the order shows. `smallest` is the
    fewest of these in one parcel: a count includes a parcel whole, or not yet.
    """

    posted: Mapping[str, int] = field(default_factory=Counter)
    unlisted: Mapping[str, int] = field(default_factory=Counter)
    smallest: Mapping[str, int] = field(default_factory=dict)


NOT_OURS = OwnUnits()


@dataclass(frozen=True, slots=True)
class LineUnits:
    """The units of one line. `shipped_least` is what no source denies, `shipped` the most that one says.

    `refunded` units certainly never ship; up to `refunded_most` may not. `overlap` counts units of the
    caller's that the line's own count may include or not. `sources` says who counts how many as shipped.
    """

    line: Line
    shipped_least: int
    shipped: int
    refunded: int
    refunded_most: int
    overlap: int = 0
    sources: str = ""

    @property
    def left(self) -> int:
        """Units that are left to ship, if a person agrees to what is in doubt."""
        return max(0, self.line.quantity - self.shipped - self.refunded)

    @property
    def most(self) -> int:
        """The most units that may be owed to the buyer."""
        return max(0, self.line.quantity - self.shipped_least - self.refunded)

    @property
    def is_contradicted(self) -> bool:
        """Whether the sources disagree about what has shipped, and a unit may be owed."""
        return self.shipped_least < self.shipped and self.most > 0

    @property
    def is_refund_clear(self) -> bool:
        """Whether it is known how many of the units that have not shipped are refunded."""
        return self.left == max(0, self.line.quantity - self.shipped - self.refunded_most)


def line_units(order: Order, own: OwnUnits = NOT_OURS) -> dict[str, LineUnits]:
    """The units of each line, by line id."""
    back, came_back = _units_back(order)
    views = _views(order)
    return {
        line.id: _of_line(views[line.id], line, own, back[line.id], came_back[line.id])
        for line in order.lines
    }


def may_owe(order: Order) -> bool:
    """Whether the store may owe its buyer a unit that has not shipped, digital ones included."""
    if order.status == CANCELLED or is_refunded_in_full(order):
        return False
    if is_fulfilled_by_status(order):
        return False
    return not order.lines or any(one.most for one in line_units(order).values())


def end_of(order: Order) -> str:
    """The status that ends the order, so that nothing of it ships: cancelled, refunded, returned, or ""."""
    is_over = order.status == CANCELLED or (order.status in ENDED and not may_owe(order))
    return order.status if is_over else ""


def is_refunded_in_full(order: Order) -> bool:
    """Whether the refunds that were made add up to the order's total, and the store calls it refunded."""
    if order.status != "refunded" or not order.total_minor:
        return False
    made = [refund for refund in order.refunds or () if refund.outcome is Outcome.DONE]
    return sum(refund.amount_minor or 0 for refund in made) >= order.total_minor


def is_fulfilled_by_status(order: Order) -> bool:
    """Whether the store calls the order fulfilled, and nothing that it shows of the units says otherwise.

    It lists no fulfillments, or only such as name no units, and counts none on its lines.
    """
    if order.status != "fulfilled" or any(line.has_counts or line.partly_shipped for line in order.lines):
        return False
    shipped = [row for row in order.fulfillments or () if row.outcome is not Outcome.FAILED]
    return order.fulfillments is None or (bool(shipped) and not any(row.units for row in shipped))


def says_nothing_of_units(order: Order) -> bool:
    """Whether the store lists no fulfillments and no line has a count: it does not say what has shipped."""
    return order.fulfillments is None and not any(
        line.has_counts or line.partly_shipped for line in order.lines
    )


def shipped_units(order: Order) -> dict[str, int] | None:
    """Units of each line that have shipped; None if the store does not say, or contradicts itself."""
    units = line_units(order)
    if _is_silent(order) or any(one.shipped_least < one.shipped for one in units.values()):
        return None
    return {line_id: one.shipped for line_id, one in units.items()}


def _is_silent(order: Order) -> bool:
    """Whether something may have shipped, and no row and no count says what."""
    uncounted = [line for line in order.lines if not line.has_counts]
    is_vague = order.fulfillments is None or any(
        not row.units and row.outcome is not Outcome.FAILED for row in order.fulfillments
    )
    return bool(uncounted) and is_vague


def refunds_that_count(order: Order) -> list[RefundRecord]:
    """The refunds that were made or may still be, and that may concern a unit.

    A refund that names no units but a return pays for that: those units had shipped.
    """
    returns = {row.id for row in order.returned}
    return [
        refund
        for refund in order.refunds or ()
        if refund.outcome is not Outcome.FAILED
        and not refund.is_for_shipping
        and (refund.units or not refund.return_id or refund.return_id not in returns)
        and (refund.units or refund.amount_minor != 0)
    ]


def unknown_lines(order: Order) -> list[str]:
    """Lines that a fulfillment or a refund names and the order does not have."""
    known = {line.id for line in order.lines}
    rows = [row.units for row in order.fulfillments or () if row.outcome is not Outcome.FAILED]
    rows += [refund.units for refund in refunds_that_count(order)]
    return sorted({unit.line_id for units in rows for unit in units} - known)


def units_of(units: Iterable[Units], line_id: str) -> int:
    """How many of these units are of this line."""
    return sum(some.quantity for some in units if some.line_id == line_id)


def _units_back(order: Order) -> tuple[Counter[str], Counter[str]]:
    """Units by line in returns and exchanges that were not refused; and those that came back."""
    back: Counter[str] = Counter()
    came_back: Counter[str] = Counter()
    for one in order.returned:
        outcome = one.outcome
        for some in one.units if outcome is not Outcome.FAILED else ():
            back[some.line_id] += some.quantity
            if outcome is Outcome.DONE:
                came_back[some.line_id] += some.quantity
    return back, came_back


def _views(order: Order) -> dict[str, Order]:
    """The order as each line needs it: with the rows, and the units in them, that are of this line.

    A fulfillment that names no units may be of any. So the time to count an order grows with its rows, not
    with the product of its rows and lines.
    """
    shipped: dict[str, list[Fulfillment]] = {line.id: [] for line in order.lines}
    refunded: dict[str, list[RefundRecord]] = {line.id: [] for line in order.lines}
    vague: list[Fulfillment] = []
    for row in order.fulfillments or ():
        if row.outcome is not Outcome.FAILED:
            if not row.units:
                vague.append(row)
            for line_id, of_line in _by_line(row.units).items():
                units = tuple(some for some, _ in of_line)
                shipped.get(line_id, []).append(replace(row, units=units))
    for refund in refunds_that_count(order):
        for line_id, of_line in _by_line(refund.units, refund.restock).items():
            units, restock = zip(*of_line, strict=True)
            refunded.get(line_id, []).append(replace(refund, units=units, restock=restock))
    return {
        line.id: replace(
            order,
            fulfillments=None if order.fulfillments is None else (*shipped[line.id], *vague),
            refunds=tuple(refunded[line.id]),
        )
        for line in order.lines
    }


def _by_line(units: Iterable[Units], restock: Iterable[str] = ()) -> dict[str, list[tuple[Units, str]]]:
    """Units by line, each with the store's word on it."""
    found: dict[str, list[tuple[Units, str]]] = {}
    for some, word in zip(units, chain(restock, repeat("")), strict=False):
        found.setdefault(some.line_id, []).append((some, word))
    return found


def _of_line(order: Order, line: Line, own: OwnUnits, back: int, came_back: int) -> LineUnits:
    least, most, overlap, sources = _shipped(order, line, own)
    touched = sum(units_of(refund.units, line.id) for refund in refunds_that_count(order))
    for still_open in line.open_counts:
        accounted = max(0, line.quantity - still_open)
        sources = f"{sources}, the line counts {still_open} as still to ship".removeprefix(", ")
        if touched == 0 and most == least == 0 and order.fulfillments is None:
            least = most = accounted
        elif not most <= accounted <= most + touched:
            least, most = min(least, accounted), max(most, accounted - touched)
    if back > most:
        sources = f"{sources}, returns and exchanges name {back}".removeprefix(", ")
        # What came back has certainly shipped; where nothing else is shown, so has what is to come back.
        certain = back if order.fulfillments is None and not line.has_counts else came_back
        least, most = max(least, certain), back
    refunded, refunded_most = _refunded(order, line, most, came_back, own)
    if line.open_counts and refunded_most > refunded:
        # The store says that fewer are still to ship than this refund would leave.
        refunded = min(refunded_most, max(refunded, line.quantity - most - min(line.open_counts)))
    return LineUnits(line, min(least, most), most, refunded, refunded_most, overlap, sources)


def _shipped(order: Order, line: Line, own: OwnUnits) -> tuple[int, int, int, str]:
    """Units shipped at least, at most, those that may be counted apart from the caller's, and the sources."""
    rows = [row for row in order.fulfillments or () if row.outcome is not Outcome.FAILED]
    listed = sum(units_of(row.units, line.id) for row in rows)
    certain = sum(units_of(row.units, line.id) for row in rows if row.outcome is Outcome.DONE)
    posted, unlisted = own.posted.get(line.id, 0), own.unlisted.get(line.id, 0)
    sources = f"fulfillments list {listed} as shipped" if order.fulfillments is not None else ""
    if certain < listed:
        sources = f"fulfillments list {certain} as shipped and {listed - certain} as not finished"
    base = listed + unlisted
    least = max(certain + unlisted, posted)
    if not line.shipped_counts:
        return min(least, base), base, 0, sources
    counts = line.shipped_counts
    said = " or ".join(map(str, counts))
    sources = f"{sources}, the line counts {said} as shipped".removeprefix(", ")
    if order.fulfillments is None or any(not row.units for row in rows):
        # Nothing says which of the counted units are the caller's own.
        has_room = counts[-1] + own.smallest.get(line.id, 1) <= line.quantity
        overlap = min(counts[-1], unlisted) if has_room else 0
        return max(counts[0], min(least, base)), max(counts[-1], base), overlap, sources
    if set(counts) <= {listed, base}:
        return min(least, base), base, 0, sources
    return max(min(certain, counts[0]), posted), max(base, counts[-1]), 0, sources


def _refunded(order: Order, line: Line, shipped: int, came_back: int, own: OwnUnits) -> tuple[int, int]:
    """Units refunded that certainly have not shipped, and the most that may not have.

    A refund of a unit that came back, or that the store marks as returned, is of a shipped one. One that was
    made before anything shipped, or that the store marks as cancelled, is of one that never left.
    """
    never_left = shipped_ones = either = unsettled = 0
    first_shipped = _first_shipped(order, line, own)
    returns = {one.id for one in order.returned}
    for refund in refunds_that_count(order):
        of_return = bool(refund.return_id) and refund.return_id in returns
        for some, restock in zip_longest(refund.units, refund.restock, fillvalue=""):
            if isinstance(some, str) or some.line_id != line.id:
                continue
            if refund.outcome is Outcome.OPEN or restock in _STILL_SHIPS:
                unsettled += some.quantity
            elif restock in _CAME_BACK or of_return:
                shipped_ones += some.quantity
            elif restock in _NEVER_LEFT or _is_before(refund.created_at, first_shipped):
                never_left += some.quantity
            else:
                either += some.quantity
    either -= min(either, max(0, came_back - shipped_ones))
    room = max(0, shipped - max(shipped_ones, came_back))
    left = max(0, line.quantity - shipped)
    least = min(left, never_left + max(0, either - room))
    return least, max(least, min(left, never_left + either + unsettled))


def _first_shipped(order: Order, line: Line, own: OwnUnits) -> datetime | None:
    """When the first unit of the line shipped; None if that is not known."""
    rows = [
        row
        for row in order.fulfillments or ()
        if row.outcome is not Outcome.FAILED and (not row.units or units_of(row.units, line.id))
    ]
    times = [_moment(row.created_at) for row in rows]
    if order.fulfillments is None or own.unlisted.get(line.id, 0):
        return None
    known = [time for time in times if time is not None]
    return min(known) if known and len(known) == len(times) else None


def _is_before(text: str, moment: datetime | None) -> bool:
    time = _moment(text)
    return time is not None and moment is not None and time < moment


def _moment(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
