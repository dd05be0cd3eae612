"""Payouts: new ones, batches, retries with the same and with other fields, cancels.

A client dies between send and answer in one call of twenty and is succeeded by another,
which retries the same id at another node.
"""

from random import Random

from jepsen.workloads.calls import Call
from jepsen.workloads.mix import Books, Wish, weighted

CRASH_SHARE = 0.05


class Payouts:
    """Ids as a set, hot accounts, every kind of refusal."""

    name = "payouts"
    has_rail = False

    def __init__(self) -> None:
        self._books = Books()

    def setup(self) -> list[Call]:
        """Open and fund a few hot accounts."""
        return self._books.setup()

    def next(self, rng: Random) -> Wish:
        """Return the next call."""
        books = self._books
        if rng.random() < CRASH_SHARE:
            return Wish(books.submit(rng), is_crash=True)
        return Wish(
            weighted(
                rng,
                (
                    (50, lambda: books.submit(rng)),
                    (8, lambda: books.batch(rng)),
                    (6, lambda: books.submits.pick(rng)),
                    (6, lambda: books.changed(rng)),
                    (6, lambda: books.cancel(rng)),
                    (5, lambda: books.refusable(rng)),
                    (19, lambda: books.read(rng)),
                ),
            )
        )
