"""The intake alone, as a separate program: the daemon's HTTP routes and ledger without workers.

`python -m tests.bench.intake_server durable|forgetful FOLDER`. Durable saves each delivery as the daemon
does; forgetful responds at once, which is the baseline. FOLDER/port is the server's port.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from pathlib import Path
from typing import Any, cast

import uvloop
from prometheus_client import CollectorRegistry

from packhouse.api.app import build_api
from packhouse.api.asgi import ASGIApp
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


async def serve(kind: str, folder: Path) -> None:
    """Accept deliveries until SIGTERM."""
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
    sock = socket.create_server(("127.0.0.1", 0), backlog=512)
    config = configure(settings.http, grace_s=5.0)
    server = BoundedServer(config, surface, build_policy(settings.http, metrics, clock))
    (folder / "port").write_text(str(sock.getsockname()[1]))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, setattr, server, "should_exit", True)
    gc.collect()
    gc.freeze()
    await server.serve(sockets=[sock])
    await ledger.close()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], Path(sys.argv[2])))
