"""What holds for all tests: Hypothesis runs the same examples everywhere, and is not hurried."""

from hypothesis import HealthCheck, settings

# The machines that run these are shared: time says nothing about the code.
settings.register_profile(
    "shared",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("shared")
