"""The way in from a command line: `run(argv)` starts the sandbox and stays until it is stopped."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import random
import signal
import socket
import sys
from collections.abc import Sequence

import uvicorn

from packhouse.clock import SystemClock
from packhouse.errors import SettingsError
from packhouse.sandbox.app import SandboxApp, SandboxServer, TearableProtocol
from packhouse.sandbox.arguments import parser
from packhouse.sandbox.courier import Courier
from packhouse.sandbox.faults import Faults, read_fault
from packhouse.sandbox.passage import Pace
from packhouse.sandbox.world import CARRIER_KEY, STORE_KEY, WEBHOOK_SECRET, Plan, World


def run(argv: Sequence[str]) -> int:
    """Serve until SIGINT or SIGTERM, then return 0. 1: the port is taken. 2, or exit 2: a wrong argument."""
    try:
        asked = parser().parse_args(list(argv))
        asked.webhook_secret = WEBHOOK_SECRET if asked.webhook_secret is None else asked.webhook_secret
        faults = dict(read_fault(text) for text in asked.fault)
        _check(asked, faults)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        sock = _listen(asked.host, asked.port)
    except OSError as error:
        print(
            f"Cannot listen on {asked.host}:{asked.port}: {error.strerror}. "
            "Choose another --port, or 0 for a free one.",
            file=sys.stderr,
        )
        return 1
    # uvicorn ends cleanly on these and then raises them again; by then there is nothing left to stop.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    config = uvicorn.Config(
        _nothing,
        http=TearableProtocol,
        loop="auto",
        lifespan="off",
        log_level=logging.WARNING,
        access_log=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=60,
    )
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_serve(asked, faults, sock, config))
    return 0


async def _serve(
    asked: argparse.Namespace, faults: dict[str, float], sock: socket.socket, config: uvicorn.Config
) -> None:
    port = sock.getsockname()[1]
    everywhere = asked.host in ("0.0.0.0", "::")  # noqa: S104 - only looked at
    base_url = f"http://{'127.0.0.1' if everywhere else asked.host}:{port}"
    courier = Courier()
    world = World(
        SystemClock(),
        random.Random(asked.seed),
        courier,
        plan=Plan(
            base_url=base_url,
            poll_only_share=asked.poll_only_share,
            retry_scale=asked.retry_scale,
            carrier_refund_s=asked.refund_s,
            transit_s=asked.transit_s,
            store_refund_s=asked.store_refund_s,
            site=asked.site,
        ),
        faults=faults,
        pace={
            "store": Pace(asked.store_latency_ms / 1000, asked.slow_s),
            "carrier": Pace(asked.carrier_latency_ms / 1000, asked.slow_s, asked.late_s),
        },
    )
    if asked.webhook_url:
        world.tell(asked.webhook_url, asked.webhook_secret)
    config.app = app = SandboxApp(world)
    config.load()
    server = SandboxServer(config, app)
    print(_welcome(base_url, asked.webhook_secret), flush=True)
    if asked.orders:
        world.orders(asked.orders, asked.rate)
    if asked.port_file:
        asked.port_file.write_text(f"{port}\n", encoding="ascii")
    gc.collect()
    gc.freeze()
    await server.serve(sockets=[sock])
    await world.aclose()
    courier.close()


async def _nothing(*_: object) -> None:
    """Stands in the configuration until the loop runs and the world can be built."""


def _listen(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        # Whoever reads the port file may connect at once and waits in this queue until serving has begun.
        sock.listen(2048)
    except OSError:
        sock.close()
        raise
    return sock


def _check(asked: argparse.Namespace, faults: dict[str, float]) -> None:
    Faults(random.Random(0), faults)  # refuses what is no probability
    if not 0 <= asked.poll_only_share <= 1:
        raise SettingsError(f"--poll-only-share is a share from 0 to 1, not {asked.poll_only_share}.")
    for name in (
        "orders",
        "rate",
        "slow_s",
        "late_s",
        "store_latency_ms",
        "carrier_latency_ms",
        "retry_scale",
        "store_refund_s",
    ):
        if getattr(asked, name) < 0:
            raise SettingsError(f"--{name.replace('_', '-')} cannot be negative.")
    if asked.webhook_url and not asked.webhook_url.startswith(("http://", "https://")):
        raise SettingsError("--webhook-url is an address such as http://127.0.0.1:8080/webhooks/aly.")


def _welcome(base_url: str, secret: str) -> str:
    return f"""Sandbox store and carrier: {base_url}/sandbox

  export PACKHOUSE_STORE__URL={base_url}/api/storefront/v1
  export PACKHOUSE_STORE__API_KEY={STORE_KEY}
  export PACKHOUSE_WEBHOOK__SECRETS={secret}
  export PACKHOUSE_PROVIDER=easypost
  export PACKHOUSE_PROVIDERS__EASYPOST__URL={base_url}/easypost/v2
  export PACKHOUSE_PROVIDERS__EASYPOST__API_KEY={CARRIER_KEY}
  export PACKHOUSE_PROVIDERS__EASYPOST__CUSTOMS_ORIGIN=US PACKHOUSE_PROVIDERS__EASYPOST__CUSTOMS_SIGNER=Me
  export PACKHOUSE_PARCEL__WEIGHT_G=400
  export PACKHOUSE_OPERATOR__TOKENS=me:sandbox-token PACKHOUSE_TOKEN=sandbox-token

  curl -s {base_url}/sandbox/state
  curl -s {base_url}/sandbox/check
  curl -s {base_url}/sandbox/orders -d '{{"count": 5}}'
  curl -s {base_url}/sandbox/faults -d '{{"carrier.reset_after_effect": 0.1}}'
  curl -s {base_url}/sandbox/webhook -d '{{"url": "http://127.0.0.1:8080/webhooks/aly"}}'
"""
