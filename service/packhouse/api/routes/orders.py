"""Orders: list, read, journal, retry, take over."""

# No `from __future__ import annotations` here: FastAPI could not resolve the annotations that name TokenAuth.

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AfterValidator

from packhouse.api import errors
from packhouse.api.auth import TokenAuth
from packhouse.api.requests import Reason, TakeoverRequest
from packhouse.api.routes.parameters import REFUSALS, Id, Limit
from packhouse.api.schemas import (
    EntryBody,
    OrderBody,
    OrderBrief,
    OrderJournalBody,
    OrdersBody,
    TakeoverBody,
)
from packhouse.api.texts import one_line
from packhouse.model.states import OrderPhase
from packhouse.operations import Operations

After = Annotated[int, Query(ge=0, le=2**63 - 1, description="Only later entries.")]


def add(routes: APIRouter, operations: Operations, token_auth: TokenAuth) -> None:
    """Add the routes of orders."""
    Actor = Annotated[str, Depends(token_auth)]  # noqa: N806 - a type

    @routes.get("/orders", tags=["orders"])
    async def list_orders(
        phase: OrderPhase | None = None,
        limit: Limit = 50,
        after: Annotated[
            str, Query(max_length=350, description="`next` of the previous page."), AfterValidator(one_line)
        ] = "",
    ) -> OrdersBody:
        """List orders, last changed first."""
        page = await operations.queries.orders(phase=phase, limit=limit, after=after)
        return OrdersBody(orders=[OrderBrief.of(view) for view in page.orders], next=page.next or None)

    @routes.get("/orders/{order_id}", tags=["orders"], responses=errors.NOT_FOUND)
    async def get_order(order_id: Id) -> OrderBody:
        """Get one order with its shipments and holds."""
        return OrderBody.of(await operations.queries.order(order_id))

    @routes.get("/orders/{order_id}/journal", tags=["orders"], responses=errors.NOT_FOUND)
    async def get_order_journal(order_id: Id, after: After = 0, limit: Limit = 500) -> OrderJournalBody:
        """List the journal entries of an order, oldest first. `after=next` lists the following ones."""
        entries = await operations.queries.order_journal(order_id, after=after, limit=limit)
        return OrderJournalBody(
            order_id=order_id,
            entries=[EntryBody.of(entry) for entry in entries],
            next=entries[-1].id if len(entries) == limit else None,
        )

    @routes.post("/orders/{order_id}/retry", tags=["orders"], responses=REFUSALS)
    async def retry_order(order_id: Id, body: Reason, actor: Actor) -> OrderBody:
        """Process the order now. Its waiting time and its failures are forgotten."""
        return OrderBody.of(await operations.orders.retry(order_id, reason=body.reason, actor=actor))

    @routes.post("/orders/{order_id}/takeover", tags=["orders"], responses=errors.REFUSED)
    async def take_over_order(order_id: Id, body: TakeoverRequest, actor: Actor) -> TakeoverBody:
        """Keep Packhouse off an order while you work on it at the store.

        Repeat the request with the same purpose until nothing is in flight. Release the hold when you
        are done.
        """
        return TakeoverBody.of(
            await operations.orders.take_over(order_id, purpose=body.purpose, reason=body.reason, actor=actor)
        )
