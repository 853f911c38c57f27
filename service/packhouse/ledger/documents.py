"""Label files, in a folder, named by the hash of their content."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Protocol

from packhouse.blocking import in_thread, read_regular_file
from packhouse.errors import LedgerUnavailable
from packhouse.file_modes import make_folder
from packhouse.model.label import LabelDocument, LabelFormat

_MOST_BYTES = 64 * 2**20
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


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
        return Path(self._name(digest, kind))

    def _name(self, digest: str, kind: LabelFormat) -> str:
        return f"{self._folder}/{digest[:2]}/{digest}.{kind.value}"

    async def keep(self, document: LabelDocument) -> str:
        """See Documents. It waits for the disk in a thread."""
        return await in_thread(lambda: self.put(document))

    def put(self, document: LabelDocument) -> str:
        """Store a document; returns its SHA-256 in hex. Raises LedgerUnavailable if it cannot be written."""
        digest = hashlib.sha256(document.content).hexdigest()
        name = self._name(digest, document.format)
        if os.path.lexists(name) and self.get(digest, document.format) is not None:
            return digest
        try:
            _write(name, document.content)
        except OSError as error:
            raise LedgerUnavailable(f"cannot write the label file to {self._folder}: {error}") from error
        return digest

    def get(self, digest: str, kind: LabelFormat) -> bytes | None:
        """The bytes of a document, if we have it: what is no file, or has other bytes, is not it."""
        try:
            content = read_regular_file(self._name(digest, kind), _MOST_BYTES)
        except OSError:
            return None
        return content if hashlib.sha256(content).hexdigest() == digest else None


def _write(name: str, content: bytes) -> None:
    """Write a file whole or not at all: synced to disk before it gets its name, and then the name is too.

    With plain system calls and names: this runs once for each label. Raises OSError.
    """
    folder = name.rpartition("/")[0]
    part = f"{folder}/.part-{os.urandom(8).hex()}"
    try:
        handle = os.open(part, _NEW_FILE, 0o600)
    except FileNotFoundError:
        Path(folder).mkdir(mode=0o700, exist_ok=True)
        handle = os.open(part, _NEW_FILE, 0o600)
    try:
        try:
            left = memoryview(content)
            while left:
                left = left[os.write(handle, left) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        os.rename(part, name)  # noqa: PTH104
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part)  # noqa: PTH108
        raise
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
