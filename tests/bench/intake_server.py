"""The intake alone, as a separate program: the daemon's HTTP routes and ledger without workers.

`python -m tests.bench.intake_server durable|forgetful|hello FOLDER`. Durable saves each delivery as the
daemon does; forgetful responds at once, which is the baseline; hello is a raw ASGI application on uvicorn
that reads nothing. FOLDER/port is the server's port.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from pathlib import Path
from typing import Any, cast

import uvicorn
import uvloop
from prometheus_client import CollectorRegistry

from packhouse.api.app import build_api
from packhouse.api.asgi import ASGIApp, Receive, Scope, Send
from packhouse.api.server import BoundedServer, build_policy, configure
from packhouse.api.webhooks import Inbox, Receipt
from packhouse.clock import SystemClock
from packhouse.config.sections import OperatorSettings, WebhookSettings
from packhouse.config.settings import Settings
from packhouse.ledger.documents import DocumentFolder
from packhouse.ledger.engine import open_ledger
from packhouse.model.event import Event
from packhouse.operations import Operations
from packhouse.telemetry.metrics import Metrics
from packhouse.worker.intake import Intake
from tests.e2e.processes import SECRET


class ForgetfulInbox:
    """An inbox that accepts everything and saves nothing."""

    async def receive(self, event: Event) -> Receipt:
        """Return as if the event were on disk."""
        return "accepted"

    async def keep_dead_letter(self, body: bytes, reason: str) -> None:
        """Return as if the event were on disk."""


class _Hello(uvicorn.Server):
    """uvicorn as it comes, with the daemon's event loop and parser and without access logs."""

    def __init__(self) -> None:
        super().__init__(
            uvicorn.Config(
                _hello, loop="uvloop", http="httptools", lifespan="off", access_log=False, log_level="warning"
            )
        )


async def _hello(scope: Scope, receive: Receive, send: Send) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"3")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok\n"})


async def serve(kind: str, folder: Path) -> None:
    """Accept deliveries until SIGTERM."""
    sock = socket.create_server(("127.0.0.1", 0), backlog=512)
    if kind == "hello":
        await _serve(_Hello(), sock, folder)
        return
    clock, settings = SystemClock(), Settings(data_dir=folder)
    ledger = open_ledger(settings.ledger_url)
    inbox: Inbox = ForgetfulInbox()
    if kind == "durable":
        inbox = Intake(ledger, clock, settings, lambda: None)
    documents = DocumentFolder(settings.labels_dir)
    # Health is never requested here.
    nothing = cast(Any, None)
    metrics = Metrics(CollectorRegistry())
    surface: ASGIApp = build_api(
        operations=Operations.build(ledger, documents, clock, settings, lambda: None),
        inbox=inbox,
        health_source=nothing,
        metrics=metrics,
        clock=clock,
        webhook=WebhookSettings.model_validate({"secrets": SECRET}),
        operators=OperatorSettings(),
        version="0",
    )
    config = configure(settings.http, grace_s=5.0)
    server = BoundedServer(config, surface, build_policy(settings.http, metrics, clock))
    await _serve(server, sock, folder)
    await ledger.close()


async def _serve(server: uvicorn.Server, sock: socket.socket, folder: Path) -> None:
    (folder / "port").write_text(str(sock.getsockname()[1]))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, setattr, server, "should_exit", True)
    gc.collect()
    gc.freeze()
    await server.serve(sockets=[sock])


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], Path(sys.argv[2])))
