"""Accepts connections, many in one turn of the event loop.

uvloop accepts one in each turn. Under load a turn takes long, the system's queue of new connections fills up,
and it then drops good ones for seconds.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from contextlib import suppress

# In one turn; between two turns the connections that are open are served.
_AT_ONCE = 64
_NO_FILES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_PAUSE_S = 0.1


class Acceptor:
    """Listens on a socket and makes a protocol for each connection. It closes as asyncio's servers do.

    `on_full` is called when the system has no room for a further connection; accepting then pauses.
    """

    def __init__(
        self,
        sock: socket.socket,
        backlog: int,
        make_protocol: Callable[[], asyncio.Protocol],
        on_full: Callable[[], None],
    ) -> None:
        self._sock = sock
        self._make_protocol = make_protocol
        self._on_full = on_full
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[object]] = set()
        self._pause: asyncio.TimerHandle | None = None
        sock.setblocking(False)
        sock.listen(backlog)
        self._loop.add_reader(sock, self._accept)

    def close(self) -> None:
        """Accept no more connections. Those that are open stay open."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._sock)

    async def wait_closed(self) -> None:
        """Wait until the connections that were being opened are open."""
        await asyncio.gather(*self._opening, return_exceptions=True)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, _address = self._sock.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionError:  # the client has already left
                continue
            except OSError as error:
                if error.errno not in _NO_FILES:
                    raise
                self._on_full()
                self._loop.remove_reader(self._sock)
                self._pause = self._loop.call_later(_PAUSE_S, self._resume)
                return
            opening = self._loop.create_task(self._open(connection))
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)

    def _resume(self) -> None:
        self._pause = None
        self._loop.add_reader(self._sock, self._accept)

    async def _open(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        with suppress(OSError):  # the client has already left
            await self._loop.connect_accepted_socket(self._make_protocol, connection)
