"""Bodies to every route but the webhooks': bounded in size and time, and read for operators only."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from packhouse.api.bodies import BodyReader
from packhouse.config.http_server import HttpSettings
from tests.service.api.doubles import TOKEN, App
from tests.service.quick_loop import run_quickly, seconds

OPERATION = "/api/v1/orders/ord_1/holds"
BODY = json.dumps({"reason": "r"}).encode()


async def send(
    app: App,
    chunks: Sequence[bytes | None],
    *,
    path: str = OPERATION,
    token: str = TOKEN,
    method: str = "POST",
    pause_s: float = 0.0,
) -> tuple[int, int]:
    """Send the chunks (None: nothing more ever comes). Returns the status and how many chunks were read."""
    status, read = 0, 0

    async def receive() -> dict[str, Any]:
        nonlocal read
        if read >= len(chunks) or (chunk := chunks[read]) is None:
            await asyncio.Event().wait()
            raise AssertionError
        read += 1
        await asyncio.sleep(pause_s)
        return {"type": "http.request", "body": chunk, "more_body": read < len(chunks)}

    async def note(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)

    headers = [(b"content-type", b"application/json"), (b"transfer-encoding", b"chunked")]
    if token:
        headers.append((b"authorization", f"Bearer {token}".encode()))
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "http_version": "1.1",
        "headers": headers,
        "client": (app.client, 1),
        "server": ("localhost", 1),
    }
    async with asyncio.timeout(60):
        await app.app(scope, receive, note)
    return status, read


@pytest.fixture(scope="module")
def impatient() -> App:
    """An API that waits a twentieth of a second for a body."""
    return App(http=HttpSettings(body_timeout_s=0.05))


@pytest.mark.parametrize("chunks", [[None], [b"{", None], [BODY[:-1], b"", b"", None]])
def test_a_body_that_is_not_complete_in_time_is_refused_at_every_route(
    impatient: App, chunks: list[bytes | None]
) -> None:
    status, _ = asyncio.run(send(impatient, chunks))
    assert status == 408


def test_each_piece_does_not_begin_the_time_again(impatient: App) -> None:
    async def dripping() -> tuple[int, float]:
        status, _ = await send(impatient, [b" "] * 1000, pause_s=0.02)
        return status, seconds()

    assert run_quickly(dripping()) == (408, pytest.approx(0.05))


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1]])
@pytest.mark.parametrize("path", [OPERATION, "/api/v1/nothing", "/livez", "/metrics", "/elsewhere"])
def test_a_body_without_a_known_token_is_never_read(app: App, path: str, token: str) -> None:
    status, read = asyncio.run(send(app, [b"x" * 1000, None], path=path, token=token))
    assert (status, read) == ({OPERATION: 401, "/livez": 405, "/metrics": 405}.get(path, 404), 0)


def test_a_body_that_is_too_large_is_refused(app: App) -> None:
    status, read = asyncio.run(send(app, [b" " * 30_000] * 10))
    assert (status, read) == (413, 3)


@pytest.mark.parametrize(
    ("length", "too_much"),
    [(b"1000", False), (b"1001", True), (b"9" * 5000, True), (b"", False), (b"-5", False), (b"x", False)],
)
def test_only_an_announced_length_over_the_limit_is_believed(length: bytes, too_much: bool) -> None:
    reader = BodyReader(limit_bytes=1000, deadline_s=1, budget_bytes=1000)
    assert reader.announces_too_much({"headers": [(b"content-length", length)]}) is too_much
