"""Randomness with a name: one child generator for each concern of a run (faults.md 5.2).

A draw added in one place does not shift those of any other, which keeps old seeds useful and
shrinking stable.
"""

import hashlib
import random


def dice(seed: int, *name: object) -> random.Random:
    """Return the generator of this concern; equal names give equal draws, on every platform."""
    text = "/".join(map(str, (seed, *name)))
    return random.Random(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16]))


def chance(generator: random.Random, probability: float) -> bool:
    """Return True with this probability; draws nothing for 0."""
    return probability > 0 and generator.random() < probability
