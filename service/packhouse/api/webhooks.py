"""The one hot route, `POST /webhooks/aly`: a plain ASGI callable in front of FastAPI.

Strangers' bytes come in; a verified event leaves to the inbox, and 200 is said only when it is on disk. Every
answer is a few bytes that repeat nothing of the request, since the store keeps our answers in its own log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from packhouse.api.asgi import Answer, BodyReader, Gone, Receive, Scope, Send, TooLarge, TooMany, TooSlow
from packhouse.clock import Clock
from packhouse.errors import LedgerError
from packhouse.model.event import Event
from packhouse.store.event import UnreadableEvent, read_event
from packhouse.store.signature import SignatureVerdict, verify
from packhouse.telemetry.logs import logger
from packhouse.telemetry.metrics import Metrics

PATHS = frozenset({"/webhooks/aly", "/aly/webhooks"})

Receipt = Literal["new", "duplicate", "ignored"]

_LIMIT_BYTES = 1 << 20
_DEADLINE_S = 10.0
_BUDGET_BYTES = 64 << 20
_MAX_WAITING = 1000
_QUIET_S = 1.0

_TAKEN = Answer(200, "ok")
_METHOD = Answer(405, "only POST", allow="POST")
_CLOSED = Answer(503, "closed: no signing secret is set", retry_after="300")
_BUSY = Answer(503, "busy", retry_after="5", connection="close")
_LEDGER = Answer(503, "cannot be recorded now", retry_after="15")
_LARGE = Answer(413, "too large", connection="close")
_SLOW = Answer(408, "too slow", connection="close")
_UNREADABLE = Answer(400, "unreadable event")
_FAILED = Answer(500, "failed")
_REFUSED = {
    SignatureVerdict.MISSING: Answer(400, "signature missing"),
    SignatureVerdict.MALFORMED: Answer(400, "signature malformed"),
    SignatureVerdict.STALE: Answer(400, "signature stale"),
    SignatureVerdict.WRONG: Answer(401, "signature wrong"),
}

# Deliveries whose type nobody has vouched for are counted under this family.
_UNVERIFIED = "unverified"

_log = logger("packhouse.api.webhooks")


class Inbox(Protocol):
    """Where verified deliveries go. Both methods return only when the record is on disk.

    They raise LedgerUnavailable when it cannot be written now; the delivery is then answered 503, and the
    store sends it again.
    """

    async def receive(self, event: Event) -> Receipt:
        """Record an event and wake its order. "ignored": recorded, but of a kind that wakes nothing."""

    async def keep_dead_letter(self, body: bytes, reason: str) -> None:
        """Keep a well-signed body that could not be read."""


class WebhookEndpoint:
    """Verifies deliveries and hands them to the inbox. Without a secret it is closed, never open."""

    def __init__(
        self,
        *,
        secrets: Sequence[bytes],
        tolerance_s: float,
        inbox: Inbox,
        metrics: Metrics,
        clock: Clock,
        deadline_s: float = _DEADLINE_S,
        max_waiting: int = _MAX_WAITING,
        budget_bytes: int = _BUDGET_BYTES,
    ) -> None:
        self._secrets = tuple(secrets)
        self._tolerance_s = tolerance_s
        self._inbox = inbox
        self._metrics = metrics
        self._clock = clock
        self._bodies = BodyReader(limit_bytes=_LIMIT_BYTES, deadline_s=deadline_s, budget_bytes=budget_bytes)
        self._max_waiting = max_waiting
        self._waiting = 0
        self._unsaid: dict[str, int] = {}
        self._said_at: dict[str, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request to one of `PATHS`."""
        if scope["method"] != "POST":
            answer: Answer | None = self._refuse("method", _METHOD)
        elif not self._secrets:
            answer = self._refuse("closed", _CLOSED)
        elif self._waiting >= self._max_waiting:
            answer = self._refuse("busy", _BUSY)
        else:
            self._waiting += 1
            try:
                answer = await self._delivery(scope, receive)
            except LedgerError as error:
                _log.error("delivery not recorded", action="receive", error=str(error))
                answer = self._refuse("ledger_down", _LEDGER)
            except Exception:  # noqa: BLE001 - the edge: whatever broke, the store must hear "not taken"
                _log.exception("delivery failed", action="receive")
                answer = self._refuse("failed", _FAILED)
            finally:
                self._waiting -= 1
        if answer is not None:
            await answer.send(send)

    async def _delivery(self, scope: Scope, receive: Receive) -> Answer | None:
        """From bytes to the inbox. None: nobody is left to answer."""
        try:
            body = await self._bodies.read(receive)
        except TooLarge:
            return self._refuse("too_large", _LARGE)
        except TooSlow:
            return self._refuse("too_slow", _SLOW)
        except TooMany:
            return self._refuse("busy", _BUSY)
        except Gone:
            self._refuse("gone", _SLOW)
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
        return _TAKEN

    def _refuse(self, outcome: str, answer: Answer) -> Answer:
        """Count a refusal and tell of it, at most once a second a kind: a flood must not fill the log."""
        self._metrics.event(_UNVERIFIED, outcome)
        count = self._unsaid.get(outcome, 0) + 1
        now = self._clock.monotonic()
        if now - self._said_at.get(outcome, -_QUIET_S) < _QUIET_S:
            self._unsaid[outcome] = count
            return answer
        self._said_at[outcome] = now
        self._unsaid[outcome] = 0
        _log.warning("delivery refused", action="refuse", outcome=outcome, status=answer.status, count=count)
        return answer


def _signature(scope: Scope) -> bytes | None:
    """The signature's header. Two of them are one with a comma between, as HTTP has it: no good signature."""
    found = [value for name, value in scope["headers"] if name == b"x-aly-signature"]
    return b",".join(found) if found else None
