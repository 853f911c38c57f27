"""The sandbox as an ASGI application, and the one server protocol on which a connection can be torn down."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from packhouse.sandbox.wire import Answer, NoAnswer, Request, Reset
from packhouse.sandbox.world import World

TEAR_DOWN = "packhouse.tear_down"
# A client that never gives up is let go after this long.
PATIENCE_S = 120.0

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]


class TearableProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, which also lends the application the means to reset the connection."""

    def on_message_begin(self) -> None:
        """Begin a request as always, and add the extension to its scope."""
        super().on_message_begin()
        self.scope["extensions"] = {TEAR_DOWN: {"now": self._tear_down}}

    def _tear_down(self) -> None:
        sock = self.transport.get_extra_info("socket")
        if sock is not None:
            # Lingering for no time makes the kernel send a reset instead of a polite end.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class SandboxApp:
    """Brings calls to the world and answers back."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._open: dict[asyncio.Task[Any], _Message] = {}
        self._closing = False

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """One HTTP exchange; other kinds of scope are ignored."""
        task = asyncio.current_task()
        if scope["type"] != "http" or task is None:
            return
        self._open[task] = scope
        try:
            await self._exchange(scope, receive, send)
        except asyncio.CancelledError:
            if not self._closing:
                raise
        finally:
            del self._open[task]

    async def _exchange(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        message = await receive()
        body = message.get("body", b"")
        while message.get("more_body"):
            message = await receive()
            body += message.get("body", b"")
        request = Request(
            scope["method"],
            scope["raw_path"].decode("ascii", "replace"),
            scope["query_string"].decode("ascii", "replace"),
            dict(scope["headers"]),
            body,
        )
        try:
            answer = await self._world.handle(request)
        except NoAnswer:
            await _outwait(receive)
        except Reset:
            scope["extensions"][TEAR_DOWN]["now"]()
            await _outwait(receive)
        else:
            await _give(answer, send)

    def hang_up(self) -> None:
        """The sandbox closes: tear down every call that is still open, so that none keeps it waiting."""
        self._closing = True
        for task, scope in self._open.items():
            scope["extensions"][TEAR_DOWN]["now"]()
            task.cancel()


class SandboxServer(uvicorn.Server):
    """A server that hangs up on open calls before it waits for them to end."""

    def __init__(self, config: uvicorn.Config, app: SandboxApp) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Hang up, then close as always."""
        self._app.hang_up()
        await super().shutdown(sockets)


async def _give(answer: Answer, send: _Send) -> None:
    length = str(len(answer.body)).encode()
    headers = [(b"content-type", answer.content_type), (b"content-length", length), *answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _outwait(receive: _Receive) -> None:
    """Return when the client has gone."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            while (await receive())["type"] != "http.disconnect":
                pass
