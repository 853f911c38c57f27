"""A Redis server for one run: Debian's program, loopback alone, each write on disk before it is answered."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.processes import free_port, wait_for

_PROGRAM = "redis-server"


@dataclass(frozen=True, slots=True)
class RedisServer:
    """A server that runs."""

    pid: int
    url: str


def is_installed() -> bool:
    """Whether this machine has Redis."""
    return shutil.which(_PROGRAM) is not None


@contextmanager
def running(folder: Path) -> Iterator[RedisServer]:
    """A server with its data in this folder, for as long as the block lasts."""
    port = free_port()
    durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
    with (folder / "redis.log").open("wb") as log:
        process = subprocess.Popen(
            [_PROGRAM, "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), *durable],
            stdout=log,
            stderr=log,
            cwd=folder,
        )
    try:
        wait_for(lambda: _answers(port), "Redis")
        yield RedisServer(process.pid, f"redis://127.0.0.1:{port}/0")
    finally:
        process.terminate()
        process.wait(30)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False
