"""The world as an HTTP transport: clients talk to it without a socket, under whatever clock it lives by."""

from __future__ import annotations

import asyncio

from packhouse.http import httpx
from packhouse.sandbox.wire import NoAnswer, Request, Reset
from packhouse.sandbox.world import World


class WorldTransport(httpx.AsyncBaseTransport):
    """Gives each request to the world. Give it to the daemon's clients in a simulation.

    As over a socket, a client that gives up or is cancelled stops nothing: the world goes on with the call.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._working: set[asyncio.Task[object]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises ReadTimeout after the request's own limit, ReadError for a torn connection."""
        path, _, query = request.url.raw_path.partition(b"?")
        call = Request(
            request.method,
            path.decode("ascii"),
            query.decode("ascii"),
            {name.lower(): value for name, value in request.headers.raw},
            await request.aread(),
        )
        loop = asyncio.get_running_loop()
        job = loop.create_task(self._world.handle(call))
        self._working.add(job)
        job.add_done_callback(self._done)
        limit_s = (request.extensions.get("timeout") or {}).get("read")
        limit = loop.create_task(self._world.clock.sleep(limit_s if limit_s is not None else 3600.0))
        try:
            await asyncio.wait({job, limit}, return_when=asyncio.FIRST_COMPLETED)
            if job.done() and isinstance(job.exception(), NoAnswer):
                await limit
        finally:
            limit.cancel()
        if not job.done() or isinstance(job.exception(), NoAnswer):
            raise httpx.ReadTimeout("The sandbox gave no answer.", request=request)
        if isinstance(job.exception(), Reset):
            raise httpx.ReadError("The sandbox tore the connection down.", request=request)
        answer = job.result()
        headers = [(b"content-type", answer.content_type), *answer.headers]
        return httpx.Response(answer.status, headers=headers, content=answer.body, request=request)

    def _done(self, job: asyncio.Task[object]) -> None:
        self._working.discard(job)
        if not job.cancelled():
            job.exception()  # Seen here, so that a call nobody waits for any more is not reported as lost.
