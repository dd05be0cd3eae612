"""What holds for all tests.

Hypothesis runs the same examples everywhere, and is not hurried. Files with slow tests come first,
so that no worker is left with one of them when the other has nothing more to do.
"""

import pytest
from hypothesis import HealthCheck, settings

# The machines that run these are shared: time says nothing about the code.
settings.register_profile(
    "shared",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("shared")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Move the files with slow tests to the front; within a file nothing moves."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
