"""Slows those who guess tokens: each address may fail a few times at once, then only at a slow rate.

Beyond that rate a request waits for its turn, or is refused before its token is looked at: otherwise the
answer to every guess would be known at once. A token that was good from this address is never slowed, and no
address is slowed by the failures of another one.
"""

from __future__ import annotations

import math
from collections import OrderedDict

from packhouse.clock import Clock

# So many failures at once; then one in each interval.
_BURST = 10
_INTERVAL_S = 1.0
# A request waits at most this long for its turn.
_LONGEST_WAIT_S = 2.0
# Memory is bounded: no more addresses with failures, and no more good pairs, are remembered.
_MOST_ADDRESSES = 10_000
_MOST_KNOWN = 1_000


class TokenFailures:
    """Remembers, for each address, until when its failures are paid for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._paid_at: OrderedDict[str, float] = OrderedDict()
        self._known: OrderedDict[tuple[str, bytes], None] = OrderedDict()

    async def wait_for_turn(self, address: str, digest: bytes) -> int:
        """Wait if this address has failed too often. Returns 0, or the seconds after which to try again."""
        if (address, digest) in self._known:
            self._known.move_to_end((address, digest))
            return 0
        wait_s = self._wait_s(address)
        if wait_s <= 0:
            return 0
        if wait_s > _LONGEST_WAIT_S:
            return math.ceil(wait_s)
        self._charge(address)
        await self._clock.sleep(wait_s)
        return 0

    def failed(self, address: str) -> int:
        """Count a failure. Returns 0, or the seconds after which the address may try again."""
        wait_s = self._wait_s(address)
        if wait_s <= 0:
            self._charge(address)
            return 0
        return math.ceil(wait_s)

    def succeeded(self, address: str, digest: bytes) -> None:
        """Remember that this token is good from this address."""
        self._known[(address, digest)] = None
        self._known.move_to_end((address, digest))
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)

    def remembered(self) -> int:
        """How many addresses and good pairs are remembered."""
        return len(self._paid_at) + len(self._known)

    def _wait_s(self, address: str) -> float:
        """The time until this address may fail once more; 0 or less if it may now."""
        now = self._clock.monotonic()
        return self._paid_at.get(address, now) - now - (_BURST - 1) * _INTERVAL_S

    def _charge(self, address: str) -> None:
        now = self._clock.monotonic()
        self._paid_at[address] = max(self._paid_at.get(address, now), now) + _INTERVAL_S
        self._paid_at.move_to_end(address)
        if len(self._paid_at) > _MOST_ADDRESSES:
            self._paid_at.popitem(last=False)
