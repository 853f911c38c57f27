"""The rate of calls that the store allows, found by what it refuses. Pure: no I/O, no clock of its own.

While nothing is refused, the rate grows with each call that had to wait. After a 429 all calls pause, and a
binary search between the allowed and the refused rates settles just below the limit. Where refusals come
late, as from a bucket of tokens, what the store served between them is the limit. A found rate is lowered a
little when it is refused, and raised again in quiet times; refusals in quick succession start a new search.
Only every 15 to 30 minutes a rate above the limit is tried. See decision 0026.
"""

from __future__ import annotations

# Calls a second: where the search starts, below and above which it does not go, and the first burst.
FIRST, LOWEST, HIGHEST, FIRST_BURST = 20.0, 0.1, 10_000.0, 20.0
LONGEST_PAUSE_S = 300.0  # after which the store is asked again, whatever it requested
_GROWTH = 3.0  # calls a second for each successful call that had to wait: doubles in a quarter of a second
_SLACK_S = 0.025  # a call that starts later delays those after it; the margin below the limit pays for this
_STALL_S = 0.1  # a call that starts so much later than it could: this process had no processor time
_LARGEST_BURST = 5.0  # when the limit is known
_FIRST_PAUSE_S, _LONGEST_OWN_PAUSE_S = 0.5, 60.0  # where the store says nothing; doubled each time
_LEAST_PAUSE_S = 0.05  # "Retry-After: 0" must not cause a busy loop
_TEST_S, _FEWEST_CALLS = 2.0, 6.0  # how long a rate is tried before it counts as allowed
_PROBE_TEST_S = 45.0  # a bucket with the tokens of a second is empty before, and refuses once
_LATE_S = 2.1  # a limit of calls in a second refuses sooner
_FULL = 0.85  # of the calls of a rate, which must have been made for a refusal to say something of it
_BELOW, _BELOW_SERVED = 0.97, 0.985  # what is used of a rate that was refused, and of a rate that was served
_MEASURE_PAUSE_S = 0.8  # with this pause a limit of calls in a second refuses soon, a bucket of tokens late
_SETTLED_S = 30.0  # in use for so long, a rate that is refused after all is nearly right
_PROVEN_S = 60.0  # in use for so long without a refusal, a rate is nearly allowed, whatever the store counts
_LOWEST_OF_PROVEN, _MARGIN = 0.97, 0.984  # what is used of a proven rate that is refused later
_RAISE_S = 120.0  # without a refusal, before a lowered rate is raised again
_SOON_S = 2.0  # refusals with fewer seconds of calls between them, twice: the limit was lowered
_EXCUSE_S = 3.0  # for so long after a stall of this process a refusal may be due to it
_PROBE_S, _LONGEST_PROBE_S = 900.0, 1800.0

# `phase`: nothing refused; only a burst was refused; searching; limit found; trying a higher rate.
GROWING, SPACED, SEARCHING, FOUND, PROBING = range(5)


class Rate:
    """What is known of the store's limit. Times are in seconds of one monotonic clock, rates per second.

    Not a dataclass: each command reads it, and the module for those loads for longer than a command may.
    """

    rate: float = FIRST
    phase: float = GROWING
    next_at: float = 0.0  # when the next call may start
    credit: float = FIRST_BURST - 1  # calls that may start before, for time that was not used
    burst_at: float = float("-inf")  # when credit was last used
    paused_at: float = float("-inf")  # when the last pause began, and when it ends
    resumes_at: float = float("-inf")
    refusals: float = 0.0  # in a row, without a call that was accepted
    refused_at: float = float("-inf")
    accepted: float = 0.0  # calls since the last refusal
    low: float = 0.0  # the highest rate that was tried and allowed
    high: float = 0.0  # the lowest rate that was refused; 0: none
    is_sure: float = 0.0  # 1: the refusal of `high` cannot be due to the calls made at a rate before
    # Of the last refusals that came late, at the same number of accepted calls a second since the one before:
    alike: float = 0.0  # how many
    alike_calls: float = 0.0  # the calls that were accepted between them, and the time
    alike_s: float = 1.0
    is_sudden: float = 0.0  # 1: the store counts calls over so short a time that it refuses a high rate soon
    soon: float = 0.0  # refusals in a row that came soon after the one before
    proven: float = 0.0  # the highest rate that was in use for long
    stalled_at: float = float("-inf")  # when this process last had no processor time
    stepped_at: float = float("-inf")  # when the present rate was set
    quiet: float = 0.0  # calls in a row at this rate that waited and were accepted
    base: float = 0.0  # the rate before a probe
    probe_at: float = float("inf")
    probe_wait_s: float = _PROBE_S
    strict: float = 0.0  # 1: the store refuses any burst
    second: float = 0.0  # calls started in this second of the clock, and in the one before
    this_second: float = 0.0
    last_second: float = 0.0

    def __init__(self, **known: float) -> None:
        for name, value in known.items():
            setattr(self, name, value)

    @property
    def is_known(self) -> bool:
        """Whether the store has refused calls for their rate."""
        return self.phase >= SEARCHING

    @property
    def served(self) -> float:
        """The calls a second that were accepted between refusals that came late."""
        return self.alike_calls / self.alike_s

    @property
    def burst(self) -> float:
        """How many calls may start at once after a time without calls."""
        if self.phase == GROWING:
            return FIRST_BURST
        if self.phase == FOUND and not self.strict:
            return min(_LARGEST_BURST, max(1.0, self.rate / 4))
        return 1.0

    def take(self, now: float, *, waited: bool) -> tuple[float, bool]:
        """Start a call now, or wait.

        Returns the seconds to wait before asking again, 0 if the call starts; and whether there was more
        demand than the rate allows. `waited`: the call has waited already.
        """
        if now < self.resumes_at:
            return self.resumes_at - now, True
        if now >= self.next_at:
            late_s = now - self.next_at
            slack_s = _SLACK_S if waited else 0.0
            idle_s = max(0.0, late_s - slack_s)
            if waited and late_s > _STALL_S:
                self.stalled_at = now
            self.credit = min(self.burst - 1, self.credit + idle_s * self.rate)
            self.next_at = max(self.next_at, now - slack_s) + 1 / self.rate
            pressed = waited or not idle_s
            if not pressed:
                self.quiet = 0.0
        elif self.credit >= 1:
            self.credit -= 1
            self.next_at += 1 / self.rate
            self.burst_at = now
            pressed = True
        else:
            return self.next_at - now, True
        self._count(now)
        return 0.0, pressed

    def answered(self, now: float, *, started: float, pressed: bool) -> None:
        """The store answered a call that started then with anything but 429."""
        self.accepted += 1
        if started < self.paused_at:
            return
        self.refusals = 0.0
        if not pressed:
            return
        if self.phase <= SPACED:
            if self.rate < 4 * max(self.this_second, self.last_second) + 50:
                self._set(self.rate + _GROWTH, now)
            return
        self.quiet += 1
        test_s = _TEST_S
        if self.phase == SEARCHING and self.rate >= self.high:
            test_s *= 2  # it was refused before
        elif self.phase == PROBING and self.rate < 1.1 * self.base:
            test_s = _PROBE_TEST_S
        if self.quiet < max(_FEWEST_CALLS, test_s * self.rate):
            return
        if self.phase == SEARCHING:
            self._allowed(now)
        elif self.phase == PROBING:
            self._set(min(self.rate * 2, self.rate + (self.rate - self.base)), now)
        elif now - max(self.stepped_at, self.refused_at) >= _PROVEN_S:
            self._rise(now)

    def _allowed(self, now: float) -> None:
        """The rate that is tried was not refused for long enough: try a higher one."""
        if self.alike:
            more = 1.12 if self.alike == 1 else 1.05
            if self.accepted <= more * self.served * (now - self.refused_at) + 1:
                return  # a store that serves no more than it did may still refuse this rate
            self.alike, self.is_sudden = 0.0, 1.0
        self.low = self.rate
        if self.rate >= self.high:
            self.high, self.is_sure = self.rate * 1.15, 0.0
        self._search(now)

    def refused(self, now: float, *, started: float, pressed: bool, retry_after_s: float | None) -> None:
        """The store answered a call that started then with 429, and a Retry-After in seconds or none."""
        if started < self.paused_at:  # sent before the refusal that began the last pause
            if retry_after_s is not None:
                self._pause(now + min(retry_after_s, LONGEST_PAUSE_S))
            return
        resumed_at = self.resumes_at
        self._pause(now + _pause_s(retry_after_s, self.refusals))
        self.paused_at = now
        self.refusals += 1
        if self.refusals > 1:
            return  # nothing was accepted since the last refusal: this one says nothing more about the rate
        is_burst = now - self.burst_at < 1.0
        if self.phase == GROWING and (is_burst or not pressed):
            self.phase = SPACED
            self._set(min(self.rate, max(FIRST, self.this_second, self.last_second)) / 2, now)
        elif self.phase == PROBING and self.rate <= 1.1 * self.base:
            self._settle(self.base, now)
            self.probe_wait_s = min(self.probe_wait_s * 2, _LONGEST_PROBE_S)
            self.probe_at = now + self.probe_wait_s
        elif self.phase == FOUND and is_burst and not self.strict:
            self.strict = 1.0
        elif self.phase == FOUND and (self.proven or now - self.stepped_at >= _SETTLED_S):
            self._ease(now)
        else:
            self._search_on(now, started, resumed_at)
        self.refused_at, self.accepted = now, 0.0

    def correct_times(self, now: float) -> None:
        """Correct times that lie too far ahead, as after a restart of the machine; what was found stays."""
        self.stalled_at = min(self.stalled_at, now)
        if max(self.next_at, self.resumes_at) - now > LONGEST_PAUSE_S or self.refused_at > now:
            self.next_at = self.resumes_at = now
            self.refused_at = self.stepped_at = self.burst_at = now
            self.accepted = self.quiet = self.refusals = self.second = 0.0
        if self.probe_at - now > _LONGEST_PROBE_S:
            self.probe_at = now + self.probe_wait_s

    def _rise(self, now: float) -> None:
        """The rate was allowed for a minute: it is proven. After two, raise one that was lowered."""
        self.proven = max(self.proven, self.rate)
        if now - max(self.stepped_at, self.refused_at) >= _RAISE_S and self.rate < _MARGIN * self.proven:
            self._set(min(self.rate * 1.01, _MARGIN * self.proven), now)
        elif now >= self.probe_at:
            self.phase, self.base = PROBING, self.rate
            self._set(self.rate * 1.06, now)

    def _ease(self, now: float) -> None:
        """A rate that was allowed for long is refused: lower it a little, but not far below a proven one."""
        self.soon = self.soon + 1 if self.accepted < _SOON_S * self.rate else 0.0
        since_s = now - self.refused_at
        if self.soon >= 2:
            self._begin_search(now)
        elif not self.proven:
            self._set(self.rate * 0.98, now)
        elif since_s < 10 or now - self.stalled_at > _EXCUSE_S:  # else: late calls of our own, made together
            if self.rate <= _LOWEST_OF_PROVEN * self.proven and since_s < _PROVEN_S:
                self.proven *= 0.98
            self._set(max(self.rate * 0.995, _LOWEST_OF_PROVEN * self.proven), now)

    def _search_on(self, now: float, started: float, resumed_at: float) -> None:
        """Find the next rate after a refusal of the present one."""
        run_s = started - max(resumed_at, self.stepped_at)
        since_s = run_s if self.is_sudden else started - resumed_at
        # A machine that was too busy to make the calls of this rate proves nothing by what it was served.
        is_full = self.accepted >= max(_FEWEST_CALLS, _FULL * self.rate * run_s)
        if self.phase < SEARCHING:
            self._begin_search(now)
        elif since_s >= _LATE_S and is_full:
            self._measure(now)
        elif self.phase == SEARCHING:
            if self.alike:
                self.low, self.alike, self.is_sudden = 0.97 * self.served, 0.0, 1.0
            self.is_sure = float(run_s >= 1 or (self.is_sure and self.rate >= self.high))
            self.high = min(self.high, self.rate)
            if self.low >= self.rate:
                self.low = 0.0
            self._search(now)
        elif self.is_sudden:
            self._begin_search(now, low=self.base if self.phase == PROBING else 0.8 * self.rate)
            self.is_sudden = 1.0
        else:
            self._begin_search(now)

    def _measure(self, now: float) -> None:
        """A refusal came late: the store counts over a longer time, or lets calls be made up for.

        What it serves from one refusal to the next is then its limit, if that is so three times.
        """
        self._compare(self.accepted + 0.25, max(now - self.refused_at, 1e-3))
        self.high, self.proven = self.rate, 0.0
        if self.alike >= 3:
            self._settle(self.served * _BELOW_SERVED, now)
            self.alike = 0.0
        elif self.is_sudden:
            self._settle(self.rate * _BELOW, now)
        else:
            self.phase, self.low = SEARCHING, 0.0
            self._pause(now + _MEASURE_PAUSE_S)
            self._set(self.served * (1.3 if self.alike == 1 else 1.15), now)

    def _compare(self, calls: float, span_s: float) -> None:
        """Compare what was served since the last refusal with what was served before it."""
        served = calls / span_s
        if not self.alike or abs(served - self.served) > max(0.04, 1.5 / calls) * served:
            self.alike = self.alike_calls = self.alike_s = 0.0
        self.alike += 1
        self.alike_calls += calls
        self.alike_s += span_s

    def _begin_search(self, now: float, low: float = 0.0) -> None:
        self.phase, self.low, self.high = SEARCHING, low, self.rate
        self.alike = self.proven = self.soon = self.is_sure = self.is_sudden = 0.0
        self._search(now)

    def _search(self, now: float) -> None:
        rate = min((self.low + self.high) / 2, _BELOW * self.high)
        if rate > 1.01 * self.low:
            self._set(rate, now)
        elif not self.is_sure:
            self.is_sure = 1.0
            self._set(self.high, now)
        else:
            self._settle(min(_MARGIN * self.low, _BELOW * self.high), now)

    def _settle(self, rate: float, now: float) -> None:
        self.phase = FOUND
        self.soon = 0.0
        self.probe_at = now + self.probe_wait_s
        self._set(rate, now)

    def _set(self, rate: float, now: float) -> None:
        rate = min(max(rate, LOWEST), HIGHEST)
        start = max(now, self.resumes_at)
        if self.next_at > start:
            self.next_at = start + (self.next_at - start) * self.rate / rate
        self.rate, self.quiet, self.stepped_at = rate, 0.0, now

    def _pause(self, until: float) -> None:
        self.resumes_at = max(self.resumes_at, until)
        self.next_at = max(self.next_at, self.resumes_at)
        self.credit = 0.0

    def _count(self, now: float) -> None:
        second = float(int(now))
        if second != self.second:
            self.last_second = self.this_second if second == self.second + 1 else 0.0
            self.second, self.this_second = second, 0.0
        self.this_second += 1


FIELDS = tuple(Rate.__annotations__)


def _pause_s(retry_after_s: float | None, refusals: float) -> float:
    """How long to pause after this many refusals in a row before."""
    doubled: float = 2.0 ** min(refusals, 20.0)
    if retry_after_s is None:
        return min(_FIRST_PAUSE_S * doubled, _LONGEST_OWN_PAUSE_S)
    return min(max(retry_after_s, min(_LEAST_PAUSE_S * doubled, 5.0)), LONGEST_PAUSE_S)
