"""The database server goes away under a working daemon, twice: it says so, and goes on by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.processes import Process, Town, ask, free_port, town, wait_for
from tests.postgres import PostgresServer
from tests.service.ledger.address import say_address

pytestmark = pytest.mark.e2e


def test_a_server_that_is_killed_and_stopped_under_load_costs_no_order_and_no_label(
    tmp_path: Path, postgres_server: PostgresServer, postgres_database: str
) -> None:
    say_address(tmp_path, postgres_server.url(postgres_database))
    with town(tmp_path, "--easypost-latency-ms", "100", PACKHOUSE_LEASE_S="8") as here:
        daemon = here.start()
        here.sell(120, rate_per_s=8)
        for end in (postgres_server.kill, postgres_server.stop):
            before = here.query("SELECT count(*) FROM labels")
            wait_for(lambda before=before: here.query("SELECT count(*) FROM labels") > before + 5, "labels")
            _away(here, daemon, end, postgres_server.start)
        here.settle(120)
        here.check_books(120)


def test_a_daemon_whose_server_is_not_there_says_so_and_ends_with_11(tmp_path: Path) -> None:
    say_address(tmp_path, f"postgresql+psycopg://packhouse@127.0.0.1:{free_port()}/packhouse")
    with town(tmp_path) as here:
        daemon = here.launch()
        assert daemon.wait() == 11
        assert "Connection refused" in daemon.words()
        assert "Traceback" not in daemon.words()


def _away(here: Town, daemon: Process, end: Callable[[], None], start: Callable[[], None]) -> None:
    """The server is gone for a while: meanwhile nothing is acknowledged, afterwards all is well by itself."""
    order_id = next(iter(ask(f"{here.sandbox_url}/sandbox/state")["orders"]))
    end()
    try:
        wait_for(lambda: here.failing() == {"ledger"}, "readyz to say so")
        assert here.deliver(order_id) == 503
        assert here.deliver(order_id) == 503
    finally:
        start()
    wait_for(lambda: here.is_ready(daemon), "the daemon to be ready again")
    assert here.deliver(order_id) == 200
