"""The `rows` fixture."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.service.ledger.rows import Rows


@pytest.fixture
def rows() -> Iterator[Rows]:
    """A ledger in memory."""
    found = Rows()
    yield found
    found.close()
