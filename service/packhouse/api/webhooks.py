"""The webhook endpoint, `POST /webhooks/aly`: plain ASGI in front of FastAPI, as it is the busiest route.

A request is verified, its event is recorded, and 200 is sent only when the event is on disk. A response
repeats nothing of the request, since the store logs responses.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Literal, Protocol

from packhouse.api.asgi import PreparedResponse, Receive, Scope, Send, mark_proven
from packhouse.api.bodies import BodyReader, Disconnected, TooLarge, TooMany, TooSlow
from packhouse.api.sparse_log import SparseLog
from packhouse.clock import Clock
from packhouse.errors import LedgerError
from packhouse.model.event import Event
from packhouse.model.health import Check, Level
from packhouse.store.event import UnreadableEvent, read_event
from packhouse.store.signature import SignatureVerdict, verify, verify_header
from packhouse.telemetry.logs import logger
from packhouse.telemetry.metrics import Metrics

# The second one is the example path of the store's documentation, which people copy.
PATHS = frozenset({"/webhooks/aly", "/aly/webhooks"})

Receipt = Literal["accepted", "duplicate", "ignored"]

_LIMIT_BYTES = 1 << 20
_DEADLINE_S = 10.0
_BUDGET_BYTES = 64 << 20
_MAX_IN_PROGRESS = 1000

_OK = PreparedResponse(200, "ok")
_METHOD = PreparedResponse(405, "only POST: the store sends its webhooks here", allow="POST, OPTIONS")
_OPTIONS = PreparedResponse(204, "", allow="POST, OPTIONS")
_CLOSED = PreparedResponse(503, "closed: no signing secret is set", retry_after="300")
_BUSY = PreparedResponse(503, "busy", retry_after="5", connection="close")
_LEDGER = PreparedResponse(503, "cannot be recorded now", retry_after="15")
_LARGE = PreparedResponse(413, "too large: at most 1 MiB", connection="close")
# Without "close": the server reads on for a while, so that a client that still sends gets the response.
_LARGE_ANNOUNCED = PreparedResponse(413, "too large: at most 1 MiB")
_SLOW = PreparedResponse(408, "too slow", connection="close")
_EMPTY = PreparedResponse(400, "the body is empty: send the event as JSON, with a Content-Length")
_COMPRESSED = PreparedResponse(415, "the body is compressed: send it without Content-Encoding")
_MISDIRECTED = PreparedResponse(404, "not the webhook's path: send to /webhooks/aly")
_FAILED = PreparedResponse(500, "failed")
_REFUSED = {
    SignatureVerdict.MISSING: PreparedResponse(400, "signature missing: send X-Aly-Signature"),
    SignatureVerdict.MALFORMED: PreparedResponse(400, "signature malformed: it is t=SECONDS,v1=HEX"),
    SignatureVerdict.STALE: PreparedResponse(400, "signature stale: its time is too far from this clock's"),
    SignatureVerdict.WRONG: PreparedResponse(
        401, "signature wrong: check the secret, and that no proxy changes the body"
    ),
}
_NOT_SECONDS = PreparedResponse(400, "signature stale: its time is not in seconds")

# Metrics count webhooks whose type is not verified under this family.
_UNVERIFIED = "unverified"

_SLASHES = re.compile("/+")
_NO_SECONDS = re.compile(rb"\bt\s*=\s*[\"']?\d{12,}")
_GZIP = b"\x1f\x8b"
# No more paths are remembered.
_MOST_PATHS = 5
# For so long a misdirected delivery is a warning.
_MISDIRECTED_S = 24 * 3600.0
_LONGEST_PATH = 100

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
        self._misdirected: dict[str, tuple[int, float]] = {}
        self._lines = SparseLog(clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request to one of `PATHS`."""
        if scope["method"] == "OPTIONS":
            response: PreparedResponse | None = _OPTIONS
        elif scope["method"] != "POST":
            response = self._refuse("method", _METHOD)
        elif not self._secrets:
            response = self._refuse("closed", _CLOSED)
        else:
            try:
                response = await self._respond(scope, receive)
            except LedgerError as error:
                _log.error("webhook not recorded", action="receive", error=str(error))
                response = self._refuse("ledger_down", _LEDGER)
            except Exception:  # noqa: BLE001 - the edge: after any error the store must send it again
                _log.exception("webhook failed", action="receive")
                response = self._refuse("failed", _FAILED)
        if response is not None:
            await response.send(send)

    async def _respond(self, scope: Scope, receive: Receive) -> PreparedResponse | None:
        """Read, verify and record. None if the client has closed the connection.

        What the headers alone give away is refused before the body is read. Only verified deliveries count
        as in progress, so that no stranger takes their room.
        """
        signature = _signature(scope)
        decision = self._verify_header(signature)
        if decision is not SignatureVerdict.OK:
            return self._refuse_signature(decision, scope, b"")
        if self._bodies.announces_too_much(scope):
            return self._refuse("too_large", _LARGE_ANNOUNCED)
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
        decision = self._verify(signature, body)
        if decision is not SignatureVerdict.OK:
            return self._refuse_signature(decision, scope, body)
        if self._in_progress >= self._max_in_progress:
            return self._refuse("busy", _BUSY)
        mark_proven(scope)
        self._in_progress += 1
        try:
            return await self._record(body)
        finally:
            self._in_progress -= 1

    async def _record(self, body: bytes) -> PreparedResponse:
        """Record a verified body."""
        try:
            event = read_event(body)
        except UnreadableEvent as error:
            await self._inbox.keep_dead_letter(body, str(error))
            return self._refuse("unreadable", PreparedResponse(400, f"unreadable event: {error}"))
        receipt = await self._inbox.receive(event)
        self._metrics.event(event.type, receipt)
        return _OK

    def _verify(self, signature: bytes | None, body: bytes) -> SignatureVerdict:
        return verify(signature, body, self._secrets, self._clock.now(), self._tolerance_s)

    def _verify_header(self, signature: bytes | None) -> SignatureVerdict:
        return verify_header(signature, self._clock.now(), self._tolerance_s)

    def _refuse_signature(self, decision: SignatureVerdict, scope: Scope, body: bytes) -> PreparedResponse:
        """Refuse with the probable cause."""
        if decision is SignatureVerdict.WRONG and not body:
            return self._refuse("empty", _EMPTY)
        if decision is SignatureVerdict.WRONG and _is_compressed(scope, body):
            return self._refuse("compressed", _COMPRESSED)
        response = _REFUSED[decision]
        if decision is SignatureVerdict.STALE and _NO_SECONDS.search(_signature(scope) or b""):
            response = _NOT_SECONDS
        return self._refuse(f"signature_{decision.value.lower()}", response)

    async def refuse_misdirected(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 404 to a signed delivery to another path, log it and count it.

        One with a good signature is surely the store's: `checks` then warns, as its events are missing.
        """
        is_ours, signature = False, _signature(scope)
        if (
            self._secrets
            and self._verify_header(signature) is SignatureVerdict.OK
            and not self._bodies.announces_too_much(scope)
        ):
            # Whatever is wrong with the body, the delivery is refused anyway.
            with suppress(TooLarge, TooSlow, TooMany, Disconnected):
                body = await self._bodies.read(receive)
                is_ours = self._verify(signature, body) is SignatureVerdict.OK
        path = "".join(c if c.isascii() and c.isprintable() else "?" for c in scope["path"])[:_LONGEST_PATH]
        if is_ours and (path in self._misdirected or len(self._misdirected) < _MOST_PATHS):
            count, _ = self._misdirected.get(path, (0, 0.0))
            self._misdirected[path] = (count + 1, self._clock.monotonic())
        response = self._refuse("wrong_path", _MISDIRECTED, path=path, verified=is_ours)
        await response.send(send)

    def checks(self) -> Sequence[Check]:
        """A warning for each other path to which the store sends its webhooks."""
        since = self._clock.monotonic() - _MISDIRECTED_S
        return [
            Check(
                "webhook path" if number == 0 else f"webhook path {number + 1}",
                Level.WARN,
                f"{count} {'deliveries' if count > 1 else 'delivery'} of the store came to {path}, which is "
                "not the webhook's path. Change the webhook's URL at the store so that it ends in "
                "/webhooks/aly, then replay the failed deliveries.",
            )
            for number, (path, (count, at)) in enumerate(self._misdirected.items())
            if at > since
        ]

    def _refuse(self, outcome: str, response: PreparedResponse, **details: object) -> PreparedResponse:
        """Count a refusal, and log it at most once a second per kind: a flood must not fill the log."""
        self._metrics.event(_UNVERIFIED, outcome)
        count = self._lines.due(outcome + ("_verified" if details.get("verified") else ""))
        if not count:
            return response
        _log.warning(
            "webhook refused",
            action="refuse",
            outcome=outcome,
            status=response.status,
            count=count,
            **details,
        )
        return response


def is_webhook_path(path: str) -> bool:
    """Whether the path is one of `PATHS` but for case, more slashes, or a slash or blank at the end.

    The signature proves who sent the delivery, so the exact writing of the path protects nothing.
    """
    return _SLASHES.sub("/", path.strip()).rstrip("/").lower() in PATHS


def has_signature(scope: Scope) -> bool:
    """Whether the request carries the store's signature header."""
    return any(name == b"x-aly-signature" for name, _ in scope["headers"])


def _is_compressed(scope: Scope, body: bytes) -> bool:
    encodings = [value.lower() for name, value in scope["headers"] if name == b"content-encoding"]
    return body.startswith(_GZIP) or any(value not in (b"", b"identity") for value in encodings)


def _signature(scope: Scope) -> bytes | None:
    """The signature header. HTTP joins two headers with a comma, which is no valid signature."""
    found = [value for name, value in scope["headers"] if name == b"x-aly-signature"]
    return b",".join(found) if found else None
