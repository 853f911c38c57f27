"""One silent house for all seeds of a test session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from tests.simulation.many import mute
from tests.simulation.run import House


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    before = structlog.get_config()
    mute()
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
def house() -> House:
    """Making one migrates a ledger, so it is made once."""
    return House()
