"""How an engine's program speaks with the benchmark that started it: by arguments and standard streams."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asked:
    """What the program is asked to do. `address` is that of its database or broker."""

    sandbox_url: str
    concurrency: int
    address: str
    one_job: bool


def asked() -> Asked:
    """The program's arguments: SANDBOX_URL CONCURRENCY ADDRESS order|exchange."""
    _, sandbox_url, concurrency, address, job = sys.argv
    return Asked(sandbox_url, int(concurrency), address, job == "order")


async def order_ids() -> list[str]:
    """Print `ready`, and wait for the line of order ids without stopping the loop."""
    print("ready", flush=True)
    return (await asyncio.to_thread(sys.stdin.readline)).split()


def accepted() -> None:
    """Every order is on disk."""
    print("accepted", flush=True)
