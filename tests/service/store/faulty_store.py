"""A store on a loopback port that responds as scripted, or not at all, and records the requests."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Behaviour = Callable[["Handler"], None]


@dataclass
class FaultyStore:
    """Where it listens, what it was asked, how it behaves next (the last one stays)."""

    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    behaviours: list[Behaviour] = field(default_factory=list)
    peers: list[Any] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/storefront/v1"

    @property
    def connections(self) -> int:
        """How many it has accepted."""
        return len(self.peers)

    def behave(self, *behaviours: Behaviour) -> None:
        self.behaviours[:] = behaviours


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are written apart; the second would wait for an ACK
    store: FaultyStore

    def setup(self) -> None:
        super().setup()
        self.store.peers.append(self.client_address)

    def _act(self) -> None:
        behaviours = self.store.behaviours
        behaviour = behaviours.pop(0) if len(behaviours) > 1 else behaviours[0]
        if behaviour is not reset_before_reading:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.store.asked.append(Asked(self.command, self.path, headers, body))
        behaviour(self)

    do_GET = do_POST = _act  # noqa: N815  (http.server's names)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def reset(self) -> None:
        """Close the connection so that the other side sees a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True
        # The handler's own closing would write into the closed socket.
        self.wfile = open("/dev/null", "wb")  # noqa: PTH123, SIM115

    def answer(self, status: int, body: bytes, headers: dict[str, str], length: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)


def answers(status: int, value: Any = None, **headers: str) -> Behaviour:
    """Answer with this status and JSON (or these bytes)."""
    body = value if isinstance(value, bytes) else b"" if value is None else json.dumps(value).encode()
    named = {"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
    return lambda handler: handler.answer(status, body, named)


def reset_before_reading(handler: Handler) -> None:
    """Reset the connection with the request's body unread."""
    handler.reset()


def reset_after_reading(handler: Handler) -> None:
    """Read the whole request, then reset the connection."""
    handler.reset()


def hangs_up(handler: Handler) -> None:
    """Read the whole request, then close politely without a word."""
    handler.close_connection = True


def talks_nonsense(handler: Handler) -> None:
    """Answer with something that is not HTTP."""
    handler.wfile.write(b"\x16\x03\x01 this is not a web server\r\n\r\n")
    handler.close_connection = True


def breaks_off(handler: Handler) -> None:
    """Announce more bytes than come."""
    handler.answer(200, b'{"id": "ord_1"', {}, length=500)
    handler.close_connection = True


def never_answers(handler: Handler) -> None:
    """Keep the connection open and say nothing, until the test is over."""
    handler.store.released.wait(60)
    handler.reset()


def stops_halfway(handler: Handler) -> None:
    """Send half of an answer and then nothing, until the test is over."""
    handler.answer(200, b'{"id": "ord_1"', {}, length=500)
    handler.wfile.flush()
    handler.store.released.wait(60)
    handler.reset()


def drips(handler: Handler) -> None:
    """Send an endless answer, a blank at a time, until the test is over or the client hangs up."""
    handler.answer(200, b"", {}, length=1_000_000)
    while not handler.store.released.wait(0.02):
        try:
            handler.wfile.write(b" ")
        except OSError:
            break
    handler.close_connection = True


def last_call(status: int, value: Any) -> Behaviour:
    """Answer and close the connection, as announced."""

    def act(handler: Handler) -> None:
        handler.answer(status, json.dumps(value).encode(), {"Connection": "close"})
        handler.close_connection = True

    return act


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def server_bind(self) -> None:
        """Bind without asking the name service who 127.0.0.1 is."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that has read enough hangs up."""


@contextmanager
def faulty_store() -> Iterator[FaultyStore]:
    """Run one on a free port."""
    store = FaultyStore()
    bound = type("BoundHandler", (Handler,), {"store": store})
    with _Server(("127.0.0.1", 0), bound) as server:
        store.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield store
        finally:
            store.released.set()
            server.shutdown()
            thread.join()
