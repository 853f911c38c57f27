"""Several daemons on one PostgreSQL: they share the work, take over from the dead, and sit out a restart."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import Process, Town, ask, free_port, town, wait_for
from tests.postgres import PostgresServer

pytestmark = pytest.mark.e2e

LEASE_S = 6.0


@pytest.fixture
def empty(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of a database with nothing in it."""
    name = postgres_server.new_database()
    yield postgres_server.url(name)
    postgres_server.drop(name)


def settings(url: str) -> dict[str, str]:
    return {
        "PACKHOUSE_LEDGER__URL": url,
        "PACKHOUSE_STORE__TIMEOUT_S": "2",
        "PACKHOUSE_CARRIER_TIMEOUT_S": "2",
        "PACKHOUSE_LEASE_S": str(LEASE_S),
    }


def launched(here: Town, count: int) -> list[Process]:
    """So many replicas, started at the same moment; the first one hears the webhooks."""
    return [here.launch(f"replica-{n}", free_port() if n else 0) for n in range(count)]


def test_three_that_start_at_once_on_an_empty_database_migrate_it_once_and_share_the_work(
    tmp_path: Path, empty: str
) -> None:
    with town(tmp_path, "--carrier-latency-ms", "50", "--poll-only-share", "0.2", **settings(empty)) as here:
        replicas = launched(here, 3)
        for replica in replicas:
            wait_for(lambda one=replica: here.is_ready(one), f"{replica.log} to be ready")  # type: ignore[misc]
        assert here.query("SELECT count(*) FROM alembic_version") == 1
        here.sell(120, rate_per_s=60)
        here.settle(120)
        here.check_books(120)
        for replica in replicas:
            bought = re.findall(r'action["=: ]+bought', replica.words())
            assert bought, f"{replica.log}: bought nothing"
        assert [replica.end() for replica in replicas] == [0, 0, 0]


def test_what_a_dead_replica_held_is_taken_over_when_its_leases_end(tmp_path: Path, empty: str) -> None:
    with town(tmp_path, "--carrier-latency-ms", "500", **settings(empty)) as here:
        survivor, doomed = here.start("survivor"), here.start("doomed", free_port())
        here.sell(30)
        (name,) = re.findall(r"replica\W+([0-9a-f]{8})\b", doomed.words())
        held = f"SELECT count(*) FROM orders WHERE lease LIKE '{name}:%'"
        wait_for(lambda: here.query(held) > 3, "the doomed one to hold some orders")
        doomed.kill()
        killed = time.monotonic()
        assert here.query(held) > 0
        wait_for(lambda: here.query(held) == 0, "its orders to be taken over")
        took_s = time.monotonic() - killed
        print(f"taken over {took_s:.1f} s after the kill; the lease is {LEASE_S:.0f} s")
        assert took_s < LEASE_S + 2
        here.settle(30)
        here.check_books(30)
        assert survivor.alive()


def test_while_the_server_is_away_readyz_and_intake_say_so_and_all_recover_by_themselves(
    tmp_path: Path, empty: str, postgres_server: PostgresServer
) -> None:
    with town(tmp_path, "--carrier-latency-ms", "50", **settings(empty)) as here:
        replicas = launched(here, 2)
        for replica in replicas:
            wait_for(lambda one=replica: here.is_ready(one), f"{replica.log} to be ready")  # type: ignore[misc]
        here.sell(60, rate_per_s=30)
        wait_for(lambda: here.query("SELECT count(*) FROM labels") > 5, "some labels")
        postgres_server.stop()
        try:
            wait_for(lambda: here.failing() == {"ledger"}, "readyz to say that the ledger is away")
            assert here.deliver("ord_1") == 503
            assert ask(f"{here.daemon_url}/livez")["status"] == "pass"
            time.sleep(2)
            assert all(replica.alive() for replica in replicas)
        finally:
            postgres_server.start()
        for replica in replicas:
            wait_for(lambda one=replica: here.is_ready(one), f"{replica.log} to be ready")  # type: ignore[misc]
        here.settle(60)
        here.check_books(60)


def test_without_the_driver_it_says_what_to_install(tmp_path: Path) -> None:
    bare = "import sys; sys.modules['psycopg'] = None; from packhouse.__main__ import main; sys.exit(main())"
    environ = {"PACKHOUSE_LEDGER__URL": "postgresql+psycopg://127.0.0.1:1/none", "ALY_API_KEY": "k"}
    done = subprocess.run(
        [sys.executable, "-c", bare], cwd=tmp_path, env=environ, capture_output=True, text=True
    )
    assert done.returncode == 2, done.stderr
    assert "pip install 'packhouse[postgres]'" in done.stderr


def test_a_database_of_a_newer_version_is_refused_with_exit_11(
    tmp_path: Path, postgres_database: str, postgres_server: PostgresServer
) -> None:
    postgres_server.sql("UPDATE alembic_version SET version_num = '9999'", database=postgres_database)
    with town(tmp_path, **settings(postgres_server.url(postgres_database))) as here:
        refused = here.launch()
        assert refused.wait() == 11
        assert "written by a newer one" in refused.words()
