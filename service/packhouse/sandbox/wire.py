"""What goes over the counter: a request, an answer, and the ways a call can end otherwise."""

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
class Answer:
    """What is sent back. `headers` are added to the content type and length."""

    status: int
    body: bytes = b""
    content_type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Refusal(Exception):
    """The store or the carrier says no; the side it belongs to writes it in its own envelope."""

    def __init__(self, status: int, code: str, message: str, details: list[Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details or []


class NoAnswer(Exception):
    """A fault: the client waits until it gives up."""


class Reset(Exception):
    """A fault: the connection is torn down without a byte of answer."""


def to_json(value: Any) -> bytes:
    """Compact UTF-8 JSON."""
    return _encode(value).encode()


def json_answer(value: Any, status: int = 200) -> Answer:
    """An answer whose body is this value as JSON."""
    return Answer(status, to_json(value))


def iso(seconds: float) -> str:
    """Seconds since 1970 as the store writes times: 2026-05-19T08:35:14.000Z."""
    return (
        datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    )


def from_iso(text: str) -> float:
    """Read an ISO 8601 date or time; without a zone it is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
