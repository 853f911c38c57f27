"""Rows become a plan: each order is read once, each row checked against it, all faults told at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from packhouse.errors import StoreError, StoreForbidden, StoreNotFound, StoreUnreadable
from packhouse.model.order import Order
from packhouse.store.client import StoreClient
from packhouse_cli.bulk.action import Action, Draft, NotNeeded, NotPlanned
from packhouse_cli.bulk.plan import Act, LeftOut, Plan
from packhouse_cli.bulk.preconditions import Relied
from packhouse_cli.bulk.progress import Progress
from packhouse_cli.bulk.rows import Fault, Row
from packhouse_cli.bulk.threads import stoppable, worked_through
from packhouse_cli.bulk.throttled_client import Caller, Pace
from packhouse_cli.exit_codes import UsageError
from packhouse_cli.terminal.output import safe


@dataclass(frozen=True, slots=True)
class Desk:
    """What a plan is made with. `open_store` makes one connection, and there are at most `concurrency`."""

    open_store: Callable[[], StoreClient]
    store_url: str
    pace: Pace
    concurrency: int
    progress: Progress


@dataclass(frozen=True, slots=True)
class Call:
    """A draft with the state of its order before it."""

    draft: Draft
    before: Relied


Judged = Call | LeftOut | Fault


def make_plan(
    action: Action,
    rows: Sequence[Row],
    desk: Desk,
    *,
    made_at: str,
    source: Mapping[str, Any],
    faults: Sequence[Fault] = (),
    skip_bad: bool = False,
    again: bool = False,
) -> Plan:
    """What doing `action` to these rows would do. `faults` are those that the file had already, and `again`
    wants what an order shows already a second time.

    Raises UsageError with every bad row, unless they are to be skipped; StoreError; KeyboardInterrupt.
    """
    warnings: set[str] = set()
    judged = _judged(action, rows, desk, warnings, again)
    wrong = [*faults, *(one for one in judged if isinstance(one, Fault))]
    if wrong and not skip_bad:
        _refuse(wrong)
    acts: list[Act] = []
    left_out = [LeftOut(fault.line, "", fault.why) for fault in faults]
    for row, one in zip(rows, judged, strict=True):
        if isinstance(one, Call):
            acts.append(_act(action, len(acts) + 1, row, one))
        elif isinstance(one, Fault):
            left_out.append(LeftOut(row.line, row.order_id, one.why))
        else:
            left_out.append(one)
    return Plan(
        action=action.name,
        store_url=desk.store_url,
        made_at=made_at,
        source=source,
        for_good=action.for_good,
        acts=tuple(acts),
        left_out=tuple(sorted(left_out, key=lambda one: one.line)),
        warnings=tuple(sorted(warnings)),
    )


def _refuse(wrong: Sequence[Fault]) -> None:
    said = "\n".join(str(fault).rstrip(".") for fault in sorted(wrong, key=lambda fault: fault.line))
    count = "1 row" if len(wrong) == 1 else f"{len(wrong):,} rows"
    raise UsageError(
        f"No plan was made, since {count} cannot be done. Correct them, or leave them out with --skip-bad.\n"
        f"{said}"
    )


def _act(action: Action, number: int, row: Row, call: Call) -> Act:
    draft = call.draft
    return Act(
        number=number,
        line=row.line,
        order_id=row.order_id,
        what=draft.what,
        path=draft.request.path,
        body=(draft.request.body or b"").decode("ascii"),
        key=draft.key,
        relied=call.before,
        cost_minor=draft.cost_minor,
        currency=draft.currency,
    )


def _judged(action: Action, rows: Sequence[Row], desk: Desk, warnings: set[str], again: bool) -> list[Judged]:
    """What each row comes to, in the rows' sequence. An order is forgotten as soon as its rows are judged."""
    found: list[Judged | None] = [None] * len(rows)
    of_order: dict[str, list[int]] = {}
    for at, twin in enumerate(_twins(action, rows)):
        if twin is not None:
            found[at] = twin
        else:
            of_order.setdefault(rows[at].order_id, []).append(at)
    callers = [Caller(desk.open_store(), desk.pace) for _ in range(min(desk.concurrency, len(of_order)))]
    catalogue = Catalogue(warnings)

    def judge(caller: Caller) -> Callable[[str], list[tuple[int, Judged]]]:
        def of_one(order_id: str) -> list[tuple[int, Judged]]:
            mine = of_order[order_id]
            try:
                order = caller.order(order_id)
            except (StoreNotFound, StoreForbidden, StoreUnreadable) as error:
                return [(at, Fault(rows[at].line, str(error), order_id)) for at in mine]
            if action.for_parcel:
                order = catalogue.marked(order, caller)
            return list(zip(mine, _drafted(action, [rows[at] for at in mine], order, again), strict=True))

        return of_one

    stop, done = desk.pace.stop, 0
    desk.progress.begin("Reading", len(of_order))
    try:
        with stoppable(stop, lambda: None):
            for some in worked_through(of_order, [judge(caller) for caller in callers], stop):
                for at, judged in some or ():
                    found[at] = judged
                done += some is not None
                desk.progress.show(done)
        if stop.is_set():
            raise KeyboardInterrupt
    finally:
        desk.progress.end()
        for caller in callers:
            caller.close()
    return [one for one in found if one is not None]


def _twins(action: Action, rows: Sequence[Row]) -> list[Fault | None]:
    """Why a row repeats an earlier one; None where it does not."""
    seen: dict[tuple[str, ...], int] = {}
    found: list[Fault | None] = []
    for row in rows:
        same = (row.order_id,) if action.once else (row.order_id, row.carrier, row.tracking)
        what = "another row" if action.once else "the same parcel"
        first = seen.setdefault(same, row.line)
        repeats = row.line and first != row.line
        why = f"order {safe(row.order_id)} has {what} on line {first}; make them one"
        found.append(Fault(row.line, why, row.order_id) if repeats else None)
    return found


def _drafted(action: Action, rows: Sequence[Row], order: Order, again: bool) -> list[Judged]:
    """What the rows of one order come to, one after the other."""
    judged: list[Judged] = []
    for row in rows:
        try:
            draft = action.draft(row, order, again=again)
        except NotNeeded as reason:
            judged.append(LeftOut(row.line, row.order_id, str(reason)))
        except NotPlanned as reason:
            # A filter finds whatever there is; only who names an order by hand is wrong about it.
            fault = Fault(row.line, str(reason), row.order_id)
            judged.append(fault if row.line else LeftOut(0, row.order_id, str(reason)))
        else:
            judged.append(Call(draft, Relied.of(order)))
            order = draft.after
    return judged


class Catalogue:
    """Says which lines are digital where the order itself is silent. Products are asked for once."""

    def __init__(self, warnings: set[str]) -> None:
        self._warnings = warnings
        self._digital: dict[tuple[str, str], bool] = {}

    def marked(self, order: Order, caller: Caller) -> Order:
        """The order with what the catalogue knows of its lines; a catalogue that is silent is a warning."""
        silent = {line.product_id for line in order.lines if line.is_digital is None and line.product_id}
        site = order.site_slug
        if not silent or not site:
            return order
        unknown = sorted(one for one in silent if (site, one) not in self._digital)
        if unknown:
            self._ask(site, unknown, caller)
        lines = tuple(
            replace(line, is_digital=True)
            if line.is_digital is None and self._digital.get((site, line.product_id))
            else line
            for line in order.lines
        )
        return replace(order, lines=lines)

    def _ask(self, site: str, ids: list[str], caller: Caller) -> None:
        try:
            products = caller.patiently(lambda: caller.store.products(site, ids))
        except StoreError as error:
            products = {}
            self._warnings.add(f"Which lines of site {safe(site)} are digital was not told: {error}")
        for one in ids:
            self._digital[site, one] = one in products and bool(products[one].is_digital)
