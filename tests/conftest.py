"""What tests of several rooms share: a real PostgreSQL, started when the first test asks for it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests import postgres
from tests.postgres import PostgresServer
from tests.service.ledger.address import say_address

# A shell that runs the tests in the background has Ctrl-C ignored, in them and in all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for all tests. A test that stops it starts it again."""
    if find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed: pip install 'packhouse[postgres]'")
    if postgres.find_programs() is None:
        pytest.skip("PostgreSQL is not installed: as root, `sh .ci/debian` installs Debian's")
    with postgres.running() as server:
        yield server


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[str]:
    """The name of a database of the test's own: a ledger with its tables and nothing in them."""
    name = postgres_server.new_ledger()
    yield name
    postgres_server.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Run a test on both engines: a ledger that is opened in `tmp_path` is the one that this names."""
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_server")
        say_address(tmp_path, server.url(server.emptied_ledger()))
    return str(request.param)
