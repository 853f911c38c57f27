"""The operator API, /api/v1: people and programs with a token look at the house. acts.py has their acts."""

# No `from __future__ import annotations` here: the routes' annotations name the doorkeeper they are handed,
# which FastAPI could not find again by its name.

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Response

from packhouse.api import errors
from packhouse.api.auth import TokenAuth
from packhouse.api.board import Board
from packhouse.api.hand_shapes import EventBody, EventsBody, LabelInHandBody
from packhouse.api.routes import operations
from packhouse.api.routes.operations import Id
from packhouse.api.schemas import (
    EntryBody,
    HoldBody,
    HoldsBody,
    JournalBody,
    OrderBody,
    OrderBrief,
    OrderJournalBody,
    OrdersBody,
    ShipmentBody,
    ShipmentsBody,
    StatusBody,
)
from packhouse.model.label import LabelFormat
from packhouse.model.states import OrderPhase, ShipmentState

MEDIA_TYPES = {
    LabelFormat.PDF: "application/pdf",
    LabelFormat.PNG: "image/png",
    LabelFormat.ZPL: "application/zpl",
}

Limit = Annotated[int, Query(ge=1, le=500, description="Most rows to answer with.")]
EntryId = Annotated[
    int | None, Query(ge=0, le=2**63 - 1, description="Only later entries; unset: the newest.")
]
Sha256 = Annotated[
    str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the file, as shown with a label.")
]


def router(board: Board, token_auth: TokenAuth) -> APIRouter:
    """All routes under /api/v1."""
    routes = APIRouter(prefix="/api/v1", dependencies=[Depends(token_auth)], responses=errors.RESPONSES)
    _reads(routes, board)
    operations.add(routes, board, token_auth)
    return routes


def _reads(routes: APIRouter, board: Board) -> None:
    @routes.get("/status", tags=["status"])
    async def status() -> StatusBody:
        """The house at a glance."""
        return StatusBody.of(await board.status())

    @routes.get("/orders", tags=["orders"])
    async def list_orders(
        phase: OrderPhase | None = None,
        limit: Limit = 50,
        after: Annotated[str, Query(max_length=200, description="`next` of the page before.")] = "",
    ) -> OrdersBody:
        """Orders, last changed first."""
        page = await board.orders(phase=phase, limit=limit, after=after)
        return OrdersBody(orders=[OrderBrief.of(view) for view in page.orders], next=page.next or None)

    @routes.get("/orders/{order_id}", tags=["orders"], responses=errors.NOT_FOUND)
    async def get_order(order_id: Id) -> OrderBody:
        """One order with everything known of it."""
        return OrderBody.of(await board.order(order_id))

    @routes.get("/orders/{order_id}/journal", tags=["orders"], responses=errors.NOT_FOUND)
    async def get_order_journal(order_id: Id) -> OrderJournalBody:
        """The whole story of an order, oldest first."""
        entries = await board.order_journal(order_id)
        return OrderJournalBody(order_id=order_id, entries=[EntryBody.of(entry) for entry in entries])

    @routes.get("/shipments", tags=["shipments"])
    async def list_shipments(state: ShipmentState | None = None, limit: Limit = 50) -> ShipmentsBody:
        """Shipments, last changed first."""
        shipments = await board.shipments(state=state, limit=limit)
        return ShipmentsBody(shipments=[ShipmentBody.of(shipment) for shipment in shipments])

    @routes.get("/shipments/{shipment_id}", tags=["shipments"], responses=errors.NOT_FOUND)
    async def get_shipment(shipment_id: Id) -> ShipmentBody:
        """One shipment in full."""
        return ShipmentBody.of(await board.shipment(shipment_id))

    @routes.get("/holds", tags=["holds"])
    async def list_holds(standing: bool | None = None, limit: Limit = 50) -> HoldsBody:
        """Holds, newest first; `standing=true` leaves out the released ones."""
        holds = await board.holds(standing=standing, limit=limit)
        return HoldsBody(holds=[HoldBody.of(hold) for hold in holds])

    @routes.get("/journal", tags=["journal"])
    async def list_journal(after: EntryId = None, limit: Limit = 100) -> JournalBody:
        """What was done lately, on all orders. Ask again with `after=next` to go on from there."""
        entries = await board.journal(after=after, limit=limit)
        return JournalBody(
            entries=[EntryBody.of(entry) for entry in entries], next=entries[-1].id if entries else after
        )

    @routes.get("/orders/{order_id}/label", tags=["labels"], responses=errors.NOT_FOUND)
    async def get_order_label(order_id: Id) -> LabelInHandBody:
        """The label of an order as it can be handed out now."""
        return LabelInHandBody.of(await board.label_of(order_id))

    @routes.get("/events", tags=["events"])
    async def list_events(
        order_id: Annotated[str, Query(max_length=200)] = "",
        outcome: Literal["", "new", "ignored", "unreadable"] = "",
        limit: Limit = 50,
        before: Annotated[float | None, Query(description="`next` of the page before.")] = None,
    ) -> EventsBody:
        """Events that the store sent, the newest first."""
        records = await board.events(order_id=order_id, outcome=outcome, limit=limit, before=before)
        return EventsBody(
            events=[EventBody.of(record) for record in records],
            next=records[-1].received_at if len(records) == limit else None,
        )

    @routes.get("/events/{event_id}", tags=["events"], responses=errors.NOT_FOUND)
    async def get_event(event_id: Id) -> EventBody:
        """One event."""
        return EventBody.of(await board.event(event_id))

    files = {media: {"schema": {"type": "string", "format": "binary"}} for media in MEDIA_TYPES.values()}

    @routes.get(
        "/labels/{sha256}",
        tags=["labels"],
        response_class=Response,
        responses={200: {"content": files, "description": "The label's file."}, **errors.NOT_FOUND},
    )
    async def get_label(sha256: Sha256) -> Response:
        """The bytes of a label, as the carrier gave them."""
        document = await board.label_document(sha256)
        headers = {
            "content-disposition": f'inline; filename="{sha256[:16]}.{document.format}"',
            "cache-control": "private, max-age=31536000, immutable",
            "x-content-type-options": "nosniff",
        }
        return Response(document.content, media_type=MEDIA_TYPES[document.format], headers=headers)
