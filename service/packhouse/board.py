"""The ledger as the operator API sees it: reads for people, and a person's overrides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Concatenate, ParamSpec

from sqlalchemy import Connection, Row

from packhouse import __version__
from packhouse.api.board import AdoptedLabel, OrderView, OrderViews, StatusReport
from packhouse.clock import Clock
from packhouse.errors import ActRefused, NotRecorded
from packhouse.ledger import guard, holds, overrides, reading, shipments
from packhouse.ledger.documents import Shelf
from packhouse.ledger.door import Ledger
from packhouse.model.hold import Hold
from packhouse.model.journal import JournalEntry
from packhouse.model.label import Label, LabelDocument
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, OrderPhase, ShipmentState
from packhouse.settings import Settings
from packhouse.telemetry.metrics import LedgerCounts

P = ParamSpec("P")


class LedgerBoard:
    """Keeps api.board.Board. `nudge` wakes the workers after a person's act."""

    def __init__(
        self,
        ledger: Ledger,
        shelf: Shelf,
        clock: Clock,
        settings: Settings,
        nudge: Callable[[], None],
    ) -> None:
        self._ledger = ledger
        self._shelf = shelf
        self._clock = clock
        self._settings = settings
        self._nudge = nudge

    async def counts(self) -> LedgerCounts:
        """See Board."""
        return LedgerCounts(**await self._ledger.read(reading.tally, self._clock.now()))

    async def status(self) -> StatusReport:
        """See Board."""
        spent, labels = await self._ledger.read(reading.spent)
        paused = await self._ledger.read(guard.paused)
        if self._settings.guard.paused:
            paused = "PACKHOUSE_GUARD__PAUSED is set."
        return StatusReport(
            version=__version__,
            paused=bool(paused),
            paused_by=paused,
            counts=await self.counts(),
            spent=spent,
            labels=labels,
            carrier=self._settings.carrier,
            store=self._settings.store.url,
        )

    async def orders(self, *, phase: OrderPhase | None, limit: int, after: str) -> OrderViews:
        """See Board."""
        return await self._ledger.read(_page_of_orders, phase, limit, _position(after))

    async def order(self, order_id: str) -> OrderView:
        """See Board."""
        view = await self._ledger.read(_one_order, order_id)
        if view is None:
            raise _unknown_order(order_id)
        return view

    async def order_journal(self, order_id: str) -> Sequence[JournalEntry]:
        """See Board."""
        entries = await self._ledger.read(reading.entries, order_id=order_id)
        if not entries:
            await self.order(order_id)
        return entries

    async def journal(self, *, after: int | None, limit: int) -> Sequence[JournalEntry]:
        """See Board."""
        return await self._ledger.read(reading.entries, after=after, limit=limit)

    async def shipments(self, *, state: ShipmentState | None, limit: int) -> Sequence[Shipment]:
        """See Board."""
        return await self._ledger.read(reading.list_shipments, state, limit)

    async def shipment(self, shipment_id: str) -> Shipment:
        """See Board."""
        shipment = await self._ledger.read(reading.shipment, shipment_id)
        if shipment is None:
            raise NotRecorded(f"there is no shipment {shipment_id} here")
        return shipment

    async def holds(self, *, standing: bool | None, limit: int) -> Sequence[Hold]:
        """See Board."""
        return await self._ledger.read(reading.list_holds, standing, limit)

    async def label_document(self, sha256: str) -> LabelDocument:
        """See Board."""
        kind = await self._ledger.read(reading.document_format, sha256)
        content = await asyncio.to_thread(self._shelf.get, sha256, kind) if kind else None
        if kind is None or content is None:
            raise NotRecorded(f"no label is kept under {sha256}")
        return LabelDocument(content, kind)

    async def place_hold(self, order_id: str, *, reason: str, actor: str) -> Hold:
        """See Board."""
        now = self._clock.now()
        hold = await self._ledger.write(overrides.place_hold, now, order_id, reason, actor)
        if hold is None:
            raise _unknown_order(order_id)
        self._nudge()
        return hold

    async def release_hold(self, hold_id: int, *, reason: str, actor: str) -> Hold:
        """See Board."""
        now = self._clock.now()
        hold, stood = await self._ledger.write(overrides.release_hold, now, hold_id, reason, actor)
        if hold is None:
            raise NotRecorded(f"there is no hold {hold_id}")
        if not stood:
            raise ActRefused(f"hold {hold_id} was released before, by {hold.released_by}")
        self._nudge()
        return hold

    async def pause(self, *, reason: str, actor: str) -> StatusReport:
        """See Board."""
        await self._ledger.write(overrides.pause, self._clock.now(), reason, actor)
        return await self.status()

    async def resume(self, *, reason: str, actor: str) -> StatusReport:
        """See Board."""
        if self._settings.guard.paused:
            raise ActRefused("PACKHOUSE_GUARD__PAUSED is set: take it away and start the daemon again")
        await self._ledger.write(overrides.resume, self._clock.now(), reason, actor)
        self._nudge()
        return await self.status()

    async def adopt_label(
        self, shipment_id: str, label: AdoptedLabel, *, reason: str, actor: str
    ) -> Shipment:
        """See Board."""
        shipment, now = await self.shipment(shipment_id), self._clock.now()
        adopted = Label(
            id=f"{shipment_id}-label",
            shipment_id=shipment_id,
            generation=shipment.generation,
            adapter=shipment.adapter or self._settings.carrier,
            carrier=label.carrier,
            service=label.service,
            tracking_number=label.tracking_number,
            provider_id=label.provider_id or shipment.provider_ref,
            cost=label.cost,
            state=LabelState.BOUGHT,
            bought_at=now,
        )
        return await self._settle(shipment_id, overrides.adopt, now, shipment_id, adopted, reason, actor)

    async def not_bought(self, shipment_id: str, *, reason: str, actor: str) -> Shipment:
        """See Board."""
        now = self._clock.now()
        await self.shipment(shipment_id)
        return await self._settle(shipment_id, overrides.not_bought, now, shipment_id, reason, actor)

    async def _settle(
        self,
        shipment_id: str,
        act: Callable[Concatenate[Connection, P], str],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Shipment:
        if objection := await self._ledger.write(act, *args, **kwargs):
            raise ActRefused(objection)
        self._nudge()
        return await self.shipment(shipment_id)

    async def retry(self, order_id: str, *, reason: str, actor: str) -> OrderView:
        """See Board."""
        if not await self._ledger.write(overrides.retry, self._clock.now(), order_id, reason, actor):
            raise _unknown_order(order_id)
        self._nudge()
        return await self.order(order_id)


def _unknown_order(order_id: str) -> NotRecorded:
    return NotRecorded(f"order {order_id} is not known here: neither an event nor a poll has named it yet")


def _page_of_orders(
    connection: Connection, phase: OrderPhase | None, limit: int, before: tuple[float, str] | None
) -> OrderViews:
    rows = reading.order_rows(connection, phase, limit + 1, before)
    more, rows = len(rows) > limit, rows[:limit]
    ids = [row.id for row in rows]
    sent = shipments.of_orders(connection, ids)
    held = holds.of_orders(connection, ids)
    views = tuple(
        _view(row, sent.get(row.id, ()), tuple(hold for hold in held.get(row.id, ()) if hold.stands))
        for row in rows
    )
    return OrderViews(views, f"{rows[-1].updated_at!r}~{rows[-1].id}" if more else "")


def _one_order(connection: Connection, order_id: str) -> OrderView | None:
    row = reading.order_row(connection, order_id)
    if row is None:
        return None
    return _view(row, shipments.of_order(connection, order_id), holds.of_order(connection, order_id))


def _view(row: Row[Any], sent: tuple[Shipment, ...], held: tuple[Hold, ...]) -> OrderView:
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
        shipments=sent,
        holds=held,
    )


def _position(after: str) -> tuple[float, str] | None:
    """Read a page's `next`: the time and id of its last order. Raises ActRefused for anything else."""
    if not after:
        return None
    at, tilde, order_id = after.partition("~")
    try:
        if tilde:
            return float(at), order_id
    except ValueError:
        pass
    raise ActRefused("`after` must be the `next` of an earlier page")
