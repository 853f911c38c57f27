"""Paths almost right and methods beside GET: what is certain works, and what is not is seen by a person."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json

import pytest

from packhouse.model.health import Check, Level
from tests.service.api.doubles import NOW, OTHER_SECRET, TOKEN, App
from tests.service.api.test_webhooks import BODY, deliver, signed


@pytest.mark.parametrize(
    "path", ["/livez", "/readyz", "/healthz", "/metrics", "/api/v1/orders", "/api/v1/status"]
)
def test_head_answers_as_get_without_a_body(path: str, app: App) -> None:
    got, headed = app.ask("GET", path), app.ask("HEAD", path)
    assert headed.status_code == got.status_code == 200
    assert headed.content == b""
    assert headed.headers["content-type"] == got.headers["content-type"]
    assert int(headed.headers["content-length"]) > 0


def test_head_needs_the_token_where_get_does(app: App) -> None:
    assert app.ask("HEAD", "/api/v1/orders", token="").status_code == 401


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/livez", "GET, HEAD, OPTIONS"),
        ("/api/v1/orders", "GET, HEAD, OPTIONS"),
        ("/api/v1/holds/1/release", "POST, OPTIONS"),
        ("/webhooks/aly", "POST, OPTIONS"),
    ],
)
def test_options_names_the_methods_of_a_path(path: str, allow: str, app: App) -> None:
    answer = app.ask("OPTIONS", path, token="")
    assert (answer.status_code, answer.headers["allow"], answer.content) == (204, allow, b"")


def test_a_method_that_is_not_possible_is_refused_with_those_that_are(app: App) -> None:
    answer = app.ask("DELETE", "/livez")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert answer.json()["error"]["what_to_do"] == "This path allows GET, HEAD, OPTIONS."


def test_a_path_that_does_not_exist_says_which_do(app: App) -> None:
    for method in ("GET", "OPTIONS", "HEAD", "POST"):
        assert app.ask(method, "/canary").status_code == 404
    error = app.ask("GET", "/canary").json()["error"]
    assert "/api/v1" in error["what_to_do"]
    assert "POST /webhooks/aly" in error["what_to_do"]
    assert "canary" not in json.dumps(error)


@pytest.mark.parametrize(
    "path",
    [
        "http://packhouse//webhooks/aly",
        "/webhooks/aly/",
        "/webhooks//aly",
        "/Webhooks/Aly",
        "/webhooks/%61ly",
        "/ALY/webhooks//",
        "/webhooks/aly%20",
    ],
)
def test_a_delivery_to_another_writing_of_the_path_is_taken(path: str) -> None:
    app = App()
    assert deliver(app, path=path).status_code == 200
    assert len(app.inbox.events) == 1
    assert deliver(app, path=path, header=signed(BODY, b"whsec_stranger")).status_code == 401


def test_a_delivery_of_the_store_to_another_path_is_refused_counted_and_shown() -> None:
    app = App()
    for _ in range(12):
        answer = deliver(app, path="/aly/hooks")
        assert (answer.status_code, answer.text) == (404, "not the webhook's path: send to /webhooks/aly\n")
    assert app.inbox.events == []
    assert app.number("packhouse_events_total", type="unverified", outcome="wrong_path") == 12
    (shown,) = app.ask("GET", "/readyz").json()["checks"]["webhook path"]
    assert shown["status"] == "warn"
    assert shown["output"].startswith(
        "12 deliveries of the store came to /aly/hooks, which is not the webhook's"
    )
    app.clock.time += 25 * 3600
    assert "webhook path" not in app.ask("GET", "/readyz").json()["checks"], "it was long ago"


def test_a_strangers_delivery_to_another_path_is_counted_and_changes_no_health() -> None:
    app = App()
    for header in ("nonsense", signed(BODY, b"whsec_stranger"), signed(BODY, at=NOW - 5000)):
        assert deliver(app, path="/evil", header=header).status_code == 404
    closed = App(secrets="")
    assert deliver(closed, path="/evil").status_code == 404
    for each, count in ((app, 3), (closed, 1)):
        assert each.number("packhouse_events_total", type="unverified", outcome="wrong_path") == count
        assert "webhook path" not in each.ask("GET", "/readyz").json()["checks"]


@pytest.mark.parametrize(
    "written",
    [
        '"{}"',
        "  {}  ",
        "{:upper}",
        "{:spaced}",
        "{:reversed}",
        "{:quoted parts}",
    ],
)
def test_the_writing_of_a_good_signature_does_not_matter(written: str) -> None:
    good = signed(BODY)
    t, mac = good.split(",")
    header = {
        "{:upper}": f"{t},v1={mac[3:].upper()}",
        "{:spaced}": f"{t} , {mac}".replace("=", " = "),
        "{:reversed}": f"{mac},{t}",
        "{:quoted parts}": f't="{t[2:]}",v1="{mac[3:]}"',
    }.get(written, written.replace("{}", good))
    app = App()
    assert deliver(app, header=header).status_code == 200
    assert deliver(app, header=header.replace("v1", "v0")).status_code == 400


def test_a_time_in_milliseconds_is_refused_with_that_reason() -> None:
    answer = deliver(App(), header=signed(BODY, at=NOW * 1000))
    assert (answer.status_code, answer.text) == (400, "signature stale: its time is not in seconds\n")


def test_a_body_with_a_byte_order_mark_is_an_event() -> None:
    app = App()
    body = b"\xef\xbb\xbf" + BODY
    header = _header(body)
    assert deliver(app, body, header).status_code == 200
    assert app.inbox.events[0].body.encode() == BODY


def test_a_compressed_body_is_refused_with_that_reason() -> None:
    app = App()
    packed = gzip.compress(BODY)
    answer = app.ask(
        "POST",
        "/webhooks/aly",
        token="",
        content=packed,
        headers={"x-aly-signature": signed(BODY), "content-encoding": "gzip"},
    )
    assert (answer.status_code, answer.text) == (
        415,
        "the body is compressed: send it without Content-Encoding\n",
    )
    answer = deliver(app, packed, _header(packed))
    assert answer.status_code == 400
    assert answer.text.startswith("unreadable event: the body is compressed (gzip)")
    assert [body for body, _ in app.inbox.dead_letters] == [packed]


def test_an_empty_body_is_refused_with_that_reason() -> None:
    answer = deliver(App(), b"", signed(BODY))
    assert (answer.status_code, answer.text.split(":")[0]) == (400, "the body is empty")


def test_health_shows_no_secret_of_an_error_that_it_quotes() -> None:
    app = App()
    app.health.answer = [
        Check("provider", Level.WARN, "https://key-canary@api.example refuses aly_live_canary1")
    ]
    assert "canary" not in app.ask("GET", "/readyz").text


def _header(body: bytes) -> str:
    mac = hmac.new(OTHER_SECRET, f"{int(NOW)}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={int(NOW)},v1={mac}"


def test_a_token_in_the_wrong_place_is_not_repeated(app: App) -> None:
    assert TOKEN not in app.ask("GET", f"/api/v1/orders?after={TOKEN}").text
