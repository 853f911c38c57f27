"""Runs the command in this process and keeps its output."""

from __future__ import annotations

import contextlib
import io
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from packhouse_cli.main import main
from packhouse_cli.terminal.output import Terminal


@dataclass(frozen=True)
class Outcome:
    """The result of one call."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, read as JSON."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """The error object that --json adds as the last line of standard error."""
        error: dict[str, Any] = json.loads(self.err.splitlines()[-1])["error"]
        return error


class Pretended(io.StringIO):
    """A text stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def call(*argv: str, environ: Mapping[str, str] | None = None, tty: bool = False) -> Outcome:
    """Run one command line."""
    environ = dict(environ or {})
    out: io.StringIO = Pretended() if tty else io.StringIO()
    err = io.StringIO()
    with contextlib.redirect_stdout(out):  # argparse prints its help there
        code = main(argv, Terminal(out, err, environ), environ)
    return Outcome(code, out.getvalue(), err.getvalue())


@dataclass
class FakePeer:
    """An HTTP server with fixed answers, by "METHOD path?query". Keeps what it was asked."""

    answers: dict[str, tuple[int, Any]]
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def environ(self) -> dict[str, str]:
        return {"PACKHOUSE_URL": self.url, "PACKHOUSE_TOKEN": "sesame-open"}


@contextlib.contextmanager
def serving(answers: dict[str, tuple[int, Any]]) -> Iterator[FakePeer]:
    """Serve these answers while the block runs; a str or bytes is sent as it is, anything else as JSON."""
    peer = FakePeer(answers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else a body waits 40 ms for the caller's word on the head

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            name = f"{self.command} {self.path}"
            peer.asked.append((name, {key.lower(): value for key, value in self.headers.items()}))
            status, body = peer.answers.get(
                name, (404, {"error": {"code": "not_found", "message": "No such."}})
            )
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815 - the names that http.server looks for

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    peer.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield peer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
