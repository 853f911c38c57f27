"""The one hot route: signed deliveries from the store, as a plain ASGI callable in front of FastAPI."""

from __future__ import annotations

from typing import Literal, Protocol

from packhouse.model.event import Event

Receipt = Literal["new", "duplicate", "ignored"]


class Inbox(Protocol):
    """Where verified deliveries go. Both methods return only when the record is on disk.

    They raise LedgerUnavailable when it cannot be written now; the delivery is then answered 503, and the
    store sends it again.
    """

    async def receive(self, event: Event) -> Receipt:
        """Record an event and wake its order. "ignored": recorded, but of a kind that wakes nothing."""

    async def keep_dead_letter(self, body: bytes, reason: str) -> None:
        """Keep a well-signed body that could not be read."""
