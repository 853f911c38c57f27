"""The database server stops twice under a working daemon, which reports it and recovers without help."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.processes import Process, Services, call_json, free_port, running_services, wait_for
from tests.postgres import PostgresServer
from tests.service.ledger.address import say_address

pytestmark = pytest.mark.e2e


def test_a_server_that_is_killed_and_stopped_under_load_costs_no_order_and_no_label(
    tmp_path: Path, postgres_server: PostgresServer, postgres_database: str
) -> None:
    say_address(tmp_path, postgres_server.url(postgres_database))
    with running_services(tmp_path, "--easypost-latency-ms", "100", PACKHOUSE_LEASE_S="8") as services:
        daemon = services.start()
        services.place_orders(120, rate_per_s=8)
        for end in (postgres_server.kill, postgres_server.stop):
            before = services.query("SELECT count(*) FROM labels")
            wait_for(
                lambda before=before: services.query("SELECT count(*) FROM labels") > before + 5, "labels"
            )
            _away(services, daemon, end, postgres_server.start)
        services.wait_until_processed(120)
        services.check_audit(120)


def test_a_daemon_without_its_database_server_ends_with_exit_code_11(tmp_path: Path) -> None:
    say_address(tmp_path, f"postgresql+psycopg://packhouse@127.0.0.1:{free_port()}/packhouse")
    with running_services(tmp_path) as services:
        daemon = services.launch()
        assert daemon.wait() == 11
        assert "Connection refused" in daemon.output()
        assert "Traceback" not in daemon.output()


def _away(services: Services, daemon: Process, end: Callable[[], None], start: Callable[[], None]) -> None:
    """Stop the server for a while: nothing is acknowledged meanwhile, and the daemon recovers."""
    order_id = next(iter(call_json(f"{services.sandbox_url}/sandbox/state")["orders"]))
    end()
    try:
        wait_for(lambda: services.failing_checks() == {"ledger"}, "/readyz to report it")
        assert services.deliver(order_id) == 503
        assert services.deliver(order_id) == 503
    finally:
        start()
    wait_for(lambda: services.is_ready(daemon), "the daemon to be ready again")
    assert services.deliver(order_id) == 200
