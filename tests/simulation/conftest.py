"""One simulation without logs for all seeds of a test session."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator

import pytest
import structlog

from tests.simulation.many import is_of_killed_process, silence_logs
from tests.simulation.run import Simulation


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """No logs, and no complaint of pytest about coroutines of killed processes, which are freed in here."""
    before, report = structlog.get_config(), sys.unraisablehook
    silence_logs()
    sys.unraisablehook = lambda error: None if is_of_killed_process(error) else report(error)
    yield
    gc.collect()
    sys.unraisablehook = report
    structlog.configure(**before)


@pytest.fixture(scope="session")
def simulation() -> Simulation:
    """Creating a simulation migrates a ledger, so it is created once."""
    return Simulation()
