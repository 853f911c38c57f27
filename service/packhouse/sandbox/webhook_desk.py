"""The store's counter for webhook endpoints: register, list, delete, read the delivery log, replay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from packhouse.sandbox.catalogue import SITE
from packhouse.sandbox.webhooks import Endpoint, Webhooks
from packhouse.sandbox.wire import Answer, Refusal, Request, iso, json_answer


class WebhookDesk:
    """Answers /merchant/webhooks; who may come here is checked before."""

    def __init__(self, webhooks: Webhooks, new_id: Callable[[str], str]) -> None:
        self._webhooks = webhooks
        self._new_id = new_id

    def answer(self, request: Request, parts: list[str]) -> Answer:
        """Do what is asked. Raises Refusal."""
        endpoints = self._webhooks.endpoints
        match request.method, parts:
            case "GET", []:
                return json_answer({"webhooks": [_shown(endpoint) for endpoint in endpoints.values()]})
            case "POST", []:
                return self._register(request)
            case "DELETE", [endpoint_id]:
                del endpoints[self._endpoint(endpoint_id).id]
                return Answer(204)
            case "GET", [endpoint_id, "deliveries"]:
                return self._deliveries(self._endpoint(endpoint_id), parse_qs(request.query))
            case "POST", [endpoint_id, "deliveries", delivery_id, "replay"]:
                return self._replay(self._endpoint(endpoint_id), delivery_id)
        raise Refusal(404, "not_found", f"There is no {request.method} {request.path}.")

    def _endpoint(self, endpoint_id: str) -> Endpoint:
        try:
            return self._webhooks.endpoints[endpoint_id]
        except KeyError:
            raise Refusal(404, "not_found", f"Webhook {endpoint_id} does not exist.") from None

    def _register(self, request: Request) -> Answer:
        body = request.json_object() or {}
        url, events = body.get("url"), body.get("events")
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise Refusal(
                400, "validation_failed", "url is missing", [{"path": "url", "code": "invalid_url"}]
            )
        if events == "*":
            events = []
        if not isinstance(events, list) or not all(isinstance(event, str) for event in events):
            raise Refusal(
                400, "validation_failed", "events is not a list", [{"path": "events", "code": "invalid_type"}]
            )
        endpoint = self._webhooks.register(url, self._new_id("whsec"), [e for e in events if e != "*"])
        endpoint.active = body.get("active", True) is True
        return json_answer({**_shown(endpoint), "secret": endpoint.secret}, 201)

    def _deliveries(self, endpoint: Endpoint, query: dict[str, list[str]]) -> Answer:
        outcome = query.get("status", [""])[0]
        limit = query.get("limit", ["25"])[0]
        count = min(int(limit), 100) if limit.isdecimal() else 25
        rows = [
            attempt.to_json()
            for attempt in reversed(self._webhooks.log)
            if attempt.endpoint_id == endpoint.id and outcome in ("", attempt.outcome)
        ]
        return json_answer({"deliveries": rows[:count]})

    def _replay(self, endpoint: Endpoint, delivery_id: str) -> Answer:
        for attempt in self._webhooks.log:
            if attempt.id == delivery_id and attempt.endpoint_id == endpoint.id:
                self._webhooks.send(endpoint, attempt.event)
                return json_answer({"status": "queued"}, 202)
        raise Refusal(404, "not_found", f"Delivery {delivery_id} does not exist.")


def _shown(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "events": list(endpoint.events) or ["*"],
        "site_slug": SITE,
        "active": endpoint.active,
        "created_at": iso(endpoint.created_at),
    }
