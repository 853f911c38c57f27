"""One simulation without logs for all seeds of a test session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from tests.simulation.many import silence_logs
from tests.simulation.run import Simulation


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    before = structlog.get_config()
    silence_logs()
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
def simulation() -> Simulation:
    """Creating a simulation migrates a ledger, so it is created once."""
    return Simulation()
