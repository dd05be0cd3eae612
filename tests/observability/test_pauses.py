"""Pauses of our own process are seen as such, and not as a slow network."""

import gc

from ledgerd.observability.metrics import Metrics
from ledgerd.observability.pauses import GcPauses


def value(metrics: Metrics, name: str) -> float:
    found = metrics.registry.get_sample_value(name)
    assert found is not None
    return found


def test_a_collection_is_observed_while_installed() -> None:
    """And no longer afterwards."""
    metrics = Metrics()
    pauses = GcPauses(metrics)
    gc.collect()
    pauses.install()
    gc.collect()
    pauses.uninstall()
    gc.collect()

    assert value(metrics, "ledgerd_gc_pause_seconds_count") >= 1
    assert value(metrics, "ledgerd_gc_pause_seconds_sum") > 0
