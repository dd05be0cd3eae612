"""A repeated payout id is not noticed: every retry is a new payout."""

from collections.abc import Callable

TARGET = "ledgerd.ledger.submits:_IdsMet.has"


def replacement(
    original: Callable[[object, int], bool],
) -> Callable[[object, int], bool]:
    """Return an id check that misses every repeat."""
    del original

    def has(self: object, row: int) -> bool:
        return False

    return has
