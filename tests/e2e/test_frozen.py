"""A daemon that is frozen for a while, as a paused virtual machine is, and continues later."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.e2e.processes import Process, Services, free_port, running_services, wait_for
from tests.postgres import PostgresServer
from tests.service.ledger.address import say_address

pytestmark = pytest.mark.e2e
LEASE_S = 4.0
_SHORT = {
    "PACKHOUSE_LEASE_S": str(LEASE_S),
    "PACKHOUSE_PROVIDER_TIMEOUT_S": "1",
    "PACKHOUSE_STORE__TIMEOUT_S": "1",
    # Calls in flight while the daemon was frozen have timed out when it continues.
    "PACKHOUSE_GUARD__BREAKER_COOLDOWN_S": "1",
}
_HOLDER = "SELECT max(split_part(lease, ':', 1)) FROM orders"
_BUYING = "SELECT count(*) FROM shipments WHERE state = 'buying'"


def test_a_frozen_daemon_continues_when_it_is_resumed(tmp_path: Path) -> None:
    with running_services(tmp_path, "--easypost-latency-ms", "200", **_SHORT) as services:
        daemon = services.start()
        services.place_orders(60)
        wait_for(lambda: services.query(_BUYING) > 2, "purchases in flight")
        daemon.freeze()
        time.sleep(1.5 * LEASE_S)
        daemon.resume()
        services.wait_until_processed(60)
        services.check_audit(60)


def test_writes_of_a_replica_that_was_frozen_past_its_lease_are_refused(
    tmp_path: Path, postgres_server: PostgresServer, postgres_database: str
) -> None:
    say_address(tmp_path, postgres_server.url(postgres_database))
    with running_services(tmp_path, "--easypost-latency-ms", "300", **_SHORT) as services:
        frozen = services.start("sleeper", free_port())
        services.place_orders(60)
        wait_for(lambda: services.query("SELECT count(*) FROM labels") > 5, "some labels")
        # The purchases that were seen may have ended before the process was frozen: then once more.
        wait_for(
            lambda: _frozen_while_buying(services, frozen) > 0, "purchases in flight in a frozen process"
        )
        assert services.query("SELECT count(*) FROM orders WHERE lease IS NOT NULL") > 0
        services.start("heir")
        wait_for(
            lambda: services.query(_TAKEN_OVER) > 0, "the other replica to look up the frozen one's purchases"
        )
        frozen.resume()
        wait_for(lambda: "lease_lost" in frozen.output(), "the frozen replica's writes to be refused")
        services.wait_until_processed(60)
        services.check_audit(60)
        assert frozen.alive()


def _frozen_while_buying(services: Services, process: Process) -> int:
    """Freeze it while it buys, and return how many purchases stay in flight; none: it runs again."""
    if not services.query(_BUYING):
        return 0
    process.freeze()
    in_flight = int(services.query(_BUYING))
    if not in_flight:
        process.resume()
    return in_flight


_TAKEN_OVER = "SELECT count(*) FROM journal WHERE action = 'unknown'"


def test_a_dead_replicas_orders_are_taken_over_when_its_leases_end(
    tmp_path: Path, postgres_server: PostgresServer, postgres_database: str
) -> None:
    say_address(tmp_path, postgres_server.url(postgres_database))
    with running_services(tmp_path, "--easypost-latency-ms", "300", **_SHORT) as services:
        killed_replica = services.start("doomed", free_port())
        services.place_orders(20)
        names: list[str] = []
        wait_for(lambda: names.append(services.query(_HOLDER)) or names[-1], "a lease")
        held = f"SELECT count(*) FROM orders WHERE lease LIKE '{names[-1]}:%%'"
        services.start("heir")
        services.place_orders(40, rate_per_s=8)
        wait_for(lambda: services.query(held) > 0, "the replica to have work")
        killed_replica.kill()
        died = time.monotonic()
        left = services.query(held)
        # None of its orders waits longer than one lease, by the database's clock.
        due = held.replace("count(*)", "max(due_at) - extract(epoch FROM clock_timestamp())")
        assert (services.query(due) or 0) <= LEASE_S + 0.5
        wait_for(lambda: services.query(held) == 0, "the other replica to take over")
        took = time.monotonic() - died
        print(f"{left} orders of a dead replica taken over {took:.1f} s after it, leases of {LEASE_S:.0f} s")
        services.wait_until_processed(60)
        services.check_audit(60)
