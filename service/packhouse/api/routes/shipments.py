"""Shipments: list, read, release, ship, void, mark as shipped, decide an unknown purchase."""

# No `from __future__ import annotations` here: FastAPI could not resolve the annotations that name TokenAuth.

from typing import Annotated

from fastapi import APIRouter, Depends

from packhouse.api import errors
from packhouse.api.auth import TokenAuth
from packhouse.api.requests import AdoptedLabelRequest, Reason, SentParcelRequest, VoidRequest
from packhouse.api.routes.parameters import REFUSALS, Id, Limit
from packhouse.api.schemas import ShipmentBody, ShipmentsBody
from packhouse.model.states import ShipmentState
from packhouse.operations import Operations


def add(routes: APIRouter, operations: Operations, token_auth: TokenAuth) -> None:
    """Add the routes of shipments."""
    Actor = Annotated[str, Depends(token_auth)]  # noqa: N806 - a type

    @routes.get("/shipments", tags=["shipments"])
    async def list_shipments(state: ShipmentState | None = None, limit: Limit = 50) -> ShipmentsBody:
        """List shipments, last changed first."""
        shipments = await operations.queries.shipments(state=state, limit=limit)
        return ShipmentsBody(shipments=[ShipmentBody.of(shipment) for shipment in shipments])

    @routes.get("/shipments/{shipment_id}", tags=["shipments"], responses=errors.NOT_FOUND)
    async def get_shipment(shipment_id: Id) -> ShipmentBody:
        """Get one shipment."""
        return ShipmentBody.of(await operations.queries.shipment(shipment_id))

    @routes.post("/shipments/{shipment_id}/release", tags=["shipments"], responses=REFUSALS)
    async def release_shipment(shipment_id: Id, body: Reason, actor: Actor) -> ShipmentBody:
        """Release every hold that people placed on a shipment or its order."""
        return ShipmentBody.of(
            await operations.shipments.release(shipment_id, reason=body.reason, actor=actor)
        )

    @routes.post("/shipments/{shipment_id}/ship", tags=["shipments"], responses=REFUSALS)
    async def ship_shipment(shipment_id: Id, body: Reason, actor: Actor) -> ShipmentBody:
        """Ship now: release each hold that a person may overrule. Refused while another hold is active."""
        return ShipmentBody.of(await operations.shipments.ship(shipment_id, reason=body.reason, actor=actor))

    @routes.post("/shipments/{shipment_id}/void", tags=["shipments"], responses=REFUSALS)
    async def void_label(shipment_id: Id, body: VoidRequest, actor: Actor) -> ShipmentBody:
        """Void a label that the store does not have yet, as soon as that is safe."""
        return ShipmentBody.of(
            await operations.shipments.request_void(
                shipment_id, reason=body.reason, actor=actor, again=body.again
            )
        )

    @routes.post("/shipments/{shipment_id}/mark-shipped", tags=["shipments"], responses=REFUSALS)
    async def mark_shipped(shipment_id: Id, body: SentParcelRequest, actor: Actor) -> ShipmentBody:
        """Record that the parcel left with another label. Its number is posted; nothing is bought."""
        return ShipmentBody.of(
            await operations.shipments.mark_shipped(
                shipment_id, body.parcel(), reason=body.reason, actor=actor
            )
        )

    @routes.post("/shipments/{shipment_id}/adopt", tags=["shipments"], responses=REFUSALS)
    async def adopt_label(shipment_id: Id, body: AdoptedLabelRequest, actor: Actor) -> ShipmentBody:
        """Record which label was bought in a purchase whose outcome is unknown."""
        return ShipmentBody.of(
            await operations.shipments.adopt_label(shipment_id, body.label(), reason=body.reason, actor=actor)
        )

    @routes.post("/shipments/{shipment_id}/not-bought", tags=["shipments"], responses=REFUSALS)
    async def record_not_bought(shipment_id: Id, body: Reason, actor: Actor) -> ShipmentBody:
        """Record that no label was bought in a purchase whose outcome is unknown. A new one will be."""
        return ShipmentBody.of(
            await operations.shipments.record_not_bought(shipment_id, reason=body.reason, actor=actor)
        )
