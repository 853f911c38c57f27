"""An empty embedded ledger, migrated once for all tests: a harness that begins with it starts sooner."""

from __future__ import annotations

import functools
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from packhouse.ledger import migrate


def begin_empty(url: str) -> None:
    """Put a migrated, empty ledger at this address, if it is one of a file that does not exist yet."""
    address = make_url(url)
    if address.get_backend_name() == "sqlite" and not Path(str(address.database)).exists():
        Path(str(address.database)).write_bytes(_empty())


@functools.cache
def _empty() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "packhouse.db"
        engine = create_engine(f"sqlite:///{file}")
        with engine.begin() as connection:
            migrate.migrate(connection)
        engine.dispose()
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        return file.read_bytes()
