"""/livez, /readyz and its alias /healthz: whether the loop turns, and whether this process may be given work.

The status code carries the truth (200 or 503); the body names each check, as application/health+json does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from packhouse.errors import LedgerError

# Longer than a healthy check takes, shorter than an orchestrator waits.
_PATIENCE_S = 3.0


class Level(StrEnum):
    """How a check came out. WARN is worth a look but takes no work away: intake must go on."""

    PASS = "pass"  # noqa: S105
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `reason` is a sentence without secrets: anybody may read it."""

    name: str
    level: Level
    reason: str = ""


class HealthSource(Protocol):
    """Who knows how the house is."""

    async def checks(self) -> Sequence[Check]:
        """Look at everything that readiness depends on, within a second or so."""


class _Result(BaseModel):
    """One check's outcome; `output` is the reason, where there is something to say."""

    status: Level
    output: str = ""


class HealthBody(BaseModel):
    """The worst level of all checks, and each by name."""

    status: Level
    checks: dict[str, list[_Result]] = {}


class _HealthAnswer(JSONResponse):
    media_type = "application/health+json"


_UNREADY: dict[int | str, dict[str, Any]] = {
    503: {"model": HealthBody, "description": "At least one check fails; its output says why."}
}


def router(source: HealthSource, patience_s: float = _PATIENCE_S) -> APIRouter:
    """The three routes, without authentication: orchestrators ask them."""
    routes = APIRouter(tags=["health"], default_response_class=_HealthAnswer)

    @routes.get("/livez", response_model=HealthBody)
    async def livez() -> Response:
        """An answer means that the loop turns; nothing else is looked at, so that a restart can help."""
        return _answer([])

    @routes.get("/healthz", include_in_schema=False)
    @routes.get("/readyz", response_model=HealthBody, responses=_UNREADY)
    async def readyz() -> Response:
        """Whether this process may be given work; 503 with a reason for each check that fails."""
        try:
            async with asyncio.timeout(patience_s):
                checks = await source.checks()
        except TimeoutError:
            checks = [Check("checks", Level.FAIL, f"not finished within {patience_s:g} seconds")]
        except LedgerError as error:
            checks = [Check("ledger", Level.FAIL, str(error))]
        return _answer(checks)

    return routes


def _answer(checks: Sequence[Check]) -> Response:
    levels = [check.level for check in checks]
    worst = max(levels, key=list(Level).index, default=Level.PASS)
    body = HealthBody(
        status=worst,
        checks={check.name: [_Result(status=check.level, output=check.reason)] for check in checks},
    )
    status = 503 if worst is Level.FAIL else 200
    return _HealthAnswer(
        body.model_dump(mode="json"), status_code=status, headers={"cache-control": "no-store"}
    )
