"""The store's counter for webhook endpoints: register, list, delete, rotate; delivery log and replay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from packhouse.sandbox.bodies import invalid, read_cursor, read_limit, write_cursor
from packhouse.sandbox.webhooks import Endpoint, Webhooks
from packhouse.sandbox.wire import Answer, Refusal, Request, iso, json_answer

OUTCOMES = ("pending", "delivered", "failed")


class WebhookDesk:
    """Answers /merchant/webhooks of the workspace with this one `site`; who may come is checked before."""

    def __init__(self, webhooks: Webhooks, new_id: Callable[[str], str], site: str) -> None:
        self._webhooks = webhooks
        self._new_id = new_id
        self._site = site

    def answer(self, request: Request, parts: list[str]) -> Answer:
        """Do what is asked. Raises Refusal."""
        endpoints = self._webhooks.endpoints
        match request.method, parts:
            case "GET", []:
                return self._list(parse_qs(request.query))
            case "POST", []:
                return self._register(request)
            case "DELETE", [endpoint_id]:
                del endpoints[self._endpoint(endpoint_id).id]
                return Answer(204)
            case "POST", [endpoint_id, "rotate-secret"]:
                endpoint = self._endpoint(endpoint_id)
                endpoint.secret = self._new_id("whsec")
                return json_answer({"id": endpoint.id, "secret": endpoint.secret})
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

    def _list(self, query: dict[str, list[str]]) -> Answer:
        site = query.get("site_slug", [""])[0]
        found = [one for one in self._webhooks.endpoints.values() if site in ("", one.site)]
        return json_answer({"webhooks": [_shown(endpoint) for endpoint in found]})

    def _register(self, request: Request) -> Answer:
        body = request.json_object() or {}
        url, events, site = body.get("url"), body.get("events"), body.get("site_slug") or ""
        if not isinstance(url, str) or not _may_be_called(url):
            raise invalid("url", "invalid_url", "url is an https address; http only on this machine")
        if events == "*":
            events = []
        if not isinstance(events, list) or not all(isinstance(event, str) for event in events):
            raise invalid("events", "invalid_type", "events is not a list")
        if site not in ("", self._site):
            raise Refusal(404, "not_found", f"There is no site {site} in this workspace.")
        endpoint = self._webhooks.register(url, self._new_id("whsec"), [e for e in events if e != "*"])
        endpoint.active = body.get("active", True) is True
        endpoint.site = site
        return json_answer({**_shown(endpoint), "secret": endpoint.secret}, 201)

    def _deliveries(self, endpoint: Endpoint, query: dict[str, list[str]]) -> Answer:
        """The log of one endpoint, newest first. A cursor counts from the log's beginning."""
        asked = {name: values[-1] for name, values in query.items()}
        outcome = asked.get("status", "")
        if outcome and outcome not in OUTCOMES:
            raise invalid("status", "invalid_enum_value", "status is none of " + ", ".join(OUTCOMES))
        limit = read_limit(asked.get("limit", ""))
        below = read_cursor(asked["cursor"]) if asked.get("cursor") else None
        rows: list[dict[str, Any]] = []
        last, more = 0, False
        for attempt in reversed(self._webhooks.log):
            if attempt.endpoint_id != endpoint.id or outcome not in ("", attempt.outcome):
                continue
            if below is not None and attempt.serial >= below:
                continue
            if len(rows) == limit:
                more = True
                break
            rows.append(attempt.to_json())
            last = attempt.serial
        shown: dict[str, Any] = {"deliveries": rows}
        return json_answer(shown | ({"next_cursor": write_cursor(last).decode()} if more else {}))

    def _replay(self, endpoint: Endpoint, delivery_id: str) -> Answer:
        for attempt in self._webhooks.log:
            if attempt.id == delivery_id and attempt.endpoint_id == endpoint.id:
                self._webhooks.send(endpoint, attempt.event)
                return json_answer({"status": "queued"}, 202)
        raise Refusal(404, "not_found", f"Delivery {delivery_id} does not exist.")


def _may_be_called(url: str) -> bool:
    """An https address, or http on this machine: the real store has no way to the latter."""
    try:
        place = urlsplit(url)
    except ValueError:
        return False
    local = place.hostname in ("127.0.0.1", "localhost", "::1")
    return bool(place.hostname) and (place.scheme == "https" or (place.scheme == "http" and local))


def _shown(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "events": list(endpoint.events) or ["*"],
        "site_slug": endpoint.site or None,
        "active": endpoint.active,
        "created_at": iso(endpoint.created_at),
    }
