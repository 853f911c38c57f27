"""A daemon that stands still for a while, as a paused machine does, and wakes up in a world that went on."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.e2e.processes import free_port, town, wait_for
from tests.postgres import PostgresServer
from tests.service.ledger.address import say_address

pytestmark = pytest.mark.e2e
LEASE_S = 4.0
_SHORT = {
    "PACKHOUSE_LEASE_S": str(LEASE_S),
    "PACKHOUSE_PROVIDER_TIMEOUT_S": "1",
    "PACKHOUSE_STORE__TIMEOUT_S": "1",
    # Calls that were under way while the daemon slept have all timed out when it wakes.
    "PACKHOUSE_GUARD__BREAKER_COOLDOWN_S": "1",
}
_HOLDER = "SELECT max(split_part(lease, ':', 1)) FROM orders"
_BUYING = "SELECT count(*) FROM shipments WHERE state = 'buying'"


def test_a_frozen_daemon_goes_on_where_it_was_when_it_wakes(tmp_path: Path) -> None:
    with town(tmp_path, "--easypost-latency-ms", "200", **_SHORT) as here:
        daemon = here.start()
        here.sell(60)
        wait_for(lambda: here.query(_BUYING) > 2, "purchases to be under way")
        daemon.freeze()
        time.sleep(1.5 * LEASE_S)
        daemon.thaw()
        here.settle(60)
        here.check_books(60)


def test_what_a_replica_writes_after_it_slept_past_its_lease_is_refused(
    tmp_path: Path, postgres_server: PostgresServer, postgres_database: str
) -> None:
    say_address(tmp_path, postgres_server.url(postgres_database))
    with town(tmp_path, "--easypost-latency-ms", "300", **_SHORT) as here:
        sleeper = here.start("sleeper", free_port())
        here.sell(100)
        wait_for(lambda: here.query("SELECT count(*) FROM labels") > 5, "some labels")
        wait_for(lambda: here.query(_BUYING) > 2, "purchases to be under way")
        sleeper.freeze()
        mine = here.query("SELECT count(*) FROM orders WHERE lease IS NOT NULL")
        assert mine > 2
        here.start("heir")
        wait_for(lambda: here.query(_TAKEN_OVER) > 2, "the heir to look up the sleeper's purchases")
        sleeper.thaw()
        wait_for(lambda: "lease_lost" in sleeper.words(), "the sleeper's writes to be refused")
        here.settle(100)
        here.check_books(100)
        assert sleeper.alive()


_TAKEN_OVER = "SELECT count(*) FROM journal WHERE action = 'unknown'"


def test_a_dead_replicas_orders_are_taken_over_when_its_leases_end(
    tmp_path: Path, postgres_server: PostgresServer, postgres_database: str
) -> None:
    say_address(tmp_path, postgres_server.url(postgres_database))
    with town(tmp_path, "--easypost-latency-ms", "300", **_SHORT) as here:
        doomed = here.start("doomed", free_port())
        here.sell(60, rate_per_s=8)
        names: list[str] = []
        wait_for(lambda: names.append(here.query(_HOLDER)) or names[-1], "a lease")
        held = f"SELECT count(*) FROM orders WHERE lease LIKE '{names[-1]}:%%'"
        here.start("heir")
        wait_for(lambda: here.query(held) > 0, "the doomed to have work")
        doomed.kill()
        died = time.monotonic()
        left = here.query(held)
        # None of its orders waits longer than for one lease, by the clock of the database.
        due = held.replace("count(*)", "max(due_at) - extract(epoch FROM clock_timestamp())")
        assert (here.query(due) or 0) <= LEASE_S + 0.5
        wait_for(lambda: here.query(held) == 0, "the heir to take over")
        took = time.monotonic() - died
        print(f"{left} orders of a dead replica taken over {took:.1f} s after it, leases of {LEASE_S:.0f} s")
        here.settle(60)
        here.check_books(60)
