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

    def pick(self, rng: Random) -> T | None:
        """Return one at random, None if there is none."""
        return rng.choice(self._things) if self._things else None
