"""The guard log: files in the data folder that know what the ledger knew, for a ledger that was restored.

One line of JSON for each commit, in one file a day for each ledger: `guard-log/LEDGER-ID/DAY.jsonl`. A line
is written after its commit and not synced: the log may lack the last commits, and never has one that was not
made.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from packhouse.ledger.facts import Fact, Facts, Kind, Mark

_FOLDER = "guard-log"
_FOLDER_ID = "folder-id"
# As many commits may be between a commit and its line: one for each connection of a process.
_RECENT = 64
_TAIL_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """One commit. `begins` is true where the log begins, or begins again after lines were lost.

    `restored` is true for the line that follows a restore: it repeats what was written back, so the ledger
    need not have the entries before it.
    """

    mark: Mark | None
    rows: tuple[Fact, ...]
    begins: bool = False
    restored: bool = False


def marks_of(lines: Iterable[Line]) -> tuple[Mark, ...]:
    """The last entries of these lines that the ledger must have."""
    marks: list[Mark] = []
    for line in lines:
        if line.restored:
            marks.clear()
        if line.mark:
            marks.append(line.mark)
    return tuple(marks[-_RECENT:])


class GuardLog:
    """The log of one ledger in one data folder. `report` is called once when the log cannot be written.

    Several processes may share it: each line is one write to the end of the file.
    """

    def __init__(
        self, data_dir: Path, ledger_id: str, *, days: int = 35, report: Callable[[str], None] = print
    ) -> None:
        self.folder = data_dir / _FOLDER / ledger_id
        self._days = days
        self._report = report
        self._lock = threading.Lock()
        self._recent: deque[Mark] = deque(maxlen=_RECENT)
        self._file = -1
        self._day = ""
        self._lost = False
        self.folder_id = _folder_id(data_dir / _FOLDER)

    @property
    def recent(self) -> tuple[Mark, ...]:
        """The last commits of this process."""
        with self._lock:
            return tuple(self._recent)

    def forget_recent(self) -> None:
        """Forget the last commits of this process, because the ledger lost some of them."""
        with self._lock:
            self._recent.clear()

    def append(self, facts: Facts, *, begins: bool = False, restored: bool = False) -> None:
        """Add the line of a commit. A failure is reported, and the next line says that lines were lost."""
        with self._lock:
            if facts.mark:
                self._recent.append(facts.mark)
            try:
                self._write(facts, begins=begins or self._lost, restored=restored)
            except OSError as error:
                self._close()
                if not self._lost:
                    self._report(f"The guard log in {self.folder} cannot be written: {error.strerror}")
                self._lost = True
            else:
                self._lost = False

    def tail(self) -> tuple[Mark, ...]:
        """The last commits in the newest file, since the last restore."""
        for file in reversed(self._files()):
            with file.open("rb") as reader:
                reader.seek(max(0, file.stat().st_size - _TAIL_BYTES))
                marks = marks_of(line for line in map(_read, reader) if line)
            if marks:
                return marks
        return ()

    def lines(self) -> Iterator[Line]:
        """Every line, oldest first; a line that was cut off by a crash is left out."""
        for file in self._files():
            with file.open("rb") as reader:
                for raw in reader:
                    if line := _read(raw):
                        yield line

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._close()

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*.jsonl"))

    def _write(self, facts: Facts, *, begins: bool, restored: bool) -> None:
        day = datetime.fromtimestamp(facts.at, UTC).strftime("%Y-%m-%d")
        if day != self._day or self._file < 0:
            self._open(day)
        line: dict[str, object] = {"j": facts.mark, "r": [(fact.kind.value, fact.row) for fact in facts.rows]}
        line |= {name: True for name, is_so in (("begins", begins), ("restored", restored)) if is_so}
        raw = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        if os.write(self._file, raw) != len(raw):
            # The disk has room for a part of the line; the next one must not be appended to it.
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _open(self, day: str) -> None:
        self._close()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / f"{day}.jsonl"
        is_new = not path.exists()
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        self._day = day
        size = os.fstat(self._file).st_size
        if size and os.pread(self._file, 1, size - 1) != b"\n":
            os.write(self._file, b"\n")  # a crash cut the last line off
        if is_new:
            self._prune(day)

    def _prune(self, day: str) -> None:
        oldest = (datetime.strptime(day, "%Y-%m-%d") - timedelta(days=self._days)).strftime("%Y-%m-%d")
        for file in self._files():
            if file.stem < oldest:
                with contextlib.suppress(OSError):
                    file.unlink()

    def _close(self) -> None:
        if self._file >= 0:
            with contextlib.suppress(OSError):
                os.close(self._file)
        self._file = -1


def ledgers_in(data_dir: Path) -> list[str]:
    """The ids of the ledgers that have a log in this data folder."""
    return sorted({file.parent.name for file in (data_dir / _FOLDER).glob("*/*.jsonl")})


def _folder_id(folder: Path) -> str:
    """The name of this data folder, made up when it is first used. "" if it cannot be kept."""
    path = folder / _FOLDER_ID
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(os.urandom(6).hex())
        return path.read_text().strip()
    except OSError:
        return ""


def _read(raw: bytes) -> Line | None:
    """A line, or None where it cannot be read."""
    try:
        line = json.loads(raw)
        mark = Mark(*line["j"]) if line["j"] else None
        rows = tuple(Fact(Kind(kind), row) for kind, row in line["r"])
    except (ValueError, KeyError, TypeError):
        return None
    return Line(mark, rows, bool(line.get("begins")), bool(line.get("restored")))
