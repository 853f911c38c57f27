"""The reconciliation after a restore of the ledger: show it, and continue."""

# No `from __future__ import annotations` here: FastAPI could not resolve the annotations that name TokenAuth.

from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from packhouse.api import errors
from packhouse.api.auth import TokenAuth
from packhouse.api.requests import Reason
from packhouse.api.schemas import EntryBody
from packhouse.operations import Operations
from packhouse.operations.reconciliation_operations import ReconciliationReport


class ReconciliationBody(BaseModel):
    """A reconciliation. Times are seconds since 1970 UTC, null where no restore was noticed."""

    state: Literal["none", "checking", "active", "done"] = Field(
        description="checking: the provider accounts are asked. active: nothing is bought or posted."
    )
    why: str = Field(description="By what the restore was noticed.")
    noticed_at: float | None
    known_until: float | None = Field(description="The last entry of the restored ledger.")
    open_points: list[str] = Field(description="What does not add up yet.")
    entries: list[EntryBody] = Field(description="What was found since, oldest first.")

    @classmethod
    def of(cls, report: ReconciliationReport) -> Self:
        """Build it from the report."""
        return cls.model_validate(
            {
                "state": report.state,
                "why": report.why,
                "noticed_at": report.noticed_at,
                "known_until": report.known_until,
                "open_points": list(report.open_points),
                "entries": [EntryBody.of(entry) for entry in report.entries],
            }
        )


def add(routes: APIRouter, operations: Operations, token_auth: TokenAuth) -> None:
    """Add the routes of the reconciliation."""
    Actor = Annotated[str, Depends(token_auth)]  # noqa: N806 - a type

    @routes.get("/reconciliation", tags=["status"])
    async def get_reconciliation() -> ReconciliationBody:
        """Get what was found after a restore of the ledger, and what does not add up yet."""
        return ReconciliationBody.of(await operations.reconciliation.report())

    @routes.post("/reconciliation/accept", tags=["status"], responses=errors.REFUSED)
    async def accept_reconciliation(body: Reason, actor: Actor) -> ReconciliationBody:
        """Buy and post again, although not everything adds up."""
        return ReconciliationBody.of(await operations.reconciliation.accept(reason=body.reason, actor=actor))
