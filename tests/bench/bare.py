"""The baseline for orders, a separate program: the same calls to the same sandbox, and nothing else.

The six exchanges of each order run at the daemon's concurrency on the daemon's event loop, over the daemon's
transport. No ledger, no rules, nothing kept. Order ids come on standard input; one JSON object with the
numbers leaves.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator

import uvloop

from tests.bench.exchanges import Exchanges
from tests.bench.gauges import cpu_s, memory_mb


async def ship_all(sandbox_url: str, order_ids: list[str], concurrency: int) -> None:
    """Ship every order, with limited concurrency."""
    waiting = iter(order_ids)
    exchanges = Exchanges(sandbox_url)
    await asyncio.gather(*(_worker(exchanges, waiting) for _ in range(concurrency)))
    await exchanges.aclose()


async def _worker(exchanges: Exchanges, waiting: Iterator[str]) -> None:
    for order_id in waiting:
        await exchanges.ship(order_id)


def main() -> None:
    """`python -m tests.bench.bare SANDBOX_URL CONCURRENCY`, ids on standard input."""
    sandbox_url, concurrency = sys.argv[1], int(sys.argv[2])
    order_ids = sys.stdin.read().split()
    cpu, began = cpu_s(os.getpid()), time.monotonic()
    uvloop.run(ship_all(sandbox_url, order_ids, concurrency))
    numbers = {
        "elapsed_s": time.monotonic() - began,
        "cpu_s": cpu_s(os.getpid()) - cpu,
        "memory_mb": memory_mb()[0],
    }
    print(json.dumps(numbers))


if __name__ == "__main__":
    main()
