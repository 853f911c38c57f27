"""One silent house for all seeds of a test session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from tests.simulation.many import mute
from tests.simulation.run import App


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    before = structlog.get_config()
    mute()
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
def house() -> App:
    """Making one migrates a ledger, so it is made once."""
    return App()
