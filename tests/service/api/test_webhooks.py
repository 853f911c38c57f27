"""The hot route: what it takes, what it refuses, and that it says neither too early nor too much."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from packhouse.api.webhooks import WebhookEndpoint
from packhouse.errors import LedgerUnavailable
from packhouse.http import httpx
from packhouse.telemetry.metrics import Metrics
from tests.service.api.doubles import NOW, OTHER_SECRET, SECRET, App, MemoryInbox, StillClock
from tests.service.quick_loop import run_quickly

EVENT = {
    "id": "evt_1",
    "type": "order.created",
    "created_at": "2026-05-19T08:35:14.000Z",
    "site_slug": "shop",
    "data": {"order": {"id": "ord_1", "buyer": {"email": "canary@example.com"}}},
}
BODY = json.dumps(EVENT).encode()
MIB = 1 << 20
# Nobody's signature, but nothing in it says so before the body is read.
WELL_FORMED = f"t={int(NOW)},v1={'0' * 64}".encode()


def signed(body: bytes, secret: bytes = SECRET, at: float = NOW) -> str:
    """The header as an independent implementation of the scheme writes it."""
    mac = stripe.WebhookSignature._compute_signature(f"{int(at)}.{body.decode('latin-1')}", secret.decode())
    return f"t={int(at)},v1={mac}"


def deliver(
    app: App, body: bytes = BODY, header: str | None = None, path: str = "/webhooks/aly"
) -> httpx.Response:
    headers = {"x-aly-signature": signed(body) if header is None else header}
    return app.ask("POST", path, token="", content=body, headers=headers)


@pytest.mark.parametrize("path", ["/webhooks/aly", "/aly/webhooks"])
def test_a_delivery_signed_by_an_independent_implementation_is_taken(path: str) -> None:
    app = App()
    response = deliver(app, path=path)
    assert (response.status_code, response.text) == (200, "ok\n")
    assert [(event.id, event.order_id, event.site_slug) for event in app.inbox.events] == [
        ("evt_1", "ord_1", "shop")
    ]
    assert app.inbox.events[0].body.encode() == BODY
    assert app.number("packhouse_events_total", type="order", outcome="accepted") == 1


def test_either_secret_is_good_while_one_is_rotated() -> None:
    app = App()
    assert deliver(app, header=signed(BODY, OTHER_SECRET)).status_code == 200


def test_a_second_delivery_of_the_same_event_is_taken_and_counted_as_duplicate() -> None:
    app = App()
    assert [deliver(app).status_code for _ in range(3)] == [200, 200, 200]
    assert len(app.inbox.events) == 1
    assert app.number("packhouse_events_total", type="order", outcome="duplicate") == 2


def test_an_unknown_type_is_taken_and_ignored() -> None:
    app = App()
    body = json.dumps(EVENT | {"type": "galaxy.exploded"}).encode()
    assert deliver(app, body).status_code == 200
    assert app.number("packhouse_events_total", type="other", outcome="ignored") == 1


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("", 400),
        ("nonsense", 400),
        (f"t={int(NOW)}", 400),
        ("v1=" + "0" * 64, 400),
        (signed(BODY, at=NOW - 301), 400),
        (signed(BODY, at=NOW + 301), 400),
        (signed(BODY)[:-1], 400),
        (signed(BODY, b"whsec_stranger"), 401),
        (signed(BODY + b" "), 401),
        (signed(BODY).replace(f"t={int(NOW)}", f"t={int(NOW) - 1}"), 401),
    ],
)
def test_an_ill_signed_delivery_is_refused_and_never_parsed(header: str, status: int) -> None:
    app = App()
    response = deliver(app, header=header)
    assert response.status_code == status
    assert app.inbox.events == []
    assert app.inbox.dead_letters == []


def test_a_delivery_without_a_signature_is_refused() -> None:
    app = App()
    assert app.ask("POST", "/webhooks/aly", token="", content=BODY).status_code == 400
    assert app.number("packhouse_events_total", type="unverified", outcome="signature_missing") == 1


def test_two_signature_headers_are_refused_even_if_both_are_good() -> None:
    app = App()
    headers = [("x-aly-signature", signed(BODY)), ("x-aly-signature", signed(BODY, OTHER_SECRET))]

    async def run() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app.app), base_url="http://x"
        ) as client:
            return await client.post("/webhooks/aly", content=BODY, headers=headers)

    assert asyncio.run(run()).status_code == 400


def test_a_well_signed_body_that_is_no_event_is_kept_as_a_dead_letter() -> None:
    app = App()
    body = b'{"id": 5, "type": "order.created"'
    assert deliver(app, body).status_code == 400
    assert [kept for kept, _ in app.inbox.dead_letters] == [body]
    assert app.inbox.dead_letters[0][1]


def test_without_a_secret_the_route_is_closed() -> None:
    app = App(secrets="")
    response = deliver(app)
    assert response.status_code == 503
    assert app.inbox.events == []


@pytest.mark.parametrize(
    ("method", "status"), [("GET", 405), ("PUT", 405), ("DELETE", 405), ("HEAD", 405), ("OPTIONS", 204)]
)
def test_only_post_is_answered(method: str, status: int) -> None:
    response = App().ask(method, "/webhooks/aly", token="")
    assert response.status_code == status
    assert response.headers["allow"] == "POST, OPTIONS"


def test_a_ledger_that_cannot_be_written_means_503_and_come_back() -> None:
    app = App()
    app.inbox.failure = LedgerUnavailable("disk full")
    response = deliver(app)
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert deliver(app, b"no event").status_code == 503


def test_a_broken_inbox_means_500_without_its_story() -> None:
    app = App()
    app.inbox.failure = RuntimeError("canary traceback")
    response = deliver(app)
    assert (response.status_code, response.text) == (500, "failed\n")


@given(
    body=st.binary(max_size=200),
    header=st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=60),
)
def test_an_answer_is_a_few_bytes_that_repeat_nothing(body: bytes, header: str) -> None:
    canary = b"canary" + body
    inbox, answer = asyncio.run(_post(header.encode("latin-1"), [canary]))
    assert answer.status in (400, 401)
    assert len(answer.body) < 100
    assert b"canary" not in answer.body
    assert inbox.events == []


def test_a_body_of_exactly_one_mebibyte_is_read_and_one_byte_more_is_refused() -> None:
    app = App()
    filler = json.dumps(EVENT | {"data": {"order": {"id": "ord_1"}, "note": ""}})
    body = filler.replace('"note": ""', '"note": "' + "x" * (MIB - len(filler)) + '"').encode()
    assert len(body) == MIB
    assert deliver(app, body).status_code == 200
    assert deliver(app, body + b" ").status_code == 413


def test_a_sender_of_too_much_is_read_for_a_while_so_that_the_response_arrives() -> None:
    _, answer = run_quickly(_post(signed(b"").encode(), [b"x" * 65536] * 40))
    assert (answer.status, answer.received) == (413, 40)


def test_a_sender_of_too_much_that_then_stalls_gets_a_413() -> None:
    _, answer = run_quickly(_post(signed(b"").encode(), [b"x" * 65536] * 20 + [None], deadline_s=0.2))
    assert answer.status == 413


def test_who_does_not_stop_sending_is_cut_off() -> None:
    _, answer = run_quickly(_post(signed(b"").encode(), [b"x" * 65536] * 400))
    assert answer.status == 413
    assert answer.received < 200


def test_a_body_in_many_pieces_is_put_together() -> None:
    inbox, answer = asyncio.run(
        _post(signed(BODY).encode(), [BODY[i : i + 7] for i in range(0, len(BODY), 7)])
    )
    assert answer.status == 200
    assert inbox.events[0].body.encode() == BODY


def test_a_body_that_never_ends_is_given_up() -> None:
    _, answer = run_quickly(_post(WELL_FORMED, [b"x", None], deadline_s=0.02))
    assert answer.status == 408


def test_a_client_that_leaves_is_not_answered() -> None:
    _, answer = asyncio.run(_post(WELL_FORMED, [b"x", b""], leaves=True))
    assert answer.status == 0


def test_unfinished_bodies_of_strangers_cannot_fill_the_memory() -> None:
    async def run() -> list[int]:
        route = _route(MemoryInbox(), budget_bytes=2500, deadline_s=0.3)
        slow = [asyncio.create_task(_send(route, WELL_FORMED, [b"x" * 1000, b"x", None])) for _ in range(2)]
        await asyncio.sleep(0.02)
        halves = [BODY[:100], BODY[100:] + b" " * 1000]
        newcomer = await _send(route, signed(b"".join(halves)).encode(), halves)
        whole = await _send(route, signed(BODY).encode(), [BODY])
        done = await asyncio.gather(*slow)
        later = await _send(route, signed(BODY).encode(), [BODY[:100], BODY[100:]])
        return [newcomer.status, whole.status, *(answer.status for answer in done), later.status]

    # The oldest makes room: a good delivery in two parts is taken beside them.
    assert run_quickly(run()) == [200, 200, 503, 408, 200]


def test_one_body_that_needs_more_memory_than_there_is_gives_way_itself() -> None:
    halves = [BODY[:100], BODY[100:]]
    inbox, answer = asyncio.run(_post(signed(BODY).encode(), halves, budget_bytes=100))
    assert answer.status == 503
    assert inbox.events == []


def test_unfinished_bodies_take_no_room_of_verified_deliveries() -> None:
    async def run() -> tuple[int, list[int]]:
        route = _route(MemoryInbox(), max_in_progress=1, deadline_s=0.3)
        slow = [asyncio.create_task(_send(route, WELL_FORMED, [b"x", None])) for _ in range(50)]
        await asyncio.sleep(0)
        good = await _send(route, signed(BODY).encode(), [BODY])
        return good.status, [answer.status for answer in await asyncio.gather(*slow)]

    assert run_quickly(run()) == (200, [408] * 50)


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (b"", 400),
        (b"nonsense", 400),
        (f"t={int(NOW) - 301},v1={'0' * 64}".encode(), 400),
        (f"t={int(NOW)}000,v1={'0' * 64}".encode(), 400),
    ],
)
def test_what_the_headers_give_away_is_refused_before_the_body_is_read(header: bytes, status: int) -> None:
    _, answer = asyncio.run(_post(header, [b"x", None]))
    assert (answer.status, answer.received) == (status, 0)


def test_a_body_that_announces_too_much_is_refused_before_it_is_read() -> None:
    _, answer = asyncio.run(_post(WELL_FORMED, [b"x", None], length=MIB + 1))
    assert (answer.status, answer.received) == (413, 0)
    _, answer = asyncio.run(_post(WELL_FORMED, [b"x"], length=MIB))
    assert answer.status == 401


def test_more_deliveries_than_may_wait_are_sent_away_until_others_are_done() -> None:
    async def run() -> tuple[list[int], int, int]:
        inbox = MemoryInbox()
        inbox.gate = asyncio.Event()
        route = _route(inbox, max_in_progress=5)
        waiting = [asyncio.create_task(_send(route, signed(BODY).encode(), [BODY])) for _ in range(5)]
        await asyncio.sleep(0)
        refused = await _send(route, signed(BODY).encode(), [BODY])
        inbox.gate.set()
        statuses = [answer.status for answer in await asyncio.gather(*waiting)]
        return statuses, refused.status, (await _send(route, signed(BODY).encode(), [BODY])).status

    assert asyncio.run(run()) == ([200] * 5, 503, 200)


def test_200_is_not_said_before_the_inbox_has_it() -> None:
    async def run() -> tuple[bool, int]:
        inbox = MemoryInbox()
        inbox.gate = asyncio.Event()
        task = asyncio.create_task(_send(_route(inbox), signed(BODY).encode(), [BODY]))
        await asyncio.sleep(0.02)
        early = task.done()
        inbox.gate.set()
        return early, (await task).status

    assert asyncio.run(run()) == (False, 200)


class _Answer:
    def __init__(self) -> None:
        self.status = 0
        self.body = b""
        self.received = 0


def _route(inbox: MemoryInbox, **more: Any) -> WebhookEndpoint:
    return WebhookEndpoint(
        secrets=[SECRET],
        tolerance_s=300,
        inbox=inbox,
        metrics=Metrics(CollectorRegistry()),
        clock=StillClock(NOW),
        **more,
    )


async def _post(
    header: bytes,
    chunks: Sequence[bytes | None],
    leaves: bool = False,
    length: int | None = None,
    **more: Any,
) -> tuple[MemoryInbox, _Answer]:
    inbox = MemoryInbox()
    return inbox, await _send(_route(inbox, **more), header, chunks, leaves, length)


async def _send(
    route: WebhookEndpoint,
    header: bytes,
    chunks: Sequence[bytes | None],
    leaves: bool = False,
    length: int | None = None,
) -> _Answer:
    """Play a server: hand over the chunks one by one (None: nothing more ever comes), note the answer."""
    answer = _Answer()

    async def script() -> AsyncIterator[dict[str, Any]]:
        for index, chunk in enumerate(chunks):
            if chunk is None:
                await asyncio.Event().wait()
            if leaves and index == len(chunks) - 1:
                yield {"type": "http.disconnect"}
            yield {"type": "http.request", "body": chunk, "more_body": index < len(chunks) - 1}

    messages = script()

    async def receive() -> dict[str, Any]:
        message = await anext(messages)
        answer.received += 1
        return message

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
        else:
            answer.body += message["body"]

    headers = [(b"x-aly-signature", header)]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    await route({"type": "http", "method": "POST", "headers": headers}, receive, send)
    return answer
