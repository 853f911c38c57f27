"""Queries: what people and programs see of the ledger. Nothing here changes anything."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row

from packhouse import __version__
from packhouse.clock import Clock
from packhouse.config.settings import Settings
from packhouse.errors import OperationRefused, RecordNotFound
from packhouse.ledger import holds, inbox, polls, queries, shipments
from packhouse.ledger.documents import Documents
from packhouse.ledger.port import Ledger
from packhouse.model.account import AccountState
from packhouse.model.event import EventRecord
from packhouse.model.hold import Hold
from packhouse.model.journal import JournalEntry
from packhouse.model.label import LabelDocument, LabelFormat
from packhouse.model.shipment import Shipment
from packhouse.model.states import OrderPhase, ShipmentState
from packhouse.model.store_limit import NO_LIMIT, Limit
from packhouse.model.waiting import Waiting
from packhouse.operations import waiting
from packhouse.operations.label_offer import label_offer
from packhouse.operations.transaction import unknown_shipment
from packhouse.operations.views import LabelOffer, OrderView, OrderViews, Polling, StatusReport
from packhouse.operations.waiting import Conditions
from packhouse.setting_text import shown_url
from packhouse.telemetry.metrics import LedgerCounts


class Queries:
    """Each query raises LedgerUnavailable, and RecordNotFound for an id that the ledger does not have."""

    def __init__(
        self,
        ledger: Ledger,
        documents: Documents,
        clock: Clock,
        settings: Settings,
        accounts: Callable[[], Sequence[AccountState]] = tuple,
        limit: Callable[[], Limit] = lambda: NO_LIMIT,
    ) -> None:
        self._ledger = ledger
        self._documents = documents
        self._clock = clock
        self._settings = settings
        self._accounts = accounts
        self._limit = limit

    async def counts(self) -> LedgerCounts:
        """Counts for a scrape; cheap, as Prometheus asks every few seconds."""
        tally = await self._ledger.read(queries.tally, self._clock.now())
        conditions = await self.conditions()
        resting = {state.account for state in conditions.accounts}
        return LedgerCounts(
            **tally,
            paused=conditions.pause is not None,
            accounts={account: account not in resting for account in self._settings.provider},
            last_poll_at=conditions.poll.succeeded_at,
        )

    async def conditions(self) -> Conditions:
        """What stops work for all orders, or for those of an account."""
        return await self._ledger.read(waiting.read_conditions, self._settings, self._accounts())

    async def stopping(self) -> Sequence[Waiting]:
        """Every reason why work stops for all orders, or for those of an account."""
        return (await self.conditions()).waiting

    async def status(self) -> StatusReport:
        """The daemon at a glance."""
        spent, labels = await self._ledger.read(queries.spent)
        now = self._clock.now()
        conditions, waits = await self._ledger.read(waiting.read_all, now, self._settings, self._accounts())
        limit = self._limit()
        return StatusReport(
            version=__version__,
            counts=await self.counts(),
            spent=spent,
            labels=labels,
            providers=self._settings.provider,
            store=shown_url(self._settings.store.url),
            at=now,
            conditions=conditions,
            waiting=waiting.with_limit(waits, limit),
            limit=limit,
            poll=await self._ledger.read(polls.report),
            polling=Polling(
                self._settings.poll.interval_s,
                self._settings.poll.full_poll_s,
                self._settings.poll.horizon_days,
                self._settings.store.site_slug,
            ),
        )

    async def orders(self, *, phase: OrderPhase | None, limit: int, after: str) -> OrderViews:
        """Orders, last changed first, with their shipments and active holds. `after` is a page's `next`."""
        conditions = await self.conditions()
        return await self._ledger.read(
            _page_of_orders, self._clock.now(), conditions, phase, limit, _position(after)
        )

    async def order(self, order_id: str) -> OrderView:
        """One order with its shipments and all its holds, active or released."""
        view = await self._ledger.read(_one_order, self._clock.now(), await self.conditions(), order_id)
        if view is None:
            raise unknown_order(order_id)
        if view.working and (pace := waiting.of_limit(self._limit())):
            return replace(view, waiting=(*view.waiting, pace))
        return view

    async def order_journal(self, order_id: str, *, after: int, limit: int) -> Sequence[JournalEntry]:
        """Journal entries of an order with an id above `after`, oldest first. Raises OperationRefused."""
        entries = await self._ledger.read(queries.entries, order_id=order_id, after=after, limit=limit)
        if not entries:
            await self.order(order_id)
        return entries

    async def journal(self, *, after: int | None, limit: int) -> Sequence[JournalEntry]:
        """Entries with an id above `after`, oldest first; with None the newest `limit`, oldest first."""
        return await self._ledger.read(queries.entries, after=after, limit=limit)

    async def shipments(self, *, state: ShipmentState | None, limit: int) -> Sequence[Shipment]:
        """Shipments, last changed first."""
        return await self._ledger.read(queries.list_shipments, state, limit)

    async def shipment(self, shipment_id: str) -> Shipment:
        """One shipment in full."""
        shipment = await self._ledger.read(queries.shipment, shipment_id)
        if shipment is None:
            raise unknown_shipment(shipment_id)
        return shipment

    async def holds(self, *, active: bool | None, limit: int) -> Sequence[Hold]:
        """Holds, newest first; only active ones, only released ones, or (None) both."""
        return await self._ledger.read(queries.list_holds, active, limit)

    async def events(
        self, *, order_id: str, outcome: str, limit: int, before: float | None
    ) -> Sequence[EventRecord]:
        """Received events, newest first; "" for any order or outcome, `before` a time or None."""
        return await self._ledger.read(inbox.records, order_id, outcome, limit, before)

    async def event(self, event_id: str) -> EventRecord:
        """One received event."""
        record = await self._ledger.read(inbox.record, event_id)
        if record is None:
            raise unknown_event(event_id)
        return record

    async def label_offer(self, order_id: str) -> LabelOffer:
        """The label of an order as a person or a program can use it now."""
        view, pause = await self.order(order_id), (await self.conditions()).pause
        return label_offer(view, self._settings.store.name_of, pause.text if pause else "")

    async def label_document(self, sha256: str) -> LabelDocument:
        """The file of a label, by its hash (64 lower-case hex digits)."""
        for kind in LabelFormat:
            if content := await asyncio.to_thread(self._documents.get, sha256, kind):
                return LabelDocument(content, kind)
        raise RecordNotFound(f"No label file has the hash {sha256}.")


def unknown_order(order_id: str) -> RecordNotFound:
    """The error for an order that the ledger does not have."""
    return RecordNotFound(f"Order {order_id} is not in the ledger: no webhook and no poll has named it yet.")


def unknown_event(event_id: str) -> RecordNotFound:
    """The error for an event that the ledger does not have."""
    return RecordNotFound(f"Event {event_id} is not in the ledger. Old events are deleted.")


def _page_of_orders(
    connection: Connection,
    now: float,
    conditions: Conditions,
    phase: OrderPhase | None,
    limit: int,
    before: tuple[float, str] | None,
) -> OrderViews:
    rows = queries.order_rows(connection, phase, limit + 1, before)
    more, rows = len(rows) > limit, rows[:limit]
    ids = [row.id for row in rows]
    sent = shipments.of_orders(connection, ids)
    held = holds.of_orders(connection, ids)
    views = tuple(
        _view(
            row,
            now,
            conditions,
            sent.get(row.id, ()),
            tuple(hold for hold in held.get(row.id, ()) if hold.is_active),
        )
        for row in rows
    )
    return OrderViews(views, f"{rows[-1].updated_at!r}~{rows[-1].id}" if more else "")


def _one_order(connection: Connection, now: float, conditions: Conditions, order_id: str) -> OrderView | None:
    row = queries.order_row(connection, order_id)
    if row is None:
        return None
    sent, held = shipments.of_order(connection, order_id), holds.of_order(connection, order_id)
    return _view(row, now, conditions, sent, held)


def _view(
    row: Row[Any], now: float, conditions: Conditions, sent: tuple[Shipment, ...], held: tuple[Hold, ...]
) -> OrderView:
    return OrderView(
        id=row.id,
        phase=OrderPhase(row.phase),
        reason=row.reason,
        status=row.status,
        site_slug=row.site_slug,
        due_at=row.due_at,
        attempts=row.attempts,
        last_error=row.last_error,
        updated_at=row.updated_at,
        working=row.lease is not None or (row.due_at is not None and row.due_at <= now),
        waiting=waiting.of_order(row, sent, conditions, now),
        fetched_at=row.fetched_at,
        shipments=sent,
        holds=held,
    )


def _position(after: str) -> tuple[float, str] | None:
    """Read a page's `next`: the time and id of its last order. Raises OperationRefused for anything else."""
    if not after:
        return None
    at, tilde, order_id = after.partition("~")
    try:
        if tilde and math.isfinite(float(at)):
            return float(at), order_id
    except ValueError:
        pass
    raise OperationRefused(
        "invalid_cursor", "`after` is not the `next` of an earlier page.", "Start again without `after`."
    )
