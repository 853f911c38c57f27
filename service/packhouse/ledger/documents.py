"""Label files, in a folder, named by the hash of their content."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from pathlib import Path
from typing import Protocol

from packhouse.blocking import read_regular_file
from packhouse.errors import LedgerUnavailable
from packhouse.file_modes import make_folder
from packhouse.model.label import LabelDocument, LabelFormat

_MOST_BYTES = 64 * 2**20


class Documents(Protocol):
    """Stores label files."""

    async def keep(self, document: LabelDocument) -> str:
        """Store a document; returns its SHA-256 in hex once it is on disk. Raises LedgerUnavailable."""

    def path(self, digest: str, kind: LabelFormat) -> Path:
        """Where a document is, whether or not it is there."""

    def get(self, digest: str, kind: LabelFormat) -> bytes | None:
        """The bytes of a document, if we have it."""


class DocumentFolder:
    """Stores label files in a folder: written once, synced to disk, never changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        make_folder(folder)

    def path(self, digest: str, kind: LabelFormat) -> Path:
        """Where a document is, whether or not it is there."""
        return self._folder / digest[:2] / f"{digest}.{kind.value}"

    async def keep(self, document: LabelDocument) -> str:
        """See Documents. It waits for the disk in a thread."""
        return await asyncio.to_thread(self.put, document)

    def put(self, document: LabelDocument) -> str:
        """Store a document; returns its SHA-256 in hex. Raises LedgerUnavailable if it cannot be written."""
        digest = hashlib.sha256(document.content).hexdigest()
        path = self.path(digest, document.format)
        if self.get(digest, document.format) is not None:
            return digest
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(document.content)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise LedgerUnavailable(f"cannot write the label file to {self._folder}: {error}") from error
        return digest

    def get(self, digest: str, kind: LabelFormat) -> bytes | None:
        """The bytes of a document, if we have it: what is no file, or has other bytes, is not it."""
        try:
            content = read_regular_file(str(self.path(digest, kind)), _MOST_BYTES)
        except OSError:
            return None
        return content if hashlib.sha256(content).hexdigest() == digest else None
