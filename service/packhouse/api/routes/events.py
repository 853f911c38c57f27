"""Received webhook events: list, read, replay."""

# No `from __future__ import annotations` here: FastAPI could not resolve the annotations that name TokenAuth.

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import AfterValidator

from packhouse.api import errors
from packhouse.api.auth import TokenAuth
from packhouse.api.requests import Reason
from packhouse.api.routes.parameters import REFUSALS, Id, Limit
from packhouse.api.schemas import EventBody, EventsBody
from packhouse.api.texts import optional_identifier
from packhouse.operations import Operations


def add(routes: APIRouter, operations: Operations, token_auth: TokenAuth) -> None:
    """Add the routes of events."""
    Actor = Annotated[str, Depends(token_auth)]  # noqa: N806 - a type

    @routes.get("/events", tags=["events"])
    async def list_events(
        order_id: Annotated[str, Query(max_length=300), AfterValidator(optional_identifier)] = "",
        outcome: Literal["", "accepted", "ignored", "unreadable"] = "",
        limit: Limit = 50,
        before: Annotated[
            float | None, Query(allow_inf_nan=False, description="`next` of the previous page.")
        ] = None,
    ) -> EventsBody:
        """List webhook events, newest first."""
        records = await operations.queries.events(
            order_id=order_id, outcome=outcome, limit=limit, before=before
        )
        return EventsBody(
            events=[EventBody.of(record) for record in records],
            next=records[-1].received_at if len(records) == limit else None,
        )

    @routes.get("/events/{event_id}", tags=["events"], responses=errors.NOT_FOUND)
    async def get_event(event_id: Id) -> EventBody:
        """Get one webhook event."""
        return EventBody.of(await operations.queries.event(event_id))

    @routes.post("/events/{event_id}/replay", tags=["events"], responses=REFUSALS)
    async def replay_event(event_id: Id, body: Reason, actor: Actor) -> EventBody:
        """Process the event's order again, now."""
        return EventBody.of(await operations.events.replay(event_id, reason=body.reason, actor=actor))
