"""The HTTP server's ASGI app: the webhook endpoint first, FastAPI for everything else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Response
from fastapi.routing import APIRoute

from packhouse.api import errors, health
from packhouse.api.asgi import ASGIApp, Message, Receive, Scope, Send
from packhouse.api.auth import TokenAuth
from packhouse.api.health import HealthSource
from packhouse.api.methods import SharedMethods
from packhouse.api.routes import events, holds, labels, orders, shipments, status
from packhouse.api.webhooks import PATHS, Inbox, WebhookEndpoint, has_signature, is_webhook_path
from packhouse.clock import Clock
from packhouse.config.http_server import HttpSettings
from packhouse.config.sections import OperatorSettings, WebhookSettings
from packhouse.errors import LedgerError
from packhouse.operations import Operations
from packhouse.operations.queries import Queries
from packhouse.telemetry.metrics import CONTENT_TYPE, Metrics

# A body of the operator API is little more than a reason; webhooks have their own, larger limit.
_OPERATOR_BODY_BYTES = 64 << 10

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def build_api(
    *,
    operations: Operations,
    inbox: Inbox,
    health_source: HealthSource,
    metrics: Metrics,
    clock: Clock,
    webhook: WebhookSettings,
    operators: OperatorSettings,
    version: str,
    http: HttpSettings | None = None,
    lifespan: Lifespan | None = None,
) -> ASGIApp:
    """Build the ASGI app."""
    http = http or HttpSettings()
    api = FastAPI(
        title="Packhouse",
        version=version,
        summary="See what Packhouse does, and step in.",
        openapi_url="/api/v1/openapi.json",
        docs_url="/docs" if http.docs else None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        lifespan=lifespan,
    )
    errors.install(api)
    webhook_endpoint = WebhookEndpoint(
        secrets=_secrets(webhook),
        tolerance_s=webhook.tolerance_s,
        inbox=inbox,
        metrics=metrics,
        clock=clock,
        deadline_s=http.body_timeout_s,
    )

    api.include_router(health.router(health_source, extra_checks=webhook_endpoint.checks))
    api.include_router(_metrics_route(operations.queries, metrics))
    api.include_router(operator_routes(operations, TokenAuth(operators.names_by_token())))
    routed = SharedMethods(api, api.routes)

    async def asgi_app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await api(scope, receive, send)
        elif scope["path"] in PATHS or is_webhook_path(scope["path"]):
            await webhook_endpoint(scope, receive, send)
        elif scope["method"] == "POST" and has_signature(scope):
            await webhook_endpoint.refuse_misdirected(scope, receive, send)
        else:
            await routed(scope, _bounded(receive, http.body_timeout_s), send)

    return asgi_app


def operator_routes(operations: Operations, token_auth: TokenAuth) -> APIRouter:
    """All routes under /api/v1; each needs a token."""
    routes = APIRouter(prefix="/api/v1", dependencies=[Depends(token_auth)], responses=errors.RESPONSES)
    for resource in (status, orders, shipments, holds, labels, events):
        resource.add(routes, operations, token_auth)
    return routes


def _secrets(webhook: WebhookSettings) -> Sequence[bytes]:
    return [secret.get_secret_value().encode() for secret in webhook.secrets if secret.get_secret_value()]


def _bounded(receive: Receive, body_timeout_s: float) -> Receive:
    """Stop reading a body that is too long or too slow; FastAPI itself waits for it without end."""
    received = 0
    is_complete = False
    until = asyncio.get_running_loop().time() + body_timeout_s

    async def bounded() -> Message:
        nonlocal received, is_complete
        if is_complete:
            # The next message is that the client has left, for which there is no deadline.
            return await receive()
        try:
            async with asyncio.timeout_at(until):
                message = await receive()
        except TimeoutError:
            raise HTTPException(
                408,
                f"The body was not complete within {body_timeout_s:g} seconds.",
                headers={"connection": "close"},
            ) from None
        received += len(message.get("body", b""))
        if received > _OPERATOR_BODY_BYTES:
            raise HTTPException(413, f"The body is larger than {_OPERATOR_BODY_BYTES} bytes.")
        is_complete = not message.get("more_body")
        return message

    return bounded


def _operation_id(route: APIRoute) -> str:
    return route.name


def _metrics_route(queries: Queries, metrics: Metrics) -> APIRouter:
    routes = APIRouter(tags=["metrics"])

    @routes.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def scrape() -> Response:
        """Metrics for Prometheus. Without the ledger they are still returned, with packhouse_ledger_up 0."""
        try:
            metrics.set_counts(await queries.counts())
        except LedgerError:
            metrics.ledger_is_down()
        return Response(metrics.render(), media_type=CONTENT_TYPE)

    return routes
