"""Every error of the operator API as `{"error": {"code", "message", "what_to_do"}}`, without internals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from packhouse.api.methods import allowed
from packhouse.errors import LedgerError, OperationRefused, RecordNotFound, ValueRejected

# The detail of Starlette's own 404, where no route matches.
_NO_ROUTE = "Not Found"
_PATHS = (
    "The operator API is under /api/v1 (described at /api/v1/openapi.json), the store's webhooks go to "
    "POST /webhooks/aly, and health and metrics are at /livez, /readyz and /metrics."
)

_CODES = {
    400: "invalid_request",
    401: "unauthorized",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    413: "too_large",
    429: "too_many_failures",
    503: "unavailable",
}


class FieldError(BaseModel):
    """One invalid part of the request; its value is not repeated."""

    path: str
    message: str


class Error(BaseModel):
    """What is wrong, for programs (`code`) and people (`message`).

    `what_to_do` is the next step of a refused operation, `details` names the fields of an invalid request.
    """

    code: str
    message: str
    what_to_do: str = ""
    details: list[FieldError] = []


class ErrorBody(BaseModel):
    """The body of every response that is not 2xx."""

    error: Error


# "default" also keeps FastAPI from describing its own 422, which is never sent.
RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "The request is invalid; `details` names the fields."},
    401: {"model": ErrorBody, "description": "The bearer token is missing or unknown."},
    "default": {"model": ErrorBody, "description": "Any other error."},
}
NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": ErrorBody, "description": "The ledger has no such record."}
}
REFUSED: dict[int | str, dict[str, Any]] = {
    409: {
        "model": ErrorBody,
        "description": "The present state does not allow the operation; `code` and `what_to_do` say more.",
    }
}


def error_response(
    status: int,
    message: str,
    *,
    code: str = "",
    what_to_do: str = "",
    details: Sequence[FieldError] = (),
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """The response for an error; the code is that of the status unless it is given."""
    error = Error(
        code=code or _CODES.get(status, "error"),
        message=message,
        what_to_do=what_to_do,
        details=list(details),
    )
    body = ErrorBody(error=error).model_dump(exclude_defaults=True)
    return JSONResponse(body, status_code=status, headers=headers)


def install(app: FastAPI) -> None:
    """Make the app translate Packhouse's errors, and FastAPI's own."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(LedgerError, _ledger)
    app.add_exception_handler(Exception, _unexpected)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    details = [
        FieldError(path=".".join(str(part) for part in problem["loc"]), message=problem["msg"])
        for problem in error.errors()
    ]
    message = "; ".join(f"{detail.path}: {detail.message}" for detail in details)
    return error_response(400, message, details=details)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        methods = allowed(request.app.routes, request.scope)
        return error_response(
            405,
            f"{request.method} is not possible here.",
            what_to_do=f"This path allows {methods}.",
            headers={"allow": methods},
        )
    if error.status_code == 404 and error.detail == _NO_ROUTE:
        return error_response(404, "This path does not exist.", what_to_do=_PATHS)
    return error_response(error.status_code, error.detail, headers=headers)


async def _ledger(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, RecordNotFound):
        return error_response(404, str(error))
    if isinstance(error, OperationRefused):
        if error.code == "invalid_cursor":
            return error_response(400, error.sentence, code=error.code, what_to_do=error.what_to_do)
        return error_response(409, error.sentence, code=error.code, what_to_do=error.what_to_do)
    if isinstance(error, ValueRejected):
        return error_response(400, str(error))
    return error_response(503, str(error), headers={"retry-after": "5"})


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    """The server logs the traceback, as the error is raised again after this response is sent."""
    return error_response(500, "Unexpected error in Packhouse. The log has the details.", code="internal")
