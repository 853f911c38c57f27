"""How many connections this process can hold: each is an open file, and files run out."""

from __future__ import annotations

import resource
from dataclasses import dataclass

# Room for the ledger, the store and the providers, label files, programs as providers and the log.
_OWN_FILES = 256
_MOST_FILES = 65_536
# Connections that the system accepts before the server sees them; it accepts them in one go.
_BACKLOG = 1024


@dataclass(frozen=True, slots=True)
class Capacity:
    """The number of connections that fit, and how many more may wait to be accepted."""

    connections: int
    backlog: int


def raise_file_limit() -> int:
    """Raise the soft limit of open files to the hard one where possible. Returns the limit that holds."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft == resource.RLIM_INFINITY:
        return _MOST_FILES
    if soft < most:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        except (OSError, ValueError):  # a sandbox may forbid it
            return soft
        return most
    return soft


def capacity(wanted: int, open_files: int) -> Capacity:
    """What fits into `open_files`: the connections wanted, or fewer, and never fewer than 16."""
    free = max(open_files - _OWN_FILES, open_files // 2)
    backlog = max(8, min(_BACKLOG, free // 4))
    return Capacity(connections=max(16, min(wanted, free - backlog)), backlog=backlog)
