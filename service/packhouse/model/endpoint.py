"""The store's webhook endpoints, and its log of deliveries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """One address that receives events. `active` is None if the store does not say.

    `events` as the store lists them, ("*",) for all; `site_slug` "" for all sites. `secret` is only in the
    response that created or rotated it, and is not printed with this value.
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
    status of the response, None if there was none or the store does not say.
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
