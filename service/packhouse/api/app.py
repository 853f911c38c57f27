"""The whole HTTP surface as one ASGI app: the hot route first, FastAPI for everything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from fastapi import APIRouter, FastAPI, HTTPException, Response
from fastapi.routing import APIRoute

from packhouse.api import errors, health
from packhouse.api.asgi import ASGIApp, Message, Receive, Scope, Send
from packhouse.api.auth import TokenAuth
from packhouse.api.board import Board
from packhouse.api.health import HealthSource
from packhouse.api.routes import queries
from packhouse.api.webhooks import PATHS, Inbox, WebhookEndpoint
from packhouse.clock import Clock
from packhouse.config.settings import OperatorSettings, WebhookSettings
from packhouse.errors import LedgerError
from packhouse.telemetry.metrics import CONTENT_TYPE, Metrics

# Bodies of the operator API are a reason each; deliveries have their own, larger bound.
_OPERATOR_BODY_BYTES = 64 << 10

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def build_api(
    *,
    board: Board,
    inbox: Inbox,
    health_source: HealthSource,
    metrics: Metrics,
    clock: Clock,
    webhook: WebhookSettings,
    operators: OperatorSettings,
    version: str,
    docs: bool = False,
    lifespan: Lifespan | None = None,
) -> ASGIApp:
    """Put the surface together. `docs` adds a page at /docs that draws the OpenAPI description."""
    api = FastAPI(
        title="Packhouse",
        version=version,
        summary="Looks into the packhouse, and lets a person step in.",
        openapi_url="/api/v1/openapi.json",
        docs_url="/docs" if docs else None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        lifespan=lifespan,
    )
    errors.install(api)
    api.include_router(health.router(health_source))
    api.include_router(_scrape(board, metrics))
    api.include_router(queries.router(board, TokenAuth(operators.names_by_token())))
    hooks = WebhookEndpoint(
        secrets=_keys(webhook),
        tolerance_s=webhook.tolerance_s,
        inbox=inbox,
        metrics=metrics,
        clock=clock,
    )

    async def surface(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] in PATHS:
            await hooks(scope, receive, send)
        else:
            await api(scope, _bounded(receive), send)

    return surface


def _keys(webhook: WebhookSettings) -> Sequence[bytes]:
    return [secret.get_secret_value().encode() for secret in webhook.secrets if secret.get_secret_value()]


def _bounded(receive: Receive) -> Receive:
    """Stop reading a body that is too long; FastAPI's own limit would answer in another shape than ours."""
    received = 0

    async def bounded() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > _OPERATOR_BODY_BYTES:
            raise HTTPException(413, f"A body may have at most {_OPERATOR_BODY_BYTES} bytes.")
        return message

    return bounded


def _operation_id(route: APIRoute) -> str:
    return route.name


def _scrape(board: Board, metrics: Metrics) -> APIRouter:
    routes = APIRouter(tags=["metrics"])

    @routes.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def scrape() -> Response:
        """Numbers for Prometheus. They are answered even when the ledger does not, and say so."""
        try:
            metrics.set_counts(await board.counts())
        except LedgerError:
            metrics.ledger_is_down()
        return Response(metrics.render(), media_type=CONTENT_TYPE)

    return routes
