"""The API on a ledger with records in it, for every test of this folder that asks for `app`."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.api.doubles import NOW, App
from tests.service.api.records import FILE, SHA, write_ledger

_ADDRESSES = itertools.cycle(range(1, 255))


@pytest.fixture(scope="session")
def written_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger file with the records, to be copied."""
    file = tmp_path_factory.mktemp("records") / "packhouse.db"
    write_ledger(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def built_app() -> App:
    """Built once: building the routes takes longer than all requests."""
    return App()


@pytest.fixture
def app(built_app: App, written_ledger: Path, tmp_path: Path) -> Iterator[App]:
    """The same API on a fresh copy of the records."""
    copy = tmp_path / "packhouse.db"
    shutil.copy(written_ledger, copy)
    built_app.ledger.failure = None
    built_app.ledger.open(copy)
    built_app.documents.files = {SHA: FILE}
    built_app.clock.time = NOW
    built_app.wakes = 0
    # Another address for each test: failed tokens of one test do not slow the next.
    built_app.client = f"192.0.2.{next(_ADDRESSES)}"
    yield built_app
    asyncio.run(built_app.ledger.close())
