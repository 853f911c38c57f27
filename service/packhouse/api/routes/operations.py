"""The acts of the operator API: a person steps in.

Every act carries the name behind the caller's token and a reason, and is written to the journal with both.
"""

# No `from __future__ import annotations` here: the routes' annotations name the doorkeeper they are handed,
# which FastAPI could not find again by its name.

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from packhouse.api import errors
from packhouse.api.auth import TokenAuth
from packhouse.api.board import Board
from packhouse.api.hand_shapes import EventBody, LabelInHandBody, TakenBody
from packhouse.api.requests import Adoption, Reason, Sent, Taking, Voiding
from packhouse.api.schemas import HoldBody, OrderBody, ShipmentBody, StatusBody

Id = Annotated[str, Path(min_length=1, max_length=200)]
HoldId = Annotated[int, Path(ge=1, le=2**63 - 1)]
ANSWERS = {**errors.NOT_FOUND, **errors.REFUSED}


def add(routes: APIRouter, board: Board, token_auth: TokenAuth) -> None:
    """Add the routes of all acts."""
    _on_orders(routes, board, token_auth)
    _on_shipments(routes, board, token_auth)
    _on_the_house(routes, board, token_auth)


def _on_orders(routes: APIRouter, board: Board, token_auth: TokenAuth) -> None:
    Actor = Annotated[str, Depends(token_auth)]  # noqa: N806 - a type

    @routes.post("/orders/{order_id}/retry", tags=["orders"], responses=ANSWERS)
    async def retry_order(order_id: Id, why: Reason, actor: Actor) -> OrderBody:
        """Look at the order now; its waiting time and its failures are forgotten."""
        return OrderBody.of(await board.retry(order_id, reason=why.reason, actor=actor))

    @routes.post("/orders/{order_id}/holds", tags=["holds"], status_code=201, responses=ANSWERS)
    async def place_hold(order_id: Id, why: Reason, actor: Actor) -> HoldBody:
        """Stop the order until a person releases the hold."""
        return HoldBody.of(await board.place_hold(order_id, reason=why.reason, actor=actor))

    @routes.post("/holds/{hold_id}/release", tags=["holds"], responses=ANSWERS)
    async def release_hold(hold_id: HoldId, why: Reason, actor: Actor) -> HoldBody:
        """Release a hold; the order goes on when no other stands."""
        return HoldBody.of(await board.release_hold(hold_id, reason=why.reason, actor=actor))

    @routes.post("/orders/{order_id}/take", tags=["orders"], responses=errors.REFUSED)
    async def take_order(order_id: Id, what: Taking, actor: Actor) -> TakenBody:
        """Keep the machine's hands off an order while something is done with it by hand.

        Ask again, in the same words, until nothing is in flight; releasing the hold gives the order back.
        """
        return TakenBody.of(await board.take(order_id, doing=what.doing, reason=what.reason, actor=actor))

    @routes.post("/orders/{order_id}/label", tags=["labels"], responses=errors.REFUSED)
    async def ask_label(order_id: Id, why: Reason, actor: Actor) -> LabelInHandBody:
        """Have the order's label bought, if it may ship, and leave its post to the caller.

        Repeated, it answers with the same label.
        """
        return LabelInHandBody.of(await board.ask_label(order_id, reason=why.reason, actor=actor))


def _on_shipments(routes: APIRouter, board: Board, token_auth: TokenAuth) -> None:
    Actor = Annotated[str, Depends(token_auth)]  # noqa: N806 - a type

    @routes.post("/shipments/{shipment_id}/adopt", tags=["shipments"], responses=ANSWERS)
    async def adopt_label(shipment_id: Id, found: Adoption, actor: Actor) -> ShipmentBody:
        """Say which label was bought for a shipment whose purchase nobody could tell the end of."""
        return ShipmentBody.of(
            await board.adopt_label(shipment_id, found.label(), reason=found.reason, actor=actor)
        )

    @routes.post("/shipments/{shipment_id}/not-bought", tags=["shipments"], responses=ANSWERS)
    async def not_bought(shipment_id: Id, why: Reason, actor: Actor) -> ShipmentBody:
        """Say that no label was bought for such a shipment: a new one will be."""
        return ShipmentBody.of(await board.not_bought(shipment_id, reason=why.reason, actor=actor))

    @routes.post("/shipments/{shipment_id}/holds", tags=["holds"], status_code=201, responses=ANSWERS)
    async def hold_shipment(shipment_id: Id, why: Reason, actor: Actor) -> HoldBody:
        """Stop one shipment until a person releases the hold."""
        return HoldBody.of(await board.hold_shipment(shipment_id, reason=why.reason, actor=actor))

    @routes.post("/shipments/{shipment_id}/release", tags=["shipments"], responses=ANSWERS)
    async def release_shipment(shipment_id: Id, why: Reason, actor: Actor) -> ShipmentBody:
        """Release every hold that a person placed on a shipment or its order."""
        return ShipmentBody.of(
            await board.release_shipment(shipment_id, reason=why.reason, actor=actor, ship=False)
        )

    @routes.post("/shipments/{shipment_id}/ship", tags=["shipments"], responses=ANSWERS)
    async def ship(shipment_id: Id, why: Reason, actor: Actor) -> ShipmentBody:
        """Ship it now: what a person may set aside is set aside; anything else is refused with the reason."""
        return ShipmentBody.of(
            await board.release_shipment(shipment_id, reason=why.reason, actor=actor, ship=True)
        )

    @routes.post("/shipments/{shipment_id}/void", tags=["shipments"], responses=ANSWERS)
    async def void(shipment_id: Id, what: Voiding, actor: Actor) -> ShipmentBody:
        """Ask for the money of a label back that the store does not know yet."""
        return ShipmentBody.of(
            await board.ask_void(shipment_id, reason=what.reason, actor=actor, again=what.again)
        )

    @routes.post("/shipments/{shipment_id}/mark-shipped", tags=["shipments"], responses=ANSWERS)
    async def mark_shipped(shipment_id: Id, sent: Sent, actor: Actor) -> ShipmentBody:
        """Say that the parcel was sent off by hand: its number is posted to the store, nothing is bought."""
        return ShipmentBody.of(
            await board.mark_shipped(shipment_id, sent.parcel(), reason=sent.reason, actor=actor)
        )


def _on_the_house(routes: APIRouter, board: Board, token_auth: TokenAuth) -> None:
    Actor = Annotated[str, Depends(token_auth)]  # noqa: N806 - a type

    @routes.post("/pause", tags=["status"])
    async def pause(why: Reason, actor: Actor) -> StatusBody:
        """Buy and post nothing until somebody resumes; events are still taken."""
        return StatusBody.of(await board.pause(reason=why.reason, actor=actor))

    @routes.post("/resume", tags=["status"], responses=errors.REFUSED)
    async def resume(why: Reason, actor: Actor) -> StatusBody:
        """Buy and post again; what waited is due at once."""
        return StatusBody.of(await board.resume(reason=why.reason, actor=actor))

    @routes.post("/events/{event_id}/replay", tags=["events"], responses=ANSWERS)
    async def replay_event(event_id: Id, why: Reason, actor: Actor) -> EventBody:
        """Look at the event's order again, now."""
        return EventBody.of(await board.replay_event(event_id, reason=why.reason, actor=actor))
