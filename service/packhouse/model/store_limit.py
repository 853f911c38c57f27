"""The store's limit on calls, as people see it."""

from __future__ import annotations

from typing import NamedTuple

# How long a change may wait for its turn: what it was decided from must be fresh when it is sent.
LONGEST_CHANGE_WAIT_S = 10.0


class Limit(NamedTuple):
    """What calls to the store wait for.

    `calls_per_s` is how many calls a second the store allows, 0 while it has refused none; `waiting` the
    number of calls that wait for their turn, and `longest_s` the longest of these waits, in seconds.
    """

    calls_per_s: float
    waiting: int
    longest_s: float


NO_LIMIT = Limit(0.0, 0, 0.0)
