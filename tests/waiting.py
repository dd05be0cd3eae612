"""Waiting for other processes. Inside one process nothing is waited for: the clock is moved.

`until` returns as soon as something is so, and fails with what was seen last when its patience
ends, so no test rests on how fast a machine is. `lasting` is for time that is itself the subject:
how long a fault lasts, over how long a rate is measured. No other place may sleep, which
`tests/architecture` keeps.
"""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 30.0
_LOOK_S = 0.02


def until(
    what: str,
    look: Callable[[], T],
    *,
    within_s: float = PATIENCE_S,
    passing: type[Exception] | tuple[type[Exception], ...] = (),
) -> T:
    """Return what `look` returns, once that is true; AssertionError when patience ends.

    what: names what is waited for, in the error. passing: errors of `look` that are no answer yet,
    such as that of a call to a node that is not up.
    """
    ends_at = time.monotonic() + within_s
    while True:
        seen: object
        try:
            found = look()
            if found:
                return found
            seen = found
        except passing as error:
            seen = error
        assert time.monotonic() < ends_at, (
            f"waited {within_s} s in vain: {what}; seen last: {seen!r}"
        )
        time.sleep(_LOOK_S)


def lasting(seconds: float) -> None:
    """Return after `seconds`, which are what the test is about and not a guess at a speed."""
    time.sleep(max(0.0, seconds))
