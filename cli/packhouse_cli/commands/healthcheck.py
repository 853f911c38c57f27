"""`packhouse healthcheck`: one GET /readyz over a bare socket, cheap enough for a container."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING

from packhouse_cli.exit_codes import Exit, UsageError
from packhouse_cli.terminal.output import Terminal, safe
from packhouse_cli.user.settings import CliSettings

if TYPE_CHECKING:
    from packhouse_cli.arguments.parsing import CommandParser

_TIMEOUT_S = 4.0


def parser() -> CommandParser:
    """What it takes, for its help; the command itself needs no parser."""
    from packhouse_cli.arguments.parsing import CommandParser, add_json

    described = CommandParser(
        prog="packhouse healthcheck",
        description="Ask the daemon on this machine, at PACKHOUSE_HTTP__PORT (8080), whether it is ready.\n"
        "Exit code 0: ready. 1: not ready, or no answer.",
        examples=["packhouse healthcheck", "PACKHOUSE_HTTP__PORT=9000 packhouse healthcheck"],
    )
    add_json(described, "allowed and without effect: the answer is JSON in any case")
    return described


def run(argv: list[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Ask once. 0 when ready, 1 otherwise (container engines reserve other codes)."""
    if argv and argv[0] in ("-h", "--help"):
        terminal.line(parser().format_help().rstrip())
        return int(Exit.OK)
    if argv and argv != ["--json"]:
        raise UsageError(
            f"packhouse healthcheck takes no {safe(argv[0])!r}. See packhouse healthcheck --help."
        )
    settings = CliSettings(environ)
    host, port = settings.http_host, settings.http_port
    try:
        status, body = ask(host, port, _TIMEOUT_S)
    except OSError as error:
        terminal.note(f"packhouse: No daemon answers at {safe(host)} port {port} ({error}).")
        return int(Exit.UNKNOWN)
    terminal.line(safe(body) or f"status {status}")
    return int(Exit.OK if status == 200 else Exit.UNKNOWN)


def ask(host: str, port: int, timeout_s: float) -> tuple[int, str]:
    """The status and body of /readyz. Raises OSError where nothing answers properly in time."""
    with socket.create_connection((host, port), timeout=timeout_s) as peer:
        peer.sendall(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        received = b""
        while chunk := peer.recv(4096):
            received += chunk
            if len(received) > 65536:
                break
    head, _, body = received.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        raise OSError("what answers there does not speak HTTP")
    return int(words[1]), body.decode("utf-8", "replace").strip()
