"""/livez, /readyz and its alias /healthz: whether the process is alive, and whether it may be given work.

The status code is the result (200 or 503); the body names each check, as application/health+json does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from packhouse.api.shared_call import SharedCall
from packhouse.errors import LedgerError
from packhouse.model.health import Check, Level
from packhouse.telemetry.redaction import Redactor

# Longer than a healthy check takes, shorter than an orchestrator waits.
_TIMEOUT_S = 3.0


class HealthSource(Protocol):
    """Runs the checks that readiness depends on."""

    async def checks(self) -> Sequence[Check]:
        """Check everything within a second or so."""


class _Result(BaseModel):
    """The result of one check; `output` is the reason, if there is one."""

    status: Level
    output: str = ""


class HealthBody(BaseModel):
    """The worst level of all checks, and each check by name."""

    status: Level
    checks: dict[str, list[_Result]] = {}


class _HealthResponse(JSONResponse):
    media_type = "application/health+json"


# An error of a provider or a database may quote a secret.
_REDACTOR = Redactor()

_UNREADY: dict[int | str, dict[str, Any]] = {
    503: {"model": HealthBody, "description": "At least one check fails; its output says why."}
}


def router(
    source: HealthSource,
    timeout_s: float = _TIMEOUT_S,
    extra_checks: Callable[[], Sequence[Check]] = tuple,
) -> APIRouter:
    """The three routes. They need no token, as orchestrators call them, so reasons are redacted.

    `extra_checks` are those of the API itself.
    """
    checks_of_source = SharedCall(lambda: source.checks())  # noqa: PLW0108 - docs/generate.py gives no source
    routes = APIRouter(tags=["health"], default_response_class=_HealthResponse)

    @routes.get("/livez", response_model=HealthBody)
    async def livez() -> Response:
        """Whether the process responds. Nothing else is checked: on a failure, restart the process."""
        return _response([])

    @routes.get("/healthz", include_in_schema=False)
    @routes.get("/readyz", response_model=HealthBody, responses=_UNREADY)
    async def readyz() -> Response:
        """Whether the process can take work; 503 with a reason for each check that fails."""
        try:
            async with asyncio.timeout(timeout_s):
                checks = [*await checks_of_source(), *extra_checks()]
        except TimeoutError:
            checks = [Check("checks", Level.FAIL, f"not finished within {timeout_s:g} seconds")]
        except LedgerError as error:
            checks = [Check("ledger", Level.FAIL, str(error))]
        return _response(checks)

    return routes


def _response(checks: Sequence[Check]) -> Response:
    levels = [check.level for check in checks]
    worst = max(levels, key=list(Level).index, default=Level.PASS)
    body = HealthBody(
        status=worst,
        checks={
            check.name: [_Result(status=check.level, output=_REDACTOR.text(check.reason))] for check in checks
        },
    )
    status = 503 if worst is Level.FAIL else 200
    return _HealthResponse(
        body.model_dump(mode="json"), status_code=status, headers={"cache-control": "no-store"}
    )
