"""The store's rate in a small file that the daemon and the commands of one machine share.

A lock of the operating system guards each step; it ends with its process. A step lasts a tenth of a
millisecond. Processes that wait for their next call wake up at the same moment, so the lock is tried for two
milliseconds. A caller that does not get it then takes it that another call starts now, and tries again when
the next one may start. If that fails again and again (the holder was stopped), it uses what it knew last.
"""

from __future__ import annotations

import fcntl
import os
import struct
import threading
import time
import zlib
from operator import attrgetter

from packhouse.store.rate import FIELDS, Rate

FOLDER = "rates"
_VALUES = struct.Struct(f"<{len(FIELDS)}d")
_HEAD = struct.Struct("<4sI")
_MARK = b"rat1"
_SIZE = _HEAD.size + _VALUES.size
_values_of = attrgetter(*FIELDS)
_TRIES, _FEWEST_TRIES, _TRIES_AT_ONCE, _BETWEEN_TRIES_S = 40, 10, 20, 5e-5


class OwnRate:
    """A rate of this process alone."""

    def __init__(self) -> None:
        self._rate = Rate()
        self._mutex = threading.Lock()
        self.is_shared = False

    def begin(self, now: float) -> Rate:
        """The rate, for one step. `end` must follow."""
        self._mutex.acquire()
        return self._rate

    def end(self) -> None:
        """End the step."""
        self._mutex.release()


class SharedRate(OwnRate):
    """A rate that processes share by a file, which must exist. Raises OSError where it cannot be opened."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self._file = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._has_lock = False
        self._record = b""  # what the rate in memory is, as the file has it; b"" if it may be another
        self._tries = _TRIES
        self.is_shared = True

    def begin(self, now: float) -> Rate:
        """The rate as the last process left it. `end` must follow."""
        self._mutex.acquire()
        self._has_lock = self._lock()
        if not self._has_lock:
            self._record = b""
            if self.is_shared and self._tries >= _FEWEST_TRIES:
                # Another process takes the turn that both waited for.
                self._rate.credit = 0.0
                self._rate.next_at = max(self._rate.next_at, now + 1 / self._rate.rate)
            return self._rate
        record = _read(self._file)
        if record == self._record != b"":  # no other process made a step since
            self._rate.correct_times(now)
        elif values := _values_in(record):
            for name, value in zip(FIELDS, values, strict=True):
                setattr(self._rate, name, value)
            self._rate.correct_times(now)
        return self._rate

    def end(self) -> None:
        """Save the rate for the other processes, and end the step."""
        try:
            if self._has_lock:
                values = _VALUES.pack(*_values_of(self._rate))
                record = _HEAD.pack(_MARK, zlib.crc32(values)) + values
                os.pwrite(self._file, record, 0)
                self._record = record
        except OSError:
            self.is_shared = False  # a full disk, for example: this process then has its own rate
        finally:
            if self._has_lock:
                fcntl.flock(self._file, fcntl.LOCK_UN)
            self._mutex.release()

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _lock(self) -> bool:
        if not self.is_shared:
            return False
        for number in range(self._tries):
            if number > _TRIES_AT_ONCE:
                time.sleep(_BETWEEN_TRIES_S)
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            self._tries = _TRIES
            return True
        self._tries = max(1, self._tries // 2)
        return False


def _read(file: int) -> bytes:
    """The record in the file; b"" if it cannot be read."""
    try:
        return os.pread(file, _SIZE, 0)
    except OSError:
        return b""


def _values_in(record: bytes) -> tuple[float, ...]:
    """The values in the record; () if it has none, or none that are whole and sensible."""
    if len(record) != _SIZE:
        return ()
    mark, checksum = _HEAD.unpack_from(record)
    if mark != _MARK or zlib.crc32(record[_HEAD.size :]) != checksum:
        return ()
    values = _VALUES.unpack_from(record, _HEAD.size)
    return values if all(value == value for value in values) else ()


def open_rate(folder: str, url: str, api_key: str) -> OwnRate:
    """The rate of this store and key that processes of this machine share in the folder, made if need be.

    Where the folder cannot be used, the rate of this process alone.
    """
    import hashlib

    # Machines may share the folder, and each has a clock of its own.
    name = "\n".join((url.rstrip("/"), api_key, os.uname().nodename))
    try:
        os.makedirs(folder, 0o700, exist_ok=True)  # noqa: PTH103 - the command has no time to load pathlib
        return SharedRate(f"{folder}/{hashlib.sha256(name.encode()).hexdigest()[:32]}")
    except OSError:
        return OwnRate()
