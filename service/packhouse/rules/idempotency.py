"""Idempotency keys of posts to the store: one key for each body, however often the body is sent."""

from __future__ import annotations

import hashlib

from packhouse.model.shipment import Shipment

# The store accepts 255 printable ASCII characters; the suffix after a refusal needs room too.
_LONGEST = 200


def first(shipment: Shipment) -> str:
    """The key of a shipment's first post."""
    key = f"packhouse-{shipment.order_id}-{shipment.seq}-{shipment.generation}"
    if len(key) <= _LONGEST and key.isascii() and key.isprintable():
        return key
    return f"packhouse-{hashlib.sha256(key.encode()).hexdigest()}"


def after(key: str) -> str:
    """The key of a new body, after the store refused the one under this key."""
    stem, _, count = key.partition("~")
    return f"{stem}~{int(count or 1) + 1}"
