"""The series of one metric, with a cache of its children and a bound for their number."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.metrics_core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

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


class Histograms(Collector):
    """A histogram as prometheus_client writes it, with all its children.

    An order has twenty durations, and the library's own histogram takes 48 locks for them. All are recorded
    on one event loop, so none is needed.
    """

    def __init__(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str],
        buckets: Sequence[float],
        registry: CollectorRegistry,
    ) -> None:
        self._name = name
        self._documentation = documentation
        self._labels = tuple(labels)
        self._bounds = (*buckets, math.inf)
        self._children: dict[tuple[str, ...], _Durations] = {}
        registry.register(self)

    def observe(self, labels: tuple[str, ...], seconds: float) -> None:
        """Record one duration under these labels."""
        child = self._children.get(labels)
        if child is None:
            if len(self._children) >= _MOST_SERIES:
                labels = (OTHER,) * len(labels)
            child = self._children.setdefault(labels, _Durations([0] * len(self._bounds)))
        child.sum_s += seconds
        child.counts[bisect_left(self._bounds, seconds)] += 1

    def describe(self) -> Iterator[HistogramMetricFamily]:
        """The family without its children."""
        yield HistogramMetricFamily(self._name, self._documentation, labels=self._labels)

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """The family with its children."""
        (family,) = self.describe()
        for labels, child in list(self._children.items()):
            upto = zip(map(floatToGoString, self._bounds), accumulate(child.counts), strict=True)
            family.add_metric(labels, [(bound, float(count)) for bound, count in upto], child.sum_s)
        yield family


@dataclass(slots=True)
class _Durations:
    """How many durations each bucket has, without those of the buckets below it; and their sum."""

    counts: list[int]
    sum_s: float = 0.0


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
