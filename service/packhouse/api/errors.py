"""Every error of the operator API as `{"error": {"code", "message"}}`, with nothing of our inside in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from packhouse.errors import LedgerError, OperationRefused, RecordNotFound

_CODES = {
    400: "invalid_request",
    401: "unauthorized",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    503: "unavailable",
}


class FaultDetail(BaseModel):
    """One part of the request that is wrong; its value is not repeated."""

    path: str
    message: str


class Fault(BaseModel):
    """What is wrong, for programs (`code`) and people (`message`); `details` names the fields, for 400."""

    code: str
    message: str
    details: list[FaultDetail] = []


class ErrorBody(BaseModel):
    """The body of every answer that is not 2xx."""

    error: Fault


# "default" also keeps FastAPI from describing its own 422, which is never sent.
RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "The request is malformed; `details` names the fields."},
    401: {"model": ErrorBody, "description": "The bearer token is missing or wrong."},
    "default": {"model": ErrorBody, "description": "Anything else that went wrong."},
}
NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": ErrorBody, "description": "There is no such record."}
}
REFUSED: dict[int | str, dict[str, Any]] = {
    409: {"model": ErrorBody, "description": "The present state does not allow it."}
}


def answer(
    status: int,
    message: str,
    *,
    code: str = "",
    details: Sequence[FaultDetail] = (),
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """An error's answer."""
    fault = Fault(code=code or _CODES.get(status, "error"), message=message, details=list(details))
    body = ErrorBody(error=fault).model_dump(exclude_defaults=True)
    return JSONResponse(body, status_code=status, headers=headers)


def install(app: FastAPI) -> None:
    """Teach the app to translate our errors, and its own."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(LedgerError, _ledger)
    app.add_exception_handler(Exception, _unexpected)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    details = [
        FaultDetail(path=".".join(str(part) for part in problem["loc"]), message=problem["msg"])
        for problem in error.errors()
    ]
    message = "; ".join(f"{detail.path}: {detail.message}" for detail in details)
    return answer(400, message, details=details)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return answer(error.status_code, error.detail, headers=dict(error.headers or {}))


async def _ledger(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, RecordNotFound):
        return answer(404, str(error))
    if isinstance(error, OperationRefused):
        return answer(409, str(error))
    return answer(503, str(error), headers={"retry-after": "5"})


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    """The server logs the traceback, as the error is raised again after this answer is sent."""
    return answer(500, "Something broke inside Packhouse; its log has the details.", code="internal")
