"""Two and four replicas on one PostgreSQL, compared with one replica: how much more they ship when most of
the work is waiting for the store and the provider. Needs PostgreSQL's programs on this machine.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests import postgres
from tests.bench.figures import Figure, figure, gathered
from tests.bench.gauges import cpu_s
from tests.bench.orders import SETTINGS
from tests.e2e.processes import free_port, running_services, wait_for
from tests.postgres import PostgresServer
from tests.service.ledger.address import say_address

HEADING = "replicas"
BASELINE = "one replica of the same, on the same PostgreSQL"

LATENCY_MS = 100
# Few enough that the cores are idle at times: this measures sharing, not the processor.
CONCURRENCY = 4
_SETTINGS = SETTINGS | {"PACKHOUSE_WORKER__CONCURRENCY": str(CONCURRENCY)}
_LATENT = (
    "--poll-only-share",
    "0",
    "--easypost-latency-ms",
    str(LATENCY_MS),
    "--store-latency-ms",
    str(LATENCY_MS),
)
_POSTED = "SELECT count(*) FROM journal WHERE action = 'fulfilled'"
_TOOK = """
SELECT max(at) FILTER (WHERE action = 'fulfilled') - min(at) FILTER (WHERE action = 'event_received')
FROM journal
"""


def measure(count: int, rounds: int) -> list[Figure]:
    """Ship `count` orders in each round, all at once."""
    with postgres.running(synced=True) as server:
        return gathered([_round(server, count) for _ in range(rounds)])


def _round(server: PostgresServer, count: int) -> Sequence[Figure]:
    one_s, one_cpu = _shipped(server, count, 1)
    figures: list[Figure] = []
    for name, replicas in (("two", 2), ("four", 4)):
        elapsed, used = _shipped(server, count, replicas)
        figures += [
            figure(f"shipped, {name}", "orders/s", count / elapsed, count / one_s),
            figure(f"processor, {name}", "ms/order", 1000 * used / count, 1000 * one_cpu / count),
        ]
    return figures


def _shipped(server: PostgresServer, count: int, replicas: int) -> tuple[float, float]:
    """Seconds from the first event on disk to the last fulfillment, and the replicas' processor seconds."""
    database = server.new_ledger()
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            say_address(folder, server.url(database))
            with running_services(folder, *_LATENT) as services:
                ports = [0, *(free_port() for _ in range(replicas - 1))]
                running = [services.start(f"replica-{n}", port, **_SETTINGS) for n, port in enumerate(ports)]
                before = sum(cpu_s(replica.pid) for replica in running)
                services.place_orders(count, kinds=("plain",))
                wait_for(lambda: services.query(_POSTED) >= count, f"{count} orders to ship", 60 + count)
                used = sum(cpu_s(replica.pid) for replica in running) - before
                elapsed = float(services.query(_TOOK))
                services.wait_until_processed(count)
                services.check_audit(count)
        return elapsed, used
    finally:
        server.drop(database)
