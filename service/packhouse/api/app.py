"""The HTTP server's ASGI app: the webhook endpoint first, FastAPI for everything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from fastapi import APIRouter, Depends, FastAPI, Response
from fastapi.routing import APIRoute

from packhouse.api import errors, health
from packhouse.api.addresses import AddressGroups
from packhouse.api.asgi import ASGIApp, Receive, Scope, Send
from packhouse.api.auth import TokenAuth
from packhouse.api.bodies import bounded, without_body
from packhouse.api.health import HealthSource
from packhouse.api.methods import SharedMethods
from packhouse.api.routes import events, holds, labels, orders, reconciliation, shipments, status
from packhouse.api.shared_call import SharedCall
from packhouse.api.sparse_log import SparseLog
from packhouse.api.token_failures import TokenFailures
from packhouse.api.webhooks import PATHS, Inbox, WebhookEndpoint, has_signature, is_webhook_path
from packhouse.clock import Clock
from packhouse.config.http_server import HttpSettings
from packhouse.config.sections import OperatorSettings, WebhookSettings
from packhouse.errors import LedgerError
from packhouse.operations import Operations
from packhouse.operations.queries import Queries
from packhouse.telemetry.logs import logger
from packhouse.telemetry.metrics import CONTENT_TYPE, Metrics

# A body of the operator API is little more than a reason; webhooks have their own, larger limit.
_OPERATOR_BODY_BYTES = 64 << 10

_log = logger("packhouse.api")

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
    groups = AddressGroups(http.trusted_proxies)
    on_failure = _failure_log(metrics, clock)
    token_auth = TokenAuth(operators.names_by_token(), TokenFailures(clock), groups, on_failure)
    api.include_router(operator_routes(operations, token_auth))
    routed = SharedMethods(api, api.routes)

    async def asgi_app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await api(scope, receive, send)
        elif scope["path"] in PATHS or is_webhook_path(scope["path"]):
            await webhook_endpoint(scope, receive, send)
        elif scope["method"] == "POST" and has_signature(scope):
            await webhook_endpoint.refuse_misdirected(scope, receive, send)
        elif scope["path"].startswith("/api/") and await token_auth.is_known(scope):
            await routed(scope, bounded(receive, _OPERATOR_BODY_BYTES, http.body_timeout_s), send)
        else:
            # FastAPI would wait for a body before it looks at the token.
            await routed(scope, without_body(receive), send)

    return asgi_app


def operator_routes(operations: Operations, token_auth: TokenAuth) -> APIRouter:
    """All routes under /api/v1; each needs a token."""
    routes = APIRouter(prefix="/api/v1", dependencies=[Depends(token_auth)], responses=errors.RESPONSES)
    for resource in (status, reconciliation, orders, shipments, holds, labels, events):
        resource.add(routes, operations, token_auth)
    return routes


def _secrets(webhook: WebhookSettings) -> Sequence[bytes]:
    return [secret.get_secret_value().encode() for secret in webhook.secrets if secret.get_secret_value()]


def _failure_log(metrics: Metrics, clock: Clock) -> Callable[[str, str], None]:
    """Counts failed tokens, and logs them at most once a second."""
    lines = SparseLog(clock)

    def on_failure(outcome: str, client: str) -> None:
        metrics.token_failure(outcome)
        if count := lines.due(outcome):
            _log.warning("token refused", action="refuse", outcome=outcome, client=client, count=count)

    return on_failure


def _operation_id(route: APIRoute) -> str:
    return route.name


def _metrics_route(queries: Queries, metrics: Metrics) -> APIRouter:
    routes = APIRouter(tags=["metrics"])
    counts = SharedCall(queries.counts)

    @routes.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def scrape() -> Response:
        """Metrics for Prometheus. Without the ledger they are still returned, with packhouse_ledger_up 0."""
        try:
            metrics.set_counts(await counts())
        except LedgerError:
            metrics.ledger_is_down()
        return Response(metrics.render(), media_type=CONTENT_TYPE)

    return routes
