"""The arguments of `packhouse sandbox`. Loads nothing heavy: shell completion runs it at every TAB."""

from __future__ import annotations

import argparse
from pathlib import Path

from packhouse.sandbox.faults import FAULTS
from packhouse.sandbox.store.products import SITE

_EXAMPLES = """examples:
  packhouse sandbox --orders 40 --rate 4
  packhouse sandbox --webhook-url http://127.0.0.1:8080/webhooks/aly
  packhouse sandbox --fault webhook.duplicate=0.3 --fault store.slow=0.1
  packhouse sandbox --port 0 --port-file port.txt --seed 7"""


def parser() -> argparse.ArgumentParser:
    """The parser of `packhouse sandbox`."""
    faults = "\n".join(f"  {name}\n      {effect}" for name, effect in FAULTS.items())
    arguments = argparse.ArgumentParser(
        prog="packhouse sandbox",
        description="Run a fake Aly store and a fake EasyPost on this machine, with faults on\n"
        f"demand. Nothing costs money.\n\n{_EXAMPLES}",
        epilog=f"faults, each with a probability from 0 to 1:\n{faults}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = arguments.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    add("--port", type=int, default=8090, help="port to listen on; 0: any free port (8090)")
    add(
        "--port-file",
        type=Path,
        metavar="FILE",
        help="write the port number to this file when the sandbox accepts calls",
    )
    add("--orders", type=int, default=40, metavar="N", help="number of orders placed at the start (40)")
    add(
        "--rate",
        type=float,
        default=0.0,
        metavar="PER_S",
        help="orders placed per second; 0: all at once (0)",
    )
    add(
        "--seed",
        type=int,
        default=1,
        metavar="N",
        help="seed of the random numbers; the same seed gives the same orders (1)",
    )
    add(
        "--webhook-url",
        default="",
        metavar="URL",
        help="send webhooks to this URL; without it, none are sent",
    )
    add("--webhook-secret", metavar="SECRET", help="sign webhooks with this secret (whsec_sandbox)")
    add(
        "--poll-only-share",
        type=float,
        default=0.1,
        metavar="SHARE",
        help="share of orders that send no webhooks (0.1)",
    )
    add(
        "--list-style",
        choices=("cursor", "offset", "bare"),
        default="cursor",
        help="how the store lists orders: with cursors, cursors that count rows, or as an array (cursor)",
    )
    add(
        "--fault",
        action="append",
        default=[],
        metavar="NAME=P",
        help="turn a fault on, with this probability; repeatable",
    )
    add(
        "--slow-s", type=float, default=2.0, metavar="SECONDS", help="delay of a call with a fault *.slow (2)"
    )
    add(
        "--late-s",
        type=float,
        default=2.5,
        metavar="SECONDS",
        help="delay of a purchase with easypost.late_effect (2.5)",
    )
    add(
        "--store-latency-ms",
        type=float,
        default=0.0,
        metavar="MS",
        help="latency of every call to the store (0)",
    )
    add(
        "--store-limit",
        type=int,
        default=0,
        metavar="N",
        help="answer 429 to more than N calls to the store in a second; 0: no limit (0)",
    )
    add(
        "--retry-after-s",
        type=int,
        default=1,
        metavar="SECONDS",
        help="Retry-After of a 429 of the store; 0: none (1)",
    )
    add(
        "--easypost-latency-ms",
        type=float,
        default=0.0,
        metavar="MS",
        help="latency of every call to EasyPost (0)",
    )
    add(
        "--retry-scale",
        type=float,
        default=0.01,
        metavar="FACTOR",
        help="factor on the waits between webhook attempts (0.01)",
    )
    add(
        "--void-s",
        type=float,
        default=2.0,
        metavar="SECONDS",
        help="time until EasyPost completes a void (2)",
    )
    add(
        "--store-refund-s",
        type=float,
        default=0.5,
        metavar="SECONDS",
        help="time until the store completes a refund (0.5)",
    )
    add("--site", default=SITE, metavar="SLUG", help=f"name of the store's one site ({SITE})")
    add(
        "--line-counts",
        action="store_true",
        help="count shipped units on each line of an order, and show no fulfillments",
    )
    add("--transit-s", type=float, default=600.0, metavar="SECONDS", help="time a parcel is in transit (600)")
    return arguments
