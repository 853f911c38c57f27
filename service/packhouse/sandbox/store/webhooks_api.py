"""The webhook endpoints of the fake store, their delivery logs and replays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from packhouse.sandbox.http import ApiError, Request, Response, json_response, to_iso
from packhouse.sandbox.store.parsing import invalid, read_cursor, read_limit, write_cursor
from packhouse.sandbox.store.webhooks import Endpoint, WebhookDispatcher

OUTCOMES = ("pending", "delivered", "failed")


class WebhooksApi:
    """Handles /merchant/webhooks of a workspace with one `site`. The caller checks the scopes first."""

    def __init__(self, webhooks: WebhookDispatcher, new_id: Callable[[str], str], site: str) -> None:
        self._webhooks = webhooks
        self._new_id = new_id
        self._site = site

    def handle(self, request: Request, parts: list[str]) -> Response:
        """Carry out one call. Raises ApiError."""
        endpoints = self._webhooks.endpoints
        match request.method, parts:
            case "GET", []:
                return self._list(parse_qs(request.query))
            case "POST", []:
                return self._create(request)
            case "DELETE", [endpoint_id]:
                del endpoints[self._endpoint(endpoint_id).id]
                return Response(204)
            case "POST", [endpoint_id, "rotate-secret"]:
                endpoint = self._endpoint(endpoint_id)
                endpoint.secret = self._new_id("whsec")
                return json_response({"id": endpoint.id, "secret": endpoint.secret})
            case "GET", [endpoint_id, "deliveries"]:
                return self._deliveries(self._endpoint(endpoint_id), parse_qs(request.query))
            case "POST", [endpoint_id, "deliveries", delivery_id, "replay"]:
                return self._replay(self._endpoint(endpoint_id), delivery_id)
        raise ApiError(404, "not_found", f"There is no {request.method} {request.path}.")

    def _endpoint(self, endpoint_id: str) -> Endpoint:
        try:
            return self._webhooks.endpoints[endpoint_id]
        except KeyError:
            raise ApiError(404, "not_found", f"Webhook {endpoint_id} does not exist.") from None

    def _list(self, query: dict[str, list[str]]) -> Response:
        site = query.get("site_slug", [""])[0]
        found = [one for one in self._webhooks.endpoints.values() if site in ("", one.site)]
        return json_response({"webhooks": [_endpoint_json(endpoint) for endpoint in found]})

    def _create(self, request: Request) -> Response:
        body = request.json_object() or {}
        url, events, site = body.get("url"), body.get("events"), body.get("site_slug") or ""
        if not isinstance(url, str) or not _is_callable(url):
            raise invalid("url", "invalid_url", "url is an https address; http only on this machine")
        if events == "*":
            events = []
        if not isinstance(events, list) or not all(isinstance(event, str) for event in events):
            raise invalid("events", "invalid_type", "events is not a list")
        if site not in ("", self._site):
            raise ApiError(404, "not_found", f"There is no site {site} in this workspace.")
        endpoint = self._webhooks.add_endpoint(url, self._new_id("whsec"), [e for e in events if e != "*"])
        endpoint.active = body.get("active", True) is True
        endpoint.site = site
        return json_response({**_endpoint_json(endpoint), "secret": endpoint.secret}, 201)

    def _deliveries(self, endpoint: Endpoint, query: dict[str, list[str]]) -> Response:
        """The log of one endpoint, newest first. A cursor counts from the start of the log."""
        params = {name: values[-1] for name, values in query.items()}
        outcome = params.get("status", "")
        if outcome and outcome not in OUTCOMES:
            raise invalid("status", "invalid_enum_value", "status is none of " + ", ".join(OUTCOMES))
        limit = read_limit(params.get("limit", ""))
        before = read_cursor(params["cursor"]) if params.get("cursor") else None
        rows: list[dict[str, Any]] = []
        last, more = 0, False
        for attempt in reversed(self._webhooks.log):
            if attempt.endpoint_id != endpoint.id or outcome not in ("", attempt.outcome):
                continue
            if before is not None and attempt.serial >= before:
                continue
            if len(rows) == limit:
                more = True
                break
            rows.append(attempt.to_json())
            last = attempt.serial
        page: dict[str, Any] = {"deliveries": rows}
        return json_response(page | ({"next_cursor": write_cursor(last).decode()} if more else {}))

    def _replay(self, endpoint: Endpoint, delivery_id: str) -> Response:
        for attempt in self._webhooks.log:
            if attempt.id == delivery_id and attempt.endpoint_id == endpoint.id:
                self._webhooks.send(endpoint, attempt.event)
                return json_response({"status": "queued"}, 202)
        raise ApiError(404, "not_found", f"Delivery {delivery_id} does not exist.")


def _is_callable(url: str) -> bool:
    """Whether the URL is https, or http on this machine, which the real store could not reach."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and local))


def _endpoint_json(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "events": list(endpoint.events) or ["*"],
        "site_slug": endpoint.site or None,
        "active": endpoint.active,
        "created_at": to_iso(endpoint.created_at),
    }
