"""What the sandbox takes on its command line. Loads nothing heavy: a shell asks for it at every TAB."""

from __future__ import annotations

import argparse
from pathlib import Path

from packhouse.sandbox.catalogue import SITE
from packhouse.sandbox.faults import FAULTS

_EXAMPLES = """examples:
  packhouse sandbox --orders 40 --rate 4
  packhouse sandbox --fault carrier.reset_after_effect=0.1 --fault webhook.duplicate=0.3
  packhouse sandbox --port 0 --port-file port.txt --seed 7"""


def parser() -> argparse.ArgumentParser:
    """What `packhouse sandbox` takes."""
    faults = "\n".join(f"  {name:<30} {what}" for name, what in FAULTS.items())
    described = argparse.ArgumentParser(
        prog="packhouse sandbox",
        description=f"A store and a carrier to try everything on. Nothing here costs money.\n\n{_EXAMPLES}",
        epilog=f"faults (a probability from 0 to 1 each):\n{faults}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = described.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    add("--port", type=int, default=8090, help="port to listen on; 0: any free one (8090)")
    add("--port-file", type=Path, help="write the port there once calls are accepted")
    add("--orders", type=int, default=40, metavar="N", help="orders made at the start (40)")
    add("--rate", type=float, default=0.0, metavar="PER_S", help="make them at this rate; 0: all at once (0)")
    add("--seed", type=int, default=1, help="the same seed makes the same orders (1)")
    add("--webhook-url", default="", metavar="URL", help="tell this address what happens")
    add("--webhook-secret", metavar="S", help="sign with this (whsec_sandbox)")
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
    return described
