"""HTTP requests and responses as plain values, and the ways in which a call can end without a response."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Request:
    """One call. `path` and `query` are still percent-encoded; header names are lower-case bytes."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""

    def json_object(self) -> dict[str, Any] | None:
        """The body as a JSON object, or None when it is not one."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return None
        return value if isinstance(value, dict) else None


@dataclass(frozen=True, slots=True)
class Response:
    """The response to a call. `headers` are sent in addition to the content type and length."""

    status: int
    body: bytes = b""
    content_type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()


class ApiError(Exception):
    """A fake API refuses a call. Each API writes the error in its own envelope."""

    def __init__(self, status: int, code: str, message: str, details: list[Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details or []


class NoResponse(Exception):
    """A fault: no response is sent, and the client waits until its time-out."""


class ConnectionReset(Exception):
    """A fault: the connection is reset before any byte of the response."""


def to_json(value: Any) -> bytes:
    """Compact UTF-8 JSON."""
    # Half of a surrogate pair is written as JSON escapes it.
    return _encode(value).encode(errors="backslashreplace")


def json_response(value: Any, status: int = 200) -> Response:
    """A response whose body is this value as JSON."""
    return Response(status, to_json(value))


def to_iso(seconds: float) -> str:
    """Seconds since 1970 in the store's time format: 2026-05-19T08:35:14.000Z."""
    return (
        datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    )


def from_iso(text: str) -> float:
    """Read an ISO 8601 date or time; without a zone it is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
