"""Backups of a test's ledger on either engine: taken with its own tools, and put back later."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

from tests.postgres import PostgresServer

Restore = Callable[[], None]


class Backups:
    """The ledger of a folder. `take` returns what puts the backup back; nothing may be connected then."""

    def __init__(self, folder: Path, server: PostgresServer | None = None, database: str = "") -> None:
        self._folder = folder
        self._server = server
        self._database = database
        self._taken = 0

    def take(self, *, with_folder: bool = False) -> Restore:
        """Take a backup of the ledger, or of the whole data folder."""
        self._taken += 1
        logs = self._folder / f"guard-log-{self._taken}"
        if with_folder:
            shutil.copytree(self._folder / "guard-log", logs)
        put_back = self._take_postgres() if self._server else self._take_sqlite()

        def restore() -> None:
            put_back()
            if with_folder:
                shutil.rmtree(self._folder / "guard-log")
                shutil.copytree(logs, self._folder / "guard-log")

        return restore

    def _take_sqlite(self) -> Restore:
        file, copy = self._folder / "packhouse.db", self._folder / f"backup-{self._taken}.db"
        with sqlite3.connect(file) as connection:
            connection.execute("VACUUM INTO ?", (str(copy),))
        connection.close()

        def restore() -> None:
            for suffix in ("", "-wal", "-shm"):
                file.with_name(file.name + suffix).unlink(missing_ok=True)
            shutil.copy(copy, file)

        return restore

    def _take_postgres(self) -> Restore:
        server, name = self._server, self._database
        assert server is not None
        copy = server.new_database(name)

        def restore() -> None:
            self._disconnect()
            server.drop(name)
            server.copy_database(copy, name)

        return restore

    def _disconnect(self) -> None:
        assert self._server is not None
        gone = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
        self._server.sql(gone, self._database)
