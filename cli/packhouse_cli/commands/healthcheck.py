"""`packhouse healthcheck`: one GET /readyz over a plain socket, cheap enough for a container."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from packhouse_cli.exit_codes import Exit, UsageError

if TYPE_CHECKING:
    from packhouse_cli.arguments.parsing import CommandParser
    from packhouse_cli.invocation import Invocation

_TIMEOUT_S = 4.0


def parser() -> CommandParser:
    """The parser, for the help; the command itself needs none."""
    from packhouse_cli.arguments.options import JSON
    from packhouse_cli.arguments.parsing import CommandParser

    described = CommandParser(
        prog="packhouse healthcheck",
        description="Ask the daemon on this machine, at PACKHOUSE_HTTP__PORT (8080), whether it is ready. "
        "Exit code 0: ready. 1: not ready, or no response.",
        examples=["packhouse healthcheck", "PACKHOUSE_HTTP__PORT=9000 packhouse healthcheck"],
    )
    JSON.but(help="accepted without effect: the output is always JSON").add_to(described)
    return described


def run(argv: list[str], invocation: Invocation) -> int:
    """Ask once. Returns 0 when ready, 1 otherwise (container engines reserve other codes)."""
    terminal = invocation.terminal
    if argv and argv[0] in ("-h", "--help"):
        terminal.block(parser().format_help())
        return int(Exit.OK)
    if argv and argv != ["--json"]:
        raise UsageError(f"packhouse healthcheck takes no {argv[0]!r}. See packhouse healthcheck --help.")
    host, port = invocation.settings.http_host, invocation.settings.http_port
    try:
        status, body = ask(host, port, _TIMEOUT_S)
    except OSError as error:
        terminal.note(f"packhouse: No daemon answers at {host} port {port} ({error}).")
        return int(Exit.UNKNOWN)
    terminal.line(body or f"status {status}")
    return int(Exit.OK if status == 200 else Exit.UNKNOWN)


def ask(host: str, port: int, timeout_s: float) -> tuple[int, str]:
    """The status and body of /readyz. Raises OSError where no valid response comes in time."""
    with socket.create_connection((host, port), timeout=timeout_s) as connection:
        connection.sendall(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        received = b""
        while chunk := connection.recv(4096):
            received += chunk
            if len(received) > 65536:
                break
    head, _, body = received.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        raise OSError("the response is not HTTP")
    return int(words[1]), body.decode("utf-8", "replace").strip()
