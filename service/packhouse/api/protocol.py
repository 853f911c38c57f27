"""uvicorn's HTTP protocol with limits: on headers, bodies, pipelining and readers that do not read.

uvicorn itself has none of them. This class counts bytes and notes in the book of connections what each
connection waits for; the book says which ones to cut.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from packhouse.api.addresses import AddressGroups
from packhouse.api.asgi import is_proven
from packhouse.api.connections import Connection, ConnectionBook, Cut, Phase
from packhouse.api.joined_writes import JoinedWrites
from packhouse.api.pacing import Pacer
from packhouse.clock import Clock

_MOST_HEADERS = 200
_MOST_PIPELINED = 8
# All bytes of one body on the wire, with what is read and thrown away after a refusal.
_MOST_BODY_BYTES = 16 << 20
# The protocol answers these itself, if no response has begun; the others are closed without a word.
_ANSWERS = {
    Cut.HEADER_TIMEOUT: (408, "the headers were not complete in time"),
    Cut.HEADER_TOO_LARGE: (431, "the headers are too large"),
    Cut.BODY_TIMEOUT: (408, "the body was not complete in time"),
    Cut.BODY_TOO_SLOW: (408, "the body came too slowly"),
    Cut.BODY_TOO_LARGE: (413, "the body is too large"),
    Cut.INVALID: (400, "this is not a valid HTTP/1.1 request"),
    Cut.PIPELINED: (400, "too many requests at once: wait for the responses"),
}


@dataclass(frozen=True, slots=True)
class ConnectionPolicy:
    """What all connections of a server share. `on_cut` counts and logs a connection that was cut."""

    book: ConnectionBook
    groups: AddressGroups
    max_header_bytes: int
    clock: Clock
    on_cut: Callable[[Cut], None]
    pacer: Pacer

    def protocol(self, **arguments: Any) -> asyncio.Protocol:
        """Make the protocol of one connection; uvicorn gives the arguments."""
        return BoundedProtocol(policy=self, **arguments)


class _Invalid(Exception):
    """Raised in a callback of the parser to stop it."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection. Its methods are those that uvicorn and its parser call."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        policy: ConnectionPolicy,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._policy = policy
        self._connection: Connection | None = None
        self._in_header = True
        self._has_cycle = False
        self._header_bytes = 0
        self._body_bytes = 0
        self._empty_bytes = 0
        self._reason = Cut.INVALID

    # What the transport calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Enter the connection in the book, which may cost another one its place."""
        super().connection_made(transport)
        policy = self._policy
        address = policy.groups.limited(self.client[0] if self.client else "")
        self._connection = Connection(self, address, policy.clock.monotonic())
        if victim := policy.book.open(self._connection):
            connection, why = victim
            connection.owner.cut(why)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection. Requests that wait behind another one are never begun."""
        self._forget()
        for cycle, _ in self.pipeline:
            cycle.disconnected = True
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Give the bytes to the parser, never more of a header than is allowed."""
        self._unset_keepalive_if_required()
        while data and not self._is_over():
            if self._in_header:
                room = self._policy.max_header_bytes - self._header_bytes
                part, data = data[:room], data[room:]
                self._header_bytes += len(part)
            else:
                part, data = data, b""
                self._body_bytes += len(part)
                self._empty_bytes += len(part)
            self._feed(part)
            if not self._is_over() and (why := self._too_much()):
                self.cut(why)
        self._note_phase()

    def pause_writing(self) -> None:
        """The client does not read what was written."""
        super().pause_writing()
        self._note_phase()

    def resume_writing(self) -> None:
        """The client has read most of it."""
        super().resume_writing()
        self._note_phase()

    # What the parser calls

    def on_headers_complete(self) -> None:
        """The headers are complete: the app gets the request, or it waits for those before it."""
        if len(self.headers) > _MOST_HEADERS:
            self._stop(Cut.HEADER_TOO_LARGE)
        if len(self.pipeline) >= _MOST_PIPELINED:
            self._stop(Cut.PIPELINED)
        super().on_headers_complete()
        self._has_cycle = True
        if self.scope["method"] != "HEAD":  # its response has no body to wait for
            self.cycle.transport = cast(asyncio.Transport, JoinedWrites(self.transport))
        # Trailers come when the app has the headers already: they are collected here and ignored.
        self.headers = []
        self._in_header = False
        self._header_bytes = self._body_bytes = self._empty_bytes = 0

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._empty_bytes = 0
        if self._connection is not None:
            self._connection.body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete. The next one may follow in the same bytes."""
        self._in_header = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The response is written, though perhaps not yet read."""
        super().on_response_complete()
        self._note_phase()
        if self._connection is None or self.transport.is_closing() or self._connection.address is None:
            return
        if not is_proven(self.cycle.scope):
            wait_s = self._policy.pacer.wait_s(self._policy.clock.monotonic())
            if wait_s > 0:
                self.flow.pause_reading()
                self.loop.call_later(wait_s, self._read_on)

    # What the server calls

    def shutdown(self) -> None:
        """Close the connection, after the response if one is being made; wait for no client."""
        connection = self._connection
        if connection is None or connection.phase in (Phase.WORKING, Phase.UNREAD, Phase.CLOSING):
            super().shutdown()
        else:
            self._forget()
            self.transport.close()
            self._disconnect_app()

    def timeout_keep_alive_handler(self) -> None:
        """No further request came in time."""
        super().timeout_keep_alive_handler()
        self._enter(Phase.CLOSING)

    def _unsupported_upgrade_warning(self) -> None:
        """An upgrade is not offered: the request is answered as it is, and the connection then closed."""
        if self._has_cycle:
            self.cycle.keep_alive = False

    def cut(self, why: Cut) -> None:
        """Close the connection, with an answer if it may still be given."""
        connection = self._connection
        if connection is None:
            return
        answer = _ANSWERS.get(why)
        if why is Cut.HEADER_TIMEOUT and not self._header_bytes:
            answer = None
        if answer is None or self.transport.is_closing() or not self._may_answer():
            self._forget()
            self.transport.abort()
        else:
            self._answer(*answer)
            self._enter(Phase.CLOSING)
        self._disconnect_app()
        self._policy.on_cut(why)

    # Within

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._unsupported_upgrade_warning()
        except httptools.HttpParserError:
            self.cut(self._reason)

    def _too_much(self) -> Cut | None:
        if self._in_header:
            return Cut.HEADER_TOO_LARGE if self._header_bytes >= self._policy.max_header_bytes else None
        # Extensions of chunks and trailers have no content: they are bounded as headers are.
        if self._empty_bytes > self._policy.max_header_bytes or self._body_bytes > _MOST_BODY_BYTES:
            return Cut.BODY_TOO_LARGE
        return None

    def _read_on(self) -> None:
        if not self._is_over():
            self.flow.resume_reading()

    def _stop(self, why: Cut) -> None:
        self._reason = why
        raise _Invalid(why)

    def _is_over(self) -> bool:
        return self._connection is None or self.transport.is_closing()

    def _may_answer(self) -> bool:
        cycle = self.cycle
        if not self._has_cycle:
            return True
        if cycle.response_complete:
            return self._in_header
        return not (cycle.response_started or self.pipeline)

    def _answer(self, status: int, text: str) -> None:
        body = text.encode() + b"\n"
        head = b"content-type: text/plain\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.close()

    def _disconnect_app(self) -> None:
        """Tell the app, if it still works on a request, that the client is gone."""
        cycle = self.cycle
        if self._has_cycle and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
            self.flow.resume_writing()

    def _note_phase(self) -> None:
        """Tell the book what the connection waits for now."""
        cycle = self.cycle
        if self._connection is None:
            return
        if self.transport.is_closing():
            self._enter(Phase.CLOSING)
        elif self.flow.write_paused:
            self._enter(Phase.UNREAD)
        elif not self._in_header:
            self._enter(Phase.DRAINING if cycle.response_complete else Phase.BODY)
        elif self._has_cycle and not cycle.response_complete:
            self._enter(Phase.WORKING)
        else:
            self._enter(Phase.HEADER if self._header_bytes or not self._has_cycle else Phase.IDLE)
            if self._connection.phase is Phase.IDLE and self.timeout_keep_alive_task is None:
                # uvicorn sets this timer at the response, and forgets it when a body continues after it.
                self.timeout_keep_alive_task = self.loop.call_later(
                    self.timeout_keep_alive, self.timeout_keep_alive_handler
                )

    def _enter(self, phase: Phase) -> None:
        if self._connection is not None:
            self._policy.book.enter(self._connection, phase, self._policy.clock.monotonic())

    def _forget(self) -> None:
        if self._connection is not None:
            self._policy.book.close(self._connection)
            self._connection = None
