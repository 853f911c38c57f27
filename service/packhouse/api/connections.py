"""Which connections may stay: the book of open connections, with the limits that each must keep.

Time and what happens come in; the connections to cut, and why, leave. protocol.py enters the one and does
the other. A connection whose request is complete is never cut for a newcomer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

# A body's speed is judged after so many seconds: a lost packet is sent again within them.
SPEED_AFTER_S = 3.0
# The app answers 408 at its own deadline; the book cuts a little later, if that was not possible.
_BODY_MARGIN_S = 2.0
# So long the rest of a body is read after its response: a client that still sends would not read it.
_DRAIN_S = 3.0


class Phase(StrEnum):
    """What a connection waits for."""

    HEADER = "header"  # for a request's headers, from the opening on
    BODY = "body"  # for a request's body
    DRAINING = "draining"  # for the rest of a body whose request is already answered
    IDLE = "idle"  # for the next request
    WORKING = "working"  # for us: the request is complete
    UNREAD = "unread"  # for the client to read the response
    CLOSING = "closing"  # for the last bytes to leave


class Cut(StrEnum):
    """Why a connection is closed by the server. The values are labels of a metric."""

    HEADER_TIMEOUT = "header_timeout"
    HEADER_TOO_LARGE = "header_too_large"
    BODY_TIMEOUT = "body_timeout"
    BODY_TOO_SLOW = "body_too_slow"
    BODY_TOO_LARGE = "body_too_large"
    UNREAD = "unread"
    INVALID = "invalid"
    PIPELINED = "pipelined"
    LIMIT = "limit"
    ADDRESS_LIMIT = "address_limit"
    NO_FILES = "no_files"


# The server's own waiting is not here: it is bounded where it happens.
_WHY_LATE = {
    Phase.HEADER: Cut.HEADER_TIMEOUT,
    Phase.BODY: Cut.BODY_TIMEOUT,
    Phase.DRAINING: Cut.BODY_TIMEOUT,
    Phase.UNREAD: Cut.UNREAD,
    Phase.CLOSING: Cut.UNREAD,
}
# Phases in which a connection is cut for another one: in all of them it makes the server wait.
_WAITING = frozenset({Phase.HEADER, Phase.BODY, Phase.DRAINING, Phase.IDLE, Phase.UNREAD, Phase.CLOSING})


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections, how long in each phase (in seconds), and how slow a body may be."""

    total: int
    per_address: int
    header_s: float
    body_s: float
    min_body_bytes_per_s: float
    response_s: float

    def seconds(self) -> Mapping[Phase, float]:
        """The limit of each phase that has one. Idle connections have uvicorn's timer."""
        return {
            Phase.HEADER: self.header_s,
            Phase.BODY: self.body_s + _BODY_MARGIN_S,
            Phase.DRAINING: _DRAIN_S,
            Phase.UNREAD: self.response_s,
            Phase.CLOSING: self.response_s,
        }


class Cuttable(Protocol):
    """What the book needs of a connection's protocol."""

    def cut(self, why: Cut) -> None:
        """Close the connection."""


class Connection:
    """One open connection: its phase since when, and the bytes of the present body."""

    __slots__ = ("address", "body_bytes", "owner", "phase", "since")

    def __init__(self, owner: Cuttable, address: str | None, now: float) -> None:
        """`address` is None for one that no limit per address applies to."""
        self.owner = owner
        self.address = address
        self.phase = Phase.HEADER
        self.since = now
        self.body_bytes = 0


class ConnectionBook:
    """All open connections, by phase and by address, each in the order in which they came there."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._seconds = limits.seconds()
        self._phases: dict[Phase, dict[Connection, None]] = {phase: {} for phase in Phase}
        self._addresses: dict[str, dict[Connection, None]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def counts(self) -> Mapping[str, int]:
        """How many connections are in each phase."""
        return {str(phase): len(there) for phase, there in self._phases.items()}

    def open(self, connection: Connection) -> tuple[Connection, Cut] | None:
        """Enter a new connection. Returns the one to cut for it: the new one itself, if all others work."""
        victim = self._victim(connection)
        self._phases[connection.phase][connection] = None
        self._count += 1
        if connection.address is not None:
            self._addresses.setdefault(connection.address, {})[connection] = None
        return victim

    def enter(self, connection: Connection, phase: Phase, now: float) -> None:
        """Note the phase of a connection; in the same phase as before, its time runs on."""
        before = connection.phase
        if before is phase:
            return
        self._phases[before].pop(connection, None)
        self._phases[phase][connection] = None
        connection.phase = phase
        connection.since = now
        if phase is Phase.BODY:
            connection.body_bytes = 0
        elif phase is Phase.IDLE and connection.address is not None:
            # To the end: who has just sent a whole request is the last one to be cut.
            of_address = self._addresses[connection.address]
            of_address[connection] = of_address.pop(connection, None)

    def close(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        if self._phases[connection.phase].pop(connection, False) is False:
            return
        self._count -= 1
        if connection.address is not None:
            of_address = self._addresses[connection.address]
            of_address.pop(connection, None)
            if not of_address:
                del self._addresses[connection.address]

    def late(self, now: float) -> Iterator[tuple[Connection, Cut]]:
        """Connections that have been in their phase for too long, or whose body comes too slowly."""
        for phase, seconds in self._seconds.items():
            there = self._phases[phase]
            for connection in list(_before(there, now - seconds)):
                yield connection, _WHY_LATE[phase]
        if self._limits.min_body_bytes_per_s:
            for connection in list(_before(self._phases[Phase.BODY], now - SPEED_AFTER_S)):
                least = self._limits.min_body_bytes_per_s * (now - connection.since)
                if connection.body_bytes < least:
                    yield connection, Cut.BODY_TOO_SLOW

    def _victim(self, newcomer: Connection) -> tuple[Connection, Cut] | None:
        of_address = self._addresses.get(newcomer.address or "", {})
        if len(of_address) >= self._limits.per_address:
            oldest = next((one for one in of_address if one.phase in _WAITING), newcomer)
            return oldest, Cut.ADDRESS_LIMIT
        if self._count >= self._limits.total:
            # Of the largest group: an attack fills one phase, and honest clients are few in it.
            largest = max(
                (there for phase, there in self._phases.items() if phase in _WAITING), key=len, default={}
            )
            return next(iter(largest), newcomer), Cut.LIMIT
        return None


def _before(there: Mapping[Connection, None], moment: float) -> Iterator[Connection]:
    """The connections that have been there since `moment` or longer; they stand first."""
    for connection in there:
        if connection.since > moment:
            return
        yield connection
