"""The webhook endpoint, `POST /webhooks/aly`: plain ASGI in front of FastAPI, as it is the busiest route.

A request is verified, its event is recorded, and 200 is sent only when the event is on disk. A response
repeats nothing of the request, since the store logs responses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from packhouse.api.asgi import (
    BodyReader,
    Disconnected,
    PreparedResponse,
    Receive,
    Scope,
    Send,
    TooLarge,
    TooMany,
    TooSlow,
)
from packhouse.clock import Clock
from packhouse.errors import LedgerError
from packhouse.model.event import Event
from packhouse.store.event import UnreadableEvent, read_event
from packhouse.store.signature import SignatureVerdict, verify
from packhouse.telemetry.logs import logger
from packhouse.telemetry.metrics import Metrics

PATHS = frozenset({"/webhooks/aly", "/aly/webhooks"})

Receipt = Literal["accepted", "duplicate", "ignored"]

_LIMIT_BYTES = 1 << 20
_DEADLINE_S = 10.0
_BUDGET_BYTES = 64 << 20
_MAX_IN_PROGRESS = 1000
_LOG_INTERVAL_S = 1.0

_OK = PreparedResponse(200, "ok")
_METHOD = PreparedResponse(405, "only POST", allow="POST")
_CLOSED = PreparedResponse(503, "closed: no signing secret is set", retry_after="300")
_BUSY = PreparedResponse(503, "busy", retry_after="5", connection="close")
_LEDGER = PreparedResponse(503, "cannot be recorded now", retry_after="15")
_LARGE = PreparedResponse(413, "too large", connection="close")
_SLOW = PreparedResponse(408, "too slow", connection="close")
_UNREADABLE = PreparedResponse(400, "unreadable event")
_FAILED = PreparedResponse(500, "failed")
_REFUSED = {
    SignatureVerdict.MISSING: PreparedResponse(400, "signature missing"),
    SignatureVerdict.MALFORMED: PreparedResponse(400, "signature malformed"),
    SignatureVerdict.STALE: PreparedResponse(400, "signature stale"),
    SignatureVerdict.WRONG: PreparedResponse(401, "signature wrong"),
}

# Metrics count webhooks whose type is not verified under this family.
_UNVERIFIED = "unverified"

_log = logger("packhouse.api.webhooks")


class Inbox(Protocol):
    """Records verified webhooks. Both methods return only when the record is on disk.

    They raise LedgerUnavailable when it cannot be written now; the response is then 503, and the store sends
    the webhook again.
    """

    async def receive(self, event: Event) -> Receipt:
        """Record an event and wake its order. "ignored": recorded, but of a type that wakes no order."""

    async def keep_dead_letter(self, body: bytes, reason: str) -> None:
        """Record a body with a valid signature that is no event."""


class WebhookEndpoint:
    """Verifies webhooks and passes their events to the inbox. Without a secret it is closed, never open."""

    def __init__(
        self,
        *,
        secrets: Sequence[bytes],
        tolerance_s: float,
        inbox: Inbox,
        metrics: Metrics,
        clock: Clock,
        deadline_s: float = _DEADLINE_S,
        max_in_progress: int = _MAX_IN_PROGRESS,
        budget_bytes: int = _BUDGET_BYTES,
    ) -> None:
        self._secrets = tuple(secrets)
        self._tolerance_s = tolerance_s
        self._inbox = inbox
        self._metrics = metrics
        self._clock = clock
        self._bodies = BodyReader(limit_bytes=_LIMIT_BYTES, deadline_s=deadline_s, budget_bytes=budget_bytes)
        self._max_in_progress = max_in_progress
        self._in_progress = 0
        self._unlogged: dict[str, int] = {}
        self._logged_at: dict[str, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request to one of `PATHS`."""
        if scope["method"] != "POST":
            response: PreparedResponse | None = self._refuse("method", _METHOD)
        elif not self._secrets:
            response = self._refuse("closed", _CLOSED)
        elif self._in_progress >= self._max_in_progress:
            response = self._refuse("busy", _BUSY)
        else:
            self._in_progress += 1
            try:
                response = await self._respond(scope, receive)
            except LedgerError as error:
                _log.error("webhook not recorded", action="receive", error=str(error))
                response = self._refuse("ledger_down", _LEDGER)
            except Exception:  # noqa: BLE001 - the edge: after any error the store must send it again
                _log.exception("webhook failed", action="receive")
                response = self._refuse("failed", _FAILED)
            finally:
                self._in_progress -= 1
        if response is not None:
            await response.send(send)

    async def _respond(self, scope: Scope, receive: Receive) -> PreparedResponse | None:
        """Read, verify and record. None if the client has closed the connection."""
        try:
            body = await self._bodies.read(receive)
        except TooLarge:
            return self._refuse("too_large", _LARGE)
        except TooSlow:
            return self._refuse("too_slow", _SLOW)
        except TooMany:
            return self._refuse("busy", _BUSY)
        except Disconnected:
            self._refuse("disconnected", _SLOW)
            return None
        decision = verify(_signature(scope), body, self._secrets, self._clock.now(), self._tolerance_s)
        if decision is not SignatureVerdict.OK:
            return self._refuse(f"signature_{decision.value.lower()}", _REFUSED[decision])
        try:
            event = read_event(body)
        except UnreadableEvent as error:
            await self._inbox.keep_dead_letter(body, str(error))
            return self._refuse("unreadable", _UNREADABLE)
        receipt = await self._inbox.receive(event)
        self._metrics.event(event.type, receipt)
        return _OK

    def _refuse(self, outcome: str, response: PreparedResponse) -> PreparedResponse:
        """Count a refusal, and log it at most once a second per kind: a flood must not fill the log."""
        self._metrics.event(_UNVERIFIED, outcome)
        count = self._unlogged.get(outcome, 0) + 1
        now = self._clock.monotonic()
        if now - self._logged_at.get(outcome, -_LOG_INTERVAL_S) < _LOG_INTERVAL_S:
            self._unlogged[outcome] = count
            return response
        self._logged_at[outcome] = now
        self._unlogged[outcome] = 0
        _log.warning("webhook refused", action="refuse", outcome=outcome, status=response.status, count=count)
        return response


def _signature(scope: Scope) -> bytes | None:
    """The signature header. HTTP joins two headers with a comma, which is no valid signature."""
    found = [value for name, value in scope["headers"] if name == b"x-aly-signature"]
    return b",".join(found) if found else None
