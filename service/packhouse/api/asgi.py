"""The parts of ASGI that the webhook endpoint needs: types and prepared responses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


def mark_proven(scope: Scope) -> None:
    """Note that the request has a good signature or token: its connection is never slowed."""
    scope.setdefault("state", {})["proven"] = True


def is_proven(scope: Any) -> bool:
    """Whether the request had a good signature or token."""
    return bool(scope.get("state", {}).get("proven"))


class PreparedResponse:
    """A whole response of a few bytes, built once and sent many times."""

    __slots__ = ("_body", "_start", "status")

    def __init__(self, status: int, text: str, **headers: str) -> None:
        content = text.encode() + b"\n" if text else b""
        pairs = {"content-type": "text/plain", "content-length": str(len(content))} if text else {}
        pairs |= {name.replace("_", "-"): value for name, value in headers.items()}
        self.status = status
        self._start = {
            "type": "http.response.start",
            "status": status,
            "headers": [(name.encode(), value.encode()) for name, value in pairs.items()],
        }
        self._body = {"type": "http.response.body", "body": content}

    async def send(self, send: Send) -> None:
        """Send the response. The prepared messages are copied, as a server may add to them."""
        await send(self._start.copy())
        await send(self._body.copy())
