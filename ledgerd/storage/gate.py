"""A gate before what readers share and one writer may replace: state/ and its file.

Readers pass together and stay for milliseconds. Whoever closes the gate waits until the last one
has left, and all that come meanwhile wait outside.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """Open until somebody closes it; closed for one at a time. Any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._inside = 0
        self._is_closed = False

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Be inside; waits while the gate is closed."""
        with self._changed:
            while self._is_closed:
                self._changed.wait()
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Be alone: nobody is inside, and nobody enters."""
        with self._changed:
            while self._is_closed:
                self._changed.wait()
            self._is_closed = True
            while self._inside:
                self._changed.wait()
        try:
            yield
        finally:
            with self._changed:
                self._is_closed = False
                self._changed.notify_all()
