"""The sandbox over HTTP: an ASGI application, and a server protocol that can reset a connection."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from packhouse.sandbox.control_api import ControlApi, is_control_path
from packhouse.sandbox.http import ConnectionReset, NoResponse, Request, Response
from packhouse.sandbox.sandbox import Sandbox

RESET = "packhouse.reset"
# A call without a response ends after this long, even if the client still waits.
MAX_WAIT_S = 120.0

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]


class ResettableProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, which also lets the application reset the connection."""

    def on_message_begin(self) -> None:
        """Begin a request as usual, and add the extension to its scope."""
        super().on_message_begin()
        self.scope["extensions"] = {RESET: {"now": self._reset}}

    def _reset(self) -> None:
        sock = self.transport.get_extra_info("socket")
        if sock is not None:
            # With a linger time of zero the kernel sends a reset instead of a regular close.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class SandboxApp:
    """The ASGI application: the fake services, and the control API under /sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._control = ControlApi(sandbox)
        self._open: dict[asyncio.Task[Any], _Message] = {}
        self._closing = False

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Handle one HTTP exchange; other kinds of scope are ignored."""
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
        body, is_whole = b"", False
        while not is_whole:
            message = await receive()
            if message["type"] == "http.disconnect":
                return  # half a request is none: without its body, a refund would be one of everything
            body += message.get("body", b"")
            is_whole = not message.get("more_body")
        request = Request(
            scope["method"],
            scope["raw_path"].decode("ascii", "replace"),
            scope["query_string"].decode("ascii", "replace"),
            dict(scope["headers"]),
            body,
        )
        try:
            response = await self._handle(request)
        except NoResponse:
            await _wait_for_disconnect(receive)
        except ConnectionReset:
            scope["extensions"][RESET]["now"]()
            await _wait_for_disconnect(receive)
        else:
            await _send_response(response, send)

    async def _handle(self, request: Request) -> Response:
        if is_control_path(request.path):
            return self._control.handle(request)
        return await self._sandbox.handle(request)

    def reset_open_connections(self) -> None:
        """Reset the connection of every open call, so that none of them delays the shutdown."""
        self._closing = True
        for task, scope in self._open.items():
            scope["extensions"][RESET]["now"]()
            task.cancel()


class SandboxServer(uvicorn.Server):
    """A server that resets open connections instead of waiting for their calls to end.

    It stops at once if `is_asked_to_stop` was set before it handled signals itself.
    """

    def __init__(self, config: uvicorn.Config, app: SandboxApp, is_asked_to_stop: threading.Event) -> None:
        super().__init__(config)
        self._app = app
        self._is_asked_to_stop = is_asked_to_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as usual; by now the server handles signals."""
        await super().startup(sockets)
        self.should_exit = self.should_exit or self._is_asked_to_stop.is_set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Reset the open connections, then shut down as usual."""
        self._app.reset_open_connections()
        await super().shutdown(sockets)


async def _send_response(response: Response, send: _Send) -> None:
    length = str(len(response.body)).encode()
    headers = [(b"content-type", response.content_type), (b"content-length", length), *response.headers]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


async def _wait_for_disconnect(receive: _Receive) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(MAX_WAIT_S):
            while (await receive())["type"] != "http.disconnect":
                pass
