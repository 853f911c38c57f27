"""A JSON client over the standard library's HTTP, for the daemon and the sandbox."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from packhouse.model.text import decode_json
from packhouse_cli.exit_codes import CommandError, Exit, of_status

_MOST_BYTES = 32 << 20
_LONGEST_ANSWER_S = 60.0
_CHUNK = 64 << 10

# Loaded with the first call: it takes half of the start, and help, completion and usage errors need none.
if TYPE_CHECKING:
    import http.client


class JsonClient:
    """Calls one address and keeps the connection between calls. Every failure is a CommandError.

    `name` is the server's name in messages. `hints` say what to do about a status, `offline_hint` what to do
    when the server does not answer. `timeout_s` limits each wait for bytes, `longest_s` a whole answer.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        hints: Mapping[int, str] | None = None,
        offline_hint: str = "",
        timeout_s: float = 10.0,
        longest_s: float = _LONGEST_ANSWER_S,
    ) -> None:
        parts = urlsplit(url)
        self._name = name
        self._url = url
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port
        self._base = parts.path.rstrip("/")
        self._headers = {"Accept": "application/json", **(headers or {})}
        self._hints = dict(hints or {})
        self._offline_hint = offline_hint
        self._timeout_s = timeout_s
        self._longest_s = longest_s
        self._connection: http.client.HTTPConnection | None = None

    def get(self, path: str, **query: object) -> dict[str, Any]:
        """Read an object."""
        return self._call("GET", f"{path}?{urlencode(query)}" if query else path, None)

    def get_bytes(self, path: str) -> bytes:
        """Read a file."""
        status, content = self._send("GET", path, None)
        if status != 200:
            raise self._error(status, content)
        return content

    def get_any_status(self, path: str) -> tuple[int, dict[str, Any]]:
        """Read a status and its object, also of an error; the object is empty where the body has none."""
        status, content = self._send("GET", path, None)
        try:
            body = decode_json(content.decode())
        except ValueError:
            body = None
        return status, body if isinstance(body, dict) else {}

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send an object and return the response's object, empty where the body is empty."""
        return self._call("POST", path, json.dumps(body).encode())

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _call(self, method: str, path: str, body: bytes | None) -> dict[str, Any]:
        status, content = self._send(method, path, body)
        if not 200 <= status < 300:
            raise self._error(status, content)
        try:
            answer = decode_json(content.decode()) if content.strip() else {}
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise CommandError(
                f"{self._url}{path} did not answer with a JSON object. "
                f"Check that this is the {self._name}'s address.",
                Exit.UNKNOWN,
                "unreadable",
            )
        return answer

    def _send(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        headers = self._headers if body is None else {**self._headers, "Content-Type": "application/json"}
        import http.client

        fresh = self._connection is None
        too_long = threading.Event()
        try:
            connection = self._open()
            with _cut_after(self._longest_s, connection, too_long):
                connection.request(method, self._base + path, body=body, headers=headers)
                answer = connection.getresponse()
                content = self._read(answer, path)
            if too_long.is_set():  # what was cut off may look like the end
                self.close()
                raise self._endless(path)
            return answer.status, content
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if too_long.is_set():
                raise self._endless(path) from error
            # The server may have closed the kept connection; only a GET is safe to repeat.
            if not fresh and method == "GET" and not isinstance(error, TimeoutError):
                return self._send(method, path, body)
            raise CommandError(self._no_response(error), Exit.NETWORK, "network") from error

    def _read(self, answer: http.client.HTTPResponse, path: str) -> bytes:
        """The body, bounded in size: the server may be a foreign one. Raises CommandError."""
        parts, size = [], 0
        while part := answer.read1(_CHUNK):
            parts.append(part)
            size += len(part)
            if size > _MOST_BYTES:
                self.close()
                raise self._endless(path)
        if answer.length:
            import http.client

            raise http.client.IncompleteRead(b"", answer.length)
        answer.close()  # the connection is free for the next call
        return b"".join(parts)

    def _endless(self, path: str) -> CommandError:
        return CommandError(
            f"The {self._name} at {self._url} sends more than {_MOST_BYTES >> 20} MB, or longer than "
            f"{self._longest_s:g} s, for {path.partition('?')[0]}. Check that this is the "
            f"{self._name}'s address.",
            Exit.UNKNOWN,
            "too_large",
        )

    def _open(self) -> http.client.HTTPConnection:
        if self._connection is None:
            import http.client

            kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
            self._connection = kind(self._host, self._port, timeout=self._timeout_s)
        return self._connection

    def _no_response(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"The {self._name} at {self._url} did not answer within {self._timeout_s:g} s."
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return f"No {self._name} answers at {self._url} ({reason}). {self._offline_hint}".strip()

    def _error(self, status: int, content: bytes) -> CommandError:
        """The error for a response that is not a success: what is wrong, and what to do next."""
        code, message, what_to_do = _error_in(content)
        text = f"The {self._name} answered {status}" + (f": {message}" if message else "")
        hint = what_to_do or self._hints.get(status, "")
        error = of_status(status, f"{text.rstrip('.')}. {hint}".strip())
        # Of a refused operation the server's own code says more than the status.
        error.code = code if status == 409 and code else error.code
        return error


@contextlib.contextmanager
def _cut_after(
    seconds: float, connection: http.client.HTTPConnection, cut: threading.Event
) -> Iterator[None]:
    """End the connection where an exchange takes longer, and set `cut`.

    The time-out of a socket begins again with each byte, also of a header that never ends.
    """
    import socket

    if connection.sock is None:
        connection.connect()
    wire = connection.sock

    def end() -> None:
        cut.set()
        with contextlib.suppress(OSError):
            # Not the method of an encrypted socket, which is in use in another thread.
            socket.socket.shutdown(wire, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def rows_of(answer: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects in a list of the response; empty where there is no such list."""
    rows = answer.get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _error_in(content: bytes) -> tuple[str, str, str]:
    """The "code", "message" and "what_to_do" of the "error" in a body, "" for each that is missing.

    Other servers send the message as "detail".
    """
    try:
        body = decode_json(content.decode())
    except ValueError:
        return "", "", ""
    if not isinstance(body, dict):
        return "", "", ""
    error = body.get("error")
    if not isinstance(error, dict):
        error = {"message": body.get("detail")}
    code, message, what_to_do = (
        " ".join(value.split()) if isinstance(value := error.get(name), str) else ""
        for name in ("code", "message", "what_to_do")
    )
    return code, message, what_to_do
