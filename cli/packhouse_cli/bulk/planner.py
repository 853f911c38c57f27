"""Turns rows into a plan: reads each order once, checks each row, and reports all bad rows together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from packhouse.errors import StoreError, StoreForbidden, StoreNotFound, StoreUnreadable
from packhouse.model.order import Order
from packhouse.model.printable import escaped
from packhouse.model.tracking_number import canonical
from packhouse.store.client import StoreClient
from packhouse_cli.bulk.action import Action, Draft, NothingToDo, RowRejected
from packhouse_cli.bulk.plan import Plan, PlanItem, SkippedRow
from packhouse_cli.bulk.preconditions import Preconditions
from packhouse_cli.bulk.progress import Progress
from packhouse_cli.bulk.rows import BadRow, Row
from packhouse_cli.bulk.threads import run_in_threads, stop_on_signal
from packhouse_cli.bulk.throttled_client import ThrottledClient
from packhouse_cli.clients.rate_limiter import RateLimiter
from packhouse_cli.exit_codes import UsageError


@dataclass(frozen=True, slots=True)
class PlanContext:
    """What planning needs. `open_store` opens one connection; there are at most `concurrency` of them."""

    open_store: Callable[[], StoreClient]
    store_url: str
    limiter: RateLimiter
    concurrency: int
    progress: Progress


@dataclass(frozen=True, slots=True)
class CheckedDraft:
    """A draft, and the state of its order before it."""

    draft: Draft
    before: Preconditions


RowOutcome = CheckedDraft | SkippedRow | BadRow


def make_plan(
    action: Action,
    rows: Sequence[Row],
    context: PlanContext,
    *,
    made_at: str,
    source: Mapping[str, Any],
    bad_rows: Sequence[BadRow] = (),
    skip_bad: bool = False,
    again: bool = False,
) -> Plan:
    """The plan for these rows. `bad_rows` are the rows of the file that could not be read.

    `again` plans a change even if the order shows it already. Raises UsageError that lists every bad row,
    unless `skip_bad`; StoreError; KeyboardInterrupt.
    """
    warnings: set[str] = set()
    outcomes = _check_rows(action, rows, context, warnings, again)
    all_bad = [*bad_rows, *(one for one in outcomes if isinstance(one, BadRow))]
    if all_bad and not skip_bad:
        raise _bad_rows_error(all_bad)
    items: list[PlanItem] = []
    skipped = [SkippedRow(bad.line, "", bad.reason) for bad in bad_rows]
    for row, outcome in zip(rows, outcomes, strict=True):
        if isinstance(outcome, CheckedDraft):
            items.append(_plan_item(len(items) + 1, row, outcome))
        elif isinstance(outcome, BadRow):
            skipped.append(SkippedRow(row.line, row.order_id, outcome.reason))
        else:
            skipped.append(outcome)
    return Plan(
        action=action.name,
        store_url=context.store_url,
        made_at=made_at,
        source=source,
        irreversible_note=action.irreversible_note,
        items=tuple(items),
        skipped=tuple(sorted(skipped, key=lambda one: one.line)),
        warnings=tuple(sorted(warnings)),
    )


def _bad_rows_error(bad_rows: Sequence[BadRow]) -> UsageError:
    listed = "\n".join(escaped(bad).rstrip(".") for bad in sorted(bad_rows, key=lambda bad: bad.line))
    count, them = ("1 bad row", "it") if len(bad_rows) == 1 else (f"{len(bad_rows):,} bad rows", "them")
    return UsageError(f"No plan was made: {count}. Correct {them}, or skip {them} with --skip-bad.\n{listed}")


def _plan_item(number: int, row: Row, checked: CheckedDraft) -> PlanItem:
    draft = checked.draft
    return PlanItem(
        number=number,
        line=row.line,
        order_id=row.order_id,
        summary=draft.summary,
        path=draft.request.path,
        body=(draft.request.body or b"").decode("ascii"),
        key=draft.key,
        preconditions=checked.before,
        cost_minor=draft.cost_minor,
        currency=draft.currency,
    )


def _check_rows(
    action: Action, rows: Sequence[Row], context: PlanContext, warnings: set[str], again: bool
) -> list[RowOutcome]:
    """The outcome of each row, in the order of the rows. Only the orders being checked are kept in memory."""
    found: list[RowOutcome | None] = [None] * len(rows)
    of_order: dict[str, list[int]] = {}
    for at, duplicate in enumerate(_duplicates(action, rows)):
        if duplicate is not None:
            found[at] = duplicate
        else:
            of_order.setdefault(rows[at].order_id, []).append(at)
    concurrency = min(context.concurrency, len(of_order))
    clients = [ThrottledClient(context.open_store(), context.limiter) for _ in range(concurrency)]
    products = ProductCache(warnings)

    def checker(client: ThrottledClient) -> Callable[[str], list[tuple[int, RowOutcome]]]:
        def check_order(order_id: str) -> list[tuple[int, RowOutcome]]:
            positions = of_order[order_id]
            try:
                order = client.order(order_id)
            except (StoreNotFound, StoreForbidden, StoreUnreadable) as error:
                return [(at, BadRow(rows[at].line, str(error), order_id)) for at in positions]
            if action.ships_parcel:
                order = products.mark_digital(order, client)
            outcomes = _draft_rows(action, [rows[at] for at in positions], order, again)
            return list(zip(positions, outcomes, strict=True))

        return check_order

    stop, done = context.limiter.stop, 0
    context.progress.begin("Reading", len(of_order))
    try:
        with stop_on_signal(stop, lambda: None):
            for batch in run_in_threads(of_order, [checker(client) for client in clients], stop):
                for at, outcome in batch or ():
                    found[at] = outcome
                done += batch is not None
                context.progress.show(done)
        if stop.is_set():
            raise KeyboardInterrupt
    finally:
        context.progress.end()
        for client in clients:
            client.close()
    return [outcome for outcome in found if outcome is not None]


def _duplicates(action: Action, rows: Sequence[Row]) -> list[BadRow | None]:
    """For each row, how it repeats an earlier row; None if it does not."""
    seen: dict[tuple[str, ...], int] = {}
    found: list[BadRow | None] = []
    for row in rows:
        key = (row.order_id,) if action.one_per_order else (row.order_id, canonical(row.tracking))
        what = "another row" if action.one_per_order else "the same parcel"
        first = seen.setdefault(key, row.line)
        is_duplicate = row.line and first != row.line
        reason = f"order {row.order_id} has {what} on line {first}; combine the two lines"
        found.append(BadRow(row.line, reason, row.order_id) if is_duplicate else None)
    return found


def _draft_rows(action: Action, rows: Sequence[Row], order: Order, again: bool) -> list[RowOutcome]:
    """The outcomes of the rows of one order.

    Each row is checked against the order as the rows before leave it.
    """
    outcomes: list[RowOutcome] = []
    for row in rows:
        try:
            draft = action.draft(row, order, again=again)
        except NothingToDo as reason:
            outcomes.append(SkippedRow(row.line, row.order_id, str(reason)))
        except RowRejected as reason:
            # A filter may match any order. Only a file that names an order can be wrong about it.
            bad = BadRow(row.line, str(reason), row.order_id)
            outcomes.append(bad if row.line else SkippedRow(0, row.order_id, str(reason)))
        else:
            outcomes.append(CheckedDraft(draft, Preconditions.of(order)))
            order = draft.after
    return outcomes


class ProductCache:
    """Which products are digital, for orders that do not say. Each product is requested once."""

    def __init__(self, warnings: set[str]) -> None:
        self._warnings = warnings
        self._digital: dict[tuple[str, str], bool] = {}

    def mark_digital(self, order: Order, client: ThrottledClient) -> Order:
        """The order with its digital lines marked. If the products cannot be read, a warning is added."""
        unmarked = {line.product_id for line in order.lines if line.is_digital is None and line.product_id}
        site = order.site_slug  # "" for an order that names none: the list of all products is read
        if not unmarked:
            return order
        unknown = sorted(one for one in unmarked if (site, one) not in self._digital)
        if unknown:
            self._load(site, unknown, client)
        lines = tuple(
            replace(line, is_digital=True)
            if line.is_digital is None and self._digital.get((site, line.product_id))
            else line
            for line in order.lines
        )
        return replace(order, lines=lines)

    def _load(self, site: str, ids: list[str], client: ThrottledClient) -> None:
        try:
            products = client.with_retries(
                lambda: client.store.products(site, ids) if site else client.store.merchant_products(ids)
            )
        except StoreError as error:
            products = {}
            where = f"of site {site} " if site else ""
            self._warnings.add(f"Cannot read which products {where}are digital: {error}")
        for one in ids:
            self._digital[site, one] = one in products and bool(products[one].is_digital)
