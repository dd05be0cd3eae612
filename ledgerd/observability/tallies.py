"""Counts and distributions of what happens with every call, at the price of an addition.

The types of prometheus_client take a lock for each number, look labels up in a dict of tuples they
make anew, and walk the buckets of a histogram: two dozen such steps a call were a tenth of what a
call cost (docs/decisions/0017). Here one thread writes each number, any thread may read it, and a
scrape does the work. A number that several threads write belongs into a type of the library.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final, Generic, TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

_INFINITY: Final = "+Inf"


class Tally:
    """A number that only rises. One writer."""

    __slots__ = ("total",)

    def __init__(self) -> None:
        self.total = 0.0

    def inc(self, amount: float = 1) -> None:
        """Add `amount`, which is not negative."""
        self.total += amount


class Spread:
    """How many values fell up to each bound, and their sum. One writer."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        """Count into the buckets that end at `bounds`, which rise, and one beyond the last."""
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value


T = TypeVar("T", Tally, Spread)


class _Family(Generic[T]):
    """The children of one metric, by the values of its labels."""

    def __init__(self, labels: Sequence[str], make: Callable[[], T]) -> None:
        self._count = len(labels)
        self._make: Callable[[], T] = make
        self._children: dict[tuple[str, ...], T] = {}

    def labels(self, *values: str) -> T:
        """Return the child of these values, one for each label; the same one every time."""
        child = self._children.get(values)
        if child is None:
            assert len(values) == self._count, (values, self._count)
            child = self._children.setdefault(values, self._make())
        return child

    def children(self) -> list[tuple[tuple[str, ...], T]]:
        """Return what there is, in the order in which it began."""
        return list(self._children.items())


class Tallies(_Family[Tally], Collector):
    """A counter with labels, or none: then its only child is `labels()`."""

    def __init__(
        self, name: str, text: str, labels: Sequence[str], registry: CollectorRegistry
    ) -> None:
        super().__init__(labels, Tally)
        self._about = (name, text, tuple(labels))
        registry.register(self)

    def describe(self) -> Iterable[Metric]:
        """Return the metric without samples."""
        name, text, labels = self._about
        return [CounterMetricFamily(name, text, labels=labels)]

    def collect(self) -> Iterable[Metric]:
        """Return the metric as it stands."""
        name, text, labels = self._about
        family = CounterMetricFamily(name, text, labels=labels)
        for values, tally in self.children():
            family.add_metric(values, tally.total)
        return [family]


class Spreads(_Family[Spread], Collector):
    """A histogram with labels, or none: then its only child is `labels()`."""

    def __init__(
        self,
        name: str,
        text: str,
        labels: Sequence[str],
        bounds: Sequence[float],
        registry: CollectorRegistry,
    ) -> None:
        super().__init__(labels, partial(Spread, bounds))
        self._about = (name, text, tuple(labels))
        self._names = [*(str(float(bound)) for bound in bounds), _INFINITY]
        registry.register(self)

    def describe(self) -> Iterable[Metric]:
        """Return the metric without samples."""
        name, text, labels = self._about
        return [HistogramMetricFamily(name, text, labels=labels)]

    def collect(self) -> Iterable[Metric]:
        """Return the metric as it stands, each bucket with those before it."""
        name, text, labels = self._about
        family = HistogramMetricFamily(name, text, labels=labels)
        for values, spread in self.children():
            buckets, count = [], 0
            for bound, more in zip(self._names, list(spread.counts), strict=True):
                count += more
                buckets.append((bound, float(count)))
            family.add_metric(values, buckets, spread.total)
        return [family]
