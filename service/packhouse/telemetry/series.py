"""The series of one metric, with a cache of its children and a bound for their number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import Counter, Gauge, Histogram

# The value of a label for everything outside its closed set.
OTHER = "other"
# A bound for the sum of all mistakes: an adapter of one's own may name its calls as it likes.
_MOST_SERIES = 1000


class Counters:
    """A counter with a cache of its children: `labels()` takes a lock and rebuilds the key each time."""

    def __init__(self, metric: Counter) -> None:
        self._metric = metric
        self._children: dict[tuple[str, ...], Counter] = {}

    def add(self, labels: tuple[str, ...], amount: float = 1) -> None:
        """Count under these labels."""
        child = self._children.get(labels)
        if child is None:
            if len(self._children) >= _MOST_SERIES:
                labels = (OTHER,) * len(labels)
            child = self._children[labels] = self._metric.labels(*labels)
        child.inc(amount)


class Histograms:
    """A histogram with a cache of its children."""

    def __init__(self, metric: Histogram) -> None:
        self._metric = metric
        self._children: dict[tuple[str, ...], Histogram] = {}

    def observe(self, labels: tuple[str, ...], seconds: float) -> None:
        """Record one duration under these labels."""
        child = self._children.get(labels)
        if child is None:
            if len(self._children) >= _MOST_SERIES:
                labels = (OTHER,) * len(labels)
            child = self._children[labels] = self._metric.labels(*labels)
        child.observe(seconds)


class States:
    """A gauge with one child for each state; a state that is gone becomes 0, so that graphs fall.

    The `known` states are shown from the start, so that an alert on one of them has a series to watch. Where
    they are given, there are no others: the counts of unknown ones are added up.
    """

    def __init__(self, gauge: Gauge, known: Iterable[str] = ()) -> None:
        self._gauge = gauge
        self._known = frozenset(str(state) for state in known)
        self._seen = set(self._known)

    def set(self, counts: Mapping[str, int]) -> None:
        """Show these counts by state."""
        if self._known and not self._known.issuperset(counts):
            unknown = sum(number for state, number in counts.items() if state not in self._known)
            counts = {state: number for state, number in counts.items() if state in self._known}
            counts[OTHER] = unknown
        self._seen.update(counts)
        for state in self._seen:
            self._gauge.labels(state).set(counts.get(state, 0))
