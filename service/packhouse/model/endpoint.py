"""Where the store sends its webhooks, and its log of what it sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """One address that is told of events. `active` is None when the store does not say.

    `events` as the store lists them, ("*",) for all; `site_slug` "" for all sites. `secret` is known only in
    the answer that created or rotated it, and is kept out of every printed form of this value.
    """

    id: str
    url: str = ""
    events: tuple[str, ...] = ()
    site_slug: str = ""
    active: bool | None = None
    created_at: str = ""
    secret: str = field(default="", repr=False)
    raw: dict[str, Any] = field(default_factory=dict, hash=False, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to deliver an event. `status` is the store's word (known: failed), `answered` the HTTP
    status that came back, None when none did or the store does not say.
    """

    id: str
    status: str = ""
    event_id: str = ""
    event_type: str = ""
    created_at: str = ""
    attempt: int | None = None
    answered: int | None = None
    latency_ms: int | None = None
    raw: dict[str, Any] = field(default_factory=dict, hash=False, compare=False, repr=False)
