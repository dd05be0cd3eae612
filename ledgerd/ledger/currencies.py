"""Which currencies are retired: a versioned setting beside the table of `money`. 2.4, 2.7.

Codes and exponents are the table's: an exponent says what every stored amount means.
"""

from dataclasses import dataclass
from typing import Final

from ledgerd.ledger import money

# Before any version was set: what had left ISO 4217's list when the table was made.
RETIRED_AT_FIRST: Final = frozenset(
    row.number for row in money.CURRENCIES.values() if row.is_retired
)


@dataclass(frozen=True, slots=True)
class CurrencySet:
    """One version, in force from log time `effective_from_us` on.

    retired: numbers of all currencies that are refused for new work, rising.
    source, as_of: where it comes from, and of what day that is, as text.
    """

    version: int
    effective_from_us: int
    source: str
    as_of: str
    retired: tuple[int, ...]


def is_retired_well_formed(retired: tuple[int, ...]) -> bool:
    """Return whether these are currencies of the table, rising, each once."""
    return retired == tuple(sorted(set(retired))) and all(
        money.currency(number) is not None for number in retired
    )
