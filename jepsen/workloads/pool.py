"""What a workload may refer to again: ids and commands of the recent past, bounded."""

from collections import deque
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """The last `size` things; the older ones are forgotten."""

    def __init__(self, size: int) -> None:
        self._things: deque[T] = deque(maxlen=size)

    def add(self, thing: T) -> None:
        """Remember a thing."""
        self._things.append(thing)

    def replace_newest(self, thing: T) -> None:
        """Remember a thing in place of the newest."""
        self._things[-1] = thing

    def pick(self, rng: Random, newest: int | None = None) -> T | None:
        """Return one at random, of the newest few if asked; None if there is none."""
        if not self._things:
            return None
        count = len(self._things)
        first = 0 if newest is None else max(0, count - newest)
        return self._things[rng.randrange(first, count)]
