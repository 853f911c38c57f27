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
from pathlib import Path

import uvicorn

from packhouse.clock import SystemClock
from packhouse.errors import SettingsError
from packhouse.sandbox.app import SandboxApp, SandboxServer, TearableProtocol
from packhouse.sandbox.catalogue import SITE
from packhouse.sandbox.courier import Courier
from packhouse.sandbox.faults import FAULTS, Faults, read_fault
from packhouse.sandbox.passage import Pace
from packhouse.sandbox.world import CARRIER_KEY, STORE_KEY, WEBHOOK_SECRET, Plan, World

_EXAMPLES = """examples:
  packhouse sandbox --orders 40 --rate 4
  packhouse sandbox --fault carrier.reset_after_effect=0.1 --fault webhook.duplicate=0.3
  packhouse sandbox --port 0 --port-file port.txt --seed 7

faults (a probability from 0 to 1 each):
"""


def run(argv: Sequence[str]) -> int:
    """Serve until SIGINT or SIGTERM, then return 0. 1: the port is taken. 2, or exit 2: a wrong argument."""
    try:
        asked = _parser().parse_args(list(argv))
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


def _parser() -> argparse.ArgumentParser:
    faults = "\n".join(f"  {name:<30} {what}" for name, what in FAULTS.items())
    parser = argparse.ArgumentParser(
        prog="packhouse sandbox",
        description="A store and a carrier to try everything on. Nothing here costs money.",
        epilog=_EXAMPLES + faults,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    add("--port", type=int, default=8090, help="port to listen on; 0: any free one (8090)")
    add("--port-file", type=Path, help="write the port there once calls are accepted")
    add("--orders", type=int, default=40, metavar="N", help="orders made at the start (40)")
    add("--rate", type=float, default=0.0, metavar="PER_S", help="make them at this rate; 0: all at once (0)")
    add("--seed", type=int, default=1, help="the same seed makes the same orders (1)")
    add("--webhook-url", default="", metavar="URL", help="tell this address what happens")
    add("--webhook-secret", default=WEBHOOK_SECRET, metavar="S", help=f"sign with this ({WEBHOOK_SECRET})")
    add("--poll-only-share", type=float, default=0.1, help="share of orders without any webhook (0.1)")
    add(
        "--fault",
        action="append",
        default=[],
        metavar="NAME=P",
        help="a fault and its probability; repeatable",
    )
    add("--slow-s", type=float, default=2.0, help="how slow a slow call is, in seconds (2)")
    add("--late-s", type=float, default=2.5, help="how late a late purchase happens, in seconds (2.5)")
    add("--store-latency-ms", type=float, default=0.0, help="wait of every call to the store (0)")
    add("--carrier-latency-ms", type=float, default=0.0, help="wait of every call to the carrier (0)")
    add("--retry-scale", type=float, default=0.01, help="shortens the waits between webhook attempts (0.01)")
    add("--refund-s", type=float, default=2.0, help="how long the carrier takes to give money back (2)")
    add("--store-refund-s", type=float, default=0.5, help="how long the buyer's money takes back (0.5)")
    add("--site", default=SITE, metavar="SLUG", help=f"what the store's one site is called ({SITE})")
    add("--transit-s", type=float, default=600.0, help="how long a parcel travels, in seconds (600)")
    return parser


def _welcome(base_url: str, secret: str) -> str:
    return f"""Sandbox store and carrier: {base_url}/sandbox

  export PACKHOUSE_STORE__URL={base_url}/api/storefront/v1
  export PACKHOUSE_STORE__API_KEY={STORE_KEY}
  export PACKHOUSE_WEBHOOK__SECRETS={secret}
  export PACKHOUSE_CARRIER=easypost
  export PACKHOUSE_CARRIERS__EASYPOST__URL={base_url}/easypost/v2
  export PACKHOUSE_CARRIERS__EASYPOST__API_KEY={CARRIER_KEY}

  curl -s {base_url}/sandbox/state
  curl -s {base_url}/sandbox/check
  curl -s {base_url}/sandbox/orders -d '{{"count": 5}}'
  curl -s {base_url}/sandbox/faults -d '{{"carrier.reset_after_effect": 0.1}}'
  curl -s {base_url}/sandbox/webhook -d '{{"url": "http://127.0.0.1:8080/webhooks/aly"}}'
"""
