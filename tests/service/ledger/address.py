"""Where a test's ledger stands: in a file in its folder, or where a note in that folder says."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

_NOTE = "ledger.url"


def say_address(folder: Path, url: str) -> None:
    """Ledgers of this folder stand there from now on."""
    (folder / _NOTE).write_text(url)


def address_in(folder: Path) -> str:
    """The address of this folder's ledger."""
    note = folder / _NOTE
    return note.read_text() if note.exists() else f"sqlite:///{folder / 'packhouse.db'}"


def database_in(folder: Path) -> str:
    """The name of this folder's database at its PostgreSQL server."""
    return urlsplit(address_in(folder)).path.removeprefix("/")
