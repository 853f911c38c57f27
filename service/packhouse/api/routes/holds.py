"""Holds: list, place, release."""

# No `from __future__ import annotations` here: FastAPI could not resolve the annotations that name TokenAuth.

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from packhouse.api.auth import TokenAuth
from packhouse.api.requests import Reason
from packhouse.api.routes.parameters import REFUSALS, Id, Limit
from packhouse.api.schemas import HoldBody, HoldsBody
from packhouse.operations import Operations

HoldId = Annotated[int, Path(ge=1, le=2**63 - 1)]
Active = Annotated[bool | None, Query(description="Only active holds, or only released ones; unset: both.")]


def add(routes: APIRouter, operations: Operations, token_auth: TokenAuth) -> None:
    """Add the routes of holds."""
    Actor = Annotated[str, Depends(token_auth)]  # noqa: N806 - a type

    @routes.get("/holds", tags=["holds"])
    async def list_holds(active: Active = None, limit: Limit = 50) -> HoldsBody:
        """List holds, newest first. `active=true` leaves out the released ones."""
        holds = await operations.queries.holds(active=active, limit=limit)
        return HoldsBody(holds=[HoldBody.of(hold) for hold in holds])

    @routes.post("/orders/{order_id}/holds", tags=["holds"], status_code=201, responses=REFUSALS)
    async def hold_order(order_id: Id, body: Reason, actor: Actor) -> HoldBody:
        """Stop an order until the hold is released."""
        return HoldBody.of(await operations.orders.place_hold(order_id, reason=body.reason, actor=actor))

    @routes.post("/shipments/{shipment_id}/holds", tags=["holds"], status_code=201, responses=REFUSALS)
    async def hold_shipment(shipment_id: Id, body: Reason, actor: Actor) -> HoldBody:
        """Stop one shipment until the hold is released."""
        return HoldBody.of(await operations.shipments.hold(shipment_id, reason=body.reason, actor=actor))

    @routes.post("/holds/{hold_id}/release", tags=["holds"], responses=REFUSALS)
    async def release_hold(hold_id: HoldId, body: Reason, actor: Actor) -> HoldBody:
        """Release a hold. The order continues when no other hold is active."""
        return HoldBody.of(await operations.orders.release_hold(hold_id, reason=body.reason, actor=actor))
