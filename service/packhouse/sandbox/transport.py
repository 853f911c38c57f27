"""The sandbox as an HTTP transport: clients call it without a socket, under the clock of the sandbox."""

from __future__ import annotations

import asyncio

from packhouse.http import httpx
from packhouse.sandbox.http import ConnectionReset, NoResponse, Request
from packhouse.sandbox.sandbox import Sandbox


class SandboxTransport(httpx.AsyncBaseTransport):
    """Passes each request to the sandbox. A simulation gives this transport to the daemon's clients.

    As over a socket, a client that times out or is cancelled stops nothing: the sandbox finishes the call.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._calls: set[asyncio.Task[object]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises ReadTimeout after the request's own limit, ReadError for a reset connection."""
        path, _, query = request.url.raw_path.partition(b"?")
        sent = Request(
            request.method,
            path.decode("ascii"),
            query.decode("ascii"),
            {name.lower(): value for name, value in request.headers.raw},
            await request.aread(),
        )
        loop = asyncio.get_running_loop()
        call = loop.create_task(self._sandbox.handle(sent))
        self._calls.add(call)
        call.add_done_callback(self._done)
        limit_s = (request.extensions.get("timeout") or {}).get("read")
        limit = loop.create_task(self._sandbox.clock.sleep(limit_s if limit_s is not None else 3600.0))
        try:
            await asyncio.wait({call, limit}, return_when=asyncio.FIRST_COMPLETED)
            if call.done() and isinstance(call.exception(), NoResponse):
                await limit
        finally:
            limit.cancel()
        if not call.done() or isinstance(call.exception(), NoResponse):
            raise httpx.ReadTimeout("The sandbox sent no response.", request=request)
        if isinstance(call.exception(), ConnectionReset):
            raise httpx.ReadError("The sandbox reset the connection.", request=request)
        response = call.result()
        headers = [(b"content-type", response.content_type), *response.headers]
        return httpx.Response(response.status, headers=headers, content=response.body, request=request)

    def _done(self, call: asyncio.Task[object]) -> None:
        self._calls.discard(call)
        if not call.cancelled():
            call.exception()  # Read here, so that asyncio reports no error of a call that no client awaits.
