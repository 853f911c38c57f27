"""The store as a command reaches it: a 429 is waited for, as long as it says and no longer than sensible."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from packhouse.errors import StoreThrottled
from packhouse.store.requests import OrdersQuery, list_orders
from packhouse_cli.clients.store import LONGEST_WAIT_S, RetryingStore


class Throttling(ThreadingHTTPServer):
    """Answers 429 with the next of `waits` as Retry-After (None: without), then 200."""

    waits: list[str | None]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert isinstance(self.server, Throttling)
        waits = self.server.waits
        body = b'{"orders": []}'
        self.send_response(429 if waits else 200)
        if waits and (wait := waits.pop(0)) is not None:
            self.send_header("Retry-After", wait)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Throttling]:
    server = Throttling(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def ask(server: Throttling, waits: list[str | None], *, patient: bool = True) -> tuple[list[float], bool]:
    """The waits that were slept, and whether an answer came in the end."""
    server.waits = waits
    slept: list[float] = []
    waits: list[float] = []
    store = RetryingStore(
        f"http://127.0.0.1:{server.server_port}",
        "aly_x",
        timeout_s=10,
        retries=patient,
        on_wait=waits.append,
        sleep=slept.append,
    )
    with store:
        try:
            store.ask(list_orders(OrdersQuery()))
            answered = True
        except StoreThrottled:
            answered = False
    assert waits == slept
    return slept, answered


def test_it_waits_as_long_as_the_store_says(server: Throttling) -> None:
    assert ask(server, ["3", "0.5"]) == ([3.0, 0.5], True)


def test_without_a_word_from_the_store_each_wait_is_twice_the_last(server: Throttling) -> None:
    assert ask(server, [None, None, None]) == ([1.0, 2.0, 4.0], True)


def test_a_store_that_says_no_time_at_all_is_not_asked_without_end_at_once(server: Throttling) -> None:
    assert ask(server, ["0"]) == ([0.05], True)
    for word in ("0", "soon", "-5"):
        slept, answered = ask(server, [word] * 200)
        assert not answered
        assert slept == sorted(slept)
        assert len(slept) < 80, word


def test_it_does_not_wait_longer_than_a_person_would(server: Throttling) -> None:
    assert ask(server, [str(LONGEST_WAIT_S + 1)]) == ([], False)
    slept, answered = ask(server, [None] * 20)
    assert not answered
    assert sum(slept) <= LONGEST_WAIT_S


def test_without_retries_a_429_is_raised_at_once(server: Throttling) -> None:
    assert ask(server, ["3"], patient=False) == ([], False)
