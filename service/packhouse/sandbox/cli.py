"""The command line of the sandbox: `run(argv)` starts it and serves until it is stopped."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import math
import random
import signal
import socket
import sys
import threading
from collections.abc import Sequence

import uvicorn

from packhouse.clock import SystemClock
from packhouse.errors import SettingsError
from packhouse.sandbox.arguments import parser
from packhouse.sandbox.fault_injection import Latency
from packhouse.sandbox.faults import Faults, read_fault
from packhouse.sandbox.http_sender import HttpSender
from packhouse.sandbox.sandbox import EASYPOST_KEY, STORE_KEY, WEBHOOK_SECRET, Sandbox, SandboxOptions
from packhouse.sandbox.server import ResettableProtocol, SandboxApp, SandboxServer
from packhouse.sandbox.store.api import Listing


def run(argv: Sequence[str]) -> int:
    """Serve until SIGINT, SIGTERM or SIGHUP, then return 0.

    Return 1 if the port is taken, 2 for a wrong argument.
    """
    try:
        arguments = parser().parse_args(list(argv))
        if arguments.webhook_secret is None:
            arguments.webhook_secret = WEBHOOK_SECRET
        faults = dict(read_fault(text) for text in arguments.fault)
        _check(arguments, faults)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        sock = _listen(arguments.host, arguments.port)
    except OSError as error:
        print(
            f"Cannot listen on {arguments.host}:{arguments.port}: {error.strerror}. "
            "Choose another --port, or --port 0 for a free one.",
            file=sys.stderr,
        )
        return 1
    # uvicorn stops on these signals and then raises them again, when there is nothing left to stop. One that
    # comes before uvicorn handles them counts too.
    is_asked_to_stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: is_asked_to_stop.set())
    # A terminal that closes ends the sandbox in order too, unless nohup keeps it.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    config = uvicorn.Config(
        _placeholder,
        http=ResettableProtocol,
        loop="auto",
        lifespan="off",
        log_level=logging.WARNING,
        access_log=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=60,
    )
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_serve(arguments, faults, sock, config, is_asked_to_stop))
    return 0


async def _serve(
    arguments: argparse.Namespace,
    faults: dict[str, float],
    sock: socket.socket,
    config: uvicorn.Config,
    is_asked_to_stop: threading.Event,
) -> None:
    port = sock.getsockname()[1]
    all_interfaces = arguments.host in ("0.0.0.0", "::")  # noqa: S104 - only compared
    base_url = f"http://{'127.0.0.1' if all_interfaces else arguments.host}:{port}"
    sender = HttpSender()
    sandbox = Sandbox(
        SystemClock(),
        random.Random(arguments.seed),
        sender,
        options=SandboxOptions(
            base_url=base_url,
            poll_only_share=arguments.poll_only_share,
            retry_scale=arguments.retry_scale,
            void_s=arguments.void_s,
            transit_s=arguments.transit_s,
            store_refund_s=arguments.store_refund_s,
            site=arguments.site,
            line_counts=arguments.line_counts,
            listing=Listing(arguments.list_style),
        ),
        faults=faults,
        latency={
            "store": Latency(
                arguments.store_latency_ms / 1000,
                arguments.slow_s,
                retry_after_s=arguments.retry_after_s,
                limit_per_s=arguments.store_limit,
            ),
            "easypost": Latency(arguments.easypost_latency_ms / 1000, arguments.slow_s, arguments.late_s),
        },
    )
    if arguments.webhook_url:
        sandbox.register_webhook(arguments.webhook_url, arguments.webhook_secret)
    config.app = app = SandboxApp(sandbox)
    config.load()
    server = SandboxServer(config, app, is_asked_to_stop)
    print(_welcome(base_url, arguments.webhook_secret), flush=True)
    if arguments.orders:
        sandbox.place_orders(arguments.orders, arguments.rate)
    if arguments.port_file:
        arguments.port_file.write_text(f"{port}\n", encoding="ascii")
    gc.collect()
    gc.freeze()
    await server.serve(sockets=[sock])
    await sandbox.aclose()
    sender.close()


async def _placeholder(*_: object) -> None:
    """The application in the configuration until the loop runs and the sandbox can be built."""


def _listen(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        # A client that reads the port file may connect at once; it waits in this queue until serving begins.
        sock.listen(2048)
    except OSError:
        sock.close()
        raise
    return sock


def _check(arguments: argparse.Namespace, faults: dict[str, float]) -> None:
    Faults(random.Random(0), faults)  # raises for a value that is not a probability
    if not 0 <= arguments.poll_only_share <= 1:
        raise SettingsError(f"--poll-only-share is a share from 0 to 1, not {arguments.poll_only_share}.")
    for name in (
        "orders",
        "rate",
        "slow_s",
        "late_s",
        "store_latency_ms",
        "store_limit",
        "retry_after_s",
        "easypost_latency_ms",
        "retry_scale",
        "void_s",
        "store_refund_s",
        "transit_s",
    ):
        if not 0 <= getattr(arguments, name) < math.inf:
            raise SettingsError(f"--{name.replace('_', '-')} must be a number of 0 or more.")
    if arguments.webhook_url and not arguments.webhook_url.startswith(("http://", "https://")):
        raise SettingsError("--webhook-url is a URL such as http://127.0.0.1:8080/webhooks/aly.")


def _welcome(base_url: str, secret: str) -> str:
    return f"""The sandbox is running: a fake Aly store and a fake EasyPost. Control API: {base_url}/sandbox

Settings for the daemon and the command; paste them in another terminal:

  export PACKHOUSE_STORE__URL={base_url}/api/storefront/v1
  export PACKHOUSE_STORE__API_KEY={STORE_KEY}
  export PACKHOUSE_WEBHOOK__SECRETS={secret}
  export PACKHOUSE_PROVIDER=easypost
  export PACKHOUSE_PROVIDERS__EASYPOST__URL={base_url}/easypost/v2
  export PACKHOUSE_PROVIDERS__EASYPOST__API_KEY={EASYPOST_KEY}
  export PACKHOUSE_SHIP_FROM__NAME="Example Shop" PACKHOUSE_SHIP_FROM__STREET1="417 Montgomery Street"
  export PACKHOUSE_SHIP_FROM__CITY="San Francisco" PACKHOUSE_SHIP_FROM__STATE=CA
  export PACKHOUSE_SHIP_FROM__ZIP=94104 PACKHOUSE_SHIP_FROM__PHONE=4155550100
  export PACKHOUSE_CUSTOMS__ORIGIN_COUNTRY=US PACKHOUSE_CUSTOMS__SIGNER=Me
  export PACKHOUSE_PARCEL__WEIGHT_G=400
  export PACKHOUSE_OPERATOR__TOKENS=me:sandbox-token PACKHOUSE_TOKEN=sandbox-token

Requests to try:

  curl -s {base_url}/sandbox/state
  curl -s {base_url}/sandbox/check
  curl -s {base_url}/sandbox/orders -d '{{"count": 5}}'
  curl -s {base_url}/sandbox/faults -d '{{"easypost.reset_after_effect": 0.1}}'
  curl -s {base_url}/sandbox/webhook -d '{{"url": "http://127.0.0.1:8080/webhooks/aly"}}'
"""
