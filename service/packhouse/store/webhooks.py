"""Webhook endpoints and their deliveries: the requests to the store, and how to read its responses.

Documented are creating, the delivery log and replaying; listing, deleting and the end of the path that
rotates a secret are inferred from the store's own command line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from packhouse.errors import StoreUnreadable
from packhouse.model.endpoint import Delivery, WebhookEndpoint
from packhouse.store.json_fields import first_text, mapping, optional_id, required_id, text
from packhouse.store.requests import StoreRequest, change, segment
from packhouse.store.responses import ListPage, StoreResponse, json_of, read_list

ROTATIONS = ("rotate", "rotate-secret")  # the documentation shows the beginning of the path only
_WHEN = ("created_at", "timestamp", "attempted_at", "sent_at", "at")
_ANSWERED = ("response_status", "status_code", "http_status", "response_code")


def webhook_body(url: str, events: Sequence[str], site_slug: str) -> bytes:
    """The bytes that register an address for these events, of one site or (with "") of all. ASCII only.

    Raises ValueError without an address or without events; name "*" for all of them.
    """
    if not url or not events:
        raise ValueError("a webhook names its address and its events")
    content: dict[str, object] = {"url": url, "events": list(events)}
    if site_slug:
        content["site_slug"] = site_slug
    content["active"] = True
    return json.dumps(content, separators=(",", ":")).encode("ascii")


def create_webhook(body: bytes, key: str) -> StoreRequest:
    """POST /merchant/webhooks with a body of `webhook_body`. The response has the secret, once."""
    return change(
        "POST", "/merchant/webhooks", body, key, call="webhooks.create", action="register a webhook"
    )


def list_webhooks(site_slug: str = "", cursor: str = "") -> StoreRequest:
    """GET /merchant/webhooks."""
    parameters = (("site_slug", site_slug), ("cursor", cursor))
    query = tuple(pair for pair in parameters if pair[1])
    return StoreRequest(
        "GET", "/merchant/webhooks", query=query, call="webhooks.list", action="list webhooks"
    )


def delete_webhook(webhook_id: str, key: str) -> StoreRequest:
    """DELETE /merchant/webhooks/{id}."""
    path = f"/merchant/webhooks/{segment(webhook_id)}"
    return change("DELETE", path, None, key, call="webhooks.delete", action=f"delete webhook {webhook_id}")


def rotate_webhook(webhook_id: str, rotation: str, key: str) -> StoreRequest:
    """POST /merchant/webhooks/{id}/{rotation}, one of ROTATIONS: a new secret. After a 404 try the next."""
    path = f"/merchant/webhooks/{segment(webhook_id)}/{rotation}"
    action = f"rotate the secret of webhook {webhook_id}"
    return change("POST", path, None, key, call="webhooks.rotate", action=action)


def list_deliveries(
    webhook_id: str, *, status: str = "", limit: int | None = None, cursor: str = ""
) -> StoreRequest:
    """GET /merchant/webhooks/{id}/deliveries."""
    parameters = (("status", status), ("limit", "" if limit is None else str(limit)), ("cursor", cursor))
    return StoreRequest(
        "GET",
        f"/merchant/webhooks/{segment(webhook_id)}/deliveries",
        query=tuple(pair for pair in parameters if pair[1]),
        call="webhooks.deliveries",
        action=f"list the deliveries of webhook {webhook_id}",
    )


def replay_delivery(webhook_id: str, delivery_id: str, key: str) -> StoreRequest:
    """POST /merchant/webhooks/{id}/deliveries/{del}/replay: deliver the same event again."""
    path = f"/merchant/webhooks/{segment(webhook_id)}/deliveries/{segment(delivery_id)}/replay"
    return change("POST", path, None, key, call="webhooks.replay", action=f"replay delivery {delivery_id}")


def read_webhook(answer: StoreResponse) -> WebhookEndpoint | None:
    """The endpoint in an answer, bare or under "webhook", "endpoint" or "data"; None when it holds none.

    Raises StoreUnreadable for a response that is not JSON.
    """
    if not answer.body.strip():
        return None
    value = mapping(json_of(answer, "reading a webhook"))
    inner = [value[name] for name in ("webhook", "endpoint", "data") if isinstance(value.get(name), dict)]
    found = mapping(inner[0]) if inner else value
    return _endpoint(found) if optional_id(found.get("id")) else None


def read_secret(answer: StoreResponse) -> str:
    """The secret of a response that creates or rotates one. Raises StoreUnreadable where there is none."""
    value = mapping(json_of(answer, "reading a webhook's secret"))
    places = (value, *(mapping(value.get(name)) for name in ("webhook", "endpoint", "data")))
    for place in places:
        if found := first_text(place, ("secret", "new_secret", "signing_secret")):
            return found
    raise StoreUnreadable("The store's response has no secret in it; rotate it again to get one.")


def read_webhooks(answer: StoreResponse) -> tuple[tuple[WebhookEndpoint, ...], str | None]:
    """One page of endpoints, and the cursor of the next or None. Raises StoreUnreadable."""
    found = _rows(answer, ("webhooks", "endpoints"), "listing webhooks")
    return tuple(_endpoint(row) for row in found.rows), found.next_cursor


def read_deliveries(answer: StoreResponse) -> tuple[tuple[Delivery, ...], str | None]:
    """One page of deliveries, and the cursor of the next or None. Raises StoreUnreadable."""
    found = _rows(answer, ("deliveries", "attempts"), "listing deliveries")
    return tuple(_delivery(row) for row in found.rows), found.next_cursor


def _rows(answer: StoreResponse, names: tuple[str, str], what: str) -> ListPage:
    value = json_of(answer, what)
    return read_list(value, names[1] if isinstance(mapping(value).get(names[1]), list) else names[0])


def _endpoint(raw: Mapping[str, Any]) -> WebhookEndpoint:
    events = raw.get("events")
    active = raw.get("active")
    return WebhookEndpoint(
        id=required_id(raw.get("id"), "webhook id"),
        url=text(raw.get("url")),
        events=tuple(map(text, events)) if isinstance(events, list) else tuple(filter(None, [text(events)])),
        site_slug=text(raw.get("site_slug")),
        active=active if isinstance(active, bool) else None,
        created_at=text(raw.get("created_at")),
        secret=text(raw.get("secret")),
        raw=dict(raw),
    )


def _delivery(raw: Mapping[str, Any]) -> Delivery:
    return Delivery(
        id=required_id(raw.get("id"), "delivery id"),
        status=first_text(raw, ("status", "outcome", "state")),
        event_id=first_text(raw, ("event_id",)) or text(mapping(raw.get("event")).get("id")),
        event_type=first_text(raw, ("type", "event_type")) or text(mapping(raw.get("event")).get("type")),
        created_at=first_text(raw, _WHEN),
        attempt=_number(raw, ("attempt", "attempt_number")),
        answered=_number(raw, _ANSWERED),
        latency_ms=_number(raw, ("latency_ms", "duration_ms", "latency")),
        raw=dict(raw),
    )


def _number(raw: Mapping[str, Any], names: Sequence[str]) -> int | None:
    return next((raw[name] for name in names if type(raw.get(name)) is int), None)
