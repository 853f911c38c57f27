"""A server that is not the daemon and never ends its answer: the command gives up in time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from packhouse_cli.clients.http import JsonClient
from packhouse_cli.exit_codes import CommandError

_OK = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def dripping(begin: bytes, drop: bytes, every_s: float) -> Iterator[str]:
    """A server that answers with the beginning and then with drop after drop."""
    stopped = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                try:
                    connection.sendall(begin)
                    while not stopped.wait(every_s):
                        connection.sendall(drop)
                except OSError:
                    return

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            stopped.set()
            thread.join()


@pytest.mark.parametrize(
    ("begin", "drop", "every_s"),
    [
        (_OK, b"a: b\r\n", 0.05),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100, 0.001),
        (_OK + b"transfer-encoding: chunked\r\n\r\n", b"0", 0.05),
        (_OK + b"\r\n{", b" ", 0.05),
    ],
    ids=["header", "100 Continue", "chunk", "body"],
)
def test_an_answer_without_end_is_given_up_in_time(begin: bytes, drop: bytes, every_s: float) -> None:
    with dripping(begin, drop, every_s) as url:
        client = JsonClient("daemon", url, timeout_s=60.0, longest_s=0.3)
        began = time.monotonic()
        with pytest.raises(CommandError, match=r"longer than 0\.3 s, for /api/v1/status"):
            client.get("/api/v1/status")
        assert time.monotonic() - began < 30
