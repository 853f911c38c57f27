"""uvicorn as Packhouse runs it: with limits on connections, and without signal handlers of its own."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
from collections.abc import Iterator
from typing import Any, cast

import uvicorn

from packhouse.api.acceptor import Acceptor
from packhouse.api.addresses import AddressGroups
from packhouse.api.asgi import ASGIApp
from packhouse.api.capacity import Capacity, capacity
from packhouse.api.connections import ConnectionBook, Cut, Limits
from packhouse.api.pacing import Pacer
from packhouse.api.protocol import ConnectionPolicy
from packhouse.api.sparse_log import SparseLog
from packhouse.clock import Clock
from packhouse.config.http_server import HttpSettings
from packhouse.telemetry.logs import logger
from packhouse.telemetry.metrics import Metrics

# uvicorn's interval between two ticks.
_TICK_S = 0.1

_log = logger("packhouse.api.server")


def configure(http: HttpSettings, grace_s: float) -> uvicorn.Config:
    """uvicorn's configuration, which needs no app yet: it chooses the event loop."""
    return uvicorn.Config(
        _placeholder,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        # Clients behind proxies are told apart in addresses.py, and only where a setting names the proxy.
        proxy_headers=False,
        ws="none",
        backlog=_capacity(http).backlog,
        timeout_keep_alive=cast(int, http.idle_timeout_s),
        timeout_graceful_shutdown=max(1, int(grace_s)),
    )


def build_policy(http: HttpSettings, metrics: Metrics, clock: Clock) -> ConnectionPolicy:
    """What all connections share, with limits that fit this process's limit of open files."""
    fits = _capacity(http).connections
    if fits < http.max_connections:
        _log.warning(
            "fewer connections than set",
            action="limit",
            max_connections=fits,
            wanted=http.max_connections,
            reason="this process may open too few files: raise its limit (ulimit -n, LimitNOFILE)",
        )
    limits = Limits(
        total=fits,
        per_address=min(http.max_connections_per_address, fits // 2),
        header_s=http.header_timeout_s,
        body_s=http.body_timeout_s,
        min_body_bytes_per_s=http.min_body_bytes_per_s,
        response_s=http.response_timeout_s,
    )
    lines = SparseLog(clock)

    def on_cut(why: Cut) -> None:
        metrics.connection_cut(why.value)
        if count := lines.due(why.value):
            _log.warning("connection cut", action="cut", reason=why.value, count=count)

    book = ConnectionBook(limits)
    metrics.watch_connections(book.counts)
    groups = AddressGroups(http.trusted_proxies)
    return ConnectionPolicy(book, groups, http.max_header_bytes, clock, on_cut, Pacer())


class BoundedServer(uvicorn.Server):
    """uvicorn with a `ConnectionPolicy` and without signal handlers: a stop first drains the workers."""

    def __init__(self, config: uvicorn.Config, app: ASGIApp, policy: ConnectionPolicy) -> None:
        config.app = cast(Any, app)
        config.load()
        super().__init__(config)
        self.policy = policy
        self._ticked_at = policy.clock.monotonic()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no signal handlers."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections on the given sockets."""

        def make_protocol() -> asyncio.Protocol:
            return self.policy.protocol(config=self.config, server_state=self.server_state, app_state={})

        self.servers = cast(
            Any,
            [
                Acceptor(sock, self.config.backlog, make_protocol, lambda: self.policy.on_cut(Cut.NO_FILES))
                for sock in sockets or []
            ],
        )
        self.started = True

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: cut the connections that are late."""
        now = self.policy.clock.monotonic()
        self.policy.pacer.note_lateness(now - self._ticked_at - _TICK_S)
        self._ticked_at = now
        for connection, why in self.policy.book.late(now):
            connection.owner.cut(why)
        return await super().on_tick(counter)


def _capacity(http: HttpSettings) -> Capacity:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return capacity(http.max_connections, soft if soft != resource.RLIM_INFINITY else 1 << 20)


async def _placeholder(*_: object) -> None:
    """The ASGI app in uvicorn's configuration, until the loop runs and the real one can be built."""
