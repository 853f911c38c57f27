"""Shared by all tests: coroutine tests, and a real PostgreSQL that starts when the first test needs it."""

from __future__ import annotations

import asyncio
import inspect
import signal
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import hypothesis
import pytest

from tests import postgres
from tests.postgres import PostgresServer
from tests.service.ledger.address import say_address

# A shell that runs the tests in the background makes them and the processes they start ignore Ctrl-C.
# `nohup` does the same with SIGHUP.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# A busy machine takes long for an example, or to draw one: neither is a failure.
hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")


@pytest.fixture
def event_loop_runner() -> Iterator[asyncio.Runner]:
    """The event loop that a test's fixtures share with the test."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> object | None:
    """Run a coroutine test, in the event loop of its fixtures if they have one."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    runner = pyfuncitem.funcargs.get("event_loop_runner")
    run = runner.run if isinstance(runner, asyncio.Runner) else asyncio.run
    run(pyfuncitem.obj(**arguments))
    return True


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
    """The name of the test's own database: a ledger with empty tables."""
    name = postgres_server.new_ledger()
    yield name
    postgres_server.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Run a test on both engines: a ledger that is opened in `tmp_path` uses the one named here."""
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_server")
        # A busy machine may take longer to connect than the 2 s that a daemon waits.
        say_address(tmp_path, server.url(server.emptied_ledger()) + "?connect_timeout=60")
    return str(request.param)
