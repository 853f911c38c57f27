"""Webhook endpoints and their deliveries: the requests, and what is read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from packhouse.errors import StoreUnreadable
from packhouse.model.endpoint import Delivery, WebhookEndpoint
from packhouse.store import protocol
from packhouse.store.protocol import StoreResponse

ENDPOINT = {
    "id": "wh_1",
    "url": "https://shop.example/aly/webhooks",
    "events": ["order.created", "order.fulfilled"],
    "site_slug": "acme",
    "active": True,
    "created_at": "2026-05-19T08:35:14.000Z",
}
READ = WebhookEndpoint(
    "wh_1",
    "https://shop.example/aly/webhooks",
    ("order.created", "order.fulfilled"),
    "acme",
    True,
    "2026-05-19T08:35:14.000Z",
)


def answer(value: Any) -> StoreResponse:
    return StoreResponse(200, {}, b"" if value is None else json.dumps(value).encode())


def test_registering_says_what_the_documentation_shows() -> None:
    body = protocol.webhook_body("https://shop.example/hook", ["order.created"], "acme")
    request = protocol.create_webhook(body, "k")
    assert (request.method, request.path, request.changes) == ("POST", "/merchant/webhooks", True)
    assert json.loads(body) == {
        "url": "https://shop.example/hook",
        "events": ["order.created"],
        "site_slug": "acme",
        "active": True,
    }
    assert "site_slug" not in json.loads(protocol.webhook_body("https://shop.example", ["*"], ""))


@pytest.mark.parametrize(("url", "events"), [("", ["order.created"]), ("https://shop.example", [])])
def test_a_webhook_without_address_or_events_is_not_requested(url: str, events: list[str]) -> None:
    with pytest.raises(ValueError, match="names its address"):
        protocol.webhook_body(url, events, "")


def test_the_other_calls_have_their_paths() -> None:
    assert protocol.list_webhooks("acme").target == "/merchant/webhooks?site_slug=acme"
    assert protocol.list_webhooks().target == "/merchant/webhooks"
    deleted = protocol.delete_webhook("wh_1", "k")
    assert (deleted.method, deleted.path, deleted.changes) == ("DELETE", "/merchant/webhooks/wh_1", True)
    paths = [protocol.rotate_webhook("wh_1", name, "k").path for name in protocol.ROTATIONS]
    assert paths == ["/merchant/webhooks/wh_1/rotate", "/merchant/webhooks/wh_1/rotate-secret"]
    listing = protocol.list_deliveries("wh_1", status="failed", limit=25, cursor="c")
    assert listing.target == "/merchant/webhooks/wh_1/deliveries?status=failed&limit=25&cursor=c"
    assert protocol.list_deliveries("wh_1").target == "/merchant/webhooks/wh_1/deliveries"
    assert protocol.list_webhooks(cursor="c").target == "/merchant/webhooks?cursor=c"
    replay = protocol.replay_delivery("wh_1", "del_1", "k")
    assert (replay.method, replay.path) == ("POST", "/merchant/webhooks/wh_1/deliveries/del_1/replay")


@pytest.mark.parametrize(
    "value", [ENDPOINT, {"webhook": ENDPOINT}, {"endpoint": ENDPOINT}, {"data": ENDPOINT}]
)
def test_an_endpoint_is_bare_or_wrapped(value: Any) -> None:
    assert protocol.read_webhook(answer(value)) == READ


@pytest.mark.parametrize(
    ("events", "read"),
    [
        ("order.created", ("order.created",)),
        (["*"], ("*",)),
        ([], ()),
        (None, ()),
        ("", ()),
    ],
)
def test_the_events_of_an_endpoint_are_a_list_or_one(events: Any, read: tuple[str, ...]) -> None:
    endpoint = protocol.read_webhook(answer({"id": "wh_1", "events": events}))
    assert endpoint == WebhookEndpoint("wh_1", events=read)


@pytest.mark.parametrize(("active", "read"), [(False, False), ("yes", None), (1, None), (None, None)])
def test_an_endpoint_is_active_if_the_store_says_so(active: Any, read: bool | None) -> None:
    endpoint = protocol.read_webhook(answer({"id": "wh_1", "active": active}))
    assert endpoint is not None
    assert endpoint.active is read


@pytest.mark.parametrize("value", [None, {}, {"ok": True}])
def test_an_answer_without_an_endpoint_says_so(value: Any) -> None:
    assert protocol.read_webhook(answer(value)) is None


@pytest.mark.parametrize(
    "value",
    [{**ENDPOINT, "secret": "whsec_1"}, {"webhook": {"secret": "whsec_1"}}, {"new_secret": "whsec_1"}],
)
def test_the_secret_is_found_and_never_shown_by_accident(value: Any) -> None:
    assert protocol.read_secret(answer(value)) == "whsec_1"
    read = protocol.read_webhook(answer({**ENDPOINT, "secret": "whsec_1"}))
    assert "whsec_1" not in repr(read)


def test_an_answer_without_a_secret_is_an_error() -> None:
    with pytest.raises(StoreUnreadable, match="no secret"):
        protocol.read_secret(answer(ENDPOINT))


@pytest.mark.parametrize(
    "value", [[ENDPOINT], {"webhooks": [ENDPOINT]}, {"endpoints": [ENDPOINT]}, {"data": [ENDPOINT]}]
)
def test_endpoints_are_listed_in_any_envelope(value: Any) -> None:
    assert protocol.read_webhooks(answer(value)) == ((READ,), None)


def test_a_list_says_where_it_continues() -> None:
    value = {"deliveries": [{"id": "del_1"}], "next_cursor": "c"}
    assert protocol.read_deliveries(answer(value)) == ((Delivery("del_1"),), "c")


@pytest.mark.parametrize(
    "names",
    [
        {"type": "order.created", "event_id": "evt_1", "response_status": 500, "status": "failed"},
        {"event": {"id": "evt_1", "type": "order.created"}, "status_code": 500, "outcome": "failed"},
        {"event_type": "order.created", "event_id": "evt_1", "http_status": 500, "state": "failed"},
    ],
)
def test_a_delivery_is_read_under_any_of_its_likely_names(names: dict[str, Any]) -> None:
    row = {"id": "del_1", "timestamp": "2026-05-19T08:35:14Z", "attempt": 3, "latency_ms": 12, **names}
    ((read,), _) = protocol.read_deliveries(answer([row]))
    assert read == Delivery("del_1", "failed", "evt_1", "order.created", "2026-05-19T08:35:14Z", 3, 500, 12)


def test_a_delivery_without_an_id_cannot_be_replayed_and_is_refused() -> None:
    with pytest.raises(StoreUnreadable):
        protocol.read_deliveries(answer([{"status": "failed"}]))
