"""A scrape cannot tell our numbers from the library's."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from ledgerd.observability.tallies import Spreads, Tallies

BOUNDS = (0.0001, 0.5, 1, 8192)
VALUES = (0.0, 0.0001, 0.00010001, 0.5, 0.7, 1, 8192, 8193, 1e9)


def scraped(registry: CollectorRegistry) -> list[str]:
    """Return the lines of a scrape; when the library's child was made is not ours to say."""
    lines = generate_latest(registry).decode().splitlines()
    return [line for line in lines if "_created" not in line]


def test_a_distribution_is_that_of_the_library() -> None:
    """The values on each bound and beyond the last, with labels and without."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    own = Spreads("took_seconds", "Text.", ("call",), BOUNDS, ours)
    alone = Spreads("alone_seconds", "Text.", (), BOUNDS, ours).labels()
    rival = Histogram(
        "took_seconds", "Text.", ("call",), buckets=BOUNDS, registry=theirs
    )
    rival_alone = Histogram("alone_seconds", "Text.", buckets=BOUNDS, registry=theirs)
    for value in VALUES:
        own.labels("Submit").observe(value)
        rival.labels("Submit").observe(value)
        alone.observe(value)
        rival_alone.observe(value)
    own.labels("Get")
    rival.labels("Get")

    assert scraped(ours) == scraped(theirs)


def test_a_count_is_that_of_the_library() -> None:
    """Labels of the same values name the same child."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    own = Tallies("calls_total", "Text.", ("call", "status"), ours)
    rival = Counter("calls_total", "Text.", ("call", "status"), registry=theirs)
    for status in ("OK", "OK", "UNKNOWN"):
        own.labels("Submit", status).inc()
        rival.labels("Submit", status).inc()
    own.labels("Submit", "OK").inc(7)
    rival.labels("Submit", "OK").inc(7)

    assert scraped(ours) == scraped(theirs)
