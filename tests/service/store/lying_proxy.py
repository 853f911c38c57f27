"""A proxy between the daemon and the sandbox's store that answers in the store's place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from packhouse.http import httpx

PAGE = b"<!doctype html><html><head><title>Log in</title></head><body>Welcome</body></html>"


@dataclass(frozen=True)
class Lie:
    """One answer in place of the store's. `forwards`: the store gets the request all the same.

    `body` may be made from the store's own answer.
    """

    body: bytes | Callable[[bytes], bytes] = PAGE
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "text/html"})
    forwards: bool = False


class LyingProxy(httpx.AsyncBaseTransport):
    """Passes requests on, or answers the next ones of a method as told. `seen` are the requests."""

    def __init__(self, real: httpx.AsyncBaseTransport) -> None:
        self._real = real
        self._lies: dict[str, list[Lie]] = {}
        self.seen: list[tuple[str, str, bytes, str]] = []

    def answer(self, method: str, *lies: Lie) -> None:
        """Answer the next requests of this method so."""
        self._lies.setdefault(method, []).extend(lies)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        key = request.headers.get("idempotency-key", "")
        self.seen.append((request.method, request.url.raw_path.decode(), body, key))
        lies = self._lies.get(request.method)
        if not lies:
            return await self._real.handle_async_request(request)
        lie, own = lies.pop(0), b""
        if lie.forwards:
            own = (await self._real.handle_async_request(request)).content
        content = lie.body(own) if callable(lie.body) else lie.body
        stream = httpx.ByteStream(content)
        return httpx.Response(lie.status, headers=dict(lie.headers), stream=stream, request=request)
