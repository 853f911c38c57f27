"""The intake alone, a program of its own: the daemon's HTTP surface and ledger without workers behind them.

`python -m tests.bench.intake_door durable|forgetful FOLDER`. Durable writes each delivery as the daemon does;
forgetful answers at once, which is the baseline. Its port is written to FOLDER/port.
"""

from __future__ import annotations

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
from packhouse.api.asgi import ASGIApp
from packhouse.api.webhooks import Inbox, Receipt
from packhouse.clock import SystemClock
from packhouse.config.settings import OperatorSettings, Settings, WebhookSettings
from packhouse.ledger.engine import open_ledger
from packhouse.model.event import Event
from packhouse.telemetry.metrics import Metrics
from packhouse.worker.intake import Intake
from tests.e2e.processes import SECRET


class ForgetfulInbox:
    """Takes everything and keeps nothing."""

    async def receive(self, event: Event) -> Receipt:
        """As if it were on disk already."""
        return "new"

    async def keep_dead_letter(self, body: bytes, reason: str) -> None:
        """As if it were on disk already."""


async def serve(kind: str, folder: Path) -> None:
    """Answer deliveries until SIGTERM."""
    clock, settings = SystemClock(), Settings(data_dir=folder)
    ledger = open_ledger(settings.ledger_url)
    inbox: Inbox = ForgetfulInbox()
    if kind == "durable":
        inbox = Intake(ledger, clock, settings, lambda: None)
    # Pages and health are never asked for here.
    nothing = cast(Any, None)
    surface: ASGIApp = build_api(
        operations=nothing,
        inbox=inbox,
        health_source=nothing,
        metrics=Metrics(CollectorRegistry()),
        clock=clock,
        webhook=WebhookSettings.model_validate({"secrets": SECRET}),
        operators=OperatorSettings(),
        version="0",
    )
    sock = socket.create_server(("127.0.0.1", 0), backlog=512)
    config = uvicorn.Config(
        cast(Any, surface),
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
    )
    (folder / "port").write_text(str(sock.getsockname()[1]))
    gc.collect()
    gc.freeze()
    await uvicorn.Server(config).serve(sockets=[sock])
    await ledger.close()


if __name__ == "__main__":
    # uvicorn ends cleanly on it and then raises it again; the ledger is to be closed first.
    signal.signal(signal.SIGTERM, lambda *_: None)
    uvloop.run(serve(sys.argv[1], Path(sys.argv[2])))
