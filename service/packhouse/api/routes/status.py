"""The daemon as a whole: status, journal, pause, resume."""

# No `from __future__ import annotations` here: FastAPI could not resolve the annotations that name TokenAuth.

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from packhouse.api import errors
from packhouse.api.auth import TokenAuth
from packhouse.api.requests import Reason
from packhouse.api.routes.parameters import Limit
from packhouse.api.schemas import EntryBody, JournalBody
from packhouse.api.status_schemas import StatusBody
from packhouse.operations import Operations

EntryId = Annotated[
    int | None, Query(ge=0, le=2**63 - 1, description="Only later entries; unset: the newest.")
]


def add(routes: APIRouter, operations: Operations, token_auth: TokenAuth) -> None:
    """Add the routes of the daemon."""
    Actor = Annotated[str, Depends(token_auth)]  # noqa: N806 - a type

    @routes.get("/status", tags=["status"])
    async def get_status() -> StatusBody:
        """Get the daemon's state: counts, money spent, whether it is paused."""
        return StatusBody.of(await operations.queries.status())

    @routes.get("/journal", tags=["journal"])
    async def list_journal(after: EntryId = None, limit: Limit = 100) -> JournalBody:
        """List the newest journal entries of all orders. `after=next` lists only later ones."""
        entries = await operations.queries.journal(after=after, limit=limit)
        return JournalBody(
            entries=[EntryBody.of(entry) for entry in entries], next=entries[-1].id if entries else after
        )

    @routes.post("/pause", tags=["status"])
    async def pause(body: Reason, actor: Actor) -> StatusBody:
        """Stop buying and posting until an operator resumes. Webhooks are still accepted."""
        return StatusBody.of(await operations.daemon.pause(reason=body.reason, actor=actor))

    @routes.post("/resume", tags=["status"], responses=errors.REFUSED)
    async def resume(body: Reason, actor: Actor) -> StatusBody:
        """Buy and post again. Orders that waited are due at once."""
        return StatusBody.of(await operations.daemon.resume(reason=body.reason, actor=actor))
