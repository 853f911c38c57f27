"""Several daemons on one PostgreSQL: they start together and share the work, or end with the reason."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.processes import free_port, running_services, wait_for
from tests.postgres import PostgresServer
from tests.service.ledger.address import say_address

pytestmark = pytest.mark.e2e


def test_three_replicas_that_start_at_once_migrate_the_database_once_and_share_the_work(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    empty = postgres_server.new_database()
    say_address(tmp_path, postgres_server.url(empty))
    with running_services(tmp_path, "--easypost-latency-ms", "50", "--poll-only-share", "0.2") as services:
        replicas = [services.launch(f"replica-{n}", free_port() if n else 0) for n in range(3)]
        for replica in replicas:
            wait_for(lambda one=replica: services.is_ready(one), f"{replica.log} to be ready")  # type: ignore[misc]
        assert services.query("SELECT count(*) FROM alembic_version") == 1
        services.place_orders(60, rate_per_s=60)
        services.wait_until_processed(60)
        services.check_audit(60)
        for replica in replicas:
            bought = re.findall(r'action["=: ]+bought', replica.output())
            assert bought, f"{replica.log}: bought nothing"
        assert [replica.end() for replica in replicas] == [0, 0, 0]
    postgres_server.drop(empty)


def test_a_missing_database_driver_is_named_before_a_port_is_tried(tmp_path: Path) -> None:
    bare = "import sys; sys.modules['psycopg'] = None; from packhouse.__main__ import main; sys.exit(main())"
    environ = {"PACKHOUSE_LEDGER__URL": "postgresql+psycopg://127.0.0.1:1/none", "ALY_API_KEY": "k"}
    with socket.create_server(("127.0.0.1", 0)) as taken:  # an error in the settings is reported first
        environ["PACKHOUSE_HTTP__PORT"] = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-c", bare], cwd=tmp_path, env=environ, capture_output=True, text=True
        )
    assert done.returncode == 2, done.stderr
    assert "pip install 'packhouse[postgres]'" in done.stderr


def test_a_database_of_a_newer_version_is_refused_with_exit_code_11(
    tmp_path: Path, postgres_database: str, postgres_server: PostgresServer
) -> None:
    postgres_server.sql("UPDATE alembic_version SET version_num = '9999'", database=postgres_database)
    say_address(tmp_path, postgres_server.url(postgres_database))
    with running_services(tmp_path) as services:
        refused = services.launch()
        assert refused.wait() == 11
        assert "which this version of Packhouse does not know" in refused.output()
