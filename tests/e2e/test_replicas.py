"""Several daemons on one PostgreSQL: they start together, share the work, or refuse with the reason."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.processes import free_port, town, wait_for
from tests.postgres import PostgresServer
from tests.service.ledger.address import say_address

pytestmark = pytest.mark.e2e


def test_three_that_start_at_once_on_an_empty_database_migrate_it_once_and_share_the_work(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    empty = postgres_server.new_database()
    say_address(tmp_path, postgres_server.url(empty))
    with town(tmp_path, "--easypost-latency-ms", "50", "--poll-only-share", "0.2") as here:
        replicas = [here.launch(f"replica-{n}", free_port() if n else 0) for n in range(3)]
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
    postgres_server.drop(empty)


def test_without_the_driver_it_says_what_to_install(tmp_path: Path) -> None:
    bare = "import sys; sys.modules['psycopg'] = None; from packhouse.__main__ import main; sys.exit(main())"
    environ = {"PACKHOUSE_LEDGER__URL": "postgresql+psycopg://127.0.0.1:1/none", "ALY_API_KEY": "k"}
    with socket.create_server(("127.0.0.1", 0)) as taken:  # an error in the settings is reported first
        environ["PACKHOUSE_HTTP__PORT"] = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-c", bare], cwd=tmp_path, env=environ, capture_output=True, text=True
        )
    assert done.returncode == 2, done.stderr
    assert "pip install 'packhouse[postgres]'" in done.stderr


def test_a_database_of_a_newer_version_is_refused_with_exit_11(
    tmp_path: Path, postgres_database: str, postgres_server: PostgresServer
) -> None:
    postgres_server.sql("UPDATE alembic_version SET version_num = '9999'", database=postgres_database)
    say_address(tmp_path, postgres_server.url(postgres_database))
    with town(tmp_path) as here:
        refused = here.launch()
        assert refused.wait() == 11
        assert "written by a newer one" in refused.words()
